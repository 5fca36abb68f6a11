"""The table of faults and the injector's journal."""

from pathlib import Path

import pytest

from aurops.errors import OutsideError, UsageError
from failover.faults import FAULTS, Answer, Event, FaultEvent, fault_named, read_journal


def journal(path: Path, *events: Event) -> Path:
    """A journal with these events, one second apart."""
    entries = [FaultEvent(event=event, at_s=10.0 + at, fault="kill", region="north") for at, event in enumerate(events)]
    path.write_text("".join(entry.model_dump_json() + "\n" for entry in entries))
    return path


def test_a_fault_is_known_by_its_name() -> None:
    """Another name is refused, and the ones there are are named."""
    assert all(fault_named(name).name == name for name in FAULTS)
    with pytest.raises(UsageError) as caught:
        fault_named("flood")
    assert caught.value.allowed == ", ".join(FAULTS)


def test_no_fault_of_a_standby_deserves_a_failover() -> None:
    """Whatever happens to a region that does not serve, traffic stays where it is."""
    answers = {fault.standby.answer for fault in FAULTS.values() if fault.standby}
    assert Answer.FAIL_OVER not in answers


def test_a_fault_is_refused_where_it_makes_no_sense() -> None:
    """A standby that is slow is none when it serves; every fault makes sense somewhere."""
    assert fault_named("kill").case(serves=True).answer is Answer.FAIL_OVER
    assert fault_named("kill").case(serves=False).answer is Answer.DO_NOTHING
    with pytest.raises(UsageError) as caught:
        fault_named("slow-replica").case(serves=True)
    assert caught.value.allowed == "a standby"
    assert all(fault.serving or fault.standby for fault in FAULTS.values())


def test_a_journal_tells_t0_and_the_proof(tmp_path: Path) -> None:
    """t0 is the first signal, not the arming."""
    record = read_journal(journal(tmp_path / "j", Event.ARMED, Event.SIGNALLED, Event.EFFECTIVE))
    assert (record.t0_s, record.effective_s, record.left_behind) == (11.0, 12.0, True)


@pytest.mark.parametrize(
    ("events", "left_behind"),
    [
        ((), False),
        ((Event.FAILED,), False),
        ((Event.ARMED,), True),
        ((Event.ARMED, Event.FAILED), True),
        ((Event.ARMED, Event.UNDONE, Event.FAILED), False),
        ((Event.ARMED, Event.UNDONE, Event.ARMED), True),
    ],
)
def test_a_fault_without_its_undo_is_left_behind(
    tmp_path: Path, events: tuple[Event, ...], *, left_behind: bool
) -> None:
    """Whoever comes later sees that something must be undone."""
    assert read_journal(journal(tmp_path / "j", *events)).left_behind is left_behind


def test_a_torn_line_is_left_out_and_a_broken_one_refused(tmp_path: Path) -> None:
    """An injector that was killed while it wrote leaves a readable journal; a damaged one is an error."""
    file = journal(tmp_path / "j", Event.ARMED)
    file.write_text(file.read_text() + '{"event":"si')
    assert len(read_journal(file).events) == 1
    file.write_text("nonsense\n")
    with pytest.raises(OutsideError):
        read_journal(file)
    assert read_journal(tmp_path / "none").events == ()


def test_the_documented_table_is_the_one_that_drills_go_by() -> None:
    """Every fault, where, what it does, what it deserves: docs/faults.md promises nothing else."""
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    expected = [
        [f"`{f.name}`", where, f.does, f"**{case.answer}**", "yes" if case.felt else "no", f.proof, f.undo]
        for f in FAULTS.values()
        for where, case in (("serving", f.serving), ("standby", f.standby))
        if case
    ]
    assert rows == expected
