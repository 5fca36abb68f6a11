"""Approving, holding, releasing, and looking at gates, by command and with real keys."""

import json
import subprocess
from pathlib import Path

import pytest

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.gates import holds
from aurops.gates.finding import Finding, State
from aurops.gates.keeper import Keeper, Spot
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate, Gate, HoldGate
from aurops.gates.steps import ACTION, answer, gate_step, name, spot
from aurops.history import History
from aurops.journal import Journal, RecordKind
from aurops.ports import not_connected
from aurops.requests import pending
from aurops.store import Store, open_store
from migration import execute
from runbooks.words import said
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.migration.cutovers import cutover
from tests.runbooks.here import here
from tests.traffic.sites import platforms
from traffic import hold
from traffic.file_driver import FileDriver
from traffic.folder import Latch

APPROVAL = ApprovalGate(kind="approval", name="two", need=2, of=("ann", "bob"))
BY_HAND = HoldGate(kind="hold", name="by hand", reason="look first")


class Waiting:
    """A run that waits before `west 5%`, and three people with keys; eve is not asked."""

    def __init__(self, folder: Path, gates: tuple[Gate, ...]) -> None:
        self.folder, self.gates, self.clock = folder, gates, RealClock()
        self.store = open_store(str(folder / "store"))
        people = ("ann", "bob", "eve")
        self.keys = {who: new_key(folder / who) for who in people}
        self.signers = Signers("".join(f"{who} {(folder / f'{who}.pub').read_text()}" for who in people))
        far = dict.fromkeys(cutover().sites, "edge-host")
        plan = cutover().model_copy(update={"proxy_hosts": far})
        self.journal = execute.begin(self.store, self.clock, plan, self.signers)
        self.journal.append(RecordKind.DECISION, {"name": "regions", "value": ["west", "north"], "reason": "asked for"})
        self.run = self.journal.run
        self.look()

    @property
    def spot(self) -> Spot:
        records = self.journal.records
        return spot(records, History(records), "west 5%", self.gates)

    def look(self) -> tuple[Finding, ...]:
        """The run looks at its gates, as the runner journals it."""
        step = gate_step("west 5%", self.gates, History(self.journal.records), self.clock.wall(), behind=())
        intent = {"stage": "s", "step": step.name, "action": ACTION, "reason": "", "arguments": dict(step.arguments)}
        self.journal.append(RecordKind.INTENT, intent)
        findings = Keeper(self.store, self.clock, self.signers, not_connected(self.clock)).look(self.spot)
        made = answer(findings)
        result = {"step": step.name, "outcome": "waiting" if made.shut else "done", **made.data}
        self.journal.append(RecordKind.RESULT, result)
        return findings

    def approve(self, who: str, *more: str) -> int:
        return here("approve", self.run, "--yes", "--key", str(self.keys[who]), "--reason", "checked", *more)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the commands use."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def waiting(tmp_path: Path, store: Store) -> Waiting:
    """Before an approval of two."""
    del store
    return Waiting(tmp_path, (APPROVAL,))


