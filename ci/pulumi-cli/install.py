"""Finds a Pulumi CLI or gets one into the folder that is given; says in one line which, and why not the others.

    python ci/pulumi-cli/install.py .tools/pulumi
    python ci/pulumi-cli/install.py .tools/pulumi --pinned     # on PATH only the pinned version counts

In this order: PATH; what an earlier call got; Pulumi's own installer; a build of the pinned version from the Go module
proxy, each module checked against go.sum. Exit code 0: there is one; 3: there is none, which only the engine's tests
and commands need. The Go build brings no language host: `aurops` runs programs itself and needs none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
INSTALL_WITHIN_S = 300
BUILD_WITHIN_S = 1800
_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"


class NoneHereError(Exception):
    """This way leads to no CLI; the text says why."""


def pinned() -> str:
    """The version that pyproject.toml pins, for SDK and CLI alike."""
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    (version,) = (each.partition("==")[2] for each in project["dependencies"] if each.startswith("pulumi=="))
    return str(version)


def from_path(_: Path) -> str:
    """The one on PATH, whatever its version: `aurops doctor` says when it does not suit."""
    if found := shutil.which("pulumi"):
        return f"{found}, from PATH"
    raise NoneHereError("not on PATH")


def pinned_from_path(folder: Path) -> str:
    """The one on PATH, if it is of the pinned version: a CI runner brings whatever its image has."""
    found = from_path(folder)
    done = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=False)
    if done.stdout.strip() != f"v{pinned()}":
        raise NoneHereError(f"on PATH is {done.stdout.strip() or 'one that says no version'}, not v{pinned()}")
    return found


def from_before(folder: Path) -> str:
    """What an earlier call got."""
    if (folder / "bin" / "pulumi").exists():
        return f"{folder}/bin/pulumi, from an earlier set-up"
    raise NoneHereError("not in .tools")


def official(folder: Path) -> str:
    """Pulumi's own installer, with its language hosts."""
    command = [sys.executable, "-c", _INSTALL, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise NoneHereError(f"Pulumi's installer took longer than {INSTALL_WITHIN_S} s") from error
    if done.returncode:
        raise NoneHereError(f"Pulumi's installer failed ({_last_line(done.stderr)})")
    return f"{folder}/bin/pulumi {pinned()}, from Pulumi's installer"


def from_go(folder: Path) -> str:
    """A build from the Go module proxy."""
    if not shutil.which("go"):
        raise NoneHereError("there is no Go to build it with")
    sys.stderr.write("pulumi: building it from the Go module proxy; this takes some minutes, once\n")
    version = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{pinned()}"
    target = folder.absolute() / "bin" / "pulumi"
    command = ["go", "build", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w {version}", "-o", str(target), PACKAGE]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""}
    built = subprocess.run(
        command, cwd=HERE, env=env, capture_output=True, text=True, check=False, timeout=BUILD_WITHIN_S
    )
    if built.returncode:
        raise NoneHereError(f"the Go build failed ({_last_line(built.stderr)})")
    return f"{folder}/bin/pulumi {pinned()}, built from the Go module proxy, without a language host"


ELSE = (from_before, official, from_go)


def main(folder: Path, *, only_pinned: bool) -> int:
    """Try one way after the other."""
    why_not = []
    for way in (pinned_from_path if only_pinned else from_path, *ELSE):
        try:
            found = way(folder)
        except NoneHereError as error:
            why_not.append(str(error))
        else:
            sys.stdout.write(f"pulumi: {found}{_others(why_not)}\n")
            return 0
    sys.stdout.write(f"pulumi: none, the engine's tests are skipped{_others(why_not)}\n")
    return 3


def _others(why_not: list[str]) -> str:
    return f" ({'; '.join(why_not)})" if why_not else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "without a word"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), only_pinned="--pinned" in sys.argv[2:]))
