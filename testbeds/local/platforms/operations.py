"""The sample ledger's operations: the one table that V10, V11 and V11's protos are made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from testbeds.local.platforms.fields import Field, Kind
from testbeds.local.platforms.messages import (
    ACCOUNT,
    ASSET,
    BALANCE,
    BLOCK,
    CALL,
    CONTRACT,
    ENTITIES,
    HEALTH,
    INFO,
    PARAMETER,
    PROPOSAL,
    STATISTICS,
    SUBSCRIPTION,
    TALLY,
    TIME,
    TRANSACTION,
    VALIDATOR,
    VOTE,
    Message,
    int64,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Act(StrEnum):
    """What an operation does; `acts.py` has a function for each."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    UPDATE = "update"
    PUT = "put"
    DELETE = "delete"
    SET = "set"
    ADD = "add"
    COUNT = "count"
    EXPORT = "export"
    LATEST = "latest"
    SEAL = "seal"
    FINALIZE = "finalize"
    TALLY = "tally"
    INFO = "info"
    HEALTH = "health"
    STATISTICS = "statistics"
    TIME = "time"


READS = frozenset(
    {
        Act.GET,
        Act.LIST,
        Act.COUNT,
        Act.EXPORT,
        Act.LATEST,
        Act.TALLY,
        Act.INFO,
        Act.HEALTH,
        Act.STATISTICS,
        Act.TIME,
    }
)

WITHOUT_STORE = frozenset({Act.INFO, Act.TIME})
"""Answered without asking the store."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: an endpoint of V10, a method of V11.

    Args:
        service: The service in the protos.
        name: The method's name, unique over all services.
        method: HTTP method.
        path: Path template, in the syntax that google.api.http and aiohttp share.
        act: What it does.
        entity: What it does it to.
        inputs: What is asked for: in the path, in the query, in the body.
        sets: SET: the field and its new value. LIST: a fixed filter.
        needs: SET: the value that the field must have before.
        sign: ADD: 1 or -1.
        answers: The message of the answer; empty: the entity.
    """

    service: str
    name: str
    method: str
    path: str
    act: Act
    entity: Message
    inputs: tuple[Field, ...] = ()
    sets: tuple[str, str | bool] | None = None
    needs: str | None = None
    sign: int = 1
    answers: str = ""

    @property
    def in_path(self) -> tuple[str, ...]:
        """The inputs that the path holds."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def has_body(self) -> bool:
        """Whether what is not in the path is in the body; else it is in the query."""
        return self.method in ("POST", "PUT", "PATCH")

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.act in READS

    @property
    def answer(self) -> str:
        """The name of the answer's message."""
        return self.answers or self.entity.name

    @property
    def success(self) -> int:
        """V10's HTTP status when it is done."""
        return 201 if self.act in (Act.CREATE, Act.SEAL) else 200


LIMIT, AFTER = Field("limit", Kind.INT32), Field("after")


def listing(entity: Message) -> str:
    """The name of the answer that lists an entity."""
    return f"{entity.name}List"


def _create(service: str, entity: Message, path: str, act: Act = Act.CREATE) -> Operation:
    inputs = tuple(field for field in entity.fields if field.given)
    return Operation(service, f"Create{entity.name}", "POST", path, act, entity, inputs)


def _key(entity: Message) -> tuple[Field, ...]:
    return tuple(entity.field(name) for name in entity.key)


def _get(service: str, entity: Message, path: str) -> Operation:
    return Operation(service, f"Get{entity.name}", "GET", path, Act.GET, entity, _key(entity))


def _list(service: str, name: str, entity: Message, path: str, *by: str) -> Operation:
    inputs = (*(entity.field(each) for each in by), LIMIT, AFTER)
    return Operation(service, name, "GET", path, Act.LIST, entity, inputs, answers=listing(entity))


def _update(service: str, entity: Message, path: str) -> Operation:
    inputs = (*_key(entity), *(field for field in entity.fields if field.changes))
    return Operation(service, f"Update{entity.name}", "PATCH", path, Act.UPDATE, entity, inputs)


def _put(service: str, entity: Message, path: str) -> Operation:
    return Operation(
        service, f"Put{entity.name}", "PUT", path, Act.PUT, entity, tuple(f for f in entity.fields if f.given)
    )


def _delete(service: str, entity: Message, path: str) -> Operation:
    return Operation(
        service, f"Delete{entity.name}", "DELETE", path, Act.DELETE, entity, _key(entity), answers="Nothing"
    )


def _count(service: str, entity: Message, path: str) -> Operation:
    return Operation(service, f"Count{entity.name}s", "GET", path, Act.COUNT, entity, answers="Count")


def _export(service: str, entity: Message, path: str) -> Operation:
    return Operation(service, f"Export{entity.name}s", "GET", path, Act.EXPORT, entity, (AFTER,))


