"""How set-up finds a Pulumi CLI."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CI = ROOT / "ci" / "pulumi-cli"
INSTALL = CI / "install.py"


def install(folder: Path, *options: str, path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script where PATH has what a folder has, and no web server can be reached."""
    closed = "http://127.0.0.1:9"
    env = {"PATH": str(path), "HOME": str(folder), "https_proxy": closed, "http_proxy": closed, **more}
    return subprocess.run(
        [sys.executable, INSTALL, folder / "pulumi", *options],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def program(file: Path, text: str) -> None:
    """An executable shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_the_one_on_path_wins(tmp_path: Path) -> None:
    """A CLI on PATH is taken as it is, before anything that set-up has got."""
    program(tmp_path / "bin" / "pulumi", "exit 0")
    program(tmp_path / "pulumi" / "bin" / "pulumi", "exit 0")
    found = install(tmp_path, path=tmp_path / "bin")
    assert (found.returncode, found.stdout) == (0, f"pulumi: {tmp_path}/bin/pulumi, from PATH\n")


def test_in_ci_only_the_pinned_version_on_path_counts(tmp_path: Path) -> None:
    """A runner's image brings another one: what set-up has got is taken, and the line says why."""
    version = metadata.version("pulumi")
    program(tmp_path / "old" / "pulumi", "echo v3.1.0")
    program(tmp_path / "new" / "pulumi", f"echo v{version}")
    program(tmp_path / "pulumi" / "bin" / "pulumi", "exit 0")
    found = install(tmp_path, "--pinned", path=tmp_path / "new")
    assert found.stdout == f"pulumi: {tmp_path}/new/pulumi, from PATH\n"
    found = install(tmp_path, "--pinned", path=tmp_path / "old")
    why = f"(on PATH is v3.1.0, not v{version})"
    assert found.stdout == f"pulumi: {tmp_path}/pulumi/bin/pulumi, from an earlier set-up {why}\n"


def test_what_set_up_has_got_is_used_again(tmp_path: Path) -> None:
    """The second set-up neither downloads nor builds."""
    program(tmp_path / "pulumi" / "bin" / "pulumi", "exit 0")
    found = install(tmp_path, path=tmp_path / "bin")
    assert found.returncode == 0
    assert found.stdout == f"pulumi: {tmp_path}/pulumi/bin/pulumi, from an earlier set-up (not on PATH)\n"


def test_without_any_way_one_line_says_why(tmp_path: Path) -> None:
    """No CLI, no reachable installer, no Go: exit code 3 and one line with the reason for each."""
    found = install(tmp_path, path=tmp_path / "bin")
    assert found.returncode == 3
    assert re.fullmatch(
        r"pulumi: none, the engine's tests are skipped \(not on PATH; not in \.tools; Pulumi's installer failed"
        r" \(.+\); there is no Go to build it with\)\n",
        found.stdout,
    )


def test_where_the_installer_is_blocked_go_builds_the_pinned_version(tmp_path: Path) -> None:
    """Go is asked for the pinned version, checked against go.sum; what it builds is used, and the line says so."""
    program(tmp_path / "bin" / "go", 'echo "$@" > "$HOME/asked"; while [ "$1" != -o ]; do shift; done; echo x > "$2"')
    (tmp_path / "pulumi" / "bin").mkdir(parents=True)
    found = install(tmp_path, path=tmp_path / "bin")
    assert found.returncode == 0, found.stderr
    assert "built from the Go module proxy, without a language host" in found.stdout
    asked = (tmp_path / "asked").read_text()
    assert f"version.Version=v{metadata.version('pulumi')}" in asked
    assert "-mod=readonly" in asked


def test_a_failed_build_is_no_failed_set_up(tmp_path: Path) -> None:
    """What Go said last is in the line; nothing half built is left to be taken for a CLI."""
    program(tmp_path / "bin" / "go", "echo 'module lookup disabled' >&2; exit 1")
    found = install(tmp_path, path=tmp_path / "bin")
    assert found.returncode == 3
    assert "the Go build failed (module lookup disabled)" in found.stdout
    assert not (tmp_path / "pulumi" / "bin" / "pulumi").exists()


def test_cli_and_sdk_have_one_version() -> None:
    """go.mod builds the version that pyproject.toml pins."""
    versions = re.findall(r"github\.com/pulumi/pulumi/(?:pkg|sdk)/v3 v(\S+)", (CI / "go.mod").read_text())
    assert versions == [metadata.version("pulumi")] * 2


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("go") is None, reason="no `go` on PATH")
def test_go_really_builds_it(tmp_path: Path) -> None:
    """Minutes, and a Go module proxy: the build runs and reports the pinned version."""
    env = {"PATH": f"{Path(str(shutil.which('go'))).parent}:/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(
        [sys.executable, INSTALL, tmp_path], env=env, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = subprocess.run([tmp_path / "bin" / "pulumi", "version"], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == f"v{metadata.version('pulumi')}"
