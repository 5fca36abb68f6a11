"""The file of a cutover: what it says, what is refused, and when things begin by it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from aurops.clock import ManualClock
from aurops.errors import HeldError, UsageError
from aurops.gates.soak import patience_s
from aurops.gates.spec import PortCheck, SoakGate, WindowGate
from aurops.history import History
from aurops.runner import Ending
from migration import cutover_file
from migration.cutover_file import SCHEMA_FILE, Cutover, schema_text
from migration.execute import cutover_of
from migration.outline import Action, outline, timetable
from migration.proxies import Proxies
from migration.readiness import check, problems
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.migration.cutovers import APPROVAL, GATES, START, WARM, Scene, cutover
from traffic import watching
from traffic.memory import MemoryDriver

EXAMPLE = Path(__file__).parents[2] / "docs" / "runbooks" / "cutover.yaml"
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = """
schema: 1
service: ledger
start: 2026-01-02T13:00:00+00:00
sites: {west-1: w1.json, west-2: w2.json, north-1: n1.json}
operator_hosts: [ops-1, ops-2]
regions:
- name: west
  proxies: [west-1, west-2]
  probe:
    read: {url: "https://west.example/v1/blocks/latest", headers: {authorization: {file: token}}}
    write: {url: "https://west.example/v1/transactions", body: '{"memo": "probe {n}"}'}
    clients: [clients.jsonl]
- name: north
  proxies: [north-1]
  probe: {read: {url: "http://127.0.0.1:9/r"}, write: {url: "http://127.0.0.1:9/w/{n}"}}
steps: [5, 100]
times: {prepare_s: 3600, traffic_s: 900, validate_s: 1200}
soak: {for_s: 120, every_s: 60}
capacity:
- {kind: command, name: V10 warm, argv: ["true"]}
- kind: capacity
  name: V10 takes the peak
  can_take: {kind: command, argv: [echo, "1200"]}
  peak: {kind: command, argv: [echo, "1000"], max_age_s: 60}
  headroom: 1.2
watch: [{kind: command, name: errors, argv: ["true"]}]
drain_s: 60
page: {url_env: PAGER}
gates:
  prepare: [{kind: hold, name: on-call, reason: acknowledge}]
  traffic:
  - {kind: approval, name: people, need: 1, of: [ann]}
  - {kind: window, name: day, windows: [{from: "13:00", to: "18:00"}], calendar: freezes.yaml}
  validate: [{kind: command, name: suite, argv: ["true"]}]
  hand_over: [{kind: approval, name: people, need: 1, of: [ann]}]
signers: {allowed: allowed_signers}
"""
CAPACITY = WHOLE[WHOLE.index("capacity:") : WHOLE.index("watch:")].rstrip()


def write(folder: Path, text: str = WHOLE) -> Path:
    """The file with what it names beside it."""
    (folder / "allowed_signers").write_text(f"ann {new_key(folder / 'ann').with_suffix('.pub').read_text()}")
    (folder / "token").write_text("Bearer x\n")
    (folder / "freezes.yaml").write_text("freezes: [{from: 2026-03-01, to: 2026-03-02, reason: audit}]\n")
    sides = [{"name": name, "backends": ["127.0.0.1:1"]} for name in ("v11", "v10")]
    site = {"kind": "envoy", "listens": "127.0.0.1:2", "admin": "127.0.0.1:3", "sides": sides}
    for name in ("w1", "w2", "n1"):
        (folder / f"{name}.json").write_text(json.dumps({"schema": 1, "folder": name, **site}))
    file = folder / "cutover.yaml"
    file.write_text(text)
    return file


@needs_ssh_keygen
def test_a_file_is_read_with_its_calendar_and_its_signers(tmp_path: Path) -> None:
    """Every key reaches the plan; freezes and allowed signers become part of what the run's digest covers."""
    read, signers = cutover_file.read(write(tmp_path))
    assert signers.text.startswith("ann ssh-ed25519 ")
    assert signers.file == str(tmp_path / "allowed_signers")
    window = read.gates.traffic[1]
    assert isinstance(window, WindowGate)
    assert [freeze.reason for freeze in window.freezes] == ["audit"]
    assert (read.times.prepare_s, read.times.traffic_s, read.drain_s, read.soak.every_s) == (3600, 900, 60, 60)
    assert Cutover.model_validate(read.model_dump(mode="json", by_alias=True)) == read, "as the journal gives it back"
    check(read, signers, "f", now=BEFORE, env={})


