"""The probes of a run: a process of its own, what it writes down, and what a gate makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.processes import Process
from migration.probe_ledger import STALE_S, Line
from migration.prober import FILE, PROCESS
from migration.probes import RATE_PER_S
from migration.probing import Probes
from tests.e2e.commands import until
from tests.migration.cutovers import PROBE, cutover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = RealClock()


class Server(ThreadingHTTPServer):
    """Answers 200, or 503 while it is out; notes what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.out = threading.Event()
        self.hangs = threading.Event()
        self.closing = threading.Event()
        self.answered = 0
        self.keys: list[str] = []
        self.bodies: list[str] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.answered += 1
        if self.server.hangs.is_set():
            self.server.closing.wait()
        self.server.tokens.add(self.headers["authorization"])
        self.send_response(503 if self.server.out.is_set() else 200)
        self.send_header("Content-Length", "0")
        self.send_header("x-aurops-side", "v10")
        self.end_headers()

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.keys.append(self.headers["idempotency-key"])
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """On a free port."""
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.closing.set()
    made.shutdown()
    thread.join()
    made.server_close()


def probes(server: Server, folder: Path, **more: object) -> Probes:
    """Of one region, not started yet."""
    asked = {
        "read": {"url": f"{server.url}/read", "headers": {"authorization": {"env": "PROBE_TOKEN"}}},
        "write": {
            "url": f"{server.url}/writes",
            "headers": {"authorization": {"file": str(folder / "token")}},
            "body": '{"n": {n}}',
        },
        **more,
    }
    (folder / "token").write_text("Bearer secret\n")
    file = cutover(
        regions=[{"name": "west", "proxies": ["west-1"], "probe": asked}],
        sites={"west-1": "w.json"},
        start=CLOCK.wall().isoformat(),
    )
    return Probes(file, "run-1", CLOCK, folder / "probes")


@pytest.fixture
def sent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probes]:
    """Probes that are sent."""
    monkeypatch.setenv("PROBE_TOKEN", "Bearer secret")
    made = probes(server, tmp_path, first=500)
    made.start()
    yield made
    made.stop()


def lines(sent: Probes) -> list[Line]:
    """What is written down so far."""
    text = sent.ledger("west").read_text() if sent.ledger("west").exists() else ""
    return [Line.model_validate_json(each) for each in text.splitlines() if each]


def is_over(sent: Probes) -> bool:
    """Whether failures are written down, and after them a second without."""
    failed = [None in line.took_s for line in lines(sent)]
    return any(failed) and len(failed) > 2 and not any(failed[-2:])


def test_an_interruption_is_as_long_as_clients_had_no_answer(server: Server, sent: Probes) -> None:
    """Two seconds of refusals are two seconds; each write has its number as key and in its body, secrets are sent."""
    until(lambda: server.answered > 40, limit_s=60, what="probes come")
    began_s = CLOCK.now_s()
    server.out.set()
    until(lambda: CLOCK.now_s() - began_s > 2, limit_s=60, what="it was out for a while")
    server.out.clear()
    out_s = CLOCK.now_s() - began_s
    until(lambda: is_over(sent), limit_s=60, what="its end is written down")
    seen = sent.interruption("west", 60, 5.0).value
    assert seen is not None
    assert seen.failing_s <= seen.without_s + 1e-6
    assert seen.without_s >= out_s - 3 / RATE_PER_S
    assert 0 < seen.ok < seen.sent
    assert [side.side for side in seen.sides] == ["v10"]
    assert server.keys[0] == "run-1-west-500"
    assert json.loads(server.bodies[0]) == {"n": 500}
    assert server.tokens == {"Bearer secret"}
    assert "secret" not in (sent.folder / FILE).read_text()


def test_lines_are_in_the_order_in_which_probes_were_due(server: Server, sent: Probes) -> None:
    """Good seconds after probes that nobody answered wait for those: an outage is as long as it was."""
    until(lambda: len(lines(sent)) > 2, limit_s=60, what="something is written down")
    began_s = CLOCK.now_s()
    server.hangs.set()
    until(lambda: CLOCK.now_s() - began_s > 3, limit_s=60, what="it hung for a while")
    server.hangs.clear()
    out_s = CLOCK.now_s() - began_s
    until(lambda: is_over(sent), limit_s=60, what="its end is written down")
    for kind in ("read", "write"):
        written = [line.from_s for line in lines(sent) if line.kind == kind]
        assert written == sorted(written)
    seen = sent.interruption("west", 60, 5.0).value
    assert seen is not None
    assert seen.failing_s == pytest.approx(seen.without_s, abs=1e-6)
    assert seen.failing_s >= out_s - 3 / RATE_PER_S


