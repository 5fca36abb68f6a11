"""The journal of a run: numbered, hash-chained records, each created once and never changed.

`hash` is the SHA-256 of a record's canonical JSON without that field, `prev` the hash of the record before it. So an
edited, missing, moved or exchanged record shows, except at the end: whoever may delete could cut the last records off.
Who must exclude that keeps `Journal.head_hash` elsewhere (reports print it).

A last record that is not whole JSON was torn by a crash: it is void, nobody acted on it (its writer acts only after
the create returned), and the next record names its number in `void`.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from aurops.errors import AuropsError, HeldError, OutsideError, UsageError
from aurops.store import claim
from aurops.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aurops.clock import Clock
    from aurops.store import Store

SCHEMA = 1
"""Written by this version; one older is read, a newer one is refused."""

_TRIES = 3
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RecordKind(StrEnum):
    """What a record tells."""

    STARTED = "started"
    TAKEN = "taken"
    """A holder of a new epoch took the run over; what the old one still wants to append collides with this."""
    INTENT = "intent"
    RESULT = "result"
    DECISION = "decision"
    GOAL = "goal"
    PAUSED = "paused"
    RESUMED = "resumed"
    SKIPPED = "skipped"
    HALTED = "halted"
    VIOLATION = "violation"
    STUCK = "stuck"
    FINISHED = "finished"
    NOTE = "note"


class JournalTakenError(HeldError):
    """Another process wrote this number: the run is no longer ours, and we stop."""


class JournalBrokenError(OutsideError):
    """The journal is not what was written.

    Args:
        run: The run's id.
        number: The first record that is wrong.
        what: What is wrong with it.
    """

    def __init__(self, run: str, number: int, what: str) -> None:
        self.number = number
        super().__init__(
            f"record {number} {what}",
            where=journal_key(run, number),
            next_step="do not act on this run: restore the file from the store's versions or a backup, then "
            f"`aurops runs verify {run}`; a new run observes afresh and needs no journal",
        )


class JournalVersionError(UsageError):
    """The journal was written by a version that this one does not know."""


class Record(BaseModel):
    """One record of a run."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_: int = Field(alias="schema")
    run: str
    n: int = Field(ge=1)
    kind: RecordKind
    at: str
    """Time of day in UTC, ISO 8601, for people."""
    at_s: float
    """`Clock.now_s` of the writer: seconds since its machine booted."""
    epoch: int | None = None
    """The lease's epoch under which it was written."""
    data: dict[str, JsonValue]
    void: tuple[int, ...] = ()
    """The numbers directly before this one that were torn and count for nothing."""
    writer: str
    """Random name of the writing `Journal`: what tells our bytes from another's."""
    prev: str
    """`hash` of the record before; empty for the first."""
    hash: str