@needs_ssh_keygen
@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("steps: [5, 100]", "steps: [5, 50]", "steps", "exactly 100"),
        ("steps: [5, 100]", "steps: [.inf, 100]", "steps", "steps grow"),
        ("validate_s: 1200", "validate_s: .inf", "times.validate_s", "less than or equal"),
        ("2026-01-02T13:00:00+00:00", "9999-12-31T23:59:59+00:00", "start", "start is in the year 9999"),
        ("steps: [5, 100]", "steps: [50, 5, 100]", "steps", "steps grow"),
        ("steps: [5, 100]", "steps: [0, 100]", "steps", "steps grow"),
        ("steps: [5, 100]", "steps: [0.001, 100]", "steps", "hundredths of a percent"),
        ("n1.json}", "n1.json, north-2: n2.json}", "cutover.yaml", "do not name the same proxies: north-2"),
        ("proxies: [north-1]", "proxies: [west-1]", "cutover.yaml", "a proxy is named twice: west-1"),
        ("name: north", "name: west", "cutover.yaml", "a region is named twice: west"),
        ("start: 2026-01-02T13:00:00+00:00", "start: 2026-01-02T13:00:00", "start", "timezone"),
        ("validate_s: 1200", "validate_s: 12", "times", "phase 3 would end before phase 2"),
        (CAPACITY, "capacity: []", "capacity", "at least 1"),
        (
            CAPACITY,
            'capacity: [{kind: command, name: warm, argv: ["true"]}]',
            "cutover.yaml: capacity",
            "nothing proves that V10 can take the current peak",
        ),
        ("headroom: 1.2", "headroom: 0.9", "cutover.yaml: capacity", "greater than or equal to 1"),
        (
            '  peak: {kind: command, argv: [echo, "1000"], max_age_s: 60}\n',
            "",
            "cutover.yaml: capacity",
            "'peak' is missing",
        ),
        ("drain_s: 60", "drains_s: 60", "drains_s", "did you mean 'drain_s'"),
        ("need: 1, of: [ann]}\n  - {kind: window", "need: 2, of: [ann]}\n  - {kind: window", "gates.traffic", "2 of 1"),
        ("kind: hold, name: on-call", "kind: hodl, name: on-call", "gates.prepare", "does not match any"),
        ("reason: acknowledge", "reason: a, reasons: b", "gates.prepare", "did you mean 'reason'"),
        ("allowed: allowed_signers", "allowed: nowhere", "signers.allowed", "cannot be read"),
        (
            "calendar: freezes.yaml",
            "calendar: nowhere.yaml",
            "cutover.yaml: gates.traffic: gate `day`: calendar: ",
            "cannot be read",
        ),
        (
            'to: "18:00"}',
            'to: "18:00", zone: Europe/Berln}',
            "gates.traffic.1.window.windows.0.zone",
            "needed, as Europe/Berlin or UTC, not 'Europe/Berln'",
        ),
        (
            "hand_over: [{kind: approval, name: people, need: 1, of: [ann]}]",
            "hand_over: [{kind: hold, name: h, reason: r}]",
            "gates.hand_over",
            "nobody approves",
        ),
        ("name: errors", "name: V10 warm", "cutover.yaml", "are called V10 warm"),
        ("page: {url_env: PAGER}\n", "", "cutover.yaml: page", "'page' is missing"),
        ("page: {url_env: PAGER}", "page: {}", "cutover.yaml: page", "nobody is called: give url, url_env or argv"),
        ("  prepare: [{kind: hold, name: on-call, reason: acknowledge}]\n", "", "gates.prepare", "is missing"),
        ("[{kind: hold, name: on-call, reason: acknowledge}]", "[]", "cutover.yaml: gates.prepare", "at least 1 item"),
        ('  validate: [{kind: command, name: suite, argv: ["true"]}]\n', "", "gates.validate", "is missing"),
        ('[{kind: command, name: suite, argv: ["true"]}]', "[]", "cutover.yaml: gates.validate", "at least 1 item"),
        (
            "drain_s: 60",
            "drain_s: 60\ncritical: [{check: errors, for_s: 5, every_s: 30}]",
            "cutover.yaml: heartbeat_s",
            "`errors`: two looks, each 30 s after the last, and its time-out of 5 s take 65 s",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, where: str, says: str
) -> None:
    """File, key, and what would be right."""
    assert old in WHOLE
    with pytest.raises(UsageError) as caught:
        cutover_file.read(write(tmp_path, WHOLE.replace(old, new)))
    assert where in str(caught.value.where)
    assert says in caught.value.what


