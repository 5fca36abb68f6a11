"""What a person sees while a drill runs: live on a terminal, lines elsewhere."""

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from aurops.clock import ManualClock
from aurops.journal import Journal, Record, RecordKind
from aurops.store import open_store
from failover.ledger import Entry, Outcome, Tail, line
from runbooks.live import ClientsView, LiveTimeline, step_lines
from runbooks.terminal import Pipeable, Timeline, timeline


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def journal() -> Journal:
    """A journal in memory, on a clock that is moved by hand."""
    return Journal.create(open_store("memory:///"), "20261124T093000Z-failover-ab12", ManualClock())


def begin(journal: Journal, step: str) -> Record:
    """A call of a step is announced."""
    return journal.append(RecordKind.INTENT, {"step": step, "stage": "s", "reason": "r", "action": "a"})


def end(journal: Journal, step: str, outcome: str, error: str = "") -> Record:
    """A call of a step has ended."""
    return journal.append(RecordKind.RESULT, {"step": step, "outcome": outcome, "error": error})


def drawn(live: LiveTimeline, width: int = 80, height: int = 24) -> list[str]:
    """The lines of one frame on a terminal of this size."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(live.frame())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def of_size(width: int = 80, height: int = 24) -> LiveTimeline:
    """A live timeline for a terminal of this size, whatever the one that the tests run in can do."""
    able = {"TERM": "xterm-256color"}
    return LiveTimeline(Pipeable(file=Screen(), force_terminal=True, width=width, height=height, _environ=able))


def entry(number: int, end_s: float, outcome: Outcome = Outcome.OK) -> Entry:
    """A request that ended then."""
    return Entry(f"r-{number}", end_s - 0.01, end_s - 0.01, end_s, outcome)


def test_a_step_shows_its_tries_its_duration_and_how_it_ended(journal: Journal) -> None:
    """A step that is called again runs again, counts its calls, and keeps its first start."""
    first = begin(journal, "promote")
    records = [first, end(journal, "promote", "waiting"), begin(journal, "promote")]
    assert [(s.name, s.tries, s.state, s.start_s, s.end_s) for s in step_lines(records)] == [
        ("promote", 2, "running", first.at_s, None)
    ]
    records.append(end(journal, "promote", "done"))
    assert [(s.tries, s.state, s.end_s) for s in step_lines(records)] == [(2, "done", records[-1].at_s)]


def test_a_frame_names_each_step_and_what_failed(journal: Journal) -> None:
    """Running, done and failed steps are in the table; what went wrong stands above it, on one line."""
    live = of_size()
    live.tell("steady")
    for record in (begin(journal, "fence north"), begin(journal, "detach west"), end(journal, "detach west", "done")):
        live.hear(record)
    live.hear(end(journal, "fence north", "failed", "north cannot be reached\n  where: http://127.0.0.1:1"))
    live.hear(begin(journal, "promote database south"))
    lines = drawn(live)
    head = next(number for number, text in enumerate(lines) if text.split()[:2] == ["begun", "took"])
    assert [re.split(r" {2,}", text.strip())[2:] for text in lines[head + 1 :]] == [
        ["fence north", "1", "failed"],
        ["detach west", "1", "done"],
        ["promote database south", "1", "running"],
    ]
    assert any("fence north: failed north cannot be reached where: http://127.0.0.1:1" in text for text in lines[:head])


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 8)])
def test_no_frame_is_larger_than_its_terminal(width: int, height: int, journal: Journal) -> None:
    """However much has happened, a frame fits and shows the latest of it; older lines are cut rather than wrapped."""
    live = of_size(width, height)
    for number in range(50):
        live.tell(f"event {number} " + "long " * 50)
        live.hear(begin(journal, f"step {number} " + "long " * 50))
    lines = drawn(live, width, height)
    assert len(lines) < height
    assert all(len(text) <= width for text in lines)
    assert any("event 49" in text for text in lines)
    assert any("step 49" in text for text in lines)


def test_what_a_run_waits_for_now_is_whole_on_a_narrow_terminal() -> None:
    """The newest event is folded, so that its last word stands there, too; at the end each is."""
    live = of_size()
    for number in range(2):
        live.tell(f"waits: gate {number} is unknown: nobody answers; {'and ' * 20}last word {number}")
    now = " ".join(drawn(live))
    assert ("last word 0" in now, "last word 1" in now) == (False, True)
    live._ended = True
    then = " ".join(drawn(live))
    assert ("last word 0" in then, "last word 1" in then) == (True, True)


def test_the_last_frame_shows_everything_and_gives_the_terminal_back(journal: Journal) -> None:
    """After the end, also by Ctrl-C, all events and steps stand on the screen, and the cursor is visible again."""
    live = of_size(80, 8)
    for number in range(20):
        live.tell(f"event {number}")
        live.hear(begin(journal, f"step {number}"))
    with pytest.raises(KeyboardInterrupt), live:
        raise KeyboardInterrupt
    file = live._console.file
    assert isinstance(file, Screen)
    last = file.getvalue()
    assert all(f"event {number}" in last and f"step {number} " in last for number in range(20))
    assert last.rindex("\x1b[?25h") > last.rindex("\x1b[?25l")
    assert last.rindex("\x1b[?25h") > last.rindex("step 19")


def test_handing_a_record_over_draws_nothing(journal: Journal) -> None:
    """The orchestrator only appends to a list; what it hands over is drawn by another thread."""
    live = of_size()
    live.tell("event")
    live.hear(begin(journal, "step"))
    file = live._console.file
    assert isinstance(file, Screen)
    assert file.getvalue() == ""


def test_clients_are_shown_as_they_are_served(tmp_path: Path) -> None:
    """All outcomes are counted; the last second is judged by itself, and no more once the clients have stopped."""
    ledger, working = tmp_path / "ledger.jsonl", [True]
    view = ClientsView(ledger, lambda: working[0])
    assert view.text(100.0).plain == "clients: none yet"
    ledger.write_text("".join(line(entry(n, 100.0)) for n in range(3)))
    assert view.text(100.5).plain == "clients: 3 ok, 0 fail, 0 info; last second: 100% ok of 3"
    with ledger.open("a") as file:
        file.write(line(entry(3, 101.9)) + line(entry(4, 101.9, Outcome.FAIL)) + '{"id": "torn')
    assert view.text(102.0).plain == "clients: 4 ok, 1 fail, 0 info; last second: 50% ok of 2"
    assert view.text(104.0).plain == "clients: 4 ok, 1 fail, 0 info; last second: no answer"
    working[0] = False
    assert view.text(104.0).plain == "clients: 4 ok, 1 fail, 0 info"


def test_a_tail_gives_each_whole_line_once(tmp_path: Path) -> None:
    """A line that is still being written comes when it is whole; nothing comes twice."""
    tail = Tail(tmp_path / "ledger.jsonl")
    assert tail.new() == ()
    first, second = line(entry(1, 1.0)), line(entry(2, 2.0))
    with (tmp_path / "ledger.jsonl").open("a", buffering=1) as file:
        file.write(first + second[:9])
        file.flush()
        assert [one.id for one in tail.new()] == ["r-1"]
        file.write(second[9:])
        file.flush()
        assert [one.id for one in tail.new()] == ["r-2"]
    assert tail.new() == ()


@pytest.mark.parametrize(
    ("terminal", "environment", "kind"),
    [
        (True, {"TERM": "xterm"}, LiveTimeline),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, Timeline),
        (True, {"TERM": "dumb"}, Timeline),
        (True, {}, Timeline),
        (False, {"TERM": "xterm"}, Timeline),
    ],
)
def test_only_a_terminal_that_can_draw_is_drawn_on(
    *, terminal: bool, environment: dict[str, str], kind: type[Timeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, `NO_COLOR`, `TERM=dumb` and no `TERM` get plain lines."""
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", Screen() if terminal else io.StringIO())
    with timeline() as told:
        assert type(told) is kind


