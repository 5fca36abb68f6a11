"""What a run may rely on: a record is there, is ours, and nobody can change it unseen."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurops.clock import ManualClock
from aurops.errors import ExitCode, UsageError
from aurops.journal import (
    Journal,
    JournalBrokenError,
    JournalTakenError,
    JournalVersionError,
    RecordKind,
    canonical,
    journal_key,
    list_runs,
    new_run_id,
)
from aurops.store import KeyTakenError, Store, StoreUnreachableError, open_store

if TYPE_CHECKING:
    from pathlib import Path

RUN = "20260101T000000Z-drill-ab12"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def written(store: Store, count: int = 4) -> Journal:
    """A journal of `count` records."""
    journal = Journal.create(store, RUN, ManualClock())
    for number in range(count):
        journal.append(RecordKind.NOTE, {"number": number}, epoch=1)
    return journal


def path_of(root: Path, number: int) -> Path:
    """The file of a record."""
    return root / journal_key(RUN, number)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder store with a journal of four records."""
    written(open_store(str(tmp_path / "store")))
    return tmp_path / "store"


def opened(root: Path) -> Journal:
    """The journal of that store, read afresh."""
    return Journal.open(open_store(str(root)), RUN, ManualClock())


def test_what_was_appended_is_read_back_in_order(store: Store) -> None:
    """Records come back as they were written, chained, and verified."""
    mine = written(store)
    there = Journal.open(store, RUN, ManualClock())
    assert there.records == mine.records
    assert [record.n for record in there.records] == [1, 2, 3, 4]
    assert [record.prev for record in there.records][1:] == [record.hash for record in mine.records][:-1]
    assert there.head_hash == mine.head_hash
    there.verify()


@given(data=st.dictionaries(st.text(), json_values, max_size=4))
@settings(max_examples=50)
def test_any_json_survives(data: dict[str, object]) -> None:
    """Whatever JSON a run notes, it reads the same."""
    store = open_store("memory://")
    try:
        Journal.create(store, RUN, ManualClock()).append(RecordKind.NOTE, data)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        assert store.keys("runs") == [], "half a surrogate pair is no text; nothing is written"
        return
    assert Journal.open(store, RUN, ManualClock()).records[0].data == data


def test_the_old_holders_append_collides_and_it_stops(store: Store) -> None:
    """Lease rule 6: once a new holder wrote the next number, the old one can append nothing more."""
    old = written(store)
    new = Journal.open(store, RUN, ManualClock())
    new.append(RecordKind.TAKEN, {}, epoch=2)
    for _ in range(2):
        with pytest.raises(JournalTakenError) as caught:
            old.append(RecordKind.INTENT, {}, epoch=1)
    assert caught.value.exit_code == ExitCode.DECLINED
    new.append(RecordKind.INTENT, {}, epoch=2)
    new.verify()


def test_a_holder_that_opens_the_journal_too_late_appends_nothing(store: Store) -> None:
    """Lease rule 6, the other way round: a later epoch is in the journal before the old holder even opened it."""
    written(store).append(RecordKind.TAKEN, {}, epoch=3)
    late = Journal.open(store, RUN, ManualClock())
    with pytest.raises(JournalTakenError):
        late.append(RecordKind.TAKEN, {}, epoch=2)
    assert len(Journal.open(store, RUN, ManualClock()).records) == 5


def test_equal_content_by_two_writers_is_not_mistaken_for_our_own(store: Store) -> None:
    """Two writers with the same clock and the same words still collide."""
    one = written(store)
    two = Journal.open(store, RUN, ManualClock())
    one.append(RecordKind.NOTE, {"same": True})
    with pytest.raises(JournalTakenError):
        two.append(RecordKind.NOTE, {"same": True})