def canonical(value: Mapping[str, object]) -> bytes:
    """The one spelling of a JSON object: sorted keys, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: A number is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def journal_key(run: str, number: int) -> str:
    """Where a record lies in the store."""
    return f"runs/{run}/journal/{number:08}"


def new_run_id(kind: str, clock: Clock) -> str:
    """An id that sorts by time: `20261124T093000Z-drill-ab12`.

    Args:
        kind: What the run is, in lower-case letters, digits and hyphens.
        clock: Gives the time of day.
    """
    return f"{clock.wall():%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(2)}"


def list_runs(store: Store) -> list[str]:
    """The ids of all runs, oldest first."""
    return store.folders("runs")


def exists(store: Store, run: str) -> bool:
    """Whether a run has written anything."""
    return bool(store.keys(f"runs/{run}/journal"))


def readable(store: Store, clock: Clock) -> Iterator[Journal]:
    """The journals of all runs, latest first; one that cannot be read hides no other.

    Raises:
        StoreError: The store cannot be read.
    """
    for run in reversed(list_runs(store)):
        try:
            yield Journal.open(store, run, clock)
        except StoreError:
            raise
        except AuropsError:
            continue  # as `runs list` says


class Journal:
    """One run's journal, as its writer or a reader sees it; open it with `create` or `open`."""

    def __init__(self, store: Store, run: str, clock: Clock) -> None:
        self.run = run
        self._store = store
        self._clock = clock
        self._writer = uuid4().hex
        self._records: list[Record] = []
        self._void: tuple[int, ...] = ()
        self._unsettled: tuple[str, bytes] | None = None

    @classmethod
    def create(cls, store: Store, run: str, clock: Clock) -> Self:
        """The empty journal of a new run; the first `append` makes it.

        Raises:
            UsageError: The run's id is not a plain name.
            JournalTakenError: The run exists.
        """
        _check_run_id(run)
        journal = cls(store, run, clock)
        if exists(store, run):
            raise journal._taken(1)
        return journal

    @classmethod
    def open(cls, store: Store, run: str, clock: Clock) -> Self:
        """An existing journal, read and verified.

        Raises:
            UsageError: There is no such run.
            JournalBrokenError: A record is not what was written.
            JournalVersionError: A record is newer than this version.
        """
        _check_run_id(run)
        journal = cls(store, run, clock)
        journal._records, journal._void = _read(store, run)
        if not journal._records and not journal._void:
            recent = ", ".join(list_runs(store)[-5:]) or "none yet"
            raise UsageError("there is no such run", where=f"{store.url}: {run}", allowed=f"(latest) {recent}")
        return journal

    @property
    def records(self) -> tuple[Record, ...]:
        """What was read or appended, in order."""
        return tuple(self._records)

    @property
    def head_hash(self) -> str:
        """The last record's hash, which stands for the whole journal; empty when there is none."""
        return self._records[-1].hash if self._records else ""

    def read_on(self) -> int:
        """Read and verify what others have written since; how many records that were.

        Records that were read before are not read again: that none of them was exchanged meanwhile `verify` tells.

        Raises:
            JournalBrokenError: A new record is not what was written, or does not follow those that were read.
            JournalVersionError: One is newer than this version.
        """
        before = len(self._records)
        self._records, self._void = _read(self._store, self.run, self._records)
        return len(self._records) - before

    def append(self, kind: RecordKind, data: Mapping[str, JsonValue], *, epoch: int | None = None) -> Record:
        """Write the next record; it is durable when this returns, and only then may one act on it.

        Raises:
            JournalTakenError: Another process wrote this number, or a later epoch wrote before: stop.
            StoreUnreachableError: The outcome is unknown. The next `append` first finds out.
            StoreError: The store refused.
        """
        if self._unsettled:
            self._settle(*self._unsettled)
        if epoch is not None and epoch < max((record.epoch or 0 for record in self._records), default=0):
            raise self._taken(self._records[-1].n)
        number = (self._records[-1].n if self._records else 0) + len(self._void) + 1
        body: dict[str, object] = {
            "schema": SCHEMA,
            "run": self.run,
            "n": number,
            "kind": kind.value,
            "at": self._clock.wall().isoformat(timespec="milliseconds"),
            "at_s": self._clock.now_s(),
            "epoch": epoch,
            "data": dict(data),
            "void": list(self._void),
            "writer": self._writer,
            "prev": self.head_hash,
        }
        body["hash"] = hashlib.sha256(canonical(body)).hexdigest()
        self._unsettled = journal_key(self.run, number), canonical(body)
        return self._settle(*self._unsettled)

    def verify(self) -> None:
        """Read the store again and check every record.

        Raises:
            JournalBrokenError: A record is not what was written, or is gone.
            JournalVersionError: A record is newer than this version.
        """
        found, _ = _read(self._store, self.run)
        if (known := len(self._records)) and len(found) < known:
            raise JournalBrokenError(self.run, self._records[len(found)].n, "is gone")
        for mine, there in zip(self._records, found, strict=False):
            if mine.hash != there.hash:
                raise JournalBrokenError(self.run, mine.n, "was exchanged since this process read or wrote it")

    def copy_to(self, store: Store) -> Self:
        """The same journal in another store, byte by byte; what that has beyond it stays, and is read.

        A last record whose fate in this store is unknown is copied like the others: it may stand here, too.

        Raises:
            JournalTakenError: The other store holds something else under one of these numbers.
            StoreError: It cannot be written.
        """
        unsettled = [Record.model_validate_json(self._unsettled[1])] if self._unsettled else []
        for record in [*self._records, *unsettled]:
            for number in record.void:
                claim(store, journal_key(self.run, number), b"", may_retry=lambda: False)
            data = canonical(record.model_dump(mode="json", by_alias=True))
            if claim(store, journal_key(self.run, record.n), data, may_retry=lambda: False) != data:
                raise self._taken(record.n)
        return self.open(store, self.run, self._clock)

    def _settle(self, key: str, data: bytes) -> Record:
        """Make sure that the record under way is written, and is ours."""
        tries = iter(range(_TRIES - 1))
        found = claim(self._store, key, data, may_retry=lambda: next(tries, None) is not None)
        self._unsettled = None
        record = Record.model_validate_json(data)
        if found != data:
            raise self._taken(record.n)
        self._records.append(record)
        self._void = ()
        return record

    def _taken(self, number: int) -> JournalTakenError:
        return JournalTakenError(
            f"another process wrote record {number} of this run, so it is no longer ours",
            where=journal_key(self.run, number),
            next_step=f"`aurops runs show {self.run}` tells who holds it now",
        )


