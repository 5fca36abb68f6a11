"""`aurops gateway edge`: from a site file to a proxy that runs, with nothing else at hand."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from aurops.errors import OutsideError, UsageError
from runbooks import gateway
from testbeds.local import components, ports
from testbeds.local.steering import websocket
from testbeds.local.steering.bed import PROXY, up
from tests.e2e import commands
from traffic.dialects import open_driver
from traffic.driver import Steering
from traffic.site import Kind, Side, Site
from traffic.starting import prepare

pytestmark = pytest.mark.e2e
LIMIT_S = 20.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter: NGINX's workers are not root."""
    made = Path(tempfile.mkdtemp(prefix="aurops-edge-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def site_in(folder: Path, kind: Kind, first_port: int, **more: object) -> Site:
    """A proxy of two sides, neither of which listens."""
    at = [f"127.0.0.1:{first_port + number}" for number in range(4)]
    program = str((components.envoy() if kind is Kind.ENVOY else components.nginx()).path)
    sides = (Side(name="v11", backends=(at[2],), instead="v10"), Side(name="v10", backends=(at[3],)))
    told = {"kind": kind, "folder": folder / "edge", "listens": at[0], "admin": at[1], "sides": sides}
    return Site.model_validate({**told, "program": program, **more})


@pytest.fixture
def tight_umask() -> Iterator[None]:
    """What many hosts give root: nobody else may read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def run(site: Site, folder: Path) -> dict[str, object]:
    """What the command says."""
    file = folder / "site.json"
    file.write_text(site.model_dump_json(by_alias=True))
    done = CliRunner().invoke(gateway.app, ["edge", str(file), "--json"], catch_exceptions=False)
    said: dict[str, object] = json.loads(done.stdout)
    return said


@pytest.mark.usefixtures("tight_umask")
@pytest.mark.parametrize("kind", Kind)
def test_a_site_file_is_all_that_a_proxy_needs_to_be_started(kind: Kind, folder: Path) -> None:
    """What the command says starts it, whatever the umask; all is at the way back; said twice it writes nothing."""
    with ports.claim(None) as claimed:
        site = site_in(folder, kind, claimed.getsockname()[1] + 1)
        said = run(site, folder)
        assert said["began_at"] == "v10"
        assert isinstance(said["start"], list)
        proxy = subprocess.Popen(said["start"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline_s = time.monotonic() + LIMIT_S
            driver, seen = open_driver(site), None
            while seen is None and time.monotonic() < deadline_s:
                with suppress(OutsideError):
                    seen = driver.observe()
                time.sleep(0.02)
            assert seen is not None
            assert (seen.steering, seen.foreign) == (Steering({"v11": 0, "v10": 10_000}, 0), "")
            driver.lay_way_back()
        finally:
            proxy.terminate()
            proxy.wait()
        again = run(site, folder)
        assert (again["written"], again["began_at"]) == ([], None)


@pytest.mark.parametrize("kind", Kind)
def test_what_the_proxys_own_binary_refuses_is_not_written(kind: Kind, folder: Path) -> None:
    """Exit 3 in its own words, and the folder is not even made."""
    site = site_in(folder, kind, 20_000, listens="aurops.invalid:80")
    with pytest.raises(OutsideError, match="own binary") as refused:
        run(site, folder)
    said = str(refused.value)
    assert "What the proxy is started with, everything at v10, is refused" in said
    assert "Nothing was written. Mend" in said
    assert "aurops.invalid" in said
    assert "way back" not in said
    less_what_stays = said.replace(str(folder), "").replace(site.program, "")
    assert tempfile.gettempdir() not in less_what_stays, "a path that is gone by now"
    assert not site.folder.exists()


def test_without_the_proxys_binary_nothing_is_written(folder: Path) -> None:
    """It says how to name it."""
    site = site_in(folder, Kind.NGINX, 20_000, program="/nowhere/nginx")
    with pytest.raises(OutsideError, match="no /nowhere/nginx") as refused:
        run(site, folder)
    assert "`program`" in str(refused.value)
    assert not site.folder.exists()


def test_the_words_for_people_start_it_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line can be pasted as it is, and the watcher's beside it: into services, which stand in another folder."""
    site = site_in(folder, Kind.ENVOY, 20_000)
    file = folder / "site.json"
    file.write_text(site.model_dump_json(by_alias=True))
    monkeypatch.chdir(folder)
    said = CliRunner().invoke(gateway.app, ["edge", file.name], catch_exceptions=False).stdout
    (start,) = (line.removeprefix("start it with: ") for line in said.splitlines() if line.startswith("start it"))
    program, *options = shlex.split(start)
    assert os.access(program, os.X_OK)
    assert "--disable-hot-restart" not in options, "a changed site file could not be taken over"
    assert f"and beside it: {sys.executable} -m traffic.watcher --site {file}" in said


def test_a_relative_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Envoy, watcher and operators would each look in another place; nothing is written."""
    monkeypatch.chdir(folder)
    site = site_in(Path(), Kind.ENVOY, 20_000)
    with pytest.raises(UsageError, match="`folder` is edge") as refused:
        run(site, folder)
    assert str(folder / "edge") in str(refused.value)
    assert not site.folder.exists()


@pytest.mark.parametrize("kind", Kind)
def test_steering_of_other_sides_is_refused(kind: Kind, folder: Path) -> None:
    """An Envoy that is started so would have no routes; both lists are said, and no file is another."""
    site = site_in(folder, kind, 20_000)
    run(site, folder)
    before = {file: file.read_bytes() for file in site.folder.rglob("*") if file.is_file()}
    renamed = tuple(side.model_copy(update={"name": f"{side.name}-eu"}) for side in site.sides)
    sides = (renamed[0].model_copy(update={"instead": "v10-eu"}), renamed[1])
    with pytest.raises(UsageError, match="is of the sides v11, v10; the site file names v11-eu, v10-eu") as refused:
        run(site.model_copy(update={"sides": sides}), folder)
    assert "Nothing was written" in str(refused.value)
    assert {file: file.read_bytes() for file in site.folder.rglob("*") if file.is_file()} == before


def test_steering_that_envoy_cannot_obey_by_the_new_site_file_is_refused(folder: Path) -> None:
    """The same sides, and one has no fallback any more: its routes would name a cluster that is gone."""
    site = site_in(folder, Kind.ENVOY, 20_000)
    run(site, folder)
    alone = tuple(side.model_copy(update={"instead": None}) for side in site.sides)
    with pytest.raises(OutsideError, match="Its steering, with what this site file says, is refused"):
        run(site.model_copy(update={"sides": alone}), folder)


def test_steering_that_is_none_is_refused_with_what_to_do(folder: Path) -> None:
    """A proxy that is started with it would obey nobody knows what."""
    site = site_in(folder, Kind.NGINX, 20_000)
    run(site, folder)
    (site.folder / "live" / "steering.json").write_text("{")
    with pytest.raises(OutsideError, match="Compare it with"):
        run(site, folder)


@pytest.mark.usefixtures("tight_umask")
def test_everybody_may_enter_what_is_made_and_nothing_that_was_opened_is_closed(folder: Path) -> None:
    """A folder of a group stays one, and `live/` is its; what is above a new folder can be entered, too."""
    deep = site_in(folder / "above", Kind.NGINX, 20_000)
    run(deep, folder)
    of_group = site_in(folder, Kind.NGINX, 20_000)
    of_group.folder.mkdir()
    of_group.folder.chmod(0o2775)
    run(of_group, folder)
    made = (folder / "above", deep.folder, deep.folder / "live", of_group.folder, of_group.folder / "live")
    assert [oct(each.stat().st_mode & 0o7777) for each in made] == ["0o755"] * 3 + ["0o2775"] * 2


def is_served(site: Site) -> bool:
    """Whether a request is answered."""
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://{site.listens}/reads/1", trust_env=False).is_success
    return False


def says_back(client: socket.socket) -> bool:
    """Whether a WebSocket is still open."""
    client.sendall(websocket.text(b"still there?", masked=True))
    return bool(client.recv(100))


@contextmanager
def asked_all_the_time(url: str) -> Iterator[list[str]]:
    """A client that asks one thing after the other; what it was answered."""
    over, answers = threading.Event(), list[str]()

    def ask() -> None:
        with httpx.Client(trust_env=False) as client:
            while not over.is_set():
                try:
                    answers.append(str(client.get(f"{url}/reads/1").status_code))
                except httpx.HTTPError as error:
                    answers.append(repr(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        over.set()
        asking.join()


@pytest.mark.parametrize("kind", Kind)
def test_a_changed_site_file_is_taken_over_and_no_request_is_lost(kind: Kind) -> None:
    """As docs/traffic.md says: NGINX reloads and keeps its WebSockets, another Envoy takes over; weights stay."""
    with up(kind, requests=1) as bed, ExitStack() as stack:

        def run_envoy(site: Site, *more: str) -> subprocess.Popen[bytes]:
            command = [*prepare(site).command, *more, "--concurrency", "2"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        if kind is Kind.ENVOY:
            bed.kill(PROXY)
            first = run_envoy(bed.site)
            commands.until(lambda: is_served(bed.site), limit_s=LIMIT_S)
        host, _, port = bed.site.listens.rpartition(":")
        url = f"http://{bed.site.listens}"
        client = stack.enter_context(socket.create_connection((host, int(port)), timeout=LIMIT_S))
        client.sendall(websocket.asked("/socket", bed.site.listens, "ann"))
        assert b" 101 " in client.recv(4096)
        assert says_back(client)
        assert httpx.get(f"{url}/sockets", trust_env=False).text == "1"
        moved = {side.name: side for side in bed.site.sides}
        moved["v10"] = moved["v10"].model_copy(update={"backends": moved["baseline"].backends})
        changed = bed.site.model_copy(update={"sides": tuple(moved.values())})
        before = bed.driver.observe()
        with asked_all_the_time(url) as answers:
            commands.until(lambda: bool(answers), limit_s=LIMIT_S)
            if kind is Kind.ENVOY:
                run_envoy(changed, "--restart-epoch", "1", "--drain-time-s", "1", "--parent-shutdown-time-s", "2")
                commands.until(lambda: first.poll() is not None, limit_s=LIMIT_S)
            else:
                assert prepare(changed).written
                reload = [bed.site.program, "-p", str(bed.site.folder), "-c", "nginx.conf", "-e", "stderr"]
                subprocess.run([*reload, "-s", "reload"], check=True, capture_output=True)
            commands.until(lambda: httpx.get(f"{url}/sockets", trust_env=False).text == "0", limit_s=LIMIT_S)
        assert set(answers) == {"200"}
        now = bed.driver.observe()
        assert (now.steering, now.version, now.foreign) == (before.steering, before.version, "")
        assert says_back(client) is (kind is Kind.NGINX)