def test_a_ledger_of_the_future_says_nothing_of_now(server: Server, tmp_path: Path) -> None:
    """The clock was set back by an hour: the last line, of probes or a client, is ahead of it; the gate is unknown."""
    client = tmp_path / "client.jsonl"
    made = probes(server, tmp_path, clients=[str(client)])
    made.folder.mkdir()
    now_s = CLOCK.wall().timestamp()

    def write(probes_s: float, client_s: float) -> str:
        found = probes(server, tmp_path, clients=[str(client)])
        ahead = [Line(from_s=probes_s, kind=kind, took_s=(0.1,), side=("",), last=9) for kind in ("read", "write")]
        found.ledger("west").write_text("".join(each.model_dump_json() + "\n" for each in ahead))
        client.write_text(json.dumps({"intended_s": client_s, "outcome": "ok"}) + "\n")
        return found.interruption("west", 60, 5.0).why_unknown

    assert write(now_s, now_s) == ""
    assert "a clock was set back: the last probe is due in 36" in write(now_s + 3_660, now_s)
    assert "a clock was set back: the client's last request is due in 36" in write(now_s, now_s + 3_660)


def test_an_outage_before_traffic_moved_is_of_its_time_and_one_after_it_of_the_whole_run(
    server: Server, tmp_path: Path
) -> None:
    """31 s that ended 40 s ago: not of the last 30 s; when traffic had moved by then, it counts from now on."""
    made = probes(server, tmp_path, clients=[str(tmp_path / "client.jsonl")])
    made.folder.mkdir()
    first_s = round(CLOCK.wall().timestamp()) - 100.0
    out = range(29, 60)
    made.ledger("west").write_text(
        "".join(
            Line(
                from_s=first_s + second,
                kind=kind,
                took_s=(None if second in out else 0.1,) * 10,
                side=("",) * 10,
                last=10 * second,
            ).model_dump_json()
            + "\n"
            for second in range(100)
            for kind in ("read", "write")
        )
    )
    client = [(first_s + second, "fail" if second in range(29, 62) else "ok") for second in range(101)]
    (tmp_path / "client.jsonl").write_text(
        "".join(json.dumps({"intended_s": at_s, "outcome": how}) + "\n" for at_s, how in client)
    )

    def seen(moved_s: float | None, over_s: float = 100.0) -> tuple[bool, float, float]:
        made.count_from(moved_s)
        found = made.interruption("west", over_s, 5.0).value
        assert found is not None
        assert found.recent_s == pytest.approx(found.without_s, abs=1e-3), "all of it is in what is asked for"
        return found.before, round(found.failing_s), round(found.without_s)

    assert seen(None, over_s=30.0) == (True, 0, 0)
    assert seen(None, over_s=60.0) == (True, 33, 31), "the client's is the longer one"
    assert seen(first_s + 70) == (False, 0, 0)
    assert seen(first_s + 20) == (False, 33, 31)
    assert seen(first_s + 40) == (False, 33, 31), "what lasted beyond the first step counts as a whole"


def test_probes_outlive_a_kill_as_a_gap_and_are_started_again_once(server: Server, sent: Probes) -> None:
    """Killed they are seen to be gone; started again they go on in the same ledger with new keys; a second one ends."""
    until(lambda: len(lines(sent)) > 2, limit_s=60, what="something is written down")
    os.kill(Process.parse((sent.folder / PROCESS).read_text()).pid, signal.SIGKILL)
    until(lambda: not sent.alive(), limit_s=10, what="it is gone")
    assert sent.died()
    written = len(lines(sent))
    with sent.ledger("west").open("a") as torn:
        torn.write('{"from_s": 1')
    before = set(server.keys)
    CLOCK.sleep(1.5)  # longer than what is no gap
    sent.start()
    first = sent.folder.joinpath(PROCESS).read_text()
    until(lambda: len(server.keys) > len(before) + 20, limit_s=60, what="writes come again")
    assert len(server.keys) == len(set(server.keys))
    until(lambda: sent.interruption("west", 60, 5.0).value is not None, limit_s=60, what="it is written down")
    sent.start()
    assert sent.folder.joinpath(PROCESS).read_text() == first
    assert sent.alive()
    sent.stop()
    assert (sent.alive(), sent.died()) == (False, False)
    good = [each for each in sent.ledger("west").read_text().splitlines() if each.endswith("}")]
    assert len(good) > written
    seen = sent.stop().data["interruption"]["west"]  # type: ignore[index, call-overload]
    assert seen["unasked_s"] > 1.4  # type: ignore[index, operator, call-overload]


