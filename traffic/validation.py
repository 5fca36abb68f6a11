"""Has a proxy's own binary check what the proxy is to be given, before the proxy gets it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from aurops.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traffic.dialect import Trial
    from traffic.site import Site

VALIDATED_S = 20.0
"""Envoy takes 0.3 s, NGINX less."""
_MOST = 800


def program(site: Site) -> str:
    """The proxy's own binary: the one that its site names, else the one of PATH.

    Raises:
        OutsideError: There is none.
    """
    found = shutil.which(site.program or site.kind.value)
    if found is None:
        raise OutsideError(
            f"There is no {site.program or site.kind.value} here that could check what the proxy is to be given.",
            where=str(site.folder),
            next_step="Name the proxy's own binary as `program` in its site file (a script that runs it will do).",
        )
    return found


def ask(command: Sequence[str], trial: Trial, folder: str) -> str:
    """What the binary says to a configuration that it finds right.

    Args:
        command: The binary, and how it is asked.
        trial: What is checked, for the error.
        folder: Where that lies for so long: people are told what it is instead.

    Raises:
        OutsideError: It finds it wrong, in its own words; or it does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=VALIDATED_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideError(f"{trial.what} cannot be checked: {error}.", where=command[0]) from error
    said = (done.stdout + done.stderr).replace(folder, f"({trial.what[0].lower()}{trial.what[1:]})").strip()[-_MOST:]
    if done.returncode:
        raise OutsideError(
            f"{trial.what} is refused by the proxy's own binary: {said}",
            where=command[0],
            next_step=f"{trial.spared}. Mend what it names in the site file, or take an aurops that fits this proxy.",
        )
    return said
