"""Gates that ask a URL, a command or a port."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from aurops.clock import ManualClock, RealClock
from aurops.errors import OutsideError, UsageError
from aurops.gates import commands, port, sql, urls
from aurops.gates.finding import Finding, State
from aurops.gates.refusals import refuse, with_calendars
from aurops.gates.spec import CommandCheck, Gate, HttpCheck, PortCheck, SqlCheck, WindowGate
from aurops.plan import Observation
from aurops.ports import (
    Comparison,
    Drained,
    Interruption,
    Judgement,
    Lag,
    Operators,
    Side,
    Unsynced,
    Verdict,
    Watched,
    not_connected,
)
from aurops.processes import read_stat
from tests.engine.processes import wait_until

GATES: TypeAdapter[Gate] = TypeAdapter(Gate)
NOW = ManualClock().wall()


class Page(BaseHTTPRequestHandler):
    """`/STATUS` answers so; `/slow` trickles for ever."""

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            while not self.server.gone.wait(0.05):  # type: ignore[attr-defined]
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
            return
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b'{"database": "ok"}')

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The URL of a small web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.gone = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.gone.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def ask(url: str, **more: object) -> Finding:
    """One look at a URL."""
    check = HttpCheck.model_validate({"kind": "http", "name": "page", "url": url} | more)
    return urls.judge(check, urls.look(check, RealClock()), NOW)


def test_a_url_opens_by_its_status_and_body(pages: str) -> None:
    """200 and what must be in it; a redirect is an answer like any other, and is not followed."""
    assert ask(f"{pages}/200").state is State.OPEN
    assert ask(f"{pages}/200", matches='"database": "ok"').state is State.OPEN
    assert "nothing in it matches 'database: failing'" in ask(f"{pages}/200", matches="database: failing").why
    assert ask(f"{pages}/503").why == f"{pages}/503 answers 503, not 200"
    assert ask(f"{pages}/302").state is State.CLOSED
    assert ask(f"{pages}/204", status=[200, 204]).state is State.OPEN


def test_a_url_that_does_not_answer_in_time_is_unknown(pages: str) -> None:
    """One that is not there, and one that trickles for longer than a look may take."""
    found = ask("http://127.0.0.1:9/")
    assert (found.state, found.why[:9]) == (State.UNKNOWN, "no answer")
    found = ask(f"{pages}/slow", timeout_s=0.3)
    assert (found.state, found.why) == (State.UNKNOWN, "no whole answer within 0.3 s")


def run(*argv: str, timeout_s: float = 10.0) -> Finding:
    """One look at a command."""
    check = CommandCheck(kind="command", name="suite", argv=argv, timeout_s=timeout_s)
    return commands.judge(check, commands.look(check, RealClock()), NOW)


@pytest.mark.parametrize(
    ("code", "state"), [(0, State.OPEN), (1, State.CLOSED), (2, State.UNKNOWN), (77, State.UNKNOWN)]
)
def test_a_commands_exit_code_decides(code: int, state: State) -> None:
    """0 opens, 1 closes, anything else says nothing; its last line is the evidence."""
    found = run(sys.executable, "-c", f"print('first'); print('last'); raise SystemExit({code})")
    assert (found.state, found.evidence["code"]) == (state, code)
    assert found.why.endswith(f"ended with {code}: last")


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """Time is up: unknown, and nothing of it is left."""
    pid = tmp_path / "pid"
    found = run("sh", "-c", f"sleep 60 & echo $! > {pid}; wait", timeout_s=0.5)
    assert (found.state, found.why) == (State.UNKNOWN, "it did not end within 0.5 s")
    child = int(pid.read_text())
    wait_until(lambda: (left := read_stat(child)) is None or not left.alive)  # a busy machine is a while about it
    assert run("no-such-program").why == "it cannot be run: No such file or directory"


def without(failing_s: float, without_s: float, recent_s: float) -> Interruption:
    """What probes of a region saw."""
    return Interruption("west", 1.0, 90.0, failing_s, without_s, recent_s, 0.0, 20, 19)


def said(name: str, value: object, *, age_s: float = 0.0, **more: object) -> Finding:
    """What a port's answer means for its gate."""
    check = PortCheck.model_validate({"kind": "port", "name": name, "port": name} | more)
    return port.judge(check, Observation(value, 100.0, "test"), NOW, 100.0 + age_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("finding", "state", "why"),
    [
        (said("equal", Comparison(equal=9)), State.OPEN, "9 compared, 9 equal, 0 in flight"),
        (said("equal", Comparison(equal=9, in_flight=1)), State.UNKNOWN, "10 compared, 9 equal, 1 in flight"),
        (said("equal", Comparison(equal=0)), State.UNKNOWN, "0 compared"),
        (
            said("equal", Comparison(9, 0, 1, 2, 3, 4)),
            State.CLOSED,
            "1 missing in V10, 2 missing in V11, 3 different, 4",
        ),
        (said("equal", Comparison(equal=9), age_s=601), State.UNKNOWN, "stale: its answer is 601 s old"),
        (said("lag", Lag(0.05, 0.1)), State.OPEN, "0.050 s behind towards V11"),
        (said("lag", Lag(0.05, 0.11)), State.CLOSED, "allowed 0.1 s"),
        (said("lag", Lag(float("nan"), 0.0)), State.CLOSED, "nan"),
        (said("unsynced", Unsynced(0)), State.OPEN, "0 acknowledged"),
        (
            said("unsynced", Unsynced(2, 1.0, ("t1", "t2"))),
            State.CLOSED,
            "2 acknowledged V11 writes are not in V10: t1, t2",
        ),
        (said("drained", Drained(Side.V10, 0)), State.OPEN, "0 changes"),
        (said("interruption", without(0.0, 0.2, 0.2)), State.OPEN, "at most 0.2 s; 19 of 20 probes"),
        (said("interruption", without(30.0, 30.0, 30.0)), State.OPEN, "at most 30.0 s"),
        (said("interruption", without(30.1, 30.1, 0.0)), State.CLOSED, "for 30.1 s, more than 30 s"),
        (said("interruption", without(1.0, 99.0, 99.0)), State.UNKNOWN, "of 99.0 s nobody knows"),
        (said("interruption", without(1.0, 99.0, 0.0)), State.OPEN, "at most 99.0 s"),
        (said("interruption", without(0.0, 0.1, 0.1), age_s=31, max_age_s=30), State.UNKNOWN, "stale"),
        (said("drained", Drained(Side.V10, 3)), State.CLOSED, "3 changes of v10"),
        (said("drained", Drained(Side.V11, 0)), State.UNKNOWN, "it speaks of v11"),
        (said("judge", Judgement(Verdict.PASS, "E 0.1")), State.OPEN, "pass"),
        (said("judge", Judgement(Verdict.ROLL_BACK, "E 21")), State.CLOSED, "roll back: E 21"),
        (said("judge", Judgement(Verdict.UNDECIDED, "too few")), State.UNKNOWN, "undecided"),
        (said("watched", Watched("edge")), State.OPEN, "its watcher looks"),
        (said("watched", Watched("edge", "it is gone")), State.CLOSED, "nobody watches edge as it must be: it is gone"),
        (said("operators", Operators(("a", "b"))), State.OPEN, "from a, b every proxy can be rolled back"),
        (said("operators", Operators(("a",), "the clock of a is 90 s behind")), State.CLOSED, "the clock of a is 90 s"),
    ],
)
def test_a_ports_answer_decides_by_exact_counts(finding: Finding, state: State, why: str) -> None:
    """In flight is not equal, undecided is no pass, and an old answer is none."""
    assert finding.state is state
    assert why in finding.why


