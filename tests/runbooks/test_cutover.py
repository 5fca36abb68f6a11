"""`aurops cutover`: what a file's mistakes look like, and who hears of a run."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aurops import execution, webhook
from aurops.clock import RealClock
from aurops.errors import HeldError, UsageError
from aurops.gates import holds
from aurops.gates.signing import Signers
from aurops.journal import RecordKind
from aurops.runner import Ending, Result
from aurops.store import open_store
from migration import execute
from migration.cutover import PAST_NO_RETURN, ROLLED_BACK
from runbooks.cutover import _refuse_old_plan, _ways_on
from runbooks.cutover_reports import report_of
from runbooks.telling import listening
from runbooks.terminal import Timeline, ended
from tests.migration.cutovers import START, Scene, cutover
from tests.receivers import receiving
from tests.runbooks.here import here

ROOT = Path(__file__).parents[2]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What a webhook was told."""
    events: list[dict[str, object]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("AUROPS_WEBHOOK", f"http://127.0.0.1:{server.server_address[1]}/")
    yield events
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_told_what_the_terminal_is(
    heard: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Results, decisions and stops, in order, with the run and its service; intents are not news."""
    journal = execute.begin(open_store("memory://"), RealClock(), cutover(), Signers(""))
    with listening(Timeline(), journal) as hear:
        for kind, data in (
            (RecordKind.DECISION, {"name": "regions", "value": ["west"], "reason": "asked for"}),
            (RecordKind.INTENT, {"step": "prepare edge", "action": "prepare", "reason": "", "stage": "prepare"}),
            (RecordKind.RESULT, {"step": "phase 2 over", "outcome": "done"}),
        ):
            hear(journal.append(kind, data))  # type: ignore[arg-type]
    assert [event["text"] for event in heard if event["kind"] != "phase"] == [
        "regions = west (asked for)",
        "phase 2 over: done",
    ]
    assert {(event["service"], event["run"]) for event in heard} == {("ledger", journal.run)}
    assert "phase 2 over: done" in capsys.readouterr().err


def test_a_webhook_hears_of_each_phase_of_a_whole_cutover_once(
    heard: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight turns in order, though another runner takes it up in the middle; a hold, with who and why; the end."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    with listening(Timeline(), scene.open()) as hear:
        assert scene.go(hear).ending is Ending.AT_GATE
    scene.keeper.shut = frozenset()
    about = {"run": scene.journal.run, "reason": "look first", "who": "ann", "clock": scene.clock}
    holds.turn(scene.store, on=True, stage="", **about)  # type: ignore[arg-type]
    with listening(Timeline(), scene.open()) as hear:
        assert scene.once(hear).ending is Ending.AT_GATE
        holds.turn(scene.store, on=False, stage="", **about)  # type: ignore[arg-type]
        assert scene.go(hear).ending is Ending.DONE
    turns = [str(event["text"]).partition(":")[0] for event in heard if event["kind"] == "phase"]
    assert turns == [f"phase {number} {turn}" for number in (1, 2, 3, 4) for turn in ("begins", "ends")]
    assert sum("ann holds it since" in str(event["text"]) for event in heard) == 1
    assert (heard[-2]["text"], heard[-1]["kind"], heard[-1]["text"]) == ("phase 4 ends", "finished", "outcome done")
    assert "the webhook" not in capsys.readouterr().err


def test_a_webhook_that_hangs_or_is_gone_holds_nothing_up_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole cutover ends before the receiver has answered anything; the terminal is told once, without the URL."""
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(webhook, "RETRY_AFTER_S", (0.0, 0.0))
    with receiving() as hook:
        hook.go.clear()
        monkeypatch.setenv("AUROPS_WEBHOOK", f"{hook.url}secret")
        scene = Scene()
        with listening(Timeline(), scene.open()) as hear:
            assert scene.go(hear).ending is Ending.DONE
            assert hook.got == []
    monkeypatch.setenv("AUROPS_WEBHOOK", "http://127.0.0.1:9/secret")
    with listening(Timeline(), scene.open()) as hear:
        hear(scene.open().records[-1])
    said = [line for line in capsys.readouterr().err.splitlines() if "the webhook at 127.0.0.1 does not get" in line]
    assert len(said) == 2
    assert not any("secret" in line for line in said)


def test_a_wrong_file_is_refused_by_key_and_nothing_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such file, no YAML, a wrong key, a wrong kind of gate: exit 2, file and key, no run."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    file = tmp_path / "cutover.yaml"
    assert here("cutover", str(file)) == 2
    assert "No such file" in capsys.readouterr().err
    document = cutover().model_dump(mode="json", by_alias=True)
    gates = document["gates"] | {"prepare": [{"kind": "http", "name": "dash", "urls": "https://x", "url": "https://x"}]}
    for changed, where in (
        ("steps: [", "line 1"),
        (json.dumps(document | {"setps": [100]}), "cutover.yaml: setps"),
        (json.dumps(document | {"gates": gates}), "cutover.yaml: gates.prepare.0.http.urls"),
    ):
        file.write_text(changed)
        for command in (["cutover", str(file)], ["cutover", "release", str(file)], ["cutover", str(file), "--dry-run"]):
            assert here(*command) == 2
            assert where in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_run_whose_plan_is_taken_no_more_is_refused_by_its_key_and_in_no_new_plans_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun by an aurops that asked for less: exit 2, which key and how to go on; a new plan is another than that."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    store, plan = open_store(str(tmp_path / "store")), cutover().model_dump(mode="json", by_alias=True)
    del plan["page"]
    arguments = {"cutover": plan, "signers": Signers("").arguments(), "releases": False}
    run = execution.begin(store, RealClock(), "cutover", arguments).run
    for command in (["runs", "resume", run], ["cutover", "report", run, "--json"]):
        assert here(*command) == 2
        said = capsys.readouterr().err
        assert "'page' is missing" in said
        assert "the plan in the run's first record: page" in said
        assert "`aurops rollback` needs no plan" in said
    _refuse_old_plan(cutover(), store)
    execute.begin(store, RealClock(), cutover(), Signers(""))
    later = (START + timedelta(days=1)).isoformat()
    for same in (cutover(), cutover(start=later)):
        with pytest.raises(UsageError, match="not a new one"):
            _refuse_old_plan(same, store)
    _refuse_old_plan(cutover(start=later, because="orders were read from a stale replica; it is gone"), store)


def test_a_second_cutover_of_a_service_does_not_overtake_one_that_is_under_way() -> None:
    """Refused by its run and with both ways on, until that has ended; one of another service is in nobody's way."""
    store, plan = open_store("memory://"), cutover()
    execute.refuse_second(plan, store, RealClock())
    first = execute.begin(store, RealClock(), plan, Signers(""))
    execute.refuse_second(plan, store, RealClock())
    first.append(RecordKind.TAKEN, {"epoch": 1}, epoch=1)
    with pytest.raises(UsageError, match="is under way") as refused:
        execute.refuse_second(plan, store, RealClock())
    assert refused.value.where == f"run {first.run}"
    assert f"aurops runs abort {first.run}" in str(refused.value.next_step)
    execute.refuse_second(cutover(service="another"), store, RealClock())
    first.append(RecordKind.FINISHED, {"outcome": "aborted"}, epoch=1)
    execute.refuse_second(plan, store, RealClock())


def test_of_two_cutovers_that_were_begun_in_one_moment_one_goes_on() -> None:
    """Neither had acted when the other was begun: the second is refused under the lease, and the first goes on."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    first, second = scene.journal, scene.begin()
    assert scene.execute().ending is Ending.AT_GATE
    scene.journal = second
    with pytest.raises(UsageError, match="is under way; a second one would overtake it") as refused:
        scene.execute()
    assert refused.value.where == f"run {first.run}"
    assert not scene.history().epoch
    scene.journal = first
    assert scene.execute().ending is Ending.AT_GATE


@pytest.mark.parametrize(
    ("result", "way", "never"),
    [
        (Result(Ending.HELD, f"west-1 {ROLLED_BACK} ann: panic"), "aurops cutover release FILE", "runs resume"),
        (Result(Ending.VIOLATION, "west-1 past its gates"), "aurops cutover release FILE", "local status"),
        (Result(Ending.VIOLATION, f"west-1 is back; {PAST_NO_RETURN}"), "mend V11, then aurops runs resume", "local"),
        (Result(Ending.AT_GATE, "data equal is unknown"), "--wait", "cutover release"),
    ],
)
def test_whoever_finds_a_cutover_stopped_is_told_the_ways_that_it_has(result: Result, way: str, never: str) -> None:
    """A run that was rolled back is not to be resumed, and none is about regions that can write."""
    with pytest.raises(HeldError) as caught:
        ended("r1", result, ways=_ways_on("r1", result))
    assert way in str(caught.value.next_step)
    assert never not in str(caught.value.next_step)


def test_a_release_says_what_was_found_and_people_see_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `because` no release is begun (exit 2); with it the plan that people approve, and the report, show it."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    (tmp_path / "allowed_signers").write_text("")
    file = tmp_path / "cutover.yaml"
    for because, refused in ((None, True), (" ", True), ("a stale replica; it is gone", False)):
        document = cutover().model_dump(mode="json", by_alias=True) | ({"because": because} if because else {})
        file.write_text(json.dumps(document))
        assert here("cutover", "release", str(file), "--dry-run") == 2
        plan, said = capsys.readouterr()
        assert ("says what was found and mended since" in said) is refused
        assert ("after a rollback, because: a stale replica; it is gone" in plan) is not refused
    journal = execute.begin(
        open_store("memory://"), RealClock(), cutover(because="a stale replica"), Signers(""), releases=True
    )
    assert "It followed a rollback, because: a stale replica" in report_of(journal).notes


def test_a_dry_run_says_when_each_gate_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    """Limit and query, soak and what it contains, window and what must be left; the same gate again by its name."""
    here("cutover", str(ROOT / "docs/runbooks/cutover.yaml"), "--dry-run")
    plan = capsys.readouterr().out
    assert max(map(len, plan.splitlines())) <= 120
    flat = " ".join(plan.split())
    for clause in (
        'prometheus `V10 warm`: at least 0.9: min(rocksdb_block_cache_hit_ratio{side="v10"})',
        "capacity `V10 of west takes the peak`: https://load-tests.example/v10/west/requests-per-s is at least 1.2",
        'max_over_time(sum(rate(requests_total{region="north"}[5m]))[1d:1m]), in requests/s',
        'prometheus `errors of V11`: at most 0.001: sum(rate(errors_total{side="v11"}[1m])) / sum(',
        "soak `well`: 420 s without a break, looked at every 30 s: errors of V11, V10 warm, V10 of",
        "takes the peak, interruption of every region, a watcher beside every proxy",
        "window `night`: sat sun 22:00 to 04:00 Europe/Berlin, with 7200 s left, but in no freeze (holidays, sale)",
        "sat sun 22:00 to 04:00 Europe/Berlin, with 420 s left",
        "time `probes begin`: from 2027-01-16 21:58:00 +0100 on",
        "approval `two of three`: 2 of sre-1@example.com, sre-2@example.com, data-owner@example.com, each good for",
        "closed over 120 s",
        "port `west answers`: west failed to answer for no more than 3 s at a time, in the last 30 s and since traffic",
        "as above: soak `well`, window `night`",
    ):
        assert clause in flat, clause


def test_the_sample_can_be_read_anywhere_and_says_all_that_is_missing_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--dry-run` prints the whole plan, in the zone of its start, then every thing that keeps it from being begun."""
    monkeypatch.delenv("V11_DSN", raising=False)
    monkeypatch.chdir(ROOT)
    assert here("cutover", "docs/runbooks/cutover.yaml", "--dry-run") == 2
    plan, missing = capsys.readouterr()
    assert "2027-01-16 22:00:00 +0100  west 1%: V11 gets 1% of west" in plan
    assert "THE POINT OF NO RETURN" in plan
    assert {line.split()[2] for line in plan.splitlines() if line.startswith("  2027")} == {"+0100"}
    for what in ("V11_DSN", "ci/validate-v11", "sites.west-1", "sites.north-2"):
        assert what in missing