@needs_ssh_keygen
def test_two_people_approve_and_the_gate_opens(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is told what is signed, and by which key it counted; the run's next look finds the gate open."""
    assert waiting.approve("ann", "--reason", "checked the dashboards") == 0
    told = capsys.readouterr()
    assert f"plan       sha256 {waiting.spot.binding.goal}" in told.err
    assert "decided    regions = west north" in told.err
    assert "approved by ann (key SHA256:" in told.out
    assert "two: 1 of 2 approvals; asked: bob" in told.out
    assert waiting.approve("bob", "--json") == 0
    said_ = json.loads(capsys.readouterr().out)
    assert (said_["who"], said_["stage"], said_["gates"][0]["state"]) == ("bob", "west 5%", "open")
    (found,) = waiting.look()
    assert found.state is State.OPEN
    assert said(waiting.journal.records[-1]) == "gates of west 5%: two open (2 of 2 approvals: ann, bob)"


@needs_ssh_keygen
def test_an_approval_that_would_not_count_is_refused_at_once(
    waiting: Waiting, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wrong person, a second time, another stage: exit 4 or 2, the reason, and nothing is left."""
    assert waiting.approve("eve") == 4
    assert "it is signed by eve, who is none of those asked: ann, bob; nothing was left" in capsys.readouterr().err
    assert waiting.approve("ann") == 0
    assert waiting.approve("ann") == 4
    assert "ann has approved already; nothing was left" in capsys.readouterr().err
    assert waiting.approve("bob", "--stage", "west 50%") == 2
    assert "does not wait before `west 50%`" in capsys.readouterr().err
    assert len(waiting.store.keys(f"runs/{waiting.run}/approvals")) == 1


@needs_ssh_keygen
def test_who_has_no_key_here_is_told_how_to_give_one(
    waiting: Waiting, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git's key is taken; without it --key is asked for, and a key that cannot sign is named."""
    config = waiting.folder / "gitconfig"
    config.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(config))
    monkeypatch.chdir(waiting.folder)
    assert here("approve", waiting.run, "--yes", "--reason", "r") == 2
    assert "give the file of your SSH key with --key" in capsys.readouterr().err
    assert here("approve", waiting.run, "--yes", "--reason", "r", "--key", "nowhere") == 2
    assert "ssh-keygen cannot sign" in capsys.readouterr().err
    subprocess.run(["git", "config", "--global", "user.signingkey", waiting.keys["ann"]], check=True)
    assert here("approve", waiting.run, "--yes", "--reason", "r") == 0
    assert "approved by ann" in capsys.readouterr().out


@needs_ssh_keygen
def test_nothing_is_signed_without_a_yes(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can be asked, nothing is assumed."""
    assert here("approve", waiting.run, "--reason", "r", "--key", str(waiting.keys["ann"])) == 2
    assert "there is no terminal to ask on" in capsys.readouterr().err
    assert waiting.store.keys(f"runs/{waiting.run}/approvals") == []


@needs_ssh_keygen
def test_the_gates_that_a_run_waits_at_are_shown(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with state, time and reason; who holds; as JSON with the evidence."""
    assert here("hold", waiting.run, "--reason", "the database is slow") == 0
    assert here("gates", waiting.run) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"run {waiting.run} waits before: west 5%" in lines
    assert any(line.startswith("  two  closed ") and "0 of 2 approvals; asked: ann, bob" in line for line in lines)
    assert any("holds the whole run since" in line and "the database is slow" in line for line in lines)
    assert here("gates", waiting.run, "--json") == 0
    dumped = json.loads(capsys.readouterr().out)
    assert dumped["gates"][0]["evidence"] == {"counted": [], "refused": []}
    assert dumped["held"][0]["reason"] == "the database is slow"


@needs_ssh_keygen
def test_a_run_that_stopped_behind_its_last_look_is_not_shown_as_one_that_waits(
    waiting: Waiting, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rolled back since: `gates`, `approve` and the list say so, until it is taken up again."""
    assert here("gates", waiting.run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == ""
    waiting.journal.append(RecordKind.TAKEN, {"epoch": 2}, epoch=2)
    waiting.journal.append(RecordKind.STUCK, {"stage": "held", "why": "west-1 was rolled back by the watcher"})
    why, at = "stopped: west-1 was rolled back by the watcher", waiting.journal.records[-1].at[:19]
    assert here("gates", waiting.run) == 0
    assert capsys.readouterr().out.startswith(f"{why} (since {at} UTC)\n")
    assert here("gates", waiting.run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["stopped"].startswith(why)
    assert waiting.approve("ann") == 0
    assert why in capsys.readouterr().err
    assert here("runs", "list") == 0
    assert "stopped before west 5%" in capsys.readouterr().out
    waiting.journal.append(RecordKind.TAKEN, {"epoch": 3}, epoch=3)
    assert here("runs", "list") == 0
    assert "waits before west 5%" in capsys.readouterr().out


def test_a_hold_is_released_for_what_it_was_said_of(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """`release` lets go of the run and its stage, and opens no gate of the plan; else it says that nobody holds."""
    waiting = Waiting(tmp_path, (BY_HAND,))
    assert here("hold", waiting.run, "--stage", "west 5%", "--reason", "wait") == 0
    assert here("hold", waiting.run, "--reason", "wait, all") == 0
    capsys.readouterr()
    assert here("release", waiting.run, "--reason", "looked") == 0
    told = capsys.readouterr()
    assert told.out == f"released: every gate and the gates before `west 5%` of run {waiting.run}\n"
    assert f"still waits for a person: aurops release {waiting.run} --gate 'by hand' --reason" in told.err
    assert holds.holding(holds.turns(store, waiting.run), "west 5%") == ()
    (found,) = waiting.look()
    assert (found.state, found.gate) == (State.CLOSED, "by hand")
    assert here("release", waiting.run, "--stage", "north 5%", "--reason", "looked") == 2
    assert "nobody holds the gates before `north 5%`" in capsys.readouterr().err


def test_a_gate_that_waits_for_a_person_is_opened_by_its_name(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gates` says by which command; without --gate nothing opens, and a wrong name is refused with the right ones."""
    waiting = Waiting(tmp_path, (BY_HAND,))
    assert here("gates", waiting.run) == 0
    command = f"aurops release {waiting.run} --gate 'by hand' --reason …"
    assert f"who has looked opens `by hand` with: {command}" in capsys.readouterr().out
    assert here("gates", waiting.run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["opened_by"] == {"by hand": command}
    assert here("release", waiting.run, "--reason", "looked") == 2
    assert command in capsys.readouterr().err
    for wrong in (["--gate", "by hnd"], ["--gate", "by hand", "--stage", "north 5%"]):
        assert here("release", waiting.run, "--reason", "looked", *wrong) == 2
        told = capsys.readouterr().err
        assert "no gate `by hnd` waits for a person" in told or "does not wait before `north 5%`" in told
        assert "by hand" in told or "west 5%" in told
    assert holds.turns(store, waiting.run) == ()
    assert here("release", waiting.run, "--gate", "by hand", "--reason", "looked") == 0
    assert capsys.readouterr().out == f"opened: `by hand` before `west 5%` of run {waiting.run}\n"
    (found,) = waiting.look()
    assert (found.state, found.why.endswith("looked")) == (State.OPEN, True)


def test_a_hold_of_what_has_no_gates_is_refused(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stage with a typing error, one without gates, a run that waits at none: exit 2, what is allowed, no hold."""
    waiting = Waiting(tmp_path, (BY_HAND,))
    for stage in ("wset 5%", "rehearse 1"):
        assert here("hold", waiting.run, "--reason", "stop", "--stage", stage) == 2
        told = capsys.readouterr()
        assert f"the run's plan has no stage `{stage}` with gates" in told.err
        assert "prepare, probes, west 5%, west 100%, west drain, north 5%" in told.err
        assert told.out == ""
    drill = begin(store, RealClock(), "measure", {}).run
    assert here("hold", drill, "--reason", "stop") == 2
    told = capsys.readouterr()
    assert "a run of the kind `measure` waits at no gate, so that nothing would be held" in told.err
    assert f"aurops runs pause {drill}" in told.err
    assert holds.turns(store, waiting.run) == holds.turns(store, drill) == ()
    assert here("hold", waiting.run, "--reason", "stop", "--stage", "north 5%") == 0


def test_holds_are_shown_before_the_run_waits(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the whole run and of a stage that comes; the exit code says that it waits at no gate."""
    run = execute.begin(store, RealClock(), cutover(), Signers("")).run
    assert here("hold", run, "--reason", "wait, all") == 0
    assert here("hold", run, "--reason", "wait", "--stage", "north 5%") == 0
    capsys.readouterr()
    assert here("gates", run) == 2
    told = capsys.readouterr()
    assert "holds the whole run since" in told.out
    assert "holds the stage north 5% since" in told.out
    assert "the run waits at no gate" in told.err
    assert here("gates", run, "--json") == 2
    shown = json.loads(capsys.readouterr().out)
    assert (shown["stage"], [each["stage"] for each in shown["held"]]) == (None, ["", "north 5%"])


def test_what_is_held_and_let_go_of_is_said_to_programs(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json the result is on stdout, and nothing else; also when something is left to do."""
    del store
    waiting = Waiting(tmp_path, (BY_HAND,))
    assert here("hold", waiting.run, "--reason", "wait", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["run"], made["held"], made["reason"]) == (waiting.run, {"stage": None}, "wait")
    assert here("hold", waiting.run, "--reason", "wait", "--stage", "west 5%", "--json") == 0
    assert json.loads(capsys.readouterr().out)["held"] == {"stage": "west 5%"}
    assert here("release", waiting.run, "--reason", "looked", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["released"] == [{"stage": None}, {"stage": "west 5%"}]
    assert (made["opened"], made["still_wait"][0].split(" --reason")[0]) == (
        None,
        f"aurops release {waiting.run} --gate 'by hand'",
    )
    assert here("release", waiting.run, "--gate", "by hand", "--reason", "looked", "--json") == 0
    assert json.loads(capsys.readouterr().out)["opened"] == {"gate": "by hand", "stage": "west 5%"}
    assert here("release", waiting.run, "--reason", "looked", "--json") == 2
    assert json.loads(capsys.readouterr().out)["released"] == []


def test_a_run_that_waits_nowhere_is_said_to(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """No such run, one that has ended, one that waits at no gate, one that asks for nobody: exit 2 and which."""
    for command in (["gates"], ["approve", "--reason", "r"], ["hold", "--reason", "r"], ["release", "--reason", "r"]):
        assert here(*command, "no-such-run") == 2
        assert "there is no run `no-such-run`" in capsys.readouterr().err
    fresh = begin(store, RealClock(), "cutover", {})
    for command in (["gates"], ["approve", "--reason", "r"]):
        assert here(*command, fresh.run) == 2
        assert "the run waits at no gate" in capsys.readouterr().err
    waiting = Waiting(tmp_path, (BY_HAND,))
    assert here("approve", waiting.run, "--yes", "--reason", "r") == 2
    assert "nobody's approval is asked for" in capsys.readouterr().err
    fresh.append(RecordKind.FINISHED, {"outcome": "done"})
    assert here("hold", fresh.run, "--reason", "r") == 2
    assert "the run has ended: done" in capsys.readouterr().err


def test_a_run_that_waits_is_paused_by_request_and_no_gate_is_skipped(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """`runs pause` leaves a request for whoever waits; `runs skip` refuses a gate."""
    waiting = Waiting(tmp_path, (BY_HAND,))
    assert here("runs", "skip", waiting.run, name("west 5%"), "--reason", "hurry") == 2
    assert "nobody skips a gate" in capsys.readouterr().err
    Journal.open(store, waiting.run, RealClock()).verify()
    assert [request.kind for request in pending(store, waiting.run)] == []


@pytest.mark.parametrize("step", ["prepare west-1", "rehearse 2", "stop writes to v10"])
@pytest.mark.parametrize("later", [[], ["--later"]])
def test_the_way_back_is_not_left_out_with_a_word(
    step: str, later: list[str], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with the reason and what to do instead, whether it was called or not; no request is left."""
    run = execute.begin(store, RealClock(), cutover(), Signers("")).run
    assert here("runs", "skip", run, step, "--reason", "hurry", *later) == 2
    told = capsys.readouterr().err
    assert "nobody leaves this step out: " in told
    assert f"aurops runs resume {run}" in told
    assert pending(store, run) == ()
    assert here("runs", "skip", run, "drain west-1", "--reason", "no WebSockets", "--later") == 0
    assert [request.step for request in pending(store, run)] == ["drain west-1"]


def test_who_holds_a_proxy_is_shown_and_let_go_of_by_the_same_commands(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gates` says which proxy, who and why, also when the run waits at none; `release` needs the proxy to answer."""
    site = tmp_path / "west-1.json"
    site.write_text(platforms(folder=tmp_path).model_dump_json(by_alias=True))
    read = cutover()
    run = execute.begin(
        store, RealClock(), read.model_copy(update={"sites": dict.fromkeys(read.sites, str(site))}), Signers("")
    ).run
    assert here("release", run, "--reason", "seen") == 2
    assert "nobody holds every gate" in capsys.readouterr().err
    made = hold.Hold(run=run, cause="blind orders", reason="`orders` is dark", who="the watcher", at="now")
    hold.put(tmp_path, made)
    latch = tmp_path / "latch.json"
    latch.write_text(Latch(epoch=3, reason="orders look wrong", who="ann", at="now").model_dump_json())
    assert here("gates", run) == 2
    told = capsys.readouterr()
    assert "held at west-1: the watcher: `orders` is dark" in told.out
    assert "held at west-1: rolled back by ann: orders look wrong" in told.out
    latch.unlink()
    assert "the run waits at no gate" in told.err
    assert here("release", run, "--reason", "seen") == 3
    assert hold.read(tmp_path) == made
    hold.release(tmp_path, made, "the test")
    site.unlink()
    assert here("gates", run) == 2
    assert "held at a proxy, perhaps, which is not known here: " in capsys.readouterr().out


def test_a_proxy_that_cannot_be_looked_at_keeps_nobody_from_letting_go_of_the_rest(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's own hold and every other proxy are released; a site file that is lost, and a broken hold, are named."""
    read = cutover()
    for proxy in read.sites:
        (tmp_path / proxy).mkdir()
        text = platforms(folder=tmp_path / proxy).model_dump_json(by_alias=True)
        (tmp_path / f"{proxy}.json").write_text(text)
        hold.put(tmp_path / proxy, hold.Hold(run="", cause="blind", reason="dark", who="the watcher", at="now"))
    plan = read.model_copy(update={"sites": {proxy: str(tmp_path / f"{proxy}.json") for proxy in read.sites}})
    run = execute.begin(store, RealClock(), plan, Signers("")).run
    (tmp_path / "west-1.json").unlink()
    (tmp_path / "west-2" / hold.FILE).write_text("{")
    monkeypatch.setattr(FileDriver, "release_hold", _without_asking_the_proxy)
    assert here("hold", run, "--reason", "wait") == 0
    capsys.readouterr()
    assert here("release", run, "--reason", "looked") == 3
    told = capsys.readouterr()
    assert told.out == f"released: every gate of run {run}\nreleased: north-1 (dark)\n"
    assert "2 proxies are not known to be let go of" in told.err
    assert f"west-1 may still be held: the file cannot be read: No such file or directory ({tmp_path}" in told.err
    assert f"west-2 may still be held: A hold cannot be read, so nothing goes forward. ({tmp_path}" in told.err
    assert f"{hold.FILE}): Look at it, and mend it." in told.err
    assert f"mend each; then again: aurops release {run}" in told.err
    assert holds.holding(holds.turns(store, run), "") == ()
    assert hold.read(tmp_path / "north-1") is None
    assert here("gates", run) == 2
    assert "held at a proxy, perhaps, which is not known here: west-2: A hold cannot be" in capsys.readouterr().out


def test_a_run_is_held_and_let_go_of_from_a_host_without_its_proxies(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """On an operator's host there are no site files: the run's own hold goes, and where the watchers' do is said."""
    read = cutover()
    sites = {name: str(tmp_path / "nowhere.json") for name in read.sites}
    plan = read.model_copy(update={"sites": sites, "proxy_hosts": dict.fromkeys(read.sites, "edge-host")})
    run = execute.begin(store, RealClock(), plan, Signers("")).run
    assert here("hold", run, "--reason", "wait") == 0
    capsys.readouterr()
    assert here("release", run, "--reason", "looked") == 0
    told = capsys.readouterr()
    assert told.out == f"released: every gate of run {run}\n"
    assert f"west-1 is on edge-host: what holds it is let go of there: aurops release {run}" in told.err
    assert here("release", run, "--reason", "looked") == 2
    assert "nobody holds every gate" in capsys.readouterr().err


def _without_asking_the_proxy(driver: FileDriver, who: str) -> None:
    held = driver.hold()
    assert held is not None
    hold.release(driver.site.folder, held, who)
