"""Locking an archive: the one change of a stack file that cannot be taken back. Pure: text in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from aurops.errors import UsageError
from components.clouds import limits

if TYPE_CHECKING:
    from stacks.fleet import Fleet

_COMMENT = "# Cannot be taken back."


def check(fleet: Fleet, stack: str) -> int:
    """The years that will be locked.

    Raises:
        UsageError: The stack does not exist, has no archive, or its cloud locks in another way.
    """
    with_archive = {name: each.archive for name, each in fleet.regions().items() if each.archive}
    if stack not in with_archive:
        raise UsageError(
            f"{stack} has no archive", where="STACK", allowed=", ".join(sorted(with_archive)) or "no stack has one"
        )
    archive, config = with_archive[stack], fleet.stacks[stack]
    locked_spec = archive.model_copy(update={"locked": True})
    for refusal in limits.refused(config.cloud, config.region, "archive", locked_spec):
        raise UsageError(refusal, where=f"stacks/Pulumi.{stack}.yaml: aurops:region.archive")
    return archive.retention_years


def locked(text: str, file: str) -> str:
    """The text of a stack file with its archive locked; every other line is left as it stands.

    Args:
        text: A region's stack file that has an archive.
        file: Its name, for the error.

    Raises:
        UsageError: The archive stands in one line, `{…}`, where no line can be put in between.
    """
    archive: Any = YAML(typ="rt").load(text)["config"]["aurops:region"]["archive"]
    if archive.fa.flow_style():
        raise UsageError(
            "the archive stands in one line", where=f"{file}: aurops:region.archive", next_step="give each key a line"
        )
    lines = text.splitlines(keepends=True)
    if "locked" in archive:
        row, column = archive.lc.key("locked")
        lines[row] = f"{' ' * column}locked: true\n"
    else:
        row, column = archive.lc.key(next(iter(archive)))
        lines[row:row] = [f"{' ' * column}{_COMMENT}\n", f"{' ' * column}locked: true\n"]
    return "".join(lines)