@pytest.mark.parametrize(
    "name", ["equal", "lag", "unsynced", "drained", "judge", "interruption", "rehearsed", "watched", "operators"]
)
def test_a_port_that_is_not_connected_opens_nothing(name: str) -> None:
    """The stand-in says so."""
    clock = ManualClock()
    check = PortCheck.model_validate({"kind": "port", "name": name, "port": name})
    found = port.judge(check, port.look(check, not_connected(clock)), NOW, clock.now_s())
    assert (found.state, found.why) == (State.UNKNOWN, f"the port `{name}` is not connected")


def test_a_fence_that_is_not_connected_refuses() -> None:
    """Who wants to stop writes is told that nothing will."""
    with pytest.raises(OutsideError, match="`fence` is not connected") as caught:
        not_connected(ManualClock()).fence.fence(Side.V10, 7, 1.0)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ({"kind": "http", "url": "ftp://x"}, "http://… or https://…"),
        ({"kind": "http", "url": "https://a:b@x/"}, "a password does not belong"),
        ({"kind": "http", "url": "https://x", "matches": "("}, "not a regular expression"),
        ({"kind": "prometheus", "url": "http://x", "query": "up", "value": {}}, "at least one limit"),
        ({"kind": "prometheus", "url": "http://x", "query": "up", "value": {"below": float("nan")}}, "a finite number"),
        (
            {"kind": "prometheus", "url": "http://x", "query": "up", "value": {"below": 1}, "over_s": 1e6, "step_s": 1},
            "11000",
        ),
        ({"kind": "approval", "need": 3, "of": ["a", "b"]}, "3 of 2 people can never approve"),
        ({"kind": "approval", "need": 2, "of": ["a", "a"]}, "named twice"),
        ({"kind": "window"}, "neither windows nor freezes"),
        (
            {"kind": "window", "windows": [{"from": "22:00", "to": "23:00", "zone": "Mars/Base"}]},
            "a time zone of the IANA database is needed, as Europe/Berlin or UTC, not 'Mars/Base'",
        ),
        ({"kind": "window", "windows": [{"from": "22:00", "to": "23:00", "zone": "../../etc/passwd"}]}, "a time zone"),
        (
            {"kind": "window", "windows": [{"from": "22:00", "to": "23:00", "days": ["mon"], "dates": ["2026-01-01"]}]},
            "either `days` or `dates`",
        ),
        (
            {"kind": "soak", "for_s": 10, "every_s": 20, "checks": [{"kind": "command", "name": "a", "argv": ["x"]}]},
            "looked at once",
        ),
        (
            {"kind": "soak", "for_s": 1e6, "every_s": 1, "checks": [{"kind": "command", "name": "a", "argv": ["x"]}]},
            "1000 looks",
        ),
        ({"kind": "prayer"}, "does not match any of the expected tags"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(gate: dict[str, object], why: str) -> None:
    """By the file alone, before anything is asked."""
    with pytest.raises(ValidationError) as caught:
        GATES.validate_python({"name": "g"} | gate)
    assert why in str(caught.value)


def test_what_this_machine_lacks_is_known_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program, an environment variable, psycopg: named, with how to get it."""
    ask_sql = SqlCheck.model_validate(
        {"kind": "sql", "name": "open", "dsn_env": "V11_DSN", "query": "select 1", "value": {"equals": 1}}
    )
    missing = CommandCheck(kind="command", name="suite", argv=("no-such-program",))
    with pytest.raises(OutsideError, match="V11_DSN is not set"):
        refuse((ask_sql,), "f", signers=None, now=NOW, env={})
    refuse((ask_sql,), "f", signers=None, now=NOW, env={"V11_DSN": "x"})
    with pytest.raises(UsageError, match="there is no program 'no-such-program'"):
        refuse((missing,), "f", signers=None, now=NOW, env={})
    monkeypatch.setattr(sql, "find_spec", lambda _: None)
    with pytest.raises(OutsideError, match="psycopg is not installed") as caught:
        refuse((ask_sql,), "f", signers=None, now=NOW, env={"V11_DSN": "x"})
    assert "uv sync --group local" in str(caught.value.next_step)


def test_a_freeze_calendar_is_a_file_of_its_own(tmp_path: Path) -> None:
    """Its freezes join those of the gate; a wrong one is named with its key, and one that ends early is refused."""
    gate = {"kind": "window", "name": "night", "calendar": "freezes.yaml"}
    made = WindowGate.model_validate(gate)
    file = tmp_path / "freezes.yaml"
    file.write_text("freezes:\n- {from: 2026-12-20, to: 2027-01-07, reason: holidays, zone: Europe/Berlin}\n")
    (read,) = with_calendars((made,), tmp_path, "f")
    assert isinstance(read, WindowGate)
    assert [freeze.reason for freeze in read.freezes] == ["holidays"]
    assert GATES.validate_python(read.model_dump(mode="json", by_alias=True)) == read, "as the journal gives it back"
    file.write_text("freezes:\n- {from: 2026-12-20, to: 2027-01-07, reasons: holidays, reason: holidays}\n")
    with pytest.raises(UsageError, match="did you mean 'reason'") as caught:
        with_calendars((made,), tmp_path, "plan.yaml: gates.traffic")
    assert caught.value.where == f"plan.yaml: gates.traffic: gate `night`: calendar: {file}: freezes.0.reasons"
    file.write_text("freezes:\n- {from: 2027-01-07, to: 2026-12-20, reason: holidays}\n")
    with pytest.raises(UsageError, match="`holidays` ends before it begins"):
        refuse(with_calendars((made,), tmp_path, "f"), "f", signers=None, now=NOW, env={})