def test_probes_go_on_when_their_runner_is_killed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL of the process that started them: they are sent all the same, and found by the next."""
    monkeypatch.setenv("PROBE_TOKEN", "Bearer secret")
    made = probes(server, tmp_path)
    (tmp_path / "cutover.json").write_text(made.cutover.model_dump_json(by_alias=True))
    runner = (
        "import os, signal, sys; from pathlib import Path; from aurops.clock import RealClock\n"
        "from migration.cutover_file import Cutover; from migration.probing import Probes\n"
        "file, folder = map(Path, sys.argv[1:])\n"
        "Probes(Cutover.model_validate_json(file.read_text()), 'run-1', RealClock(), folder).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    try:
        command = [sys.executable, "-c", runner, str(tmp_path / "cutover.json"), str(made.folder)]
        assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
        before = server.answered
        until(lambda: server.answered > before + 20, limit_s=60, what="probes come")
        assert made.alive()
        assert not made.died()
    finally:
        made.stop()


def test_a_machine_that_stood_still_leaves_a_gap_and_no_interruption(sent: Probes) -> None:
    """What was due meanwhile is not sent afterwards: nobody knows of that time."""
    until(lambda: len(lines(sent)) > 2, limit_s=60, what="something is written down")
    pid = Process.parse((sent.folder / PROCESS).read_text()).pid
    os.kill(pid, signal.SIGSTOP)
    CLOCK.sleep(4)
    os.kill(pid, signal.SIGCONT)

    def unasked_s() -> float:
        seen = sent.interruption("west", 60, 5.0).value
        return seen.unasked_s if seen else 0.0

    until(lambda: unasked_s() > 3, limit_s=60, what="the gap is seen")
    seen = sent.interruption("west", 60, 5.0).value
    assert seen is not None
    assert seen.without_s > 3
    assert seen.failing_s < 1


def test_a_ledger_that_is_missing_or_stale_is_unknown(server: Server, tmp_path: Path) -> None:
    """Before the first probe, when nobody writes any more, and when a client's is missing or broken."""
    made = probes(server, tmp_path, clients=[str(tmp_path / "client.jsonl")])
    assert "no ledger" in made.interruption("west", 60, 5.0).why_unknown
    now_s = CLOCK.wall().timestamp()
    old = tuple(
        Line(from_s=now_s - STALE_S - 5, kind=kind, took_s=(0.1,) * 10, side=("",) * 10, last=9)
        for kind in ("read", "write")
    )
    made.folder.mkdir()
    client = tmp_path / "client.jsonl"
    client.write_text(json.dumps({"intended_s": now_s - 100, "outcome": "ok"}) + "\n")
    made.ledger("west").write_text("".join(each.model_dump_json() + "\n" for each in old))
    assert "stale: the last probe was due" in made.interruption("west", 60, 5.0).why_unknown
    fresh = [each.model_copy(update={"from_s": now_s - 1}) for each in old]
    with made.ledger("west").open("a") as out:
        out.writelines(each.model_dump_json() + "\n" for each in fresh)
    assert "stale: the client's last request" in made.interruption("west", 60, 5.0).why_unknown
    with client.open("a") as out:
        out.write(json.dumps({"intended_s": now_s, "outcome": "ok"}) + "\n")
    seen = made.interruption("west", 60, 5.0).value
    assert seen is not None
    assert seen.clients == 2
    with client.open("a") as out:
        out.write("broken\n")
    for _ in range(2):
        assert "cannot be read" in made.interruption("west", 60, 5.0).why_unknown


def test_a_secret_that_is_missing_is_named_and_nothing_is_sent(server: Server, tmp_path: Path) -> None:
    """Refused with the region, the header and what to do."""
    made = probes(server, tmp_path)
    with pytest.raises(OutsideError, match="PROBE_TOKEN is not set") as refused:
        made.start()
    assert "the probe of west: read: headers: authorization" in (refused.value.where or "")
    assert not made.alive()
    assert server.answered == 0


def test_probes_end_when_their_task_is_gone(server: Server, sent: Probes) -> None:
    """Whoever removes the folder ends them, too."""
    until(lambda: server.answered > 0, limit_s=60, what="probes come")
    (sent.folder / FILE).unlink()
    until(lambda: not sent.alive(), limit_s=30, what="they end")


def test_the_plan_names_what_is_asked() -> None:
    """A region without a probe is refused; so is a secret in a URL, one that names nothing, or a URL nobody can ask."""
    for wrong, says in (
        ({**PROBE, "read": {"url": "http://u:p@h/"}}, "without a password"),
        ({**PROBE, "read": {"url": "http://h/\u0007"}}, "unprintable"),
        ({**PROBE, "read": {"url": "http://h:99999/"}}, "range 0-65535"),
        ({**PROBE, "read": {"url": "http://h/", "headers": {"a": {}}}}, "either `env` or `file`"),
        ({"read": PROBE["read"]}, "write"),
    ):
        with pytest.raises(ValueError, match=says):
            cutover(regions=[{"name": "west", "proxies": ["west-1"], "probe": wrong}], sites={"west-1": "w"})
    with pytest.raises(ValueError, match="probe"):
        cutover(regions=[{"name": "west", "proxies": ["west-1"]}], sites={"west-1": "w"})