def test_a_run_begun_before_capacities_were_compared_is_read_back() -> None:
    """Its plan stays what people approved: it goes on, and ends, by the checks that it has."""
    begun = cutover(capacity=[WARM]).model_dump(mode="json", by_alias=True)
    scene = Scene(Cutover.model_validate(begun))
    assert [check.name for check in cutover_of(History(scene.open().records)).capacity] == ["V10 warm"]
    assert scene.go().ending is Ending.DONE


@needs_ssh_keygen
@pytest.mark.parametrize(
    ("old", "new", "now", "where", "says"),
    [
        ("", "", START + timedelta(hours=1), "f: start", "start is in the past"),
        (
            "need: 1, of: [ann]}\n  -",
            "need: 1, of: [bob]}\n  -",
            BEFORE,
            "f: gates.traffic: gate `people`",
            "key of bob",
        ),
        (
            '{from: "13:00", to: "18:00"}',
            '{from: "13:00", to: "18:00", dates: [2026-01-01]}',
            BEFORE,
            "`day`",
            "never opens",
        ),
        ('name: errors, argv: ["true"]', "name: errors, argv: [no-such-program]", BEFORE, "f: watch", "no program"),
        ("name: on-call", "name: phase 1", BEFORE, "f", "are called phase 1"),
        ("traffic_s: 900", "traffic_s: 719", BEFORE, "f: times.traffic_s", "over at 2026-01-02 13:12:00 +0000"),
        ('to: "18:00"', 'to: "13:10"', BEFORE, "f: times.traffic_s", "over at 2026-01-03 13:01:00 +0000"),
        ('from: "13:00"', 'from: "13:05"', BEFORE, "f: times.traffic_s", "over at 2026-01-02 13:17:00 +0000"),
    ],
)
def test_what_could_never_work_is_refused_before_the_run(
    tmp_path: Path, old: str, new: str, now: datetime, where: str, says: str
) -> None:
    """A start in the past, people without a key, no such program, steps that outlast phase 2, or their window."""
    read, signers = cutover_file.read(write(tmp_path, WHOLE.replace(old, new, 1)))
    with pytest.raises(UsageError) as caught:
        check(read, signers, "f", now=now, env={})
    assert where in str(caught.value.where)
    assert says in caught.value.what


def test_the_timetable_adds_up_times_windows_and_soaks() -> None:
    """When each part begins at the earliest; the first step waits for its window, phase 3 for its hours."""
    made = cutover()
    rows = {row.part.name: row.not_before for row in timetable(outline(made), BEFORE)}
    assert rows["prepare"] == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert rows["west 5%"] == START
    assert rows["west 100%"] == datetime(2026, 1, 2, 12, 2, tzinfo=UTC)
    assert rows["phase 3 over"] == datetime(2026, 1, 5, 12, 2, tzinfo=UTC)
    night = {"kind": "window", "name": "night", "windows": [{"from": "22:00", "to": "23:00"}]}
    late = cutover(gates=GATES | {"traffic": [APPROVAL, night]})
    rows = {row.part.name: row.not_before for row in timetable(outline(late), BEFORE)}
    assert rows["west 5%"] == datetime(2026, 1, 2, 22, tzinfo=UTC)


