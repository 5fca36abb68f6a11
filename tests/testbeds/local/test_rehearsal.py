"""What a plan becomes when it is rehearsed, and a rehearsal played to its end."""

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aurops.clock import ManualClock, RealClock
from aurops.errors import OutsideError, UsageError
from aurops.gates import soak
from aurops.gates.finding import Finding, State
from aurops.gates.quantity import CommandNumber
from aurops.gates.signing import Signers
from aurops.gates.spec import CapacityCheck, SoakGate
from aurops.history import History
from aurops.journal import Journal
from aurops.runner import Ending, Result
from aurops.store import open_store
from migration import execute
from migration.cutover_file import Cutover
from migration.outline import outline
from migration.probes import Probe, Request, Write
from testbeds.local.rehearsal.load import RATE_PER_S, Load, counted
from testbeds.local.rehearsal.play import SOCKETS, Played, _give_up, drive, play
from testbeds.local.rehearsal.script import DRAINED_S, LEAST_SOAK_S, STEP_S, Place, check_lasts, script
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.migration.cutovers import APPROVAL, ENOUGH, GATES, PROBE, WARM, cutover

PLACES = {
    name: Place(
        Path(f"/{name}.json"),
        f"http://{name}/v11",
        f"http://{name}/v10",
        Probe(read=Request(url=f"http://{name}/r"), write=Write(url=f"http://{name}/w")),
        CommandNumber(kind="command", argv=("cat", f"{name}-can-take")),
        CommandNumber(kind="command", argv=("cat", f"{name}-peak")),
    )
    for name in ("west-1", "north-1")
}
NOW = ManualClock().wall()
NIGHT = {"kind": "window", "name": "night", "windows": [{"from": "22:00", "to": "23:00"}]}
REGIONS = [
    {"name": "west", "proxies": ["west-1"], "probe": PROBE},
    {"name": "north", "proxies": ["north-1"], "probe": PROBE},
]
SITES = {"west-1": "w.json", "north-1": "n.json"}


def test_a_rehearsal_that_is_stopped_leaves_no_run_that_waits() -> None:
    """Its platforms go with it: the run ends as given up; one that came to its own end is left as it stands."""
    store = open_store("memory://")
    for stopped, ended in ((None, ""), (KeyboardInterrupt, "given up")):
        run = execute.begin(store, RealClock(), cutover(), Signers(""), about={"rehearsal": True}).run
        _give_up(run, store, stopped, None, None)
        assert History(Journal.open(store, run, RealClock()).records).finished == ended


def test_steps_regions_and_approvals_are_the_plans() -> None:
    """Times are shorter, places and checks are this machine's, and what is left out is said."""
    gates = GATES | {"traffic": [APPROVAL, NIGHT]}
    wanted = cutover(gates=gates, regions=REGIONS, sites=SITES, capacity=[WARM, ENOUGH | {"headroom": 1.5}])
    now = ManualClock().wall()
    made = script(wanted, PLACES, now, lasts_s=60)
    assert [part.name for part in outline(made.cutover)] == [part.name for part in outline(wanted)]
    assert made.people == ("ann",)
    from_operators = tuple(f"operator_hosts: the rollback from {host}" for host in ("ops-1", "ops-2"))
    left_out = ("prepare: command `dashboards`", "traffic: window `night`", "validate: command `suite`")
    assert made.left_out == (*left_out, *from_operators)
    assert made.cutover.operator_hosts == ()
    assert made.cutover.times.validate_s == 60 - STEP_S
    assert made.cutover.times.traffic_s == pytest.approx(60 * 2 / 72)
    assert LEAST_SOAK_S <= made.cutover.soak.for_s < 60 / 7
    assert made.cutover.sites == {"west-1": "/west-1.json", "north-1": "/north-1.json"}
    assert [region.probe.read.url for region in made.cutover.regions] == ["http://west-1/r", "http://north-1/r"]
    assert made.cutover.service == "rehearsal-ledger"
    *warm, west, north = made.cutover.capacity
    assert [check.name for check in warm] == ["V10 of west-1", "V10 of north-1"]
    for name, check in (("west", west), ("north", north)):
        assert isinstance(check, CapacityCheck)
        assert (check.name, check.headroom) == (f"V10 of {name} takes the peak", 1.5)
        assert (check.can_take, check.peak) == (PLACES[f"{name}-1"].can_take, PLACES[f"{name}-1"].peak)
    assert [gate.name for gate in made.cutover.gates.prepare] == ["V10 of west-1", "V10 of north-1"]
    assert [gate.name for gate in made.cutover.gates.validate_] == ["V11 of west-1", "V11 of north-1"]
    assert made.cutover.page.argv == ("true",)
    read = Cutover.model_validate(made.cutover.model_dump(mode="json", by_alias=True))
    assert read == made.cutover, "its run reads it back, by the same rules as any plan"


def test_a_plan_that_cannot_be_played_so_fast_is_refused_with_the_time_it_takes() -> None:
    """Before anything comes up; steps, soaks and drains fit into what is asked for."""
    wanted = cutover(regions=REGIONS, sites=SITES, times={"traffic_s": 7200, "validate_s": 7200})
    with pytest.raises(UsageError, match="cannot be played in 10 s: it has 7 steps with soaks") as refused:
        check_lasts(wanted, 10)
    assert refused.value.next_step == "--lasts 20.5"
    check_lasts(wanted, 20.5)
    for lasts_s in (20.5, 60, 540):
        made = script(wanted, PLACES, ManualClock().wall(), lasts_s=lasts_s).cutover
        takes_s = 7 * (made.soak.for_s + STEP_S - LEAST_SOAK_S) + 2 * (made.drain_s + DRAINED_S)
        assert takes_s <= lasts_s + 2 * made.drain_s


