"""`aurops rollback` when what it needs is missing, wrong, or only partly there."""

import json
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aurops import documents, ports
from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.plan import Observation
from aurops.store import Store
from migration import rollback
from runbooks.cutover_reports import report_of
from tests.migration.cutovers import Scene
from tests.runbooks.here import here
from traffic.dialects import open_driver
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.memory import MemoryDriver
from traffic.site import Kind, Side, Site


class Unsynced:
    """The port `unsynced`, connected.

    Args:
        says: Answers, fails, or hangs.
        is_back: Whether everything is at V10.
    """

    def __init__(self, says: Callable[[], Observation[ports.Unsynced]], is_back: Callable[[], bool]) -> None:
        self._says, self._is_back = says, is_back
        self.asked: list[bool] = []

    def unsynced(self, timeout_s: float) -> Observation[ports.Unsynced]:
        assert timeout_s > 0
        self.asked.append(self._is_back())
        return self._says()


SIDES = (
    Side(name="v11", backends=("127.0.0.1:1",), health_path="/health", instead="v10"),
    Side(name="v10", backends=("127.0.0.1:1",), health_path="/health"),
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of its own; its store is out of reach."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AUROPS_STORE", "s3://nowhere/at-all")
    return tmp_path


def site(folder: Path) -> Path:
    """A proxy that is down."""
    folder.mkdir()
    made = Site(kind=Kind.ENVOY, folder=folder, listens="127.0.0.1:1", admin="127.0.0.1:2", sides=SIDES)
    file = folder / "site.json"
    file.write_text(made.model_dump_json(by_alias=True))
    return file


def lay(service: str, **sites: Path) -> Path:
    """What a cutover lays ready on an operator's host."""
    made = rollback.ready(service, "run-1", {name: str(file) for name, file in sites.items()}, RealClock())
    (written,) = rollback.lay(made, (rollback.home(service),))
    return Path(written)


def test_what_lies_ready_holds_no_secret_and_names_the_files(state: Path) -> None:
    """Service, run, time, and for each proxy its file with a digest."""
    file = lay("ledger", west=site(state / "west"))
    said = json.loads(file.read_text())
    assert set(said) == {"schema", "service", "run", "at", "proxies", "hosts", "operators", "over"}
    assert set(said["proxies"][0]) == {"name", "host", "driver", "site", "folder", "digest", "epoch"}
    assert rollback.find("") == rollback.find("ledger") == file


def test_without_anything_ready_it_says_where_it_looked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No service, another service, several and none named: exit 2, what there is, and --file."""
    for service in ([], ["ledger"]):
        assert here("rollback", *service, "--reason", "r") == 2
        said = capsys.readouterr().err
        assert "nothing lies ready on this host" in said
        assert f"rollback/{service[0] if service else 'SERVICE'}/rollback.json" in said
        assert "ssh to one of the plan's operator_hosts, or to a proxy's own host" in said
        assert "--file FILE" in said
        assert "which service" not in said
    lay("ledger", west=site(state / "west"))
    assert here("rollback", "payments", "--reason", "r") == 2
    assert "nothing lies ready here for `payments`" in capsys.readouterr().err
    lay("payments", north=site(state / "north"))
    assert here("rollback", "--reason", "r") == 2
    assert "allowed: ledger, payments" in capsys.readouterr().err
    broken = state / "broken.json"
    broken.write_text('{"schema": 1, "service": "x"}')
    assert here("rollback", "--reason", "r", "--file", str(broken)) == 2
    assert "broken.json" in capsys.readouterr().err


def test_a_proxy_that_is_down_or_gone_hinders_no_other(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named with what is wrong; exit 3; and the rollback is recorded on this host."""
    west, north = site(state / "west"), site(state / "north")
    lay("ledger", west=west, north=north)
    north.unlink()
    assert here("rollback", "ledger", "--reason", "orders look wrong", "--json") == 3
    out = capsys.readouterr()
    said = json.loads(out.out)
    assert {each["proxy"]: each["ok"] for each in said["proxies"]} == {"west": False, "north": False}
    assert "the file cannot be read" in said["proxies"][1]["why"]
    assert "not every proxy was rolled back" in out.err
    latch = json.loads((west.parent / "latch.json").read_text())
    assert (latch["reason"], latch["rehearsal"]) == ("orders look wrong", False), "latched before anybody answers"
    records = sorted((state / "state" / "aurops" / "break-glass" / "runs" / said["run"] / "journal").iterdir())
    assert json.loads(records[-1].read_text())["data"]["outcome"] == "failed"


