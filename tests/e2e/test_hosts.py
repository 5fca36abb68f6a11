"""A rollback from two operators' hosts to a proxy's host: by a stand-in for ssh, and by real sshds on loopback."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import RealClock
from aurops.errors import HeldError, OutsideError
from aurops.gates.signing import Signers
from aurops.journal import Journal
from aurops.store import open_store
from migration import cutover_file, execute, rollback
from migration.cutover import rehearsal
from runbooks import cutover, cutover_reports
from testbeds.local.steering import websocket
from testbeds.local.steering.bed import Bed, up
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.e2e import machines
from tests.e2e.commands import until
from tests.migration.cutovers import PROBE
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migration.cutover_file import Cutover

pytestmark = [pytest.mark.e2e, needs_ssh_keygen]
EDGE, OPERATORS = "edge-1", ("ops-1", "ops-2")
AUROPS = f"{sys.executable} -m runbooks"
CLOCK = RealClock()


class Hosts:
    """Three hosts that are folders of this one: each a machine with its own state, its own name, and no store.

    Args:
        base: Where.
        ssh: What stands for ssh from each of them.
        at: Where that connects for each.
    """

    def __init__(self, base: Path, ssh: str, at: dict[str, str]) -> None:
        self.base, self.at = base, at
        self._ssh = ssh

    def env(self, name: str) -> dict[str, str]:
        """What a shell on this host has."""
        return {**os.environ, **host_env(self.base, name), "AUROPS_SSH": self._ssh}

    def command(self, name: str, *arguments: str) -> list[str]:
        """What runs aurops on a host."""
        return machines.on(self.base / name, [sys.executable, "-m", "runbooks", *arguments])

    def aurops(self, name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command on a host."""
        command, given = self.command(name, *arguments), {**self.env(name), **env}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=given, timeout=60)


def host_env(base: Path, name: str) -> dict[str, str]:
    """What makes a folder a host."""
    home = base / name
    if not home.exists():
        home.mkdir()
        machines.set_up(home, real=name == EDGE)
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "AUROPS_HOST": name,
        "AUROPS_STORE": "s3://no/where",
    }


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """The proxy of `edge-1`."""
    with up(Kind.ENVOY, requests=1_000) as one:
        yield one


@pytest.fixture(params=["a script for ssh", pytest.param("sshd", marks=pytest.mark.campaign)])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosts]:
    """By a script that runs the command as the other host, and by OpenSSH's own server and client."""
    with ExitStack() as stack:
        made = scripted(tmp_path) if request.param != "sshd" else _real(tmp_path, stack)
        yield made


def scripted(base: Path) -> Hosts:
    """By a script that runs the command as the other host."""
    script = base / "ssh"
    lines = [f"{name}) shift\n{_session(base, name, f'sh {script}')};;" for name in (EDGE, *OPERATORS)]
    script.write_text("case $1 in\n" + "\n".join(lines) + "\n*) echo no such host >&2; exit 255;; esac\n")
    return Hosts(base, f"sh {script}", {name: name for name in (EDGE, *OPERATORS)})


def _session(base: Path, name: str, ssh: str) -> str:
    given = host_env(base, name) | {"AUROPS_SSH": ssh}
    sets = " ".join(f"{key}={shlex.quote(value)}" for key, value in given.items())
    return f'export {sets}\nexec {shlex.join(machines.on(base / name, ["sh", "-c"]))} "$*"'


