"""Runs in a browser: what is shown, and who is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from aurops import execution
from aurops.clock import RealClock
from aurops.errors import OutsideError, UsageError
from aurops.journal import Journal, Record, RecordKind, journal_key
from aurops.store import Store, open_store
from failover.break_glass import local_store
from failover.execute import begin
from failover.goal import FailoverGoal
from failover.targets.simulated import REGIONS
from migration.outline import Action
from runbooks.serve import Pages, listening
from tests.e2e.commands import until
from tests.migration.cutovers import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token"  # noqa: S105 (it opens nothing but this test)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Site:
    """A served store with a cutover that waits at a gate."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.scene = Scene(store=store)
        self.scene.keeper.shut = frozenset({"people"})
        self.scene.go()
        self.run = self.scene.journal.run
        self.server = listening(store, "127.0.0.1", 0, TOKEN)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def get(self, path: str, method: str = "GET", token: str = TOKEN, **headers: str) -> httpx.Response:
        query = f"?token={token}" if token else ""
        headers = {name: value for name, value in headers.items() if value}
        return httpx.request(method, f"{self.url}{path}{query}", headers=headers, trust_env=False, timeout=60)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Served in this process."""
    made = Site(open_store(str(tmp_path_factory.mktemp("store"))))
    yield made
    made.close()


def test_a_cutover_is_shown_as_its_journal_says_and_anew_when_that_grows(site: Site) -> None:
    """The report of the moment, with a refresh while it is not over; a new record is on the next page."""
    page = site.get(f"/runs/{site.run}")
    assert (page.status_code, page.headers["refresh"]) == (200, "5")
    assert "Waits before west 5%: phase 2, people." in page.text
    assert "looked at again every 5 s" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    Journal.open(site.store, site.run, RealClock()).append(
        RecordKind.DECISION, {"name": "said", "value": "something <new>", "reason": "it grew"}
    )
    assert "something &lt;new&gt;" in site.get(f"/runs/{site.run}").text


def test_a_rollback_outside_of_the_run_is_on_its_page_though_the_run_wrote_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as this host has its record; brought back to the store it is shown once."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    scene = Scene(store=open_store(str(tmp_path / "store")))
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    pages = Pages(scene.store)
    assert "orders look wrong" not in pages.run(scene.journal.run)[0]
    about = {"service": "ledger", "after": scene.journal.run, "reason": "orders look wrong", "who": "ann"}
    told = execution.begin(local_store(), scene.clock, "rollback", about)
    back = {"step": "roll back west-1", "outcome": "done", "proxy": "west-1", "ok": True, "took_s": 0.2}
    told.append(RecordKind.RESULT, back)
    shown = pages.run(scene.journal.run)[0]
    assert shown.count("Rolled back by ann") == 2  # its verdict, and the note
    assert "FAILED" in shown.upper()
    assert "orders look wrong" in shown
    told.copy_to(scene.store)
    assert pages.run(scene.journal.run)[0].count("Rolled back by ann") == 2


def test_the_interruption_is_on_the_page_while_the_run_is_under_way(tmp_path: Path) -> None:
    """As the gates saw it last, for each region."""
    scene = Scene(store=open_store(str(tmp_path / "store")))

    def hear(record: Record) -> None:
        if record.data.get("action") == Action.SHIFT:
            scene.probing.failing_s, scene.keeper.shut = {"north": 4.2}, frozenset({"errors"})

    scene.go(hear)
    shown, _ = Pages(scene.store).run(scene.journal.run)
    assert "north: without an answer for at least 4.2 s, at most 4.2 s" in shown
    assert "interruption of north under 30 s" in shown


def test_the_list_leads_to_runs_of_every_kind_and_one_that_ended_is_not_refreshed(site: Site) -> None:
    """Each with its token; a failover is shown by its steps and decisions."""
    other = begin(site.store, RealClock(), "failover", FailoverGoal(REGIONS, "north"), {"bed": "gone"})
    links = site.get("/").text
    assert f"/runs/{site.run}?token={TOKEN}" in links
    assert f"/runs/{other.run}?token={TOKEN}" in links
    assert "failover, not over" in site.get(f"/runs/{other.run}").text
    other.append(RecordKind.FINISHED, {"outcome": "done"})
    page = site.get(f"/runs/{other.run}")
    assert "failover, done" in page.text
    assert "refresh" not in page.headers


@pytest.mark.parametrize("records", [500, pytest.param(20_000, marks=pytest.mark.campaign)])
def test_a_look_at_a_long_run_reads_what_is_new_and_nothing_twice(
    records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record is read once, however often somebody looks; a new one costs one read."""
    store, clock = open_store("memory://"), RealClock()
    journal = begin(store, clock, "failover", FailoverGoal(REGIONS, "north"), {"bed": "gone"})
    while len(journal.records) < records:
        journal.append(RecordKind.NOTE, {"text": "as before"})
    reads: list[str] = []
    read = store.read

    def counted(key: str) -> bytes | None:
        reads.append(key)
        return read(key)

    monkeypatch.setattr(store, "read", counted)
    pages = Pages(store)
    first, _ = pages.run(journal.run)
    assert len(reads) == records
    for new in range(3):
        reads.clear()
        assert pages.run(journal.run)[0] == first
        assert reads == []
        journal.append(RecordKind.DECISION, {"name": f"said {new}", "value": "new", "reason": "it grew"})
        first, _ = pages.run(journal.run)
        assert f"said {new}" in first
        assert reads == [journal_key(journal.run, journal.records[-1].n)]