class Lossy:
    """A store whose creates land or not, as told, and then give no answer."""

    timeout_s = 1.0
    url = "lossy"

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.fates: list[str] = []

    def create(self, key: str, data: bytes) -> None:
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate != "never lands":
            self.inner.create(key, data)
        if fate == "sent twice":
            self.inner.create(key, data)
        if fate != "ok":
            raise StoreUnreachableError("no answer", where=key, may_have_landed=True)

    def read(self, key: str) -> bytes | None:
        if self.fates and self.fates[0] == "read fails":
            self.fates.pop(0)
            raise StoreUnreachableError("no answer", where=key, may_have_landed=False)
        return self.inner.read(key)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@pytest.mark.parametrize(
    "fates", [["lost"], ["never lands"], ["sent twice"], ["lost", "read fails"], ["never lands", "never lands"]]
)
def test_a_lost_answer_writes_the_record_exactly_once(store: Store, fates: list[str]) -> None:
    """Whether or not a create without an answer had landed, the record is there once and the run goes on."""
    lossy = Lossy(store)
    journal = written(lossy)  # type: ignore[arg-type]
    lossy.fates = list(fates)
    journal.append(RecordKind.INTENT, {"step": "promote"})
    journal.append(RecordKind.RESULT, {"step": "promote"})
    assert Journal.open(store, RUN, ManualClock()).records == journal.records


@pytest.mark.parametrize("fates", [["lost", "read fails"] * 3, ["never lands"] * 3])
def test_an_append_that_gave_up_is_settled_by_the_next_one(store: Store, fates: list[str]) -> None:
    """After an unknown outcome the journal has no gap and takes its own late record for its own."""
    lossy = Lossy(store)
    journal = written(lossy)  # type: ignore[arg-type]
    lossy.fates = list(fates)
    with pytest.raises(StoreUnreachableError):
        journal.append(RecordKind.INTENT, {"step": "promote"})
    lossy.fates.clear()
    journal.append(RecordKind.NOTE, {"after": True})
    there = Journal.open(store, RUN, ManualClock())
    assert there.records == journal.records
    assert [record.kind for record in there.records][-2:] == [RecordKind.INTENT, RecordKind.NOTE]


@pytest.mark.parametrize("torn", [b"", b'{"schema":1,"ru', b"\x00" * 512])
def test_a_torn_last_record_is_void_and_the_run_goes_on_after_it(root: Path, torn: bytes) -> None:
    """A crash in the middle of a write costs that record only, and the next one says so."""
    path_of(root, 5).write_bytes(torn)
    journal = opened(root)
    assert len(journal.records) == 4
    after = journal.append(RecordKind.TAKEN, {}, epoch=2)
    assert (after.n, after.void) == (6, (5,))
    again = opened(root)
    assert again.records == journal.records
    again.verify()


def test_two_torn_records_in_a_row_are_both_named(root: Path) -> None:
    """Two crashes in a row cost two records."""
    path_of(root, 5).write_bytes(b"")
    path_of(root, 6).write_bytes(b"{")
    assert opened(root).append(RecordKind.NOTE, {}).void == (5, 6)
    assert len(opened(root).records) == 5


def edit(path: Path, **changes: object) -> None:
    """Change fields of a record by hand, without touching its hash."""
    path.write_bytes(canonical(json.loads(path.read_bytes()) | changes))


def rehash(path: Path) -> None:
    """Give an edited record a hash that fits, as a careful forger would."""
    raw = json.loads(path.read_bytes())
    del raw["hash"]
    path.write_bytes(canonical(raw | {"hash": hashlib.sha256(canonical(raw)).hexdigest()}))


def test_an_edited_record_is_named(root: Path) -> None:
    """A record that was changed by hand is found, named, and says what to do."""
    edit(path_of(root, 2), data={"number": 7})
    with pytest.raises(JournalBrokenError, match="record 2 was edited") as caught:
        opened(root)
    assert caught.value.number == 2
    assert caught.value.where == journal_key(RUN, 2)
    assert caught.value.next_step
    assert caught.value.exit_code == ExitCode.ENVIRONMENT


def test_an_edited_last_record_is_not_taken_for_a_torn_one(root: Path) -> None:
    """Only what is not whole JSON counts as torn."""
    edit(path_of(root, 4), data={"number": 7})
    with pytest.raises(JournalBrokenError, match="record 4 was edited"):
        opened(root)


def test_other_spelling_counts_as_edited(root: Path) -> None:
    """The bytes are what is protected, not only what they mean."""
    path_of(root, 3).write_text(json.dumps(json.loads(path_of(root, 3).read_bytes()), indent=1))
    with pytest.raises(JournalBrokenError, match="record 3 was edited"):
        opened(root)


