"""Reading a clients' ledger."""

from pathlib import Path

import pytest

from aurops.errors import OutsideError
from failover.ledger import Entry, Outcome, line, parse, read

ENTRY = Entry("r-1", 10.0, 10.001, 10.02, Outcome.OK, 200, 3, "north", cached=True)


def test_a_written_line_reads_back_as_the_same_request() -> None:
    """What the client wrote is what the measurement sees."""
    assert parse(line(ENTRY)).entries == (ENTRY,)


def test_a_torn_last_line_is_left_out_and_counted() -> None:
    """A client that was killed while it wrote loses that line and no other."""
    ledger = parse(line(ENTRY) + line(ENTRY)[:30])
    assert ledger.entries == (ENTRY,)
    assert ledger.torn_lines == 1


@pytest.mark.parametrize("broken", ["{", '{"id":"x"}', line(ENTRY).replace("10.02", '"soon"').strip(), ""])
def test_a_broken_line_elsewhere_is_refused_with_its_number(broken: str) -> None:
    """A damaged ledger proves nothing, and the error says which line."""
    with pytest.raises(OutsideError, match="broken") as caught:
        parse(f"{line(ENTRY)}{broken}\n", where="client.jsonl")
    assert caught.value.where == "client.jsonl, line 2"


def test_an_id_that_occurs_twice_is_refused() -> None:
    """Ids are unique, else lost writes could hide behind each other."""
    with pytest.raises(OutsideError, match="twice"):
        parse(line(ENTRY) * 2)


def test_a_ledger_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    """A live view may start before the client has written anything."""
    assert read(tmp_path / "none.jsonl").entries == ()
