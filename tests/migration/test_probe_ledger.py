"""How long nobody was answered, from what probes and clients wrote down; what nobody knows is never fine."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.probe_ledger import GAP_S, ClientLedger, Ledger, Line, Stream
from migration.probes import RATE_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PERIOD_S = 1 / RATE_PER_S


def stream(ok: Sequence[bool | None]) -> Stream:
    """Probes ten a second; None: that one was not sent."""
    made = Stream(PERIOD_S)
    for place, each in enumerate(ok):
        if each is not None:
            made.add(place / RATE_PER_S, ok=each)
    return made


def line(from_s: float, ok: list[bool], kind: str = "read", last: int = 0) -> str:
    """A line of a ledger."""
    took = tuple(0.01 if each else None for each in ok)
    side = tuple("v10" if each else "" for each in ok)
    return Line(from_s=from_s, kind=kind, took_s=took, side=side, last=last).model_dump_json() + "\n"


@pytest.mark.parametrize(
    ("ok", "least_s", "most_s", "unknown_s"),
    [
        ([True] * 50, 0.0, 0.0, 0.0),
        ([True] * 10 + [False] * 10 + [True] * 10, 1.0, 1.0, 0.0),
        ([True] * 10 + [False] * 10, 1.0, 1.0, 0.0),
        ([False] * 11, 1.0, 1.0, 0.0),
        ([True] * 10 + [None] * 400 + [True] * 10, 0.0, 40.0, 40.1),
        ([True] * 10 + [False] * 5 + [None] * 400 + [False] * 5 + [True] * 10, 0.5, 41.0, 40.1),
    ],
)
def test_certain_failure_and_what_nobody_knows_are_two_figures(
    ok: list[bool | None], least_s: float, most_s: float, unknown_s: float
) -> None:
    """A gap in the ledger is no failure, and it is not fine either."""
    seen = stream(ok)
    assert seen.failing_s == pytest.approx(least_s, abs=1e-6)
    assert seen.without_s == pytest.approx(most_s, abs=1e-6)
    assert seen.unasked_s == pytest.approx(unknown_s, abs=1e-6)


@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=300), st.data())
def test_what_was_over_before_a_moment_does_not_count_and_what_reaches_beyond_it_does(
    ok: list[bool | None], data: st.DataObject
) -> None:
    """From there on figures are those of the requests since, and of a stretch that began before; later ones as ever."""
    place = data.draw(st.integers(1, len(ok) - 1))
    counted, whole = Stream(PERIOD_S, counts_from_s=place / RATE_PER_S - PERIOD_S / 2), Stream(PERIOD_S)
    for at, each in enumerate(ok):
        if each is not None:
            counted.add(at / RATE_PER_S, ok=each)
            whole.add(at / RATE_PER_S, ok=each)
    after = stream([None] * place + ok[place:])
    assert after.failing_s - 1e-6 <= counted.failing_s <= whole.failing_s + 1e-6
    if ok[place] and ok[place - 1]:
        assert counted.failing_s == pytest.approx(after.failing_s, abs=1e-6)
        assert counted.without_s == pytest.approx(after.without_s, abs=1e-6)
    assert whole.failing_since_s(-1) == pytest.approx(whole.failing_s, abs=PERIOD_S + 1e-6)


def test_an_outage_that_is_over_is_in_the_lately_of_its_window_alone() -> None:
    """31 s of failure: seen while it reaches into the time asked for, not later, nor if counting began after."""
    seen = stream([True] * 10 + [False] * 310 + [True] * 400)
    assert seen.failing_s == pytest.approx(31.0)
    assert seen.failing_since_s(31.0) == pytest.approx(31.0)
    assert seen.failing_since_s(32.5) == 0
    lasting = stream([True] * 10 + [False] * 310)
    assert lasting.failing_since_s(31.9) == pytest.approx(31.0)
    later = Stream(PERIOD_S, counts_from_s=40.0)
    for at, ok in enumerate([True] * 10 + [False] * 310 + [True] * 400):
        later.add(at / RATE_PER_S, ok=ok)
    assert (later.failing_s, later.without_s, later.unasked_s) == (0, pytest.approx(0, abs=1e-6), 0)


def test_a_clock_set_back_behind_the_first_step_forgets_nothing() -> None:
    """What counts goes on to count, although it is dated before the moment from which it does."""
    seen = Stream(PERIOD_S, counts_from_s=1_000.0)
    for at in range(50):
        seen.add(1_000.0 + at / RATE_PER_S, ok=False)
    for at in range(400):
        seen.add(500.0 + at / RATE_PER_S, ok=False)
    assert seen.failing_s == pytest.approx(39.9)


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=300))
def test_the_two_figures_bound_every_interruption(ok: list[bool | None]) -> None:
    """At most: the longest time between two successes, counted afresh; at least: no more, and without gaps the same."""
    seen = stream(ok)
    dues = [place / RATE_PER_S for place, each in enumerate(ok) if each is not None]
    if not dues:
        return
    successes = [place / RATE_PER_S for place, each in enumerate(ok) if each]
    inner = [after - before - PERIOD_S for before, after in pairwise([dues[0], *successes])]
    expected = max([0.0, *inner, dues[-1] - (successes[-1] if successes else dues[0])])
    assert seen.without_s == pytest.approx(expected, abs=1e-6)
    assert seen.failing_s <= seen.without_s + PERIOD_S + 1e-6
    gaps = [after - before for before, after in pairwise(dues) if after - before > GAP_S + 1e-9]
    assert seen.unasked_s == pytest.approx(sum(gaps), abs=1e-6)
    if None not in ok:
        assert seen.failing_s == pytest.approx(seen.without_s, abs=1e-6)
    assert seen.without_since_s(dues[0] - 1) <= max(expected, GAP_S) + 1e-6


def test_a_ledger_that_grows_is_read_once_and_a_torn_line_is_a_gap(tmp_path: Path) -> None:
    """A half line waits for its end; one that was cut off by a crash leaves a gap, and what follows counts."""
    file = tmp_path / "west.jsonl"
    ledger = Ledger(file, keep_s=60)
    with pytest.raises(FileNotFoundError):
        ledger.read_on()
    whole = line(100.0, [True] * 10)
    file.write_text(whole + line(100.0, [True] * 10, "write") + whole[:40])
    ledger.read_on()
    assert (ledger.sent, ledger.ok, ledger.last_s) == (20, 20, pytest.approx(100.9))
    with file.open("a") as out:
        out.write("\n" + line(105.0, [True] * 10) + line(105.0, [True] * 5 + [False] * 5, "write"))
    ledger.read_on()
    ledger.read_on()
    assert (ledger.sent, ledger.ok) == (40, 35)
    read, write = ledger.streams["read"], ledger.streams["write"]
    assert (read.unasked_s, read.failing_s) == (pytest.approx(4.1), 0)
    assert (write.unasked_s, write.failing_s) == (pytest.approx(4.1), pytest.approx(0.5))
    assert {probe.side for probe in ledger.recent()} == {"v10", ""}


def test_a_client_ledger_counts_failures_and_takes_silence_for_no_request(tmp_path: Path) -> None:
    """From the first failure to the next success; a client that asks rarely is not interrupted in between."""
    file = tmp_path / "client.jsonl"
    said = [(0.0, "ok"), (60.0, "ok"), (70.0, "info"), (75.0, "fail"), (82.0, "ok"), (81.0, "fail"), (200.0, "ok")]
    file.write_text("".join(json.dumps({"intended_s": at, "outcome": how, "id": "x"}) + "\n" for at, how in said))
    ledger = ClientLedger(file)
    ledger.read_on()
    assert (ledger.stream.failing_s, ledger.stream.last_s, ledger.stream.unasked_s) == (12.0, 200.0, 0.0)


@pytest.mark.parametrize("broken", ["{}", "torn", '{"intended_s": NaN, "outcome": "fail"}', "[]"])
def test_a_broken_line_of_a_client_is_said_at_every_look(tmp_path: Path, broken: str) -> None:
    """What follows it is not known, today or later: a ledger that once was no evidence does not become one."""
    file = tmp_path / "client.jsonl"
    out = [json.dumps({"intended_s": float(at), "outcome": "fail"}) for at in range(100)]
    file.write_text("\n".join([json.dumps({"intended_s": 0.0, "outcome": "ok"}), broken, *out]) + "\n")
    ledger = ClientLedger(file)
    for at in range(3):
        with pytest.raises(ValueError, match="without `intended_s`"):
            ledger.read_on()
        with file.open("a") as more:
            more.write(json.dumps({"intended_s": 100.0 + at, "outcome": "ok"}) + "\n")


def test_a_client_ledger_may_have_any_text_within_a_line(tmp_path: Path) -> None:
    """A line ends where the file says so, not at what Unicode takes for one."""
    file = tmp_path / "client.jsonl"
    file.write_text('{"intended_s": 1.0, "outcome": "ok", "why": "a\u2028b"}\n', encoding="utf-8")
    ledger = ClientLedger(file)
    ledger.read_on()
    assert ledger.stream.seen == 1


def test_a_clock_set_back_hides_no_outage_after_it(tmp_path: Path) -> None:
    """An hour back, then 300 s of nothing but failures: those count; the step is a gap; what is kept is of now."""
    file = tmp_path / "west.jsonl"
    before = [line(10_000.0 + second, [True] * 10, kind) for second in range(60) for kind in ("read", "write")]
    after = [line(6_460.0 + second, [False] * 10, kind) for second in range(300) for kind in ("read", "write")]
    file.write_text("".join(before + after))
    ledger = Ledger(file, keep_s=60)
    ledger.read_on()
    for seen in ledger.streams.values():
        assert seen.failing_s == pytest.approx(299.9, abs=0.01)
        assert seen.last_s == pytest.approx(6_759.9)
        assert seen.unasked_s == pytest.approx(3_599.9, abs=0.01)
        assert seen.without_s == pytest.approx(3_599.9 + 299.9, abs=0.01)
        assert seen.without_since_s(6_700.0) == pytest.approx(3_599.9 + 299.9, abs=0.01)
    assert {probe.ok for probe in ledger.recent()} == {False}


@given(step_s=st.floats(2, 10_000), down=st.integers(0, 100), well=st.integers(1, 100))
def test_a_step_of_the_clock_is_unknown_for_its_length_and_then_over(step_s: float, down: int, well: int) -> None:
    """What failed on each side of it is counted by itself, and success after it ends what lay open."""
    seen = stream([True] + [False] * down)
    back_s = seen.last_s - step_s
    for place, ok in enumerate([False] * down + [True] * well):
        seen.add(back_s + place * PERIOD_S, ok=ok)
    assert seen.failing_s == pytest.approx(max(0, down) * PERIOD_S, abs=PERIOD_S + 1e-6)
    assert seen.unasked_s == pytest.approx(step_s, abs=1e-6)
    assert seen.without_s == pytest.approx(step_s + (2 * down - 1) * PERIOD_S, abs=2 * PERIOD_S)
    ended_s = back_s + down * PERIOD_S
    assert seen.without_since_s(ended_s + 1e-3) <= (well - 1) * PERIOD_S + 1e-6


def test_a_clients_clock_set_back_begins_it_anew_and_a_late_line_does_not() -> None:
    """A request that waited a minute is written behind others; an hour behind them it is after the step."""
    seen = Stream(0.0)
    for due_s, ok in ((1000.0, True), (1061.0, True), (1000.5, False), (1062.0, True)):
        seen.add(due_s, ok=ok)
    assert seen.failing_s == 0.0
    assert seen.last_s == 1062.0
    for due_s in range(50):
        seen.add(float(due_s), ok=False)
    assert seen.failing_s == 49.0
    assert seen.last_s == 49.0
