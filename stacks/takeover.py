"""Which key of a stack file decides a property: where a person writes what somebody changed by hand, to keep it.

Read backwards from what was measured for `aurops compare`: each field of each spec, and the properties that it decides.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from components import comparison
from components.comparison import REFUSED
from components.place import Cloud
from components.tags import URN_TAG
from stacks.fleet import where
from stacks.survey import GUARDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLOUDS = {"aws": Cloud.AWS, "azure-native": Cloud.AZURE, "gcp": Cloud.GCP}
_COMPONENT = re.compile(r"aurops:index:(\w+)\$")
_TAGS = ("tags", "labels", "effectiveLabels", "userLabels", "resourceLabels")
_OURS = (".Name", f'["{URN_TAG}"]')
"""Tags that the program gives by itself."""
_MOST = 3
"""More fields than these decide nothing in particular."""


def keys(stack: str, urn: str, type_: str, path: str) -> tuple[str, ...]:
    """File and key of each setting that decides the property, such as `stacks/Pulumi.….yaml: aurops:region.nodes.min`.

    Args:
        stack: The stack.
        urn: Of the resource; it names the component.
        type_: The resource's type token.
        path: Of the property.

    Returns:
        None when no key decides it, or too many have a part in it.
    """
    package, _, short = type_.partition(":")
    plain = re.sub(r"\[[^\]]*\]", "", path)
    top = plain.partition(".")[0]
    if top in _TAGS:
        return () if path.endswith(_OURS) else (where(stack, "tags"),)
    if top in GUARDS:
        return (where(stack, "protect"),)
    noun = _COMPONENT.findall(urn)
    fields = _fields(_CLOUDS.get(package), short, plain)
    own = {each: below for each, below in fields.items() if noun and each.partition(".")[0] == noun[-1].lower()}
    chosen = _alike(own)
    return tuple(where(stack, each) for each in chosen) if len(chosen) <= _MOST else ()


def _fields(cloud: Cloud | None, short: str, path: str) -> Mapping[str, str]:
    """The fields that decide a property, each with what of its path lies below what the field decides."""
    found: dict[str, str] = {}
    for (of, token, decided), fields in _deciding().items():
        if (of, token) != (cloud, short):
            continue
        if path == decided or path.startswith(f"{decided}."):
            found |= dict.fromkeys(fields, path[len(decided) + 1 :])
        elif decided.startswith(f"{path}."):
            found |= dict.fromkeys(fields, "")
    return found


def _alike(fields: Mapping[str, str]) -> tuple[str, ...]:
    """Where several fields decide one property, those that share most words with what is below it, if any does."""
    shared = {each: len(_words(below) & set(re.split(r"[._]", each))) for each, below in fields.items()}
    most = max(shared.values(), default=0)
    return tuple(each for each, count in shared.items() if count == most)


def _words(path: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", path).lower()))


@cache
def _deciding() -> Mapping[tuple[Cloud | None, str, str], tuple[str, ...]]:
    """By cloud, type and path of a property: the fields that decide it."""
    found: dict[tuple[Cloud | None, str, str], list[str]] = {}
    for row in comparison.rows():
        for cloud, told in row.makes.items():
            for each in told:
                if not each.startswith((REFUSED, "+", "-")):
                    token, _, path = each.partition(".")
                    found.setdefault((cloud, token, path), []).append(f"{row.noun}.{row.field}")
    return {key: tuple(fields) for key, fields in found.items()}