def test_a_forged_record_with_a_fitting_hash_breaks_the_chain(root: Path) -> None:
    """Whoever recomputes the hash of one record breaks the next one's link."""
    edit(path_of(root, 2), data={"number": 7})
    rehash(path_of(root, 2))
    with pytest.raises(JournalBrokenError, match="record 3 breaks the chain"):
        opened(root)


def test_a_missing_record_is_a_gap(root: Path) -> None:
    """A removed record is named."""
    path_of(root, 3).unlink()
    with pytest.raises(JournalBrokenError, match=r"record 3 is missing \(a gap\)"):
        opened(root)


def test_swapped_records_are_out_of_order(root: Path) -> None:
    """A record under another's number is named."""
    second = path_of(root, 2).read_bytes()
    path_of(root, 2).write_bytes(path_of(root, 3).read_bytes())
    path_of(root, 3).write_bytes(second)
    with pytest.raises(JournalBrokenError, match="record 2 is out of order"):
        opened(root)


def test_an_unreadable_record_in_the_middle_is_broken(root: Path) -> None:
    """What follows a torn record must call it void; otherwise the tear came later."""
    path_of(root, 2).write_bytes(b"")
    with pytest.raises(JournalBrokenError, match="record 2 is unreadable"):
        opened(root)


def test_a_record_called_void_that_is_not_is_found(root: Path) -> None:
    """A good record slipped in at a void number is found."""
    path_of(root, 5).write_bytes(b"")
    opened(root).append(RecordKind.NOTE, {})
    path_of(root, 5).write_bytes(path_of(root, 4).read_bytes())
    with pytest.raises(JournalBrokenError, match="record 5"):
        opened(root)


def test_a_stray_file_is_found(root: Path) -> None:
    """A file that is no record does not pass unseen."""
    (path_of(root, 1).parent / "00000002.bak").write_text("x")
    with pytest.raises(JournalBrokenError, match=r"00000002\.bak"):
        opened(root)


def test_a_newer_schema_is_refused_by_its_number(root: Path) -> None:
    """A journal of a later aurops is refused with what to install, not called broken; the version before is read."""
    edit(path_of(root, 4), schema=2)
    with pytest.raises(JournalVersionError, match="schema 2") as caught:
        opened(root)
    assert caught.value.exit_code == ExitCode.USAGE
    edit(path_of(root, 4), schema=0)
    rehash(path_of(root, 4))
    assert len(opened(root).records) == 4


def test_verify_finds_what_was_cut_off_since(root: Path) -> None:
    """A process that still knows the head sees that the last records are gone or exchanged."""
    journal = opened(root)
    path_of(root, 4).unlink()
    with pytest.raises(JournalBrokenError, match="record 4 is gone"):
        journal.verify()
    opened(root).append(RecordKind.NOTE, {"another": True})
    with pytest.raises(JournalBrokenError, match="record 4 was exchanged"):
        journal.verify()


