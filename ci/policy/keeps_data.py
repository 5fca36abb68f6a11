"""Nothing that holds data is replaced or deleted unless somebody said so, for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policy.rules import Check
from stacks.review import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.changes import Change

RULE = Rule(
    id="keeps-data",
    title="No change replaces or deletes what holds data without a waiver that expires.",
    why="A replacement is a deletion with a new name: the data does not come along.",
    mend="Change it in place; or move the data first, and have the loss waived in ci/policy/waivers.yaml.",
    control="NIST SP 800-53 CM-3; ISO/IEC 27001 A.8.32",
)


def change(change: Change) -> Iterator[str]:
    """A loss of data. Only `aurops preview --policy` asks: the engine shows its policy packs no steps."""
    if change.loses_data:
        because = f" because of {', '.join(change.replaces)}" if change.replaces else ""
        yield f"it would be {'replaced' if change.op == 'replace' else 'deleted'}{because}"


CHECK = Check(RULE, change=change)
