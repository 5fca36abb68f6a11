"""Gates of a whole cutover as a plan's file names them: on-call's word in phase 1, the validation suite in phase 3."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import ManualClock
from aurops.report import Verdict
from aurops.runner import Ending, Result
from migration import cutover_file
from migration.cutover_report import report
from tests.aurops.gates.metrics_server import TinyPrometheus
from tests.migration.cutovers import FILE, GATES, START, Scene, cutover
from tests.receivers import receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

DONE = Result(Ending.DONE)
ON_CALL = "on-call has acknowledged"
SUITE = """
import json, sys
wanted = json.load(open(sys.argv[1]))
wrong = [name for name, (v10, v11) in wanted.items() if v10 != v11]
print("differ: " + ", ".join(wrong) if wrong else "all equal")
raise SystemExit(bool(wrong))
"""


def at(scene: Scene, moment: datetime, between: Callable[[], None] = lambda: None) -> Result:
    """What a run waits for at a moment, and some minutes later, for a soak is over by then."""
    scene.clock.advance(max(0.0, (moment - scene.clock.wall()).total_seconds()))
    for _ in range(4):
        between()
        result = scene.once()
        scene.clock.advance(60)
    return result


def states(scene: Scene, stage: str) -> dict[str, str]:
    """How each gate of a stage was found last, as the report says."""
    return {gate.gate: gate.state for gate in report(scene.open().records, versions={}).gates if gate.stage == stage}


def test_phase_1_waits_for_on_calls_word_by_command(tmp_path: Path) -> None:
    """Not acknowledged: nothing is laid ready, and the run says what is missing; acknowledged it goes on to its end."""
    word = tmp_path / "acknowledged"
    on_call = {"kind": "command", "name": ON_CALL, "argv": ["test", "-e", str(word)]}
    scene = Scene(cutover(gates=GATES | {"prepare": [*GATES["prepare"], on_call]}))
    scene.keeper.asked = frozenset({ON_CALL})
    held = at(scene, START - timedelta(days=1))
    assert (held.ending, held.why) == (Ending.AT_GATE, f"{ON_CALL} is closed: `test -e {word}` ended with 1")
    assert not any(proxy.prepared for proxy in scene.proxies.proxies.values())
    assert states(scene, "prepare") == {
        "phase 1": "open",
        "data equal": "open",
        "dashboards": "open",
        ON_CALL: "closed",
    }
    assert at(scene, START).why == held.why
    word.write_text("")
    assert scene.go() == DONE
    assert states(scene, "prepare")[ON_CALL] == "open"


def test_phase_1_waits_for_on_calls_word_by_http() -> None:
    """A pager that says 404 until somebody has acknowledged; while it does not answer at all, nobody has."""
    with receiving() as pager:
        on_call = {"kind": "http", "name": ON_CALL, "url": pager.url, "timeout_s": 1}
        scene = Scene(cutover(gates=GATES | {"prepare": [on_call]}))
        pager.status = 404
        assert at(scene, START - timedelta(days=1)).why == f"{ON_CALL} is closed: {pager.url} answers 404, not 200"
        pager.go.clear()
        assert scene.go().why == f"{ON_CALL} is unknown: no answer within 1 s"
        pager.go.set()
        assert not any(proxy.prepared for proxy in scene.proxies.proxies.values())
        pager.status = 200
        assert scene.go() == DONE


@pytest.fixture
def prometheus() -> Iterator[TinyPrometheus]:
    """A server of the scene's time."""
    with TinyPrometheus(ManualClock()) as tiny:
        yield tiny


