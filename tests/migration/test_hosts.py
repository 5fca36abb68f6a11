"""Other hosts: asked over a command that stands in for ssh, answered in time or named."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from aurops import processes
from aurops.calls import CallPool
from aurops.clock import ManualClock, RealClock
from aurops.errors import AuropsError, OutsideError
from aurops.gates.signing import Signers
from migration import far, hosts, rollback
from migration.cutover import PREPARE_S
from migration.cutover_file import Cutover
from migration.execute import LEASE_TTL_S
from migration.hosts import Host
from migration.laying import Laying
from migration.outline import outline
from migration.readiness import problems
from migration.rollback import Ready, ReadyProxy
from tests.migration.cutovers import cutover
from tests.traffic.played import Place
from tests.traffic.sites import platforms
from traffic.site import Kind


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What runs instead of ssh: a script that a test writes."""
    script = tmp_path / "ssh"
    monkeypatch.setenv("AUROPS_SSH", f"sh {script}")
    monkeypatch.setenv("AUROPS_HOST", "ops-1")
    return script


def proxy(name: str, host: str) -> ReadyProxy:
    """On some host."""
    folder = Path("/var/lib") / name
    return ReadyProxy(name=name, host=host, driver=Kind.ENVOY, site=folder / "site.json", folder=folder, digest="x")


def made(*proxies: ReadyProxy, **more: object) -> Ready:
    """What lies ready."""
    return Ready.model_validate({"service": "s", "run": "r", "at": "", "proxies": proxies, **more})


def test_what_is_asked_arrives_word_by_word(ssh: Path) -> None:
    """Whatever a reason holds: the host's shell takes nothing in it for its own; what comes on stdin arrives, too."""
    ssh.write_text('echo "$1"; shift; sh -c "$*"; cat\n')
    said = hosts.ask(
        Host(name="edge-1", ssh="ann@edge", aurops="printf '%s\\n'"), ["a b", "$(id)'; rm"], within_s=10, stdin="in"
    )
    assert said.out.splitlines() == ["ann@edge", "a b", "$(id)'; rm", "in"]


def test_no_host_is_an_option_of_ssh() -> None:
    """A name or an address that begins with a hyphen would be one."""
    for wrong in ({"name": "-oProxyCommand=x"}, {"name": "edge", "ssh": "-oProxyCommand=x"}, {"name": "a b"}):
        with pytest.raises(ValidationError):
            Host.model_validate(wrong)


def test_this_host_is_asked_by_the_same_command_without_ssh(ssh: Path) -> None:
    """A child of its own that reads what lies ready here: whoever is on an operators' host types just that."""
    ssh.write_text("echo ssh was asked >&2; exit 255\n")
    said = hosts.ask(Host(name="ops-1", aurops="no-such-program"), ["rollback", "--help"], within_s=20)
    assert said.code == 0
    assert "--reason" in said.out


def test_each_of_four_operators_hosts_rehearses() -> None:
    """Three times at least, and from every host once."""
    four = cutover(operator_hosts=("ops-1", "ops-2", "ops-3", "ops-4"))
    rehearsed = [part.name for part in outline(four, releases=False) if part.name.startswith("rehearse")]
    assert rehearsed == [f"rehearse {number}" for number in (1, 2, 3, 4)]
    assert (four.rehearsals, cutover().rehearsals) == (4, 3)


def test_a_host_that_hangs_or_refuses_is_named_and_left_behind(ssh: Path) -> None:
    """It is given up in time with all that it started; ssh's own failure is told in its words."""
    ssh.write_text("sleep 60 & echo begun; wait\n")
    began_s = time.monotonic()
    with pytest.raises(OutsideError, match=r"edge-1 has not answered within 0.3 s"):
        hosts.ask(Host(name="edge-1"), ["x"], within_s=0.3)
    assert time.monotonic() - began_s < 5
    ssh.write_text("echo 'Permission denied (publickey).' >&2; exit 255\n")
    with pytest.raises(OutsideError, match=r"edge-1 is not reached: Permission denied"):
        hosts.ask(Host(name="edge-1"), ["x"], within_s=10)