def test_without_ssh_keygen_nothing_is_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks it is told so at once, and not when platforms and load are up."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    told: list[str] = []
    with pytest.raises(OutsideError, match="no ssh-keygen") as refused:
        play(cutover(), open_store("memory://"), lasts_s=100_000, tell=told.append)
    assert refused.value.next_step == "apt-get install openssh-client"
    assert told == []


def test_a_soak_is_kept_where_one_look_takes_ten_seconds() -> None:
    """Two cores with other work on them: what takes longer than the soak itself is a look all the same."""
    made = script(cutover(steps=[1, 5, 10, 25, 50, 75, 100]), {**PLACES, "west-2": PLACES["west-1"]}, NOW, lasts_s=60)
    (well,) = {gate for part in outline(made.cutover) for gate in part.gates if isinstance(gate, SoakGate)}
    assert well.for_s == made.cutover.soak.for_s < 10
    found = None
    for at_s in (0, 10, 20):
        all_well = [Finding(check.name, check.kind, State.OPEN, "", "") for check in well.checks]
        found = soak.judge(well, found, all_well, NOW + timedelta(seconds=at_s))
        assert found.state is (State.OPEN if at_s else State.CLOSED), found.why


def test_a_rehearsal_that_stands_at_a_gate_ends_with_what_the_gate_says() -> None:
    """It is taken up again and again while people sign, and given up at its time: not passed, in the gate's words."""
    clock, taken_up, said = ManualClock(), list[float](), list[str]()
    shut = Result(Ending.AT_GATE, "well is closed: V11 of west-1: 503")

    def take_up() -> Result:
        taken_up.append(clock.now_s())
        return shut

    result = drive(take_up, lambda: len(taken_up) == 1, clock, clock.now_s() + 3, said.append)
    assert result is shut
    assert (len(taken_up), clock.now_s() - taken_up[0]) == (9, 3.5)
    assert set(said) == {f"waits: {shut.why}"}
    played = Played("run", shut, {}, {}, {}, {}, (), (), None)
    assert played.why_not == f"10 minutes after it should have been over it still stood at a gate: {shut.why}"


def test_load_is_counted_against_what_the_platforms_executed() -> None:
    """By proxy: what was acknowledged and nobody executed is lost; what was executed twice is twice."""
    said = {"http_reqs": 12, "written": 5, "not_answered": 2}
    executions = {"west-1-0": 1, "west-1-1": 2, "west-1-2": 1, "north-1-0": 3, "seed": 1}
    assert counted("west-1", said, executions) == Load(12, 2, 5, lost=2, twice=1)


def played(tmp_path: Path, lasts_s: float, **changes: object) -> dict[str, Any]:
    """What a rehearsal by command says; it passed."""
    file = tmp_path / "cutover.yaml"
    (tmp_path / "allowed_signers").write_text(f"ann {new_key(tmp_path / 'ann').with_suffix('.pub').read_text()}")
    file.write_text(json.dumps(cutover(**changes).model_dump(mode="json", by_alias=True)))
    command = [sys.executable, "-m", "runbooks", "cutover", str(file), "--rehearse", "--lasts", str(lasts_s), "--json"]
    env = {**os.environ, "AUROPS_STORE": str(tmp_path / "store"), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["why_not"] == ""
    for load in said["loads"].values():
        assert load["written"] > 100
        assert (load["not_answered"], load["lost"], load["twice"]) == (0, 0, 0)
    for sockets in said["sockets"].values():
        assert sockets == {"opened": SOCKETS, "closed": SOCKETS, "dropped": 0, "at_v11": SOCKETS}
    assert len(said["rollbacks_s"]) == 3
    assert len(list((tmp_path / "state" / "aurops" / "reports").glob("*-rehearsal-*.html"))) == 3
    return said


@needs_ssh_keygen
@pytest.mark.e2e
def test_a_rehearsal_moves_a_region_of_sample_platforms_and_loses_nothing(tmp_path: Path) -> None:
    """V10, gateway and V11, k6, probes, WebSockets: every request answered and every write executed once; drained."""
    said = played(tmp_path, 10, regions=REGIONS[:1], sites={"west-1": "w.json"}, steps=[100])
    assert said["interruption_s"]["west"] < 30
    capacity = said["capacities"]["west"]
    assert capacity["can_take_per_s"] > capacity["peak_per_s"] > 2 * RATE_PER_S
    findings = [
        check
        for record in Journal.open(open_store(str(tmp_path / "store")), said["run"], RealClock()).records
        for finding in record.data.get("findings", [])
        for check in (finding, *finding["evidence"].get("checks", []))
        if check["kind"] == "capacity"
    ]
    assert {check["evidence"]["can_take"]["value"] for check in findings} == {repr(capacity["can_take_per_s"])}
    peaks = {float(check["evidence"]["peak"]["value"]) for check in findings if check["state"] == "open"}
    assert 0 < min(peaks) <= max(peaks) <= capacity["peak_per_s"]


@needs_ssh_keygen
@pytest.mark.e2e
@pytest.mark.campaign
@pytest.mark.timeout(500)
def test_a_rehearsal_of_two_regions_and_three_proxies_passes_in_its_time(tmp_path: Path) -> None:
    """The steps of a real plan, one region after the other, two proxies side by side; within what was asked for."""
    regions = [{"name": "west", "proxies": ["west-1", "west-2"], "probe": PROBE}, REGIONS[1]]
    said = played(
        tmp_path, 90, regions=regions, sites={**SITES, "west-2": "w2.json"}, steps=[1, 5, 10, 25, 50, 75, 100]
    )
    assert said["lasted_s"] <= 90 * 1.2