def _check_run_id(run: str) -> None:
    if not _RUN_ID.fullmatch(run):
        raise UsageError(
            "this is not a run's id",
            where=run,
            allowed="letters, digits, `-`, `_` and `.`",
            next_step="`aurops runs list`",
        )


def _read(store: Store, run: str, known: Sequence[Record] = ()) -> tuple[list[Record], tuple[int, ...]]:
    """All good records, verified, and the torn numbers after the last of them; those that are known are not read."""
    records = list(known)
    torn: list[int] = []
    expected, last = 1, records[-1].n if records else 0
    for key in store.keys(f"runs/{run}/journal"):
        number = _number(run, key, expected)
        expected = number + 1
        if number <= last:
            continue
        raw = _parsed(store.read(key) or b"")
        if raw is None:
            torn.append(number)
            continue
        record = _checked(run, number, raw)
        if record.void != tuple(torn):
            raise JournalBrokenError(run, torn[0] if torn else number, _void_problem(record, torn))
        if record.prev != (records[-1].hash if records else ""):
            problem = "breaks the chain: the record before it is not the one it was written after"
            raise JournalBrokenError(run, number, problem)
        records.append(record)
        torn = []
    if expected <= last:
        raise JournalBrokenError(run, expected, "is gone")
    return records, tuple(torn)


def _number(run: str, key: str, expected: int) -> int:
    name = key.rsplit("/", 1)[-1]
    if not name.isdecimal() or key != journal_key(run, int(name)):
        raise JournalBrokenError(run, expected, f"expected, but the folder holds something else: {name}")
    if int(name) != expected:
        raise JournalBrokenError(run, expected, f"is missing (a gap): the next one is {int(name)}")
    return expected


def _parsed(data: bytes) -> dict[str, JsonValue] | None:
    """The JSON object in `data`; None when it is torn. One that is spelled otherwise than we do gets a wrong hash."""
    try:
        raw = json.loads(data)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return {}
    try:
        spelled_right = canonical(raw) == data
    except ValueError:
        spelled_right = False
    return raw if spelled_right else raw | {"hash": "not canonical"}


def _checked(run: str, number: int, raw: dict[str, JsonValue]) -> Record:
    """The record behind `raw`, if nothing is wrong with it by itself."""
    schema = raw.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise JournalVersionError(
            f"record {number} was written by a newer aurops (schema {schema})",
            where=journal_key(run, number),
            allowed=f"schema {SCHEMA - 1} or {SCHEMA}",
            next_step="install the aurops that wrote it, or a later one",
        )
    if schema not in {SCHEMA, SCHEMA - 1}:
        raise JournalBrokenError(run, number, f"is unreadable: it carries schema {schema!r}")
    body = {name: value for name, value in raw.items() if name != "hash"}
    if hashlib.sha256(canonical(body)).hexdigest() != raw.get("hash"):
        raise JournalBrokenError(run, number, "was edited: its content does not match its hash")
    try:
        record = Record.model_validate(raw)
    except ValidationError as error:
        raise JournalBrokenError(run, number, f"is unreadable: {error.errors()[0]['msg']}") from error
    if (record.run, record.n) != (run, number):
        raise JournalBrokenError(run, number, f"is out of order: it was written as {record.n} of {record.run}")
    return record


def _void_problem(record: Record, torn: list[int]) -> str:
    if torn:
        return "is unreadable, and the record after it does not call it void"
    return f"calls {', '.join(map(str, record.void))} void, which it is not"