def test_one_host_that_hangs_keeps_no_other_from_going_back(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Side by side: the one is back at once, the other is named when its time is over; nobody takes words for deeds."""
    monkeypatch.setattr(far, "ANSWER_S", 0.5)
    answer = {"proxies": [rollback.Back("north", ok=True, took_s=0.2, written=True).data()]}
    said = json.dumps(answer)
    ssh.write_text(f"case $1 in edge-1) sleep 60;; edge-2) echo '{said}';; *) echo nonsense;; esac\n")
    _, away = far.apart(
        made(proxy("west", "edge-1"), proxy("north", "edge-2"), proxy("east", "edge-3"), proxy("own", "ops-1"))
    )
    assert [host.name for host in away] == ["edge-1", "edge-2", "edge-3"]
    west, north, east = far.roll_back(away, "because", "bob", within_s=0.5)
    assert (west.ok, north.ok, east.ok) == (False, True, False)
    assert "edge-1 has not answered within 1 s" in west.why
    assert "edge-3: exit code 0: nonsense" in east.why


def test_what_was_waited_for_at_another_host_is_no_part_of_how_long_v11_got_requests(ssh: Path) -> None:
    """V11 was idle but for a request that hung; starting aurops there counts, waiting for the hung one does not."""
    back = rollback.Back("north", ok=True, took_s=0.2, left=1, written=True, waited_s=0.5)
    said = json.dumps({"proxies": [back.data()]})
    ssh.write_text(f"sleep 0.8; echo '{said}'\n")
    _, away = far.apart(made(proxy("north", "edge-2")))
    began_s = time.monotonic()
    (north,) = far.roll_back(away, "because", "bob", within_s=5)
    assert 0.3 <= north.took_s <= time.monotonic() - began_s - 0.5
    assert (north.ok, north.left) == (True, 1)


def test_what_a_host_only_waits_for_is_told_before_it_has_ended(ssh: Path, tmp_path: Path) -> None:
    """As it comes, with the time as it is seen here; what else the host says meanwhile is kept for its end."""
    back = rollback.Back("north", ok=True, took_s=0.2, left=1, why="1 is under way", written=True, waited_s=0.3)
    heard, told = tmp_path / "heard", list[rollback.Back]()
    ssh.write_text(
        f"sleep 0.5; echo banner >&2; echo '{far.EARLY}{{cut off' >&2; echo '{far.early_line(back)}' >&2\n"
        f"until [ -e {heard} ]; do sleep 0.02; done; echo '{json.dumps({'proxies': [back.data()]})}'\n"
    )

    def tell(early: rollback.Back) -> None:
        told.append(early)
        heard.touch()

    _, away = far.apart(made(proxy("north", "edge-2")))
    (north,) = far.roll_back(away, "because", "bob", within_s=5, tell=tell)
    assert north.ok, north.why
    (early,) = told
    assert (early.proxy, early.left, early.why) == ("north", 1, "1 is under way")
    assert early.took_s >= 0.2
    said = hosts.ask(Host(name="edge-2"), [], within_s=5, hear=lambda line: line.startswith("banner"))
    assert "banner" not in said.err
    assert far.EARLY in said.err


def test_what_no_decoder_reads_is_told_and_hinders_no_other_host(ssh: Path) -> None:
    """One host speaks Latin-1: its own answer counts, what it complains of is told as far as it can be read."""
    said = json.dumps({"proxies": [rollback.Back("west", ok=True, took_s=0.2, written=True).data()]})
    ssh.write_text(f"printf 'f\\374r' >&2; case $1 in edge-1) echo '{said}';; *) exit 3;; esac\n")
    _, away = far.apart(made(proxy("west", "edge-1"), proxy("north", "edge-2")))
    west, north = far.roll_back(away, "because", "bob", within_s=0.5)
    assert (west.ok, north.ok) == (True, False)
    assert north.why == "edge-2: exit code 3: f\ufffdr"


def test_whatever_fails_at_one_host_hinders_no_other(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an error of ours either: it becomes that host's result, and the others' are told."""
    said = json.dumps({"proxies": [rollback.Back("north", ok=True, took_s=0.2, written=True).data()]})
    ssh.write_text(f"echo '{said}'\n")
    ask = hosts.ask

    def breaks(host: Host, *rest: object, **more: object) -> hosts.Said:
        if host.name == "edge-1":
            raise RuntimeError("can't start new thread")
        return ask(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(hosts, "ask", breaks)
    _, away = far.apart(made(proxy("west", "edge-1"), proxy("north", "edge-2")))
    west, north = far.roll_back(away, "because", "bob", within_s=0.5)
    assert (west.ok, north.ok) == (False, True)
    assert west.why == "edge-1: RuntimeError: can't start new thread"


def test_what_is_laid_is_read_back_and_another_text_is_no_success(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's host that wrote something else, or is not reached, keeps the cutover from going on."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ready = made(operators=("ops-1", "ops-2"))
    ssh.write_text('cat > /dev/null; echo \'{"/x": "beef"}\'\n')
    with pytest.raises(OutsideError, match="nothing lies ready at ops-2"):
        far.lay_everywhere(ready, "dead")
    assert "ops-1:" in next(iter(far.lay_everywhere(ready, "beef")))
    ssh.write_text("exit 255\n")
    with pytest.raises(OutsideError, match="ops-2 is not reached"):
        far.lay_everywhere(ready, "beef")
    far.lay_everywhere(ready, "beef", operators_too=False)


def test_another_file_at_a_proxys_host_is_not_ready(ssh: Path) -> None:
    """A check from an operator's host compares what lies there with what lies here."""
    ssh.write_text(
        """echo '{"digest": "beef", "proxies": [{"proxy": "west", "host": "e", "ok": true, "why": ""}]}'\n"""
    )
    ready = made(proxy("west", "edge-1"))
    assert [each.ok for each in far.check(ready, "beef")] == [True]
    (west,) = far.check(ready, "dead")
    assert (west.ok, west.why) == (False, "another rollback.json lies there")


CHECKED = {
    "digest": "beef",
    "boot_id": "9b1d0f9a-5b0e-4c43-8f0c-2a4a6ffa1f0e",
    "proxies": [{"proxy": "west", "host": "e", "ok": True, "why": ""}],
}
"""What an operators' host answers that reaches every proxy, but for the time of day there."""


@pytest.mark.parametrize(("ahead_s", "said"), [(90, "90 s ahead of"), (-90, "90 s behind"), (0, ""), (25, "")])
def test_an_operators_host_whose_clock_differs_keeps_the_cutover_from_going_on(
    ssh: Path, ahead_s: int, said: str
) -> None:
    """Nobody knows which of the two is right, and windows, expiries and journals go by them; named, with what to do."""
    at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
    ssh.write_text(f"echo '{json.dumps(CHECKED | {'at': at})}'\n")
    ready = made(proxy("west", "edge-1"), operators=("ops-2",))
    if not said:
        assert far.check_from_operators(ready, "beef") == {"ops-2": 1}
        return
    with pytest.raises(
        OutsideError, match=f"the clock of ops-2 is (8[5-9]|9[0-5]) s {said.split(' s ')[1]}"
    ) as refused:
        far.check_from_operators(ready, "beef")
    assert "chronyc" in str(refused.value)


def answers(ssh: Path, **of: dict[str, object]) -> None:
    """Have each host answer with that, now."""
    at = datetime.now(UTC).isoformat()
    lines = [f"{host.replace('_', '-')}) echo '{json.dumps({'at': at} | said)}';;" for host, said in of.items()]
    ssh.write_text("case $1 in\n" + "\n".join(lines) + "\nesac\n")


def test_two_unlike_names_of_one_machine_are_not_two_operators_hosts(ssh: Path) -> None:
    """A kernel boots once for both: refused with both names; the runner's own, under another name, is no second one."""
    two = made(proxy("west", "edge-1"), operators=("ops-2", "jump"))
    answers(ssh, edge_1=CHECKED, ops_2=CHECKED, jump=CHECKED)
    with pytest.raises(OutsideError, match="ops-2 and jump are one machine, boot ID 9b1d0f9a-") as refused:
        far.check_from_operators(two, "beef")
    assert (refused.value.where, "names another host" in str(refused.value.next_step)) == ("operator_hosts", True)
    answers(ssh, edge_1=CHECKED, ops_2=CHECKED, jump=CHECKED | {"boot_id": "another"})
    assert far.check_from_operators(two, "beef") == {"ops-2": 1, "jump": 1}
    own = made(proxy("west", "edge-1"), operators=("jump", "ops-1"))
    assert far.check_from_operators(own, "beef") == {"jump": 1, "ops-1": 1}
    answers(ssh, edge_1=CHECKED, jump=CHECKED | {"boot_id": processes.boot_id()})
    with pytest.raises(OutsideError, match="jump and ops-1 are one machine"):
        far.check_from_operators(own, "beef")


def test_an_operators_host_of_which_nobody_knows_what_machine_it_is_is_not_taken_for_one(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel does not say (the check there goes on without), or an older aurops answers: named, and refused."""
    monkeypatch.setattr(processes, "BOOT_ID", tmp_path / "hidden")
    said = json.loads(far.as_json([], "beef"))
    assert (said["ok"], said["boot_id"]) == (True, "")
    two = made(operators=("ops-2", "ops-3"))
    answers(ssh, ops_2=CHECKED, ops_3=said)
    with pytest.raises(OutsideError, match="whether ops-3 is a machine of its own nobody knows: its boot ID"):
        far.check_from_operators(two, "beef")
    answers(ssh, ops_2=CHECKED, ops_3={key: value for key, value in said.items() if key != "boot_id"})
    with pytest.raises(OutsideError, match="another version of aurops answers at ops-3: KeyError"):
        far.check_from_operators(two, "beef")


def test_operators_hosts_are_asked_anew_by_what_was_laid(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days after phase 1: a clock that went wrong, a host that is gone, another run's file: each named, none raised."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    laying = Laying(cutover(operator_hosts=("ops-2", "ops-3")), "r", {}, RealClock())
    assert "the file cannot be read" in laying.cut_off(5.0)
    ready = made(proxy("west", "edge-1"), operators=("ops-2", "ops-3")).model_copy(update={"service": "ledger"})
    (file,) = rollback.lay(ready, (rollback.home("ledger"),))
    well = CHECKED | {"digest": rollback.digest(Path(file))}
    other = well | {"boot_id": "another"}
    answers(ssh, ops_2=well, ops_3=other)
    assert laying.cut_off(5.0) == ""
    late = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    answers(ssh, ops_2=well, ops_3=other | {"at": late})
    assert laying.cut_off(5.0).startswith("the clock of ops-3 is 600 s behind")
    answers(ssh, ops_2=well, ops_3=other | {"digest": "beef"})
    assert laying.cut_off(5.0) == "another rollback.json lies at ops-3"
    ssh.write_text("case $1 in ops-2) exit 255;; *) sleep 60;; esac\n")
    assert "is not reached" in laying.cut_off(0.3)
    rollback.lay(ready.model_copy(update={"run": "later"}), (rollback.home("ledger"),))
    assert laying.cut_off(5.0).endswith("is another run's: later")


@pytest.mark.parametrize("said", [5, [], {}, CHECKED | {"proxies": [{"proxy": "west", "well": True}]}])
def test_an_operators_host_that_answers_otherwise_is_named(ssh: Path, said: object) -> None:
    """Another version's answer, or a number that a login script prints: no bug of ours, and no way back from there."""
    at = datetime.now(UTC).isoformat()
    ssh.write_text(f"echo '{json.dumps(said | {'at': at} if isinstance(said, dict) and said else said)}'\n")
    with pytest.raises(OutsideError, match="another version of aurops answers at ops-2"):
        far.check_from_operators(made(operators=("ops-2",)), "beef")


@pytest.mark.parametrize(
    "said", [{"proxies": CHECKED["proxies"]}, {"digest": "beef", "proxies": [{"proxy": "west", "well": True}]}]
)
def test_a_proxys_host_that_answers_otherwise_is_not_ready(ssh: Path, said: dict[str, object]) -> None:
    """Another version's answer: the check says so of its proxies, and goes on."""
    ssh.write_text(f"echo '{json.dumps(said)}'\n")
    (west,) = far.check(made(proxy("west", "edge-1")), "beef")
    assert not west.ok
    assert "another version of aurops answers there" in west.why


def test_operators_hosts_are_asked_by_whoever_takes_the_run_up(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user than the one who began it: in his folder nothing lies, or what is older; beside a proxy it does."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another user"))
    place = Place(tmp_path / "west-1")
    site = tmp_path / "west-1.json"
    site.write_text(place.site.model_dump_json(by_alias=True, exclude_unset=True))
    plan = cutover(operator_hosts=("ops-2",)).model_copy(update={"sites": {"west-1": str(site)}})
    ready = made(proxy("west", "edge-1"), operators=("ops-2",)).model_copy(update={"service": plan.service})
    (file,) = rollback.lay(ready, (place.site.folder,))
    answers(ssh, ops_2=CHECKED | {"digest": rollback.digest(Path(file))})
    assert Laying(plan, "r", {"west-1": place.driver}, RealClock()).cut_off(5.0) == ""
    rollback.lay(ready.model_copy(update={"at": "earlier"}), (rollback.home(plan.service),))
    assert Laying(plan, "r", {"west-1": place.driver}, RealClock()).cut_off(5.0) == ""


def test_laying_ready_takes_no_longer_than_it_may(ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that hangs is given up when the time of the step is over, and so is who waits for another proxy."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ssh.write_text("sleep 60\n")
    laying = Laying(cutover().model_copy(update={"sites": {}}), "r", {}, RealClock())
    began_s = time.monotonic()
    with CallPool(2, "lay") as pool:
        calls = [pool.submit(laying.lay, 1.0) for _ in range(2)]
    for call in calls:
        with pytest.raises(OutsideError, match=r"has not answered within|they are over"):
            call.result()
    assert time.monotonic() - began_s < 5
    assert PREPARE_S <= LEASE_TTL_S * 2 / 3


def hosts_lacking(plan: Cutover) -> dict[str | None, AuropsError]:
    """What is wrong with the hosts of a plan here, by place."""
    found = problems(plan, Signers(""), "cutover.yaml", now=plan.start - timedelta(days=2), env={})
    return {each.where: each for each in found if "host" in str(each.where)}


def test_a_plan_with_one_operators_host_or_a_proxy_elsewhere_is_refused_with_both(ssh: Path) -> None:
    """Before any host is asked: from one host alone nobody may depend, and steps are made at the proxy."""
    asked = ssh.with_name("asked")
    ssh.write_text(f"touch {asked}\n")
    everywhere = dict.fromkeys(cutover().sites, "edge-9")
    said = hosts_lacking(cutover(operator_hosts=("ops-1",), proxy_hosts=everywhere))
    assert {where: error.what for where, error in said.items()} == {
        "cutover.yaml: operator_hosts": "a rollback lies ready on 1 of at least 2 operator hosts",
        **{
            f"cutover.yaml: proxy_hosts.{name}": f"{name} is on edge-9, and this is ops-1: the steps forward are "
            "made on the proxy's own host"
            for name in everywhere
        },
    }
    assert str(said["cutover.yaml: proxy_hosts.west-1"].next_step).startswith("begin the cutover on edge-9")
    assert not asked.exists()


@pytest.mark.parametrize("names", [("ops-1.example.net", "ops-1"), ("OPS-1", "ops-1"), ("ops-1", "ops-1.", "ops-2")])
def test_one_host_under_two_names_is_not_two(names: tuple[str, ...]) -> None:
    """Short and long, upper and lower case: from one machine alone a rollback would hang on it."""
    (error,) = hosts_lacking(cutover(operator_hosts=names)).values()
    assert "are one host under two names" in error.what
    assert hosts_lacking(cutover(operator_hosts=("ops-1.example.net", "ops-1.example.org"))) == {}


@pytest.mark.parametrize("here", ["ops-1", "edge-9", "a-third"])
def test_a_plan_of_proxies_on_two_hosts_is_sent_to_neither_of_them(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No runner can carry it out, wherever it is begun: one error: which is where, a plan for each."""
    monkeypatch.setenv("AUROPS_HOST", here)
    plan = cutover(proxy_hosts={"west-1": "edge-9", "west-2": "edge-9", "north-1": "ops-1"})
    (error,) = hosts_lacking(plan).values()
    assert "one run cannot take proxies of 2 hosts forward, from whichever of them it is begun: " in error.what
    assert "west-1, west-2 on edge-9" in error.what
    assert "north-1 on ops-1" in error.what
    assert "a plan for each host, with a `service` of its own" in str(error.next_step)
    assert "begin the cutover on" not in str(error)


def test_a_proxy_without_a_host_is_on_the_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a plan that names another host for one of them is of two hosts; on that host it is of one."""
    plan = cutover(proxy_hosts={"west-1": "edge-9"})
    monkeypatch.setenv("AUROPS_HOST", "ops-1")
    (error,) = hosts_lacking(plan).values()
    assert "west-1 on edge-9; west-2, north-1 on ops-1 (this one)" in error.what
    monkeypatch.setenv("AUROPS_HOST", "edge-9")
    assert hosts_lacking(plan) == {}


def test_standing_down_and_standing_up_again_are_written_on_every_host(
    ssh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end an operator's host may be out of reach; there is a way back again only when every host says so."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    taken, out_of_reach = tmp_path / "taken", tmp_path / "out-of-reach"
    taken.mkdir()
    answer = 'echo "{\\"/x\\": \\"$(sha256sum "$there" | cut -d" " -f1)\\"}"'
    ssh.write_text(f'[ "$1" != "$(cat {out_of_reach})" ] || exit 255\nthere={taken}/$1; cat > "$there"; {answer}\n')
    sites = {}
    for name in ("west-1", "west-2", "north-1"):
        site = platforms(folder=tmp_path / name)
        sites[name] = str(tmp_path / f"{name}.json")
        Path(sites[name]).write_text(site.model_dump_json(by_alias=True))
    plan = cutover(sites=sites, proxy_hosts={"west-1": "edge-9"})
    laying = Laying(plan, "run-1", {}, ManualClock())

    def said() -> dict[str, str]:
        here = (rollback.home(plan.service), *(tmp_path / name for name in ("west-2", "north-1")))
        files = [*taken.iterdir(), *(folder / rollback.FILE for folder in here)]
        return {str(file.relative_to(tmp_path)): json.loads(file.read_text())["over"] for file in files}

    out_of_reach.write_text("")
    laying.stand_down("no writes")
    everywhere = said()
    assert set(everywhere) >= {"taken/edge-9", "taken/ops-2", "west-2/rollback.json", "north-1/rollback.json"}
    assert set(everywhere.values()) == {"no writes"}
    laying.stand_down("")
    assert said() == dict.fromkeys(everywhere, "")
    out_of_reach.write_text("ops-2")
    laying.stand_down("no writes")
    assert said() == dict.fromkeys(everywhere, "no writes") | {"taken/ops-2": ""}
    (taken / "ops-2").write_text('{"over": "no writes"}')
    with pytest.raises(OutsideError, match="nothing lies ready at ops-2"):
        laying.stand_down("")
    assert said()["taken/edge-9"] == ""
    out_of_reach.write_text("edge-9")
    for why in ("no writes", ""):
        with pytest.raises(OutsideError, match="nothing lies ready at edge-9"):
            laying.stand_down(why)