def test_lines_tell_what_live_shows(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal each ended step, decision and stop is one line with its time; no control codes."""
    with Timeline() as told:
        told.tell("steady")
        told.hear(begin(journal, "fence north"))
        told.hear(end(journal, "fence north", "failed", "no\n  where: there"))
        told.hear(journal.append(RecordKind.DECISION, {"name": "target", "value": "south", "reason": "ahead"}))
        told.hear(journal.append(RecordKind.STUCK, {"stage": "open", "why": "no progress"}))
    lines = [text.partition(" s  ")[2] for text in capsys.readouterr().err.splitlines()]
    assert lines == [
        "steady",
        "fence north: failed no where: there",
        "decided target = south (ahead)",
        "stuck: stage open, why no progress",
    ]


def test_who_waits_is_told_once_what_for(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """The same reason is one line however often it is asked again; another one is told."""

    def waits(why: str) -> Record:
        return journal.append(RecordKind.RESULT, {"step": "health a", "outcome": "waiting", "waiting": why})

    with Timeline() as told:
        for why in ("no answer", "no answer", "503", "no answer"):
            told.hear(waits(why))
    lines = [text.partition(" s  ")[2] for text in capsys.readouterr().err.splitlines()]
    assert lines == [f"health a: waiting {why}" for why in ("no answer", "503", "no answer")]


class Gone(io.StringIO):
    """A pipe whose reader has gone, or a terminal that was closed."""

    def __init__(self, error: Callable[[], OSError]) -> None:
        super().__init__()
        self._error = error

    def write(self, _text: str) -> int:
        raise self._error()

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("error", [BrokenPipeError, lambda: OSError(5, "EIO")])
def test_a_terminal_that_is_gone_stops_no_run(
    error: Callable[[], OSError], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener never raises: the run goes on when nobody can see it any more."""
    monkeypatch.setattr(sys, "stderr", Gone(error))
    with Timeline() as plain:
        plain.hear(end(journal, "step", "done"))
    live = of_size()
    with live:
        live._console.file = Gone(error)
        live.hear(begin(journal, "step"))
