"""The sample ledger's messages: what it stores, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from testbeds.local.platforms.fields import Field, Kind


@dataclass(frozen=True, slots=True)
class Message:
    """A message: an entity that is stored, or an answer.

    Args:
        name: Its name in the protos.
        fields: Its fields; their numbers are their places.
        key: The fields that tell one from another; empty: it is not stored.
        table: Where it is stored: table, key prefix.
    """

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    table: str = ""

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            KeyError: There is none.
        """
        return {field.name: field for field in self.fields}[name]


def text(name: str, *, required: bool = False, changes: bool = False) -> Field:
    """A text; `Field` says what the traits mean."""
    return Field(name, required=required, changes=changes)


def int64(name: str, *, required: bool = False) -> Field:
    """A whole number of 64 bits."""
    return Field(name, Kind.INT64, required=required)


def _own(name: str, kind: Kind = Kind.TEXT, *choices: str) -> Field:
    """A field that the ledger sets by itself."""
    return Field(name, kind, choices, given=False)


_CREATED = _own("created_at_ms", Kind.INT64)
_ID = text("id")

TRANSACTION = Message(
    "Transaction",
    (
        _ID,
        text("sender", required=True),
        text("recipient", required=True),
        text("asset_id", required=True),
        int64("amount", required=True),
        int64("nonce"),
        text("memo", changes=True),
        Field("signatures", Kind.TEXTS),
        _own("status", Kind.CHOICE, "PENDING", "FINAL", "CANCELLED"),
        _own("block_height", Kind.INT64),
        _CREATED,
    ),
    ("id",),
    "transactions",
)
BLOCK = Message(
    "Block",
    (
        _own("height", Kind.INT64),
        _own("hash"),
        _own("parent_hash"),
        text("proposer_id", required=True),
        _own("transaction_count", Kind.INT32),
        _own("total_amount", Kind.INT64),
        _CREATED,
    ),
    ("height",),
    "blocks",
)
ACCOUNT = Message(
    "Account",
    (
        _ID,
        text("owner", required=True),
        text("label", changes=True),
        Field("tags", Kind.TEXTS),
        _own("status", Kind.CHOICE, "ACTIVE", "FROZEN"),
        _CREATED,
    ),
    ("id",),
    "accounts",
)
BALANCE = Message(
    "Balance",
    (_own("account_id"), _own("asset_id"), _own("amount", Kind.INT64)),
    ("account_id", "asset_id"),
    "balances",
)
ASSET = Message(
    "Asset",
    (
        _ID,
        text("symbol", required=True),
        text("name", changes=True),
        Field("decimals", Kind.INT32),
        int64("supply"),
        text("issuer_id", required=True),
        _own("frozen", Kind.YES_NO),
        _CREATED,
    ),
    ("id",),
    "assets",
)
CONTRACT = Message(
    "Contract",
    (
        _ID,
        text("name", required=True, changes=True),
        text("owner_id", required=True),
        text("code_hash", required=True, changes=True),
        Field("version", Kind.INT32, changes=True),
        _own("status", Kind.CHOICE, "RUNNING", "PAUSED"),
        _CREATED,
    ),
    ("id",),
    "contracts",
)
CALL = Message(
    "ContractCall",
    (
        text("contract_id", required=True),
        _ID,
        text("caller_id", required=True),
        text("method", required=True),
        text("arguments"),
        int64("gas_limit"),
        _CREATED,
    ),
    ("contract_id", "id"),
    "contract_calls",
)
VALIDATOR = Message(
    "Validator",
    (
        _ID,
        text("name", required=True, changes=True),
        text("operator_id", required=True),
        int64("stake"),
        Field("commission", Kind.REAL, changes=True),
        _own("status", Kind.CHOICE, "ACTIVE", "JAILED"),
        _CREATED,
    ),
    ("id",),
    "validators",
)
PROPOSAL = Message(
    "Proposal",
    (
        _ID,
        text("title", required=True, changes=True),
        text("description", changes=True),
        text("proposer_id", required=True),
        int64("closes_at_ms"),
        _own("status", Kind.CHOICE, "OPEN", "CLOSED"),
        _CREATED,
    ),
    ("id",),
    "proposals",
)
VOTE = Message(
    "Vote",
    (
        text("proposal_id", required=True),
        text("voter_id", required=True),
        Field("choice", Kind.CHOICE, ("ABSTAIN", "YES", "NO")),
        int64("weight", required=True),
        _CREATED,
    ),
    ("proposal_id", "voter_id"),
    "votes",
)
SUBSCRIPTION = Message(
    "Subscription",
    (
        _ID,
        text("account_id", required=True),
        Field("topic", Kind.CHOICE, ("TRANSACTIONS", "BLOCKS", "PROPOSALS"), changes=True),
        text("url", required=True, changes=True),
        _own("active", Kind.YES_NO),
        _CREATED,
    ),
    ("id",),
    "subscriptions",
)
PARAMETER = Message("Parameter", (text("name"), text("value", required=True, changes=True)), ("name",), "parameters")

COUNT = Message("Count", (_own("count", Kind.INT64),))
NOTHING = Message("Nothing", ())
TALLY = Message("Tally", (_own("yes", Kind.INT64), _own("no", Kind.INT64), _own("abstained", Kind.INT64)))
INFO = Message("Info", (_own("name"), _own("network"), _own("max_amount", Kind.INT64), _own("topics", Kind.TEXTS)))
HEALTH = Message("Health", (_own("status"),))
TIME = Message("Time", (_own("now_ms", Kind.INT64),))
STATISTICS = Message(
    "Statistics", tuple(_own(name, Kind.INT64) for name in ("transactions", "blocks", "accounts", "assets"))
)

ENTITIES = (
    TRANSACTION,
    BLOCK,
    ACCOUNT,
    BALANCE,
    ASSET,
    CONTRACT,
    CALL,
    VALIDATOR,
    PROPOSAL,
    VOTE,
    SUBSCRIPTION,
    PARAMETER,
)
ANSWERS = (COUNT, NOTHING, TALLY, INFO, HEALTH, TIME, STATISTICS)

LISTS = {f"{entity.name}List": entity.name for entity in ENTITIES}
"""The answers that list an entity: `items` and `next`, the key to go on after; empty at the end."""