def _real(base: Path, stack: ExitStack) -> Hosts:
    """An sshd for each host, with keys of its own, that lets in one key and sets what makes it that host."""
    sshd = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if sshd is None:
        pytest.skip("no sshd here: OpenSSH's server is not installed")
    if os.geteuid() == 0:
        stack.enter_context(_empty_folder(Path("/run/sshd")))
    key = new_key(base / "operator")
    (base / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    at, known = {}, []
    ssh = f"ssh -F none -i {key} -o IdentitiesOnly=yes -o UserKnownHostsFile={base / 'known_hosts'} -o BatchMode=yes"
    ssh += " -o ConnectTimeout=5 -o LogLevel=ERROR"
    for name in (EDGE, *OPERATORS):
        port, host_key = _free_port(), new_key(base / f"{name}-host")
        known.append(f"[127.0.0.1]:{port} {host_key.with_suffix('.pub').read_text()}")
        given = host_env(base, name) | {"AUROPS_SSH": ssh}
        sets = " ".join(f'"{key}={value}"' for key, value in given.items())
        (base / f"{name}.conf").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nAuthorizedKeysFile {base / 'authorized_keys'}\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"SetEnv {sets}\n"
        )
        command = machines.on(base / name, [sshd, "-D", "-e", "-f", str(base / f"{name}.conf")])
        log = stack.enter_context((base / f"{name}.log").open("wb"))
        child = stack.enter_context(subprocess.Popen(command, stderr=log))
        stack.callback(child.terminate)
        until(lambda port=port: _listens(port), (base / f"{name}.log").read_text(), limit_s=10)
        at[name] = f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
    (base / "known_hosts").write_text("".join(known))
    return Hosts(base, ssh, at)