def test_every_later_step_and_drain_asks_for_the_window_but_not_for_the_whole_night_again() -> None:
    """With its freezes; each needs no more of it than its own soak or drain, and never more than the first."""
    freeze = {"from": "2026-02-01", "to": "2026-02-02", "reason": "sale"}
    night = {"kind": "window", "name": "night", "windows": [{"from": "12:00", "to": "15:00"}], "freezes": [freeze]}
    for needs_s, later_s in ((7200, 120), (60, 60), (0, 0)):
        made = cutover(gates=GATES | {"traffic": [APPROVAL, night | {"needs_s": needs_s}]})
        moves = [part for part in outline(made) if part.action in (Action.SHIFT, Action.DRAIN)]
        found = [[gate for gate in part.gates if isinstance(gate, WindowGate)] for part in moves]
        assert [[gate.needs_s for gate in gates] for gates in found] == [[needs_s], *[[later_s]] * 5]
        assert {gate.freezes[0].reason for gates in found for gate in gates} == {"sale"}


@needs_ssh_keygen
def test_one_proxy_under_two_names_is_refused(tmp_path: Path) -> None:
    """By its file, however it is written; and by the folder, with a file of its own."""
    for same in ("w1.json", "../{}/w1.json", "./w1.json"):
        text = WHOLE.replace("west-2: w2.json", f"west-2: {same.format(tmp_path.name)}")
        (tmp_path / "ann").unlink(missing_ok=True)
        with pytest.raises(UsageError, match="west-1 and west-2 are described by one file") as caught:
            cutover_file.read(write(tmp_path, text))
        assert "sites.west-2" in str(caught.value.where)
    (tmp_path / "ann").unlink()
    read, signers = cutover_file.read(write(tmp_path))
    for name in ("w2", "n1"):
        (tmp_path / f"{name}.json").write_text((tmp_path / "w1.json").read_text())
    with pytest.raises(UsageError, match="west-1 and west-2 are in one folder"):
        check(read, signers, "f", now=BEFORE, env={})


def test_there_is_one_point_of_no_return_and_people_stand_before_it() -> None:
    """It is the hand-over, behind an approval; the drained V10 comes after."""
    parts = outline(cutover())
    (last,) = [part for part in parts if part.no_return]
    assert (last.name, last.action) == ("hand over", Action.HAND_OVER)
    assert any(gate.kind == "approval" for gate in last.gates)


def test_the_schema_is_that_of_the_model() -> None:
    """`python -m migration.cutover_file` was run after the last change."""
    assert SCHEMA_FILE.read_text() == schema_text()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no `ssh-keygen` on PATH")
def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    """For the schema, and for the reader."""
    document = YAML(typ="safe").load(EXAMPLE.read_text())
    jsonschema.validate(json.loads(json.dumps(document, default=str)), json.loads(SCHEMA_FILE.read_text()))
    for name in ("freezes.yaml", "cutover.yaml"):
        shutil.copy(EXAMPLE.parent / name, tmp_path / name)
    (tmp_path / "allowed_signers").write_text("")
    (tmp_path / "revoked_keys").write_text("")
    read, signers = cutover_file.read(tmp_path / "cutover.yaml")
    assert read.steps[-1] == 100
    found = problems(read, signers, "f", now=datetime(2026, 12, 1, tzinfo=UTC), env={})
    assert not [each for each in found if "traffic_s" in str(each.where)], "it fits into its two hours"


@pytest.mark.parametrize(("every_s", "timeout_s"), [(1, 5), (60, 5), (1, 30)])
def test_what_a_soak_forgives_is_asked_for_afterwards(every_s: float, timeout_s: float) -> None:
    """No moment in which clients had no answer falls between two looks that a soak takes for one after the other."""
    slow = {"kind": "command", "name": "slow", "argv": ["true"], "timeout_s": timeout_s}
    made = cutover(watch=[slow], soak={"for_s": 120, "every_s": every_s})
    well = {gate for part in outline(made) for gate in part.gates if isinstance(gate, SoakGate)}
    for gate in well:
        asked = [check for check in gate.checks if isinstance(check, PortCheck) and check.port == "interruption"]
        assert asked
        assert all(check.over_s > patience_s(gate) for check in asked)