@given(number=st.integers(1, 3), where=st.floats(0, 0.999), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_any_flipped_bit_before_the_last_record_is_found(number: int, where: float, bit: int) -> None:
    """No single flipped bit passes in any record but the last, which may count as torn."""
    clean, dirty = open_store("memory://"), open_store("memory://")
    written(clean)
    for at, key in enumerate(clean.keys("runs"), start=1):
        data = bytearray(clean.read(key) or b"")
        if at == number:
            data[int(where * len(data))] ^= 1 << bit
        dirty.create(key, bytes(data))
    with pytest.raises((JournalBrokenError, JournalVersionError)):
        Journal.open(dirty, RUN, ManualClock())


def test_a_run_that_exists_is_not_created_again(store: Store) -> None:
    """Two runs never share a journal."""
    written(store)
    with pytest.raises(JournalTakenError):
        Journal.create(store, RUN, ManualClock())


def test_an_unknown_run_is_a_usage_error_that_names_the_latest(store: Store) -> None:
    """Asking for a run that does not exist lists some that do; a path is no run id."""
    written(store)
    with pytest.raises(UsageError, match=RUN):
        Journal.open(store, "20260101T000000Z-drill-zzzz", ManualClock())
    with pytest.raises(UsageError, match="not a run's id"):
        Journal.open(store, "../secrets", ManualClock())


def test_run_ids_sort_by_time(store: Store) -> None:
    """The list of runs is in the order of their starts."""
    clock = ManualClock()
    ids = []
    for kind in ("failover", "drill", "up"):
        ids.append(new_run_id(kind, clock))
        Journal.create(store, ids[-1], clock).append(RecordKind.STARTED, {})
        clock.advance(1)
    assert list_runs(store) == ids


def test_a_copy_is_the_same_journal(root: Path, store: Store) -> None:
    """Copied to a store of any kind, torn records included, it verifies and goes on; copied again it is no other."""
    path_of(root, 5).write_bytes(b"{to")
    torn = opened(root)
    torn.append(RecordKind.NOTE, {"after": "the torn one"}, epoch=2)
    copy = opened(root).copy_to(store)
    assert copy.head_hash == torn.head_hash
    copy.append(RecordKind.NOTE, {"on": "the other store"}, epoch=3)
    again = opened(root).copy_to(store)
    again.verify()
    assert [record.n for record in again.records] == [1, 2, 3, 4, 6, 7]


class LosesAnswers:
    """A store whose creates land, or do not, and whose answers are lost from a moment on."""

    def __init__(self, inner: Store, *, lands: bool) -> None:
        self._inner, self._lands = inner, lands
        self.lost = False

    def __getattr__(self, name: str) -> object:
        if self.lost and name == "create" and self._lands:
            return self._land
        if self.lost and name in ("create", "read"):
            return self._silent
        return getattr(self._inner, name)

    def _land(self, key: str, data: bytes) -> None:
        with suppress(KeyTakenError):
            self._inner.create(key, data)
        self._silent(key)

    def _silent(self, key: str, _data: bytes = b"") -> None:
        raise StoreUnreachableError("no answer", where=key, may_have_landed=True)


@pytest.mark.parametrize("lands", [True, False])
def test_a_copy_holds_the_record_whose_answer_was_lost(lands: bool, store: Store) -> None:  # noqa: FBT001
    """Whether it stands in the lost store or not, the journal that went on elsewhere can be brought back."""
    losing = LosesAnswers(store, lands=lands)
    journal = written(losing)  # type: ignore[arg-type]
    losing.lost = True
    with pytest.raises(StoreUnreachableError):
        journal.append(RecordKind.INTENT, {"step": "promote"}, epoch=1)
    copy = journal.copy_to(open_store("memory://"))
    assert [record.n for record in copy.records] == [1, 2, 3, 4, 5]
    copy.append(RecordKind.TAKEN, {"epoch": 101}, epoch=101)
    losing.lost = False
    back = copy.copy_to(store)
    back.verify()
    assert [record.kind for record in back.records[-2:]] == [RecordKind.INTENT, RecordKind.TAKEN]


def test_reading_on_reads_only_what_is_new(root: Path) -> None:
    """Records of others are verified against those that were read before; nothing is read twice."""
    store = open_store(str(root))
    reader, writer = opened(root), opened(root)
    assert reader.read_on() == 0
    writer.append(RecordKind.NOTE, {"number": 5})
    path_of(root, 2).write_text("not looked at again")
    assert reader.read_on() == 1
    assert (reader.head_hash, reader.records) == (writer.head_hash, writer.records)
    with pytest.raises(JournalBrokenError, match="record 2"):
        Journal.open(store, RUN, ManualClock())


def test_reading_on_tells_what_is_gone_torn_or_does_not_follow(root: Path) -> None:
    """As reading as a whole does; a torn last record is void, and the next one follows those that were read."""
    reader, writer = opened(root), opened(root)
    writer.append(RecordKind.NOTE, {"number": 5})
    path_of(root, 5).write_text("{")
    assert reader.read_on() == 0
    opened(root).append(RecordKind.NOTE, {"number": 6})
    assert reader.read_on() == 1
    assert reader.records[-1].void == (5,)
    path_of(root, 6).unlink()
    with pytest.raises(JournalBrokenError, match="is gone"):
        reader.read_on()
    other = open_store(str(root.parent / "other"))
    written(other, 7)
    for number in (5, 6, 7):
        path_of(root, number).write_bytes(other.read(journal_key(RUN, number)) or b"")
    with pytest.raises(JournalBrokenError):
        reader.read_on()
