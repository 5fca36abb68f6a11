"""Where the engine works: the repository with the backend that is configured, or a lab."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STACK_FILE: Final = re.compile(r"Pulumi\.(?P<stack>[a-z0-9-]+)\.yaml")
"""A stack's file, in `stacks/`."""
PROGRAM_FILE: Final = "stacks/program.py"
"""Where a repository has the program of its stacks."""


@dataclass(frozen=True)
class Site:
    """What every operation on stacks needs to know of its surroundings.

    Args:
        work_dir: Holds `Pulumi.yaml` and `stacks/`.
        env: Environment of the engine, on top of this process's own: backend, passphrase, PATH.
        is_lab: Whether stand-in providers answer, and nothing outside this machine can change.
    """

    work_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    is_lab: bool = False

    @property
    def stacks_dir(self) -> Path:
        """Where the stack files are."""
        return self.work_dir / "stacks"


def repository(start: Path) -> Path:
    """The repository that `start` is in: the nearest folder upwards with `Pulumi.yaml` and `stacks/`.

    Raises:
        UsageError: There is none.
    """
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "stacks").is_dir():
            return folder
    raise UsageError(
        "this is not inside an aurops repository",
        where=str(start),
        allowed="a folder with Pulumi.yaml and stacks/, or one below it",
        next_step="cd to your clone",
    )
