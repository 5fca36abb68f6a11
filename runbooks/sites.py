"""Where a command on stacks acts: the repository with its configured backend, or with `--lab` the lab."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import UsageError
from stacks.site import Site, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.session import LabSession

Lab = Annotated[bool, typer.Option("--lab", help="Act on the lab: stand-in clouds on this machine, no account.")]
Stacks = Annotated[list[str] | None, typer.Argument(metavar="[STACK]...", help="Which stacks; else the whole fleet.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
LAB_HOME = "AUROPS_LAB_HOME"


@dataclass(frozen=True)
class OpenSite:
    """A site, and the lab session behind it if it is a lab.

    Args:
        site: For everything in `stacks`.
        lab: The session; None for real clouds.
    """

    site: Site
    lab: LabSession | None = None


@contextmanager
def open_site(*, lab: bool, folder: Path | None = None) -> Iterator[OpenSite]:
    """Open the site that a command was asked for; a lab's servers end with the command, its world stays.

    Args:
        lab: Whether it is a lab.
        folder: The lab's; None: this user's own.

    Raises:
        UsageError: The current folder is in no aurops repository.
        OutsideError: Another command is using the lab.
    """
    root = repository(Path.cwd())
    if not shutil.which("pulumi") and (cli := pulumi_cli()):
        os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(cli).parent)])
    if not lab:
        yield OpenSite(Site(root))
        return
    from testbeds.lab.session import lab_session  # noqa: PLC0415 (only --lab needs it)

    with lab_session(root, folder=folder or lab_home()) as session:
        yield OpenSite(Site(session.work_dir, session.env, is_lab=True), session)


def pulumi_cli() -> str | None:
    """The Pulumi CLI: the one on PATH, else the one that set-up got for the repository that we are in."""
    if found := shutil.which("pulumi"):
        return found
    try:
        own = repository(Path.cwd()) / ".tools" / "pulumi" / "bin"
    except UsageError:
        return None
    return shutil.which("pulumi", path=own)


def lab_home() -> Path:
    """The lab's folder: `AUROPS_LAB_HOME`, else a folder of this user (XDG Base Directory: `XDG_STATE_HOME`)."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(os.environ.get(LAB_HOME) or Path(state) / "aurops" / "lab").expanduser().absolute()
