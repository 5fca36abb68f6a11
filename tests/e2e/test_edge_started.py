"""`aurops gateway edge`: from a site file to a proxy that runs, with nothing else at hand."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aurops.errors import OutsideError
from runbooks import gateway
from testbeds.local import components, ports
from traffic.dialects import open_driver
from traffic.driver import Steering
from traffic.site import Kind, Side, Site

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


def run(site: Site, folder: Path) -> dict[str, object]:
    """What the command says."""
    file = folder / "site.json"
    file.write_text(site.model_dump_json(by_alias=True))
    done = CliRunner().invoke(gateway.app, ["edge", str(file), "--json"], catch_exceptions=False)
    said: dict[str, object] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("kind", Kind)
def test_a_site_file_is_all_that_a_proxy_needs_to_be_started(kind: Kind, folder: Path) -> None:
    """What the command says starts it; all traffic is at the way back; said twice it writes nothing."""
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
            assert seen.steering == Steering({"v11": 0, "v10": 10_000}, 0)
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
    with pytest.raises(OutsideError, match="own binary"):
        run(site, folder)
    assert not site.folder.exists()


def test_without_the_proxys_binary_nothing_is_written(folder: Path) -> None:
    """It says how to name it."""
    site = site_in(folder, Kind.NGINX, 20_000, program="/nowhere/nginx")
    with pytest.raises(OutsideError, match="no /nowhere/nginx") as refused:
        run(site, folder)
    assert "`program`" in str(refused.value)
    assert not site.folder.exists()


def test_the_words_for_people_start_it_too(folder: Path) -> None:
    """The line can be pasted as it is, and the watcher's stands beside it."""
    site = site_in(folder, Kind.ENVOY, 20_000)
    file = folder / "site.json"
    file.write_text(site.model_dump_json(by_alias=True))
    said = CliRunner().invoke(gateway.app, ["edge", str(file)], catch_exceptions=False).stdout
    (start,) = (line.removeprefix("start it with: ") for line in said.splitlines() if line.startswith("start it"))
    program, *_ = shlex.split(start)
    assert os.access(program, os.X_OK)
    assert f"python -m traffic.watcher --site {file}" in said