@contextmanager
def _empty_folder(folder: Path) -> Iterator[None]:
    """What sshd as root insists on (privilege separation); a service manager makes it, a bare container lacks it."""
    made = not folder.exists()
    if made:
        folder.mkdir(mode=0o755)
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def on_edge(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """This process is the runner on `edge-1`."""
    for key, value in hosts.env(EDGE).items():
        monkeypatch.setenv(key, value)
    return hosts


def plan(bed: Bed, hosts: Hosts) -> Cutover:
    """One proxy on `edge-1`, two operators' hosts."""
    approval = {"kind": "approval", "name": "people", "need": 1, "of": ["ann"]}
    true = {"kind": "command", "name": "well", "argv": ["true"]}
    return cutover_file.Cutover.model_validate(
        {
            "service": "ledger",
            "start": (CLOCK.wall() + timedelta(hours=1)).isoformat(),
            "sites": {"edge": str(bed.folder / "site.json")},
            "regions": [{"name": "west", "proxies": ["edge"], "probe": PROBE}],
            "proxy_hosts": {"edge": EDGE},
            "operator_hosts": OPERATORS,
            "hosts": [{"name": name, "ssh": at, "aurops": AUROPS} for name, at in hosts.at.items()],
            "steps": [50, 100],
            "soak": {"for_s": 1, "every_s": 1},
            "capacity": [true | {"name": "warm"}],
            "watch": [true],
            "page": {"argv": ["true"]},
            "gates": {"prepare": [true], "traffic": [approval], "validate": [true], "hand_over": [approval]},
            "signers": {"allowed": "none"},
        }
    )


def at_half(bed: Bed) -> None:
    """Half of the traffic at V11, no latch."""
    if latch := bed.driver.latch():
        bed.driver.release("the test", latch.epoch + 1)
    epoch = bed.driver.observe().steering.epoch + 1
    bed.driver.shift(Steering({"v11": 5_000, "v10": 5_000, "baseline": 0}, epoch))


@pytest.mark.parametrize("hosts", ["a script for ssh", "sshd"], indirect=True)
def test_what_is_laid_on_three_hosts_goes_back_from_the_second_operators(bed: Bed, on_edge: Hosts) -> None:
    """Laid and read back by digest on all, reached from both; ops-2 alone goes back; its record is merged, reported."""
    read, store = plan(bed, on_edge), open_store(str(on_edge.base / "store"))
    at_half(bed)
    journal = execute.begin(store, CLOCK, read, Signers(""))
    prepared = cutover._target(read, journal.run).prepare("edge", 10**6, 20.0).data["ready"]
    assert isinstance(prepared, dict)
    written = {key: said for key, said in prepared.items() if key.endswith("rollback.json")}
    assert {key.partition(":")[0] for key in written} == {EDGE, *OPERATORS}
    assert len(set(written.values())) == 1
    assert {key for key in prepared if key.startswith("from ")} == {f"from {name}" for name in OPERATORS}
    ready = rollback.read(on_edge.base / "ops-2/state/aurops/rollback/ledger/rollback.json")
    assert (ready.run, ready.operators, ready.proxies[0].host, ready.proxies[0].driver) == (
        journal.run,
        OPERATORS,
        EDGE,
        "envoy",
    )
    assert ready.proxies[0].epoch == bed.driver.observe().steering.epoch

    done = on_edge.aurops("ops-2", "rollback", "--reason", "orders look 'wrong'; $(id)", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["ok"], [each["proxy"] for each in said["proxies"]]) == (True, ["edge"])
    latch = bed.driver.latch()
    assert latch is not None
    assert (latch.reason, latch.who.endswith(" on ops-2")) == ("orders look 'wrong'; $(id)", True)
    assert bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT

    reported = cutover_reports.report_of(Journal.open(store, journal.run, CLOCK), store)
    assert not any("Rolled back by" in note for note in reported.notes)
    brought = on_edge.aurops("ops-2", "runs", "bring-back", said["run"], AUROPS_STORE=str(on_edge.base / "store"))
    assert brought.returncode == 0, brought.stderr
    reported = cutover_reports.report_of(Journal.open(store, journal.run, CLOCK), store)
    (told,) = [note for note in reported.notes if note.startswith("Rolled back by")]
    assert f"orders look 'wrong'; $(id). edge back. Run {said['run']}" in told
    assert [mark.name for mark in reported.marks] == ["rolled back"]


def test_each_operators_host_rehearses_the_rollback_in_its_turn(bed: Bed, on_edge: Hosts) -> None:
    """By what lies ready there, over its own way; released by the run; no rollback in earnest is taken for one."""
    at_half(bed)
    bed.driver.shift(Steering({"v11": 0, "v10": TOTAL_WEIGHT, "baseline": 0}, bed.driver.observe().steering.epoch))
    target, epoch = cutover._target(plan(bed, on_edge), "run-1"), bed.driver.observe().steering.epoch + 100
    target.prepare("edge", epoch, 20.0)
    for number, host in ((1, "ops-1"), (2, "ops-2"), (3, "ops-1")):
        said = target.rehearse("edge", rehearsal(number, "run-1"), epoch, 20.0).data
        assert said["from"] == host
        kept = json.loads((bed.site.folder / f"latch-{said['epoch']}.json").read_text())
        assert (kept["rehearsal"], kept["reason"]) == (True, rehearsal(number, "run-1"))
        assert kept["who"].endswith(f" on {host}")
        assert bed.driver.latch() is None
        assert bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert not list(on_edge.base.glob("ops-*/state/aurops/break-glass")), "a rehearsal is recorded by its run alone"
    bed.driver.roll_back("orders look wrong", "bob", anew=True)
    with pytest.raises(HeldError, match="orders look wrong"):
        target.rehearse("edge", rehearsal(2, "run-1"), epoch, 20.0)
    latch = bed.driver.latch()
    assert latch is not None
    assert latch.who == "bob"


def test_the_runners_own_host_rehearses_by_the_very_command(bed: Bed, on_edge: Hosts) -> None:
    """Where it is an operators' host, too: what lies ready there is read, and without it the rehearsal fails."""
    at_half(bed)
    bed.driver.shift(Steering({"v11": 0, "v10": TOTAL_WEIGHT, "baseline": 0}, bed.driver.observe().steering.epoch))
    read = plan(bed, on_edge).model_copy(update={"operator_hosts": (EDGE, "ops-1")})
    target, epoch = cutover._target(read, "run-1"), bed.driver.observe().steering.epoch + 100
    target.prepare("edge", epoch, 20.0)
    said = target.rehearse("edge", rehearsal(1, "run-1"), epoch, 20.0).data
    assert said["from"] == EDGE
    assert json.loads((bed.site.folder / f"latch-{said['epoch']}.json").read_text())["rehearsal"] is True
    (on_edge.base / EDGE / "state/aurops/rollback/ledger/rollback.json").unlink()
    with pytest.raises(OutsideError, match="rehearsed from edge-1 failed: exit code 2"):
        target.rehearse("edge", rehearsal(3, "run-1"), epoch, 20.0)


def test_an_operators_host_that_cannot_reach_a_proxy_is_found_out_before_the_first_step(
    bed: Bed, on_edge: Hosts
) -> None:
    """Its check says which and why, exit 1; and nothing is prepared then."""
    read = plan(bed, on_edge)
    at_half(bed)
    target = cutover._target(read, "run-1")
    assert target.prepare("edge", 10**6, 20.0)
    checked = on_edge.aurops("ops-1", "rollback", "--check")
    assert (checked.returncode, checked.stdout) == (0, f"edge on {EDGE}: ready\n"), checked.stderr
    assert target.cut_off(20.0) == "", "the same at a later gate"
    nowhere = on_edge.aurops("ops-1", "rollback", "--check", "--json", AUROPS_SSH="false")
    assert nowhere.returncode == 1, nowhere.stderr
    (edge,) = json.loads(nowhere.stdout)["proxies"]
    assert (edge["proxy"], edge["host"], edge["ok"]) == ("edge", EDGE, False)
    (on_edge.base / "ops-2/state/aurops/rollback/ledger/rollback.json").unlink()
    assert target.cut_off(20.0).startswith("ops-2 could not check the rollback: exit code 2")
    wrong = tuple(host.model_copy(update={"aurops": "no-such-program"}) for host in read.hosts)
    lost = read.model_copy(update={"hosts": wrong})
    with pytest.raises(Exception, match=r"nothing lies ready at ops-[12]"):
        cutover._target(lost, "run-1").prepare("edge", 10**6, 20.0)


def test_two_names_of_one_machine_are_not_two_operators_hosts(bed: Bed, on_edge: Hosts) -> None:
    """However unlike they look: nothing is prepared, and both are named."""
    at_half(bed)
    of = {name: on_edge.base / name / machines.FILE for name in OPERATORS}
    of["ops-2"].write_text(of["ops-1"].read_text())
    with pytest.raises(OutsideError, match=r"ops-1 and ops-2 are one machine, boot ID [0-9a-f-]{36}") as refused:
        cutover._target(plan(bed, on_edge), "run-1").prepare("edge", 10**6, 20.0)
    assert "names another host" in str(refused.value.next_step)


def test_from_another_host_it_is_told_at_once_that_only_a_websocket_is_waited_for(bed: Bed, on_edge: Hosts) -> None:
    """Long before its end, as on the proxy's own host; that comes when the WebSocket has ended, and is one JSON."""
    at_half(bed)
    cutover._target(plan(bed, on_edge), "run-1").prepare("edge", 10**6, 20.0)
    epoch = bed.driver.observe().steering.epoch + 1
    bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, epoch))
    host, _, port = bed.site.listens.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(websocket.asked("/socket", bed.site.listens, "ann"))
        assert b" 101 " in client.recv(4096)
        command = on_edge.command("ops-2", "rollback", "--reason", "r", "--within", "50", "--json")
        pipe, env = subprocess.PIPE, on_edge.env("ops-2")
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env) as child:
            assert child.stderr
            told = child.stderr.readline()
            waits = child.poll() is None
            client.close()
            out, err = child.communicate(timeout=40)
    assert "edge: V11 got its last new request after " in told
    assert "1 requests or WebSockets are still under way at V11: waiting for them up to --within 50 s" in told
    assert waits
    (edge,) = json.loads(out)["proxies"]
    assert (child.returncode, edge["ok"], edge["left"], "early" in err) == (0, True, 0, False)


def test_both_operators_at_once_end_in_one_state(bed: Bed, on_edge: Hosts) -> None:
    """Two people on two hosts in the same moment: both are told that it is done, and it is."""
    at_half(bed)
    cutover._target(plan(bed, on_edge), "run-1").prepare("edge", 10**6, 20.0)
    found: dict[str, Any] = {}

    def back(name: str) -> None:
        found[name] = on_edge.aurops(name, "rollback", "--reason", f"says {name}", "--json")

    threads = [threading.Thread(target=back, args=(name,)) for name in OPERATORS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: done.returncode for name, done in found.items()} == dict.fromkeys(OPERATORS, 0), found
    assert bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    latch = bed.driver.latch()
    assert latch is not None
    assert latch.reason in {f"says {name}" for name in OPERATORS}
