"""What a stack reads of the stacks before it: unknown in a preview until it is exported, a refusal in `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import invoke

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class UpstreamMissingError(UsageError, pulumi.RunError):
    """A stack that must be up before this one has not exported what this one needs.

    Also a `pulumi.RunError`: plain `pulumi up` then prints the sentence and no traceback.
    """


class Upstream:
    """The inventory of another stack.

    It is read before this program makes anything in the cloud, so that a refusal leaves nothing half made; and by
    the engine's own call, not by a `StackReference`, which cannot be asked whether the stack exists.

    Args:
        stack: Name of the other stack.
    """

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self._document = _read(stack)

    def get(self, *path: str) -> Any:
        """The value at a path of the exported inventory; None if it is not exported."""
        value: Any = self._document
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def require(self, *path: str) -> pulumi.Input[Any]:
        """The value at a path of the exported inventory.

        Returns:
            The value; in a preview, an unknown output if it is not exported yet. Never None.

        Raises:
            UpstreamMissingError: Not in a preview, and it is not exported yet; names stack and key.
        """
        value = self.get(*path)
        if value is not None:
            return value
        if pulumi.runtime.is_dry_run():
            return pulumi.Output.from_input(pulumi.UNKNOWN)
        raise UpstreamMissingError(
            f"stack {self.stack} has not exported {'.'.join(path)}",
            where=f"stack {pulumi.get_stack()}, which needs it",
            next_step=f"bring {self.stack} up first: aurops up {self.stack}",
        )


def _read(stack: str) -> Mapping[str, Any]:
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    try:
        answer = invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value
    except Exception as cause:
        # The engine has no code for it; every other failure of the backend must be seen.
        if "unknown stack" not in str(cause):
            raise
        return {}
    return (answer or {}).get("outputs", {}).get("inventory") or {}
