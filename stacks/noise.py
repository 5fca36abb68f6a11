"""Changes that a reviewer need not read one by one. They are folded and counted with a reason, never dropped. Pure."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from components.safeguards import plain
from components.tags import URN_LABEL, URN_TAG, URN_TAG_PLAIN
from stacks.changes import Op
from stacks.dangers import leaves
from stacks.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stacks.changes import Change, Changes


class Noise(StrEnum):
    """Why it is noise, in the reader's words."""

    COMPONENT = "a component: it groups resources and is nothing in a cloud"
    PROVIDER_VERSION = "only the version of a provider"
    COMPUTED_TAGS = "only tags that the engine or the provider computes"
    SAME_JSON = "only the writing of a JSON text: it says the same"
    CASCADE = "values known only after `up`, because something else in the stack changes"


_VERSIONS = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})
_COMPUTED = frozenset({"tagsAll", "effectiveLabels", "pulumiLabels", "terraformLabels"})
_OWN_TAGS = frozenset({URN_TAG, URN_TAG_PLAIN, URN_LABEL})
_COMPONENTS = ("aurops:index:", "pulumi:pulumi:Stack")


def noise(changes: Changes, dangerous: Collection[str]) -> dict[str, Noise]:
    """What of a stack's changes is noise: reason by URN.

    Args:
        changes: The stack's changes.
        dangerous: URNs of what is dangerous, which never is noise.
    """
    left = [change for change in changes.changes if change.urn not in dangerous]
    told = {change.urn: _pairs(change) for change in left}
    found = {change.urn: reason for change in left if (reason := _noise(change, told[change.urn]))}
    cascade = {change.urn for change in left if change.urn not in found and _only_unknown(told[change.urn])}
    # Without a cause in sight, nobody knows what these would become.
    has_cause = any(change.urn not in found and change.urn not in cascade for change in changes.changes)
    return found | dict.fromkeys(cascade if has_cause else (), Noise.CASCADE)


EXPECTED = "warnings that say what a lab is: its providers are meant to come from there"


def expected_warning(warning: str, *, is_lab: bool) -> bool:
    """Whether a warning says only what the lab is: its providers are on `PATH` on purpose, nobody else's are."""
    return is_lab and "using pulumi-resource-" in warning and "$PATH" in warning


def told(warnings: Iterable[str], *, is_lab: bool) -> list[str]:
    """Warnings as they are told, the same each time: a lab's providers lie in a scratch folder."""
    said = (each.partition(" at ")[0] if expected_warning(each, is_lab=is_lab) else each for each in warnings)
    return sorted(set(said))


def _pairs(change: Change) -> list[tuple[Any, Any]]:
    """Every single value of an update before and after; none where one property tells nothing, such as a secret."""
    if change.op is not Op.UPDATE:
        return []
    told = [[(before, after) for _, before, after in leaves(each)] for each in change.differences]
    return [pair for pairs in told for pair in pairs] if all(told) else []


def _noise(change: Change, pairs: Sequence[tuple[Any, Any]]) -> Noise | None:
    if change.type.startswith(_COMPONENTS):
        return Noise.COMPONENT
    if not pairs:
        return None
    keys = {plain(each.key) for each in change.differences}
    if change.type.startswith("pulumi:providers:"):
        return Noise.PROVIDER_VERSION if keys <= _VERSIONS else None
    if all(key.split(".")[0] in _COMPUTED or key.split(".")[-1] in _OWN_TAGS for key in keys):
        return Noise.COMPUTED_TAGS
    same = all(_json(before) is not None and _json(before) == _json(after) for before, after in pairs)
    return Noise.SAME_JSON if same else None


def _only_unknown(pairs: Sequence[tuple[Any, Any]]) -> bool:
    return bool(pairs) and all(after == UNKNOWN for _, after in pairs)


def _json(text: Any) -> Any:
    """What a text says in JSON; None when it is none, or a plain value."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return None
    return value if isinstance(value, dict | list) else None