def _set(
    service: str,
    name: str,
    entity: Message,
    path: str,
    field: str,
    value: str | bool,  # noqa: FBT001
    needs: str | None = None,
) -> Operation:
    return Operation(service, name, "POST", path, Act.SET, entity, _key(entity), (field, value), needs)


def _add(service: str, name: str, entity: Message, path: str, field: str, sign: int) -> Operation:
    inputs = (*_key(entity), int64("amount", required=True))
    return Operation(service, name, "POST", path, Act.ADD, entity, inputs, (field, ""), sign=sign)


def _ask(service: str, name: str, path: str, act: Act, answer: Message, *inputs: Field) -> Operation:
    return Operation(service, name, "GET", path, act, answer, inputs)


_T, _B, _A, _S, _C, _V, _G, _U, _Y = (
    "Transactions",
    "Blocks",
    "Accounts",
    "Assets",
    "Contracts",
    "Validators",
    "Governance",
    "Subscriptions",
    "System",
)
SERVICES = (_T, _B, _A, _S, _C, _V, _G, _U, _Y)

OPERATIONS: tuple[Operation, ...] = (
    _create(_T, TRANSACTION, "/v1/transactions"),
    _list(_T, "ListTransactions", TRANSACTION, "/v1/transactions"),
    _count(_T, TRANSACTION, "/v1/transactions/count"),
    _list(_T, "ListTransactionsByStatus", TRANSACTION, "/v1/transactions/by-status/{status}", "status"),
    _export(_T, TRANSACTION, "/v1/transactions/export"),
    _get(_T, TRANSACTION, "/v1/transactions/{id}"),
    _update(_T, TRANSACTION, "/v1/transactions/{id}"),
    Operation(
        _T,
        "FinalizeTransaction",
        "POST",
        "/v1/transactions/{id}/finalize",
        Act.FINALIZE,
        TRANSACTION,
        _key(TRANSACTION),
    ),
    _set(_T, "CancelTransaction", TRANSACTION, "/v1/transactions/{id}/cancel", "status", "CANCELLED", needs="PENDING"),
    _create(_B, BLOCK, "/v1/blocks", Act.SEAL),
    _list(_B, "ListBlocks", BLOCK, "/v1/blocks"),
    _count(_B, BLOCK, "/v1/blocks/count"),
    Operation(_B, "GetLatestBlock", "GET", "/v1/blocks/latest", Act.LATEST, BLOCK),
    _export(_B, BLOCK, "/v1/blocks/export"),
    _get(_B, BLOCK, "/v1/blocks/{height}"),
    _list(_B, "ListBlockTransactions", TRANSACTION, "/v1/blocks/{block_height}/transactions", "block_height"),
    _create(_A, ACCOUNT, "/v1/accounts"),
    _list(_A, "ListAccounts", ACCOUNT, "/v1/accounts"),
    _count(_A, ACCOUNT, "/v1/accounts/count"),
    _export(_A, ACCOUNT, "/v1/accounts/export"),
    _get(_A, ACCOUNT, "/v1/accounts/{id}"),
    _update(_A, ACCOUNT, "/v1/accounts/{id}"),
    _delete(_A, ACCOUNT, "/v1/accounts/{id}"),
    _set(_A, "FreezeAccount", ACCOUNT, "/v1/accounts/{id}/freeze", "status", "FROZEN"),
    _set(_A, "UnfreezeAccount", ACCOUNT, "/v1/accounts/{id}/unfreeze", "status", "ACTIVE"),
    _list(_A, "ListSent", TRANSACTION, "/v1/accounts/{sender}/sent", "sender"),
    _list(_A, "ListReceived", TRANSACTION, "/v1/accounts/{recipient}/received", "recipient"),
    _list(_A, "ListBalances", BALANCE, "/v1/accounts/{account_id}/balances", "account_id"),
    _get(_A, BALANCE, "/v1/accounts/{account_id}/balances/{asset_id}"),
    _create(_S, ASSET, "/v1/assets"),
    _list(_S, "ListAssets", ASSET, "/v1/assets"),
    _count(_S, ASSET, "/v1/assets/count"),
    _get(_S, ASSET, "/v1/assets/{id}"),
    _update(_S, ASSET, "/v1/assets/{id}"),
    _set(_S, "FreezeAsset", ASSET, "/v1/assets/{id}/freeze", "frozen", True),  # noqa: FBT003
    _set(_S, "UnfreezeAsset", ASSET, "/v1/assets/{id}/unfreeze", "frozen", False),  # noqa: FBT003
    _add(_S, "MintAsset", ASSET, "/v1/assets/{id}/mint", "supply", 1),
    _add(_S, "BurnAsset", ASSET, "/v1/assets/{id}/burn", "supply", -1),
    _list(_S, "ListHolders", BALANCE, "/v1/assets/{asset_id}/balances", "asset_id"),
    _create(_C, CONTRACT, "/v1/contracts"),
    _list(_C, "ListContracts", CONTRACT, "/v1/contracts"),
    _get(_C, CONTRACT, "/v1/contracts/{id}"),
    _update(_C, CONTRACT, "/v1/contracts/{id}"),
    _set(_C, "PauseContract", CONTRACT, "/v1/contracts/{id}/pause", "status", "PAUSED", needs="RUNNING"),
    _set(_C, "ResumeContract", CONTRACT, "/v1/contracts/{id}/resume", "status", "RUNNING", needs="PAUSED"),
    _create(_C, CALL, "/v1/contracts/{contract_id}/calls"),
    _list(_C, "ListContractCalls", CALL, "/v1/contracts/{contract_id}/calls", "contract_id"),
    _get(_C, CALL, "/v1/contracts/{contract_id}/calls/{id}"),
    _create(_V, VALIDATOR, "/v1/validators"),
    _list(_V, "ListValidators", VALIDATOR, "/v1/validators"),
    _count(_V, VALIDATOR, "/v1/validators/count"),
    _get(_V, VALIDATOR, "/v1/validators/{id}"),
    _update(_V, VALIDATOR, "/v1/validators/{id}"),
    _add(_V, "Stake", VALIDATOR, "/v1/validators/{id}/stake", "stake", 1),
    _add(_V, "Unstake", VALIDATOR, "/v1/validators/{id}/unstake", "stake", -1),
    _set(_V, "JailValidator", VALIDATOR, "/v1/validators/{id}/jail", "status", "JAILED"),
    _set(_V, "UnjailValidator", VALIDATOR, "/v1/validators/{id}/unjail", "status", "ACTIVE"),
    _create(_G, PROPOSAL, "/v1/proposals"),
    _list(_G, "ListProposals", PROPOSAL, "/v1/proposals"),
    _get(_G, PROPOSAL, "/v1/proposals/{id}"),
    _update(_G, PROPOSAL, "/v1/proposals/{id}"),
    _set(_G, "CloseProposal", PROPOSAL, "/v1/proposals/{id}/close", "status", "CLOSED", needs="OPEN"),
    _create(_G, VOTE, "/v1/proposals/{proposal_id}/votes"),
    _list(_G, "ListVotes", VOTE, "/v1/proposals/{proposal_id}/votes", "proposal_id"),
    _get(_G, VOTE, "/v1/proposals/{proposal_id}/votes/{voter_id}"),
    _ask(_G, "GetTally", "/v1/proposals/{proposal_id}/tally", Act.TALLY, TALLY, VOTE.field("proposal_id")),
    _create(_U, SUBSCRIPTION, "/v1/subscriptions"),
    _list(_U, "ListSubscriptions", SUBSCRIPTION, "/v1/subscriptions"),
    _get(_U, SUBSCRIPTION, "/v1/subscriptions/{id}"),
    _update(_U, SUBSCRIPTION, "/v1/subscriptions/{id}"),
    _delete(_U, SUBSCRIPTION, "/v1/subscriptions/{id}"),
    _set(_U, "ActivateSubscription", SUBSCRIPTION, "/v1/subscriptions/{id}/activate", "active", True),  # noqa: FBT003
    _set(_U, "SilenceSubscription", SUBSCRIPTION, "/v1/subscriptions/{id}/silence", "active", False),  # noqa: FBT003
    _ask(_Y, "GetInfo", "/v1/system/info", Act.INFO, INFO),
    _ask(_Y, "GetHealth", "/v1/system/health", Act.HEALTH, HEALTH),
    _ask(_Y, "GetTime", "/v1/system/time", Act.TIME, TIME),
    _ask(_Y, "GetStatistics", "/v1/system/statistics", Act.STATISTICS, STATISTICS),
    _list(_Y, "ListParameters", PARAMETER, "/v1/system/parameters"),
    _get(_Y, PARAMETER, "/v1/system/parameters/{name}"),
    _put(_Y, PARAMETER, "/v1/system/parameters/{name}"),
)

INDEXED: Mapping[str, tuple[str, ...]] = {
    entity.table: tuple(
        sorted(
            {
                operation.inputs[0].name
                for operation in OPERATIONS
                if operation.entity is entity and operation.act is Act.LIST and operation.inputs[0] is not LIMIT
            }
            | ({"proposal_id"} if entity is VOTE else set())
        )
    )
    for entity in ENTITIES
}
"""For each table the fields by which it is looked through."""

BY_NAME: Mapping[str, Operation] = {operation.name: operation for operation in OPERATIONS}
