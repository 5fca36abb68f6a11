"""Property paths: `vpcConfig.subnetIds[0]`, `tags["aurops:urn"]`."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from aurops.errors import UsageError

if TYPE_CHECKING:
    from testbeds.lab.wire import Json, Object

_PART = re.compile(r'\["(?P<quoted>[^"]+)"\]|\[(?P<index>\d+)\]|\.?(?P<name>[^.\[\]]+)')


def parts(path: str) -> tuple[str | int, ...]:
    """Names and list indexes of a path.

    Raises:
        UsageError: It is no path.
    """
    found: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise UsageError(f"{path!r} is no property path", allowed="names and indexes, such as rules[0].status")
        found.append(int(match["index"]) if match["index"] else match["quoted"] or match["name"])
        position = match.end()
    return tuple(found)


def covers(pattern: str, path: str) -> bool:
    """Whether a path is one that a pattern means, or lies below it; `[*]` stands for every index and name.

    So does Pulumi read `ignoreChanges` ("Property paths").
    """
    wanted, found = (parts(one.replace("[*]", '["*"]')) for one in (pattern, path))
    return len(found) >= len(wanted) and all(one in ("*", two) for one, two in zip(wanted, found, strict=False))


def put(values: Object, path: str, value: Json) -> Object:
    """A copy of `values` with the property at `path` changed.

    Raises:
        UsageError: The path leads nowhere.
    """
    changed = copy.deepcopy(values)
    at: Json = changed
    *parents, last = parts(path)
    for part in parents:
        at = _step(at, part, path)
    if not _set(at, last, value):
        raise UsageError(f"there is no property {path!r}", allowed=", ".join(sorted(values)))
    return changed


def _set(at: Json, part: str | int, value: Json) -> bool:
    if isinstance(at, dict) and isinstance(part, str):
        at[part] = value
        return True
    if isinstance(at, list) and isinstance(part, int) and part < len(at):
        at[part] = value
        return True
    return False


def _step(at: Json, part: str | int, path: str) -> Json:
    if isinstance(at, dict) and isinstance(part, str):
        return at.get(part)
    if isinstance(at, list) and isinstance(part, int) and part < len(at):
        return at[part]
    raise UsageError(f"there is no property {path!r}")