@pytest.mark.parametrize("token", ["", "a-toke", "a-token2", "%C3%A9", "wrong"])
def test_without_the_token_nothing_is_shown(site: Site, token: str) -> None:
    """401 for the list and for a run, whether that exists or not; the answer names neither."""
    for path in ("/", f"/runs/{site.run}", "/runs/none", "/x"):
        answer = site.get(path, token=token)
        assert (answer.status_code, site.run in answer.text) == (401, False)
    assert site.get("/", token="", authorization=f"Bearer {TOKEN}").status_code == 200
    assert site.get("/", token="", authorization="Bearer wrong").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", "localhost"])
def test_another_host_name_is_refused_even_with_the_token(site: Site, host: str) -> None:
    """A name of somebody else's that was made to lead here (DNS rebinding): 421; `localhost` is fine."""
    port = str(site.server.server_address[1])
    assert site.get("/", host=host.format(port=port)).status_code == 421
    assert site.get("/", "POST", host=host.format(port=port)).status_code == 421
    assert site.get("/", host=f"localhost:{port}").status_code == 200


def test_a_request_with_two_hosts_or_none_is_refused(site: Site) -> None:
    """One right name beside a wrong one is not right."""
    port = site.server.server_address[1]
    for lines in (f"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n", ""):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(f"GET /?token={TOKEN} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            assert client.makefile("rb").readline().split()[1] == b"421"


def test_what_is_no_address_is_answered(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """400, and the server has nothing to say of itself."""
    port = site.server.server_address[1]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"GET http://[::1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        assert client.makefile("rb").readline().split()[1] == b"400"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_only_shows(site: Site, method: str) -> None:
    """Every other method is refused, and says which are not."""
    before = len(site.store.keys(f"runs/{site.run}"))
    answer = site.get(f"/runs/{site.run}", method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert len(site.store.keys(f"runs/{site.run}")) == before
    assert site.get("/", "HEAD").content == b""


def test_what_is_not_there_or_was_edited_is_said(site: Site, tmp_path: Path) -> None:
    """404 for no such page or run, 503 with the record for a broken journal; the others are still shown."""
    for path in ("/x", "/runs/", "/runs/none", "/runs/..%2f..", "/runs%2fnone"):
        assert site.get(path).status_code == 404
    store = open_store(str(tmp_path / "store"))
    broken = begin(store, RealClock(), "failover", FailoverGoal(REGIONS, "north"), {"bed": "gone"}).run
    file = tmp_path / "store" / journal_key(broken, 1)
    file.write_text(file.read_text().replace("north", "south", 1))
    made = Site(store)
    try:
        answer = made.get(f"/runs/{broken}")
        assert (answer.status_code, "was edited" in answer.text) == (503, True)
        assert made.get(f"/runs/{made.run}").status_code == 200
    finally:
        made.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])  # noqa: S104 (it is refused)
def test_nothing_but_loopback_is_served(host: str) -> None:
    """Refused before anything listens, with the way for another machine."""
    with pytest.raises(UsageError, match="on loopback only") as refused:
        listening(open_store("memory://"), host, 0, TOKEN)
    assert "ssh -L" in (refused.value.next_step or "")


def test_a_port_that_is_taken_is_named(site: Site) -> None:
    """The environment's fault, with the option."""
    with pytest.raises(OutsideError, match="nothing can listen there"):
        listening(site.store, "127.0.0.1", site.server.server_address[1], TOKEN)


def test_the_command_prints_an_address_that_answers_and_ends_on_ctrl_c(site: Site) -> None:
    """A token of its own at each start; exit 130."""
    command = [sys.executable, "-m", "runbooks", "runs", "serve", site.run, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "AUROPS_STORE": site.store.url}
    ) as child:
        try:
            assert child.stdout is not None
            url = json.loads(child.stdout.readline())["url"]
            assert httpx.get(url, trust_env=False, timeout=60).status_code == 200
            assert httpx.get(url[:-1], trust_env=False, timeout=60).status_code == 401
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 130
        finally:
            child.kill()


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_a_real_browser_shows_it_and_looks_again(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headless Chromium renders the gates and charts; the page comes again by itself."""
    asked: list[str] = []
    shown = site.server.pages.run

    def counted(run: str) -> tuple[str, bool]:
        asked.append(run)
        return shown(run)

    monkeypatch.setattr(site.server.pages, "run", counted)
    url = f"{site.url}/runs/{site.run}?token={TOKEN}"
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    done = subprocess.run([*command, "--dump-dom", url], capture_output=True, text=True, check=False, timeout=60)
    assert "Waits before west 5%: phase 2, people." in done.stdout, done.stderr
    assert "<svg" in done.stdout
    asked.clear()
    # With a port for debuggers it stays.
    with subprocess.Popen(
        [*command, "--remote-debugging-port=0", url],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as browser:
        try:
            until(lambda: len(asked) > 1, limit_s=45, what="the page is asked for again")
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