def test_a_site_that_was_changed_since_is_said_and_used(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Going back does not wait for an explanation."""
    west = site(state / "west")
    lay("ledger", west=west)
    west.write_text(west.read_text() + "\n")
    assert here("rollback", "ledger", "--reason", "r") == 3
    assert "site.json was changed since the rollback was laid ready" in capsys.readouterr().out
    assert (west.parent / "latch.json").exists()


def test_a_record_that_cannot_be_kept_stops_nothing(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and every proxy is rolled back all the same."""
    west = site(state / "west")
    file = lay("ledger", west=west)
    (state / "no-folder").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "no-folder"))
    assert here("rollback", "--file", str(file), "--reason", "r", "--json") == 3
    out = capsys.readouterr()
    assert "no record can be kept" in out.err
    assert json.loads(out.out)["run"] == ""
    assert (west.parent / "latch.json").exists()


def test_it_goes_back_before_it_records_anything(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that hangs is met when every proxy is latched, is waited for a moment only, and is said."""
    west = site(state / "west")
    file = lay("ledger", west=west)
    latched, go_on = [], threading.Event()

    def hangs() -> Store:
        latched.append((west.parent / "latch.json").exists())
        go_on.wait(30)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("runbooks.rollback.local_store", hangs)
    monkeypatch.setattr("runbooks.rollback.RECORD_S", 0.1)
    try:
        assert here("rollback", "--file", str(file), "--reason", "r", "--json") == 3
    finally:
        go_on.set()
    assert latched == [True]
    out = capsys.readouterr()
    assert "no record within 0.1 s" in out.err
    assert json.loads(out.out)["run"] == ""


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_nothing_is_done(reason: str, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever finds a latch has nothing else to go by."""
    west = site(state / "west")
    lay("ledger", west=west)
    assert here("rollback", "ledger", "--reason", reason) == 2
    assert "no reason is given" in capsys.readouterr().err
    assert not (west.parent / "latch.json").exists()


def test_a_proxy_that_is_down_is_said_to_start_with_everything_at_v10(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it does: that is what its file says, and it is latched."""
    west = site(state / "west")
    driver = open_driver(documents.load(west, Site))
    driver.install(Steering({"v11": TOTAL_WEIGHT, "v10": 0}, 1))
    lay("ledger", west=west)
    assert here("rollback", "ledger", "--reason", "r") == 3
    assert "west: NOT KNOWN to be rolled back: it is latched, and starts with everything at V10" in (
        capsys.readouterr().out
    )
    assert driver.latch() is not None
    (routes,) = json.loads((west.parent / "live" / "steering.json").read_text())["resources"]
    clusters = routes["virtual_hosts"][0]["routes"][-1]["route"]["weighted_clusters"]["clusters"]
    assert {each["name"]: each["weight"] for each in clusters}["v10"] == TOTAL_WEIGHT


def test_a_host_that_is_not_reached_hinders_nothing_here(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3; the proxy of this host is latched all the same, and the other is named with its host and why."""
    monkeypatch.setenv("AUROPS_SSH", "sh -c 'echo no route to host >&2; exit 255'")
    monkeypatch.setenv("AUROPS_HOST", "ops-1")
    sites = {"west": site(state / "west"), "north": site(state / "north")}
    places = rollback.Places({"west": "ops-1", "north": "edge-9"})
    made = rollback.ready("ledger", "r", {name: str(file) for name, file in sites.items()}, RealClock(), places)
    rollback.lay(made, (rollback.home("ledger"),))
    assert here("rollback", "ledger", "--reason", "r", "--json") == 3
    west, north = json.loads(capsys.readouterr().out)["proxies"]
    assert north["why"] == "edge-9 is not reached: no route to host"
    assert [(file.parent / "latch.json").exists() for file in sites.values()] == [True, False]
    assert west["proxy"] == "west"
    assert here("rollback", "ledger", "--check") == 1
    assert "north on edge-9: NOT READY: edge-9 is not reached" in capsys.readouterr().out


def test_whoever_stands_at_the_proxy_needs_no_way_to_it(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the file in the proxy's own folder, also when this host is called otherwise than the plan says."""
    monkeypatch.setenv("AUROPS_SSH", "false")
    monkeypatch.setenv("AUROPS_HOST", "localhost.localdomain")
    west = site(state / "west")
    places = rollback.Places({"west": "edge-9"})
    rollback.lay(rollback.ready("ledger", "r", {"west": str(west)}, RealClock(), places), (west.parent,))
    assert here("rollback", "--file", str(west.parent / "rollback.json"), "--reason", "r", "--json") == 3
    (found,) = json.loads(capsys.readouterr().out)["proxies"]
    assert "edge-9" not in found["why"]
    assert (west.parent / "latch.json").exists()


def test_past_the_point_of_no_return_a_check_says_that_nothing_goes_back(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ready or not, every proxy is left alone; and that V10 is to be brought up would be a false trail."""
    file = lay("ledger", west=site(state / "west"))
    assert here("rollback", "--check") == 1
    assert "past" not in capsys.readouterr().out
    over = rollback.read(file).model_copy(update={"over": "run-1 stops writes to V10"})
    for folder in (state / "west", file.parent):
        rollback.lay(over, (folder,))
    assert here("rollback", "--check") == 1
    past = "past the point of no return: run-1 stops writes to V10"
    assert f"{past}; a rollback leaves every proxy alone, but for --force" in capsys.readouterr().out
    assert here("rollback", "--check", "--json") == 1
    assert json.loads(capsys.readouterr().out)["past"] == past
    assert here("rollback", "--reason", "r") == 4
    said = capsys.readouterr().err
    assert "next: first have V10 take writes again" in said
    assert "bring V10 up" not in said


def test_only_the_proxies_that_are_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of several; one that there is not is refused, and nothing is done."""
    west, north = site(state / "west"), site(state / "north")
    lay("ledger", west=west, north=north)
    assert here("rollback", "ledger", "--reason", "r", "--proxy", "nort") == 2
    assert "allowed: west, north" in capsys.readouterr().err
    assert here("rollback", "ledger", "--reason", "r", "--proxy", "north") == 3
    assert [(each.parent / "latch.json").exists() for each in (west, north)] == [False, True]


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_what_lies_ready_is_written_by_its_owner_and_read_by_all(umask: int, state: Path) -> None:
    """Whatever the umask of who laid it."""
    before = os.umask(umask)
    try:
        file = lay("ledger", west=site(state / "west"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_user_whom_the_host_does_not_know_can_roll_back(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name, no home: it is latched under the user's number."""
    west = site(state / "west")
    file = lay("ledger", west=west)

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert here("rollback", "--file", str(file), "--reason", "r", "--json") == 3
    assert "no record can be kept" in capsys.readouterr().err
    assert json.loads((west.parent / "latch.json").read_text())["who"].startswith("uid ")
    assert here("rollback", "--reason", "r") == 2
    assert "set XDG_STATE_HOME" in capsys.readouterr().err


def test_a_rehearsal_where_traffic_is_moved_says_why_and_what_to_do_next(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4, the weights, the next step; no latch, no record."""
    lay("ledger", west=site(state / "west"))
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": 500, "v10": 9_500})
    monkeypatch.setattr("runbooks.rollback.open_driver", lambda _: driver)
    assert here("rollback", "ledger", "--reason", "rehearsal 1", "--rehearsal") == 4
    out = capsys.readouterr()
    assert "west: LEFT ALONE (A rehearsal moves no traffic, and not all of it is at v10: v11 500" in out.out
    assert "Rehearse before the first step" in out.err
    assert driver.latch() is None


def go_back(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    says: Callable[[], Observation[ports.Unsynced]],
    run: str = "run-1",
) -> tuple[dict[str, Any], str]:
    """A rollback of one proxy with this port connected, as JSON and in words; everything was back when it was asked."""
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": 500, "v10": 9_500})
    port = Unsynced(says, lambda: driver.observe().steering.weight("v10") == TOTAL_WEIGHT)
    connected = replace(ports.not_connected(RealClock()), unsynced=port)
    monkeypatch.setattr("runbooks.rollback.open_driver", lambda _: driver)
    monkeypatch.setattr("runbooks.rollback.not_connected", lambda _: connected)
    west = state / "west"
    file = west / "site.json" if west.exists() else site(west)
    made = rollback.ready("ledger", run, {"west": str(file)}, RealClock())
    rollback.lay(made, (rollback.home("ledger"),))
    said = []
    for more in (["--json"], []):
        assert here("rollback", "ledger", "--reason", "orders look wrong", *more) == 0
        said.append(capsys.readouterr().out)
    assert driver.latch() is not None
    assert port.asked == [True, True], "first everything goes back"
    return json.loads(said[0]), said[1]


def test_writes_that_v10_lacks_are_named_in_output_record_and_report(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many, how old the oldest is, which: whoever goes back knows what to write again."""
    scene = Scene()
    lacks = ports.Unsynced(3, 12.0, ("tx-1", "tx-2"))
    said, text = go_back(state, monkeypatch, capsys, lambda: Observation(lacks, 0.0, "the test"), run=scene.journal.run)
    named = "3, the oldest 12 s old: tx-1, tx-2 …"
    assert (said["ok"], said["not_in_v10"]) == (True, named)
    assert f"acknowledged V11 writes that V10 does not have: {named}" in text
    records = sorted((state / "state" / "aurops" / "break-glass" / "runs" / said["run"] / "journal").iterdir())
    assert json.loads(records[-1].read_text())["data"] == {"outcome": "done", "not_in_v10": named}
    shown = report_of(scene.open(), scene.store)
    assert any(f"does not have: {named}" in note for note in shown.notes)
    assert named in shown.to_html()


def test_no_write_that_v10_lacks_is_said_too(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is another word than not known."""
    said, _ = go_back(state, monkeypatch, capsys, lambda: Observation(ports.Unsynced(0), 0.0, "the test"))
    assert said["not_in_v10"] == "none"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OutsideError("the stream is away"), "the stream is away"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_a_port_that_fails_stops_no_rollback(
    error: Exception, why: str, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0, everything is back and recorded, and what V10 lacks is not known, with why."""

    def fails() -> Observation[ports.Unsynced]:
        raise error

    said, text = go_back(state, monkeypatch, capsys, fails)
    assert (said["ok"], bool(said["run"])) == (True, True)
    assert said["not_in_v10"] == f"not known: the port `unsynced` failed: {why}"
    assert said["not_in_v10"] in text


def test_a_port_that_hangs_keeps_nobody_from_hearing_that_everything_is_back(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is waited for a moment only, whatever it does with the time that it was given."""
    monkeypatch.setattr("runbooks.rollback.LACKING_S", 0.2)
    go_on = threading.Event()

    def hangs() -> Observation[ports.Unsynced]:
        go_on.wait(30)
        return Observation(None, 0.0, "the test", "too late")

    try:
        said, _ = go_back(state, monkeypatch, capsys, hangs)
    finally:
        go_on.set()
    assert (said["ok"], said["not_in_v10"]) == (
        True,
        "not known: the port `unsynced` has not answered within 0.2 s",
    )


def test_who_asks_from_another_host_names_what_v10_lacks_himself(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On each proxy's host the port is not asked once more."""
    west = site(state / "west")
    lay("ledger", west=west)
    monkeypatch.setattr(
        "runbooks.rollback.open_driver", lambda _: MemoryDriver({"v11": "v10", "v10": None}, {"v11": 500, "v10": 9_500})
    )
    assert here("rollback", "ledger", "--reason", "r", "--asked-by", "ann on ops-1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["not_in_v10"] == "not asked here"
