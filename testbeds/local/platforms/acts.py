"""What each operation of the sample ledger does, over any store: V10 and V11 differ in store and wire, not here."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from testbeds.local.platforms.fields import INT64
from testbeds.local.platforms.messages import ACCOUNT, ASSET, BALANCE, BLOCK, PROPOSAL, TRANSACTION, VOTE
from testbeds.local.platforms.operations import Act

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from testbeds.local.platforms.messages import Message
    from testbeds.local.platforms.operations import Operation

Row = dict[str, Any]
"""One entity, or one answer: a value for each field of its message."""

MOST = 500
USUAL = 50
GENESIS = "0" * 64


class Code(StrEnum):
    """Why an operation was refused; V10's words."""

    INVALID = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "ALREADY_EXISTS"
    STATE = "WRONG_STATE"
    FUNDS = "INSUFFICIENT_FUNDS"
    KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    ELSEWHERE = "EXECUTED_ELSEWHERE"
    UNAVAILABLE = "UNAVAILABLE"


class RefusedError(Exception):
    """An operation that was not done; nothing was changed.

    Args:
        code: Why.
        text: For people.
    """

    def __init__(self, code: Code, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code}: {text}")


class Transaction(Protocol):
    """One atomic change of a store; what it reads holds its own writes."""

    async def get(self, entity: Message, key: str, *, lock: bool = False) -> Row | None:
        """The row of this key; locked until the end against other changes."""
        ...

    async def insert(self, entity: Message, key: str, row: Row) -> bool:
        """Store a new row; False when there is one of this key."""
        ...

    async def put(self, entity: Message, key: str, row: Row) -> None:
        """Store a row in place of any other of its key."""
        ...

    async def delete(self, entity: Message, key: str) -> None:
        """Remove a row."""
        ...

    async def find(self, entity: Message, by: tuple[str, object] | None, after: str, limit: int) -> list[Row]:
        """Rows in the order of their keys, those only whose field has this value, after this key."""
        ...

    async def last(self, entity: Message) -> Row | None:
        """The row of the greatest key, with all changes of this entity held off until the end."""
        ...

    async def count(self, entity: Message) -> int:
        """How many rows there are."""
        ...

    async def add(self, entity: Message, key: str, row: Row, field: str) -> None:
        """Add `row[field]` to the stored row's, or store the row.

        Raises:
            RefusedError: The sum does not fit into 64 bits.
        """
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Args:
        operation: What is asked for.
        inputs: By name of the field; absent when not given.
        now_ms: Wall time, milliseconds since the epoch.
    """

    operation: Operation
    inputs: Mapping[str, Any]
    now_ms: int

    @property
    def entity(self) -> Message:
        """What it is done to."""
        return self.operation.entity

    @property
    def key(self) -> str:
        """The key that the inputs name."""
        return key_of(self.entity, self.inputs)


def key_of(entity: Message, values: Mapping[str, Any]) -> str:
    """The key of a row; whole numbers sort as numbers."""
    parts = (values[name] for name in entity.key)
    return "/".join(f"{part:020d}" if isinstance(part, int) else str(part) for part in parts)


async def _create(tx: Transaction, asked: Asked) -> Row:
    values = {"id": uuid.uuid4().hex, **{name: value for name, value in asked.inputs.items() if value != ""}}
    row = _row(asked, values)
    if asked.entity is VOTE and await tx.get(PROPOSAL, values["proposal_id"]) is None:
        raise RefusedError(Code.NOT_FOUND, f"no Proposal {values['proposal_id']}")
    if not await tx.insert(asked.entity, key := key_of(asked.entity, row), row):
        raise RefusedError(Code.CONFLICT, f"there is a {asked.entity.name} {key}")
    return row


def _row(asked: Asked, values: Mapping[str, Any]) -> Row:
    """A whole row of what was given; everything else as it begins.

    Raises:
        RefusedError: Something that is needed was not given.
    """
    for field in asked.entity.fields:
        if field.required and not values.get(field.name):
            raise RefusedError(Code.INVALID, f"{field.json_name} is missing")
    for name in asked.entity.key:
        part = values.get(name, "")
        if isinstance(part, str) and ("/" in part or not part.isprintable()):
            raise RefusedError(Code.INVALID, f"{asked.entity.field(name).json_name} holds what a key may not")
    if values.get("amount", 1) < 0:
        raise RefusedError(Code.INVALID, "amount is below 0")
    row = {field.name: values.get(field.name, field.default) for field in asked.entity.fields}
    return {**row, "created_at_ms": asked.now_ms} if "created_at_ms" in row else row


async def _get(tx: Transaction, asked: Asked) -> Row:
    return await _found(tx, asked)


async def _found(tx: Transaction, asked: Asked, *, lock: bool = False) -> Row:
    row = await tx.get(asked.entity, asked.key, lock=lock)
    if row is None:
        raise RefusedError(Code.NOT_FOUND, f"no {asked.entity.name} {asked.key}")
    return row


async def _list(tx: Transaction, asked: Asked) -> Row:
    limit = asked.inputs.get("limit") or USUAL
    if not 0 < limit <= MOST:
        raise RefusedError(Code.INVALID, f"limit is not from 1 to {MOST}")
    named = [field.name for field in asked.operation.inputs if field.name not in ("limit", "after")]
    by = (named[0], asked.inputs[named[0]]) if named else None
    rows = await tx.find(asked.entity, by, asked.inputs.get("after", ""), limit + 1)
    more = len(rows) > limit
    return {"items": rows[:limit], "next": key_of(asked.entity, rows[limit - 1]) if more else ""}


async def _update(tx: Transaction, asked: Asked) -> Row:
    row = await _found(tx, asked, lock=True)
    row = {**row, **asked.inputs}
    await tx.put(asked.entity, asked.key, row)
    return row


async def _put(tx: Transaction, asked: Asked) -> Row:
    row = _row(asked, asked.inputs)
    await tx.put(asked.entity, asked.key, row)
    return row


async def _delete(tx: Transaction, asked: Asked) -> Row:
    await _found(tx, asked, lock=True)
    await tx.delete(asked.entity, asked.key)
    return {}


async def _set(tx: Transaction, asked: Asked) -> Row:
    row = await _found(tx, asked, lock=True)
    name, value = asked.operation.sets or ("", "")
    if asked.operation.needs and row[name] != asked.operation.needs:
        raise RefusedError(Code.STATE, f"{name} is {row[name]}, not {asked.operation.needs}")
    row = {**row, name: value}
    await tx.put(asked.entity, asked.key, row)
    return row


async def _add(tx: Transaction, asked: Asked) -> Row:
    row = await _found(tx, asked, lock=True)
    amount, (name, _) = asked.inputs.get("amount", 0), asked.operation.sets or ("", "")
    if amount <= 0:
        raise RefusedError(Code.INVALID, "amount is not above 0")
    total = row[name] + asked.operation.sign * amount
    if not 0 <= total < INT64:
        raise RefusedError(Code.FUNDS, f"{name} would be {total}")
    row = {**row, name: total}
    await tx.put(asked.entity, asked.key, row)
    return row


async def _count(tx: Transaction, asked: Asked) -> Row:
    return {"count": await tx.count(asked.entity)}


async def _export(tx: Transaction, asked: Asked) -> list[Row]:
    return await tx.find(asked.entity, None, asked.inputs.get("after", ""), MOST)


async def _latest(tx: Transaction, asked: Asked) -> Row:
    rows = await tx.last(asked.entity)
    if rows is None:
        raise RefusedError(Code.NOT_FOUND, f"no {asked.entity.name}")
    return rows


async def _seal(tx: Transaction, asked: Asked) -> Row:
    """A new block: it holds pending transactions, which thereby become final."""
    before = await tx.last(BLOCK)
    pending = _that_fit(await tx.find(TRANSACTION, ("status", "PENDING"), "", USUAL))
    height = (before["height"] if before else 0) + 1
    for each in pending:
        await _settle(tx, each, height)
    row = _row(asked, asked.inputs)
    row |= {
        "height": height,
        "parent_hash": before["hash"] if before else GENESIS,
        "transaction_count": len(pending),
        "total_amount": sum(each["amount"] for each in pending),
    }
    digest = f"{height} {row['parent_hash']} {' '.join(each['id'] for each in pending)}"
    row["hash"] = hashlib.sha256(digest.encode()).hexdigest()
    await tx.insert(BLOCK, key_of(BLOCK, row), row)
    return row


def _that_fit(pending: list[Row]) -> list[Row]:
    """As many of them, in this order, as have a total of 64 bits."""
    totals = accumulate(each["amount"] for each in pending)
    return [each for each, total in zip(pending, totals, strict=True) if total < INT64]


async def _finalize(tx: Transaction, asked: Asked) -> Row:
    row = await _found(tx, asked, lock=True)
    if row["status"] != "PENDING":
        raise RefusedError(Code.STATE, f"status is {row['status']}, not PENDING")
    return await _settle(tx, row, 0)


async def _settle(tx: Transaction, row: Row, height: int) -> Row:
    """Move the amount, and make the transaction final; who sends more than they have owes it."""
    moves = sorted(((row["sender"], -row["amount"]), (row["recipient"], row["amount"])))
    for account, amount in moves:  # in one order everywhere: two transactions never wait for each other
        balance = {"account_id": account, "asset_id": row["asset_id"], "amount": amount}
        await tx.add(BALANCE, key_of(BALANCE, balance), balance, "amount")
    row = {**row, "status": "FINAL", "block_height": height}
    await tx.put(TRANSACTION, row["id"], row)
    return row


async def _tally(tx: Transaction, asked: Asked) -> Row:
    proposal = asked.inputs["proposal_id"]
    if await tx.get(PROPOSAL, proposal) is None:
        raise RefusedError(Code.NOT_FOUND, f"no Proposal {proposal}")
    votes = await tx.find(VOTE, ("proposal_id", proposal), "", MOST)
    weights = {choice: sum(v["weight"] for v in votes if v["choice"] == choice) for choice in ("YES", "NO", "ABSTAIN")}
    return {"yes": weights["YES"], "no": weights["NO"], "abstained": weights["ABSTAIN"]}


async def _info(_tx: Transaction, _asked: Asked) -> Row:
    topics = ["TRANSACTIONS", "BLOCKS", "PROPOSALS"]
    return {"name": "sample ledger", "network": "local", "max_amount": INT64 - 1, "topics": topics}


async def _health(tx: Transaction, _asked: Asked) -> Row:
    await tx.get(BLOCK, "")
    return {"status": "SERVING"}


async def _statistics(tx: Transaction, _asked: Asked) -> Row:
    kinds = {"transactions": TRANSACTION, "blocks": BLOCK, "accounts": ACCOUNT, "assets": ASSET}
    return {name: await tx.count(entity) for name, entity in kinds.items()}


async def _time(_tx: Transaction, asked: Asked) -> Row:
    return {"now_ms": asked.now_ms}


ACTS: Mapping[Act, Callable[[Transaction, Asked], Awaitable[Row | list[Row]]]] = {
    Act.CREATE: _create,
    Act.GET: _get,
    Act.LIST: _list,
    Act.UPDATE: _update,
    Act.PUT: _put,
    Act.DELETE: _delete,
    Act.SET: _set,
    Act.ADD: _add,
    Act.COUNT: _count,
    Act.EXPORT: _export,
    Act.LATEST: _latest,
    Act.SEAL: _seal,
    Act.FINALIZE: _finalize,
    Act.TALLY: _tally,
    Act.INFO: _info,
    Act.HEALTH: _health,
    Act.STATISTICS: _statistics,
    Act.TIME: _time,
}
