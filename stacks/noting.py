"""Before an `up`: what others have moved of resources that it is about to write becomes known to the state.

The program leaves weights, switches, roles and sizes to others (`ignore_changes`): the engine then goes by the state,
which knows what the last `up` wrote. What is written as a whole (a record of Route 53, all of Azure's) would so get
the old weight again as soon as anything else of that resource changes, and traffic would go back to where a failover or
a cutover has taken it from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.changes import Op
from stacks.engine import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from stacks.engine import EngineStack


def take_note(stack: EngineStack, operation: Operation, tell: Callable[[str], None]) -> None:
    """Refresh what an operation would update and the program leaves to others in part; nothing else.

    Args:
        stack: The stack, with nothing pending.
        operation: What comes next; only those that run the program write anything by it.
        tell: Told in words what was looked at.

    Raises:
        AuropsError: The preview failed, or the cloud did not answer.
    """
    if operation is not Operation.UP:
        return
    left = left_to_others(stack.state())
    if not left:
        return
    changes = stack.run(Operation.PREVIEW).changes.changes
    touched = [each for each in changes if each.op is Op.UPDATE and each.urn in left]
    if touched:
        stack.run(Operation.REFRESH, targets=[each.urn for each in touched])
        tell(f"took note of what others may have moved of {', '.join(each.name for each in touched)}")


def left_to_others(state: Mapping[str, Any]) -> frozenset[str]:
    """The URNs of a state's resources of which the program leaves something to others."""
    return frozenset(each["urn"] for each in state.get("resources") or [] if each.get("ignoreChanges"))