PAGE = {"url_env": "PAGER"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"critical": [{"check": "error", "for_s": 5}]}, "`watch` has no check `error`; it has errors"),
        ({"critical": [{"check": "errors", "for_s": 5}], "page": None}, "page"),
        ({"critical": [{"check": "errors", "for_s": 5}] * 2}, "critical twice: errors"),
        (
            {"critical": [{"check": "lag", "for_s": 5}], "watch": [{"kind": "port", "name": "lag", "port": "lag"}]},
            "port",
        ),
        ({"page": {}}, "nobody is called: give url, url_env or argv"),
        ({"page": {"url": "https://me:secret@pager.example"}}, "a URL with a password"),
        ({"heartbeat_s": 1}, "greater than or equal to 3"),
    ],
)
def test_a_critical_gate_that_nobody_could_go_by_is_refused(more: dict[str, object], says: str) -> None:
    """No such check, one that needs more than the proxy's host, nobody to call, a secret in the file."""
    with pytest.raises(ValueError, match=re.escape(says)):
        cutover(**{"page": PAGE, **more})


@pytest.mark.parametrize("heartbeat_s", [None, 3, 6, 600])
@pytest.mark.parametrize("every_s", [0.1, 0.5, 27.5, 27.6, 60])
@pytest.mark.parametrize("timeout_s", [1, 5, 30])
def test_a_gate_that_always_answers_in_time_is_never_one_that_does_not(
    heartbeat_s: float | None, every_s: float, timeout_s: float
) -> None:
    """A `heartbeat_s` that is over before the second look is refused, also where nobody gave it; what fits is taken."""
    given = {} if heartbeat_s is None else {"heartbeat_s": heartbeat_s}
    watch = [{"kind": "command", "name": "errors", "argv": ["true"], "timeout_s": timeout_s}]
    critical = [{"check": "errors", "for_s": 0, "every_s": every_s}]
    if 2 * every_s + timeout_s <= (heartbeat_s or 60):
        assert cutover(watch=watch, critical=critical, page=PAGE, **given).critical
        return
    with pytest.raises(ValueError, match="too short for the critical gate `errors`"):
        cutover(watch=watch, critical=critical, page=PAGE, **given)


def test_what_a_watcher_obeys_is_the_check_itself(tmp_path: Path) -> None:
    """With its time, the run, and how a person is called; a change of it shows, another spelling does not."""
    read = cutover(critical=[{"check": "errors", "for_s": 5}], page=PAGE, heartbeat_s=30)
    made = read.watching("run-1", "west-1")
    (critical,) = made.critical
    assert (critical.check.name, critical.for_s, critical.every_s) == ("errors", 5, 1)
    assert (made.run, made.proxy, made.silent_s, made.page) == ("run-1", "west-1", 30, read.page)
    digest = watching.lay(tmp_path, made)
    assert digest == hashlib.sha256(made.text().encode()).hexdigest()
    document = json.loads((tmp_path / watching.FILE).read_text())
    (tmp_path / watching.FILE).write_text(json.dumps(document))
    assert watching.differs(tmp_path, made) == ""
    document["critical"] = []
    (tmp_path / watching.FILE).write_text(json.dumps(document))
    assert "somebody else changed" in watching.differs(tmp_path, made)


def test_no_step_forward_where_somebody_else_changed_what_the_watcher_obeys() -> None:
    """Held, with the reason; the way back is free."""
    driver, said = MemoryDriver({"v11": "v10", "v10": None}, {"v11": 500, "v10": 9_500}), ["changed"]
    proxies = Proxies({"west-1": driver}, ManualClock(), who="ann", drain_s=0, changed=lambda _: said[0])
    with pytest.raises(HeldError, match="would not obey this cutover: changed"):
        proxies.shift("west-1", {"v11": 1_000, "v10": 9_000}, 2, 1.0)
    proxies.shift("west-1", {"v11": 0, "v10": 10_000}, 2, 1.0)
    said[0] = ""
    proxies.shift("west-1", {"v11": 1_000, "v10": 9_000}, 2, 1.0)
    assert driver.observe().steering.weight("v11") == 1_000