def suite(folder: Path, prometheus: TinyPrometheus) -> Scene:
    """A cutover by a file whose `gates.validate` are a whole suite; all of it is asked as on the day."""
    (folder / "suite.py").write_text(SUITE)
    script = [sys.executable, str(folder / "suite.py")]
    validate: list[dict[str, Any]] = [
        {"kind": "command", "name": "none pending", "argv": [*script, str(folder / "pending.json")]},
        {"kind": "command", "name": "assets equal", "argv": [*script, str(folder / "assets.json")]},
        {
            "kind": "prometheus",
            "name": "p99 against the baseline",
            "url": prometheus.url,
            "query": "p99_to_baseline",
            "value": {"at_most": 1.1},
        },
        {"kind": "approval", "name": "sign-off", "need": 1, "of": ["ann"]},
    ]
    plan = folder / "cutover.json"
    (folder / "allowed_signers").write_text("")
    plan.write_text(json.dumps(FILE | {"gates": GATES | {"validate": validate}}))
    read, signers = cutover_file.read(plan)
    scene = Scene(read, clock=prometheus.clock, signers=signers)
    scene.keeper.asked = frozenset({"none pending", "assets equal"})
    return scene


def write(folder: Path, pending: tuple[int, int], gold: tuple[int, int], silver: tuple[int, int]) -> None:
    """What the suite compares."""
    (folder / "pending.json").write_text(json.dumps({"pending": pending}))
    (folder / "assets.json").write_text(json.dumps({"gold": gold, "silver": silver}))


def test_a_validation_suite_that_fails_holds_phase_3_by_name_until_it_passes(
    tmp_path: Path, prometheus: TinyPrometheus
) -> None:
    """Pending, assets, performance: each is named with its words, in the report too; nothing moves; then it goes on."""
    scene = suite(tmp_path, prometheus)
    write(tmp_path, pending=(0, 2), gold=(9, 9), silver=(7, 6))
    stage, all_on_v11 = "phase 3 over", {"west-1": 10_000, "west-2": 10_000, "north-1": 10_000}
    scene.go()  # up to where only time helps, and it does not: the suite does not pass yet

    def after(p99: float) -> Result:
        return at(scene, START + timedelta(hours=72), lambda: prometheus.add("p99_to_baseline", p99))

    held = after(1.3)
    assert held.ending is Ending.AT_GATE
    for said in (
        "none pending is closed: ",
        "ended with 1: differ: pending",
        "assets equal is closed: ",
        "ended with 1: differ: silver",
        "p99 against the baseline is closed: 1.3 is not at most 1.1",
    ):
        assert said in held.why, held.why
    assert scene.weights() == all_on_v11
    shown = report(scene.open().records, versions={})
    assert (shown.verdict, shown.because) == (
        Verdict.OPEN,
        f"Waits before {stage}: none pending, assets equal, p99 against the baseline.",
    )
    for said in ("differ: silver", "differ: pending", "1.3 is not at most 1.1"):
        assert said in shown.to_html()

    write(tmp_path, pending=(0, 0), gold=(9, 9), silver=(7, 6))
    held = after(1.0)
    assert "assets equal is closed" in held.why
    assert "pending" not in held.why
    assert "p99" not in held.why
    assert not scene.data.fenced, "V10 is not fenced before phase 3 is over"

    write(tmp_path, pending=(0, 0), gold=(9, 9), silver=(7, 7))
    scene.keeper.shut = frozenset({"sign-off"})
    assert after(1.0).why == "sign-off is closed: the test says so", "whatever passes, people sign off"
    scene.keeper.shut = frozenset()
    after(1.0)
    assert scene.go() == DONE
    assert set(states(scene, stage).values()) == {"open"}
    assert scene.data.fenced


def test_data_that_is_not_equal_any_more_holds_phase_3_whatever_the_suite_says(
    tmp_path: Path, prometheus: TinyPrometheus
) -> None:
    """The port is asked besides the suite of the plan: three that differ, and no hand-over."""
    scene = suite(tmp_path, prometheus)
    write(tmp_path, pending=(0, 0), gold=(9, 9), silver=(7, 7))

    def hear(record: Any) -> None:
        if record.data.get("step") == "phase 2 over":
            scene.data.different = 3
        if record.data.get("stage") == "phase 3 over":
            prometheus.add("p99_to_baseline", 1.0)

    held = scene.go(hear)
    assert "data equal is closed: 12 compared, 9 equal, 0 in flight, 3 different" in held.why
    assert not scene.data.fenced
