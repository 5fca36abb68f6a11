"""What differs between an answer of V10 and the gateway's, field by field, less what differs between two of V10. Pure.

A value that V10 itself gives differently when it is asked twice (a time, a new id) proves nothing: it is noise, and so
is that field wherever it stands in a list. The idea is Diffy's (https://github.com/opendiffy/diffy). Noise excuses a
value, an order, a length: not that a number has become a text or that the field is gone. Of these the gateway must keep
to what V10 has shown in one of its two answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from migration.gateway.check.answers import parse
from migration.gateway.check.differences import Difference, Kind, differences
from migration.gateway.check.shapes import NOTHING, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migration.gateway.check.answers import Said

STATUS = "http status"
"""HTTP's status as a field; a body's `status` is another."""
BODY = "body"
"""The whole body as a field."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One question's outcome.

    Args:
        differences: What differs.
        noise: The fields that V10 itself answers differently.
    """

    differences: tuple[Difference, ...]
    noise: frozenset[str]


def compare(v10: Said, again: Said, v11: Said) -> Compared:
    """What the gateway says differently.

    Args:
        v10: V10's answer.
        again: V10's answer to the same question once more.
        v11: The gateway's.
    """
    if not v11.status:
        return Compared((Difference(STATUS, Kind.NO_ANSWER, str(v10.status), v11.body),), frozenset())
    heads, head_noise = _compare_heads(v10, again, v11)
    bodies, body_noise = _compare_bodies(v10, again, v11)
    return Compared((*heads, *_each_once(bodies)), head_noise | body_noise)


def _compare_heads(v10: Said, again: Said, v11: Said) -> tuple[list[Difference], frozenset[str]]:
    """Status and headers: as one of V10's two answers has them, or for a header with any value if V10's changes."""
    one, two, other = map(_head, (v10, again, v11))
    found, noise = [], set[str]()
    for name in dict.fromkeys((*one, *two, *other)):
        mine, second, its = (each.get(name) for each in (one, two, other))
        if mine != second:
            noise.add(name)
        free = name != STATUS and mine != second and None not in (mine, second, its)
        if its not in (mine, second) and not free:
            kind = Kind.STATUS if name == STATUS else Kind.HEADER
            found.append(Difference(name, kind, mine or NOTHING, its or NOTHING))
    return found, frozenset(noise)


def _head(said: Said) -> dict[str, str]:
    others = {f"header {name}": value for name, value in said.headers}
    return {STATUS: str(said.status), "header content-type": said.content_type} | others


def _compare_bodies(v10: Said, again: Said, v11: Said) -> tuple[Iterator[Difference], frozenset[str]]:
    one, two, other = (parse(each.body) for each in (v10, again, v11))
    own = list(differences(one, two, by_place=True))
    unsettled = _Unsettled(own)
    shape = Shape()
    shape.learn(one)
    shape.learn(two)
    settled = (each for each in differences(one, other) if each.field not in unsettled)
    strange = (each for each in shape.strange(other) if each.field in unsettled)
    found = (replace(each, field=each.field or BODY) for each in chain(settled, strange))
    return found, frozenset(each.field or BODY for each in own)


class _Unsettled:
    """The fields of which V10's two answers are of two minds, and what is in them."""

    def __init__(self, own: Iterable[Difference]) -> None:
        own = list(own)
        self._names = {each.field for each in own}
        self._whole = tuple(f"{each.field}{sign}" for each in own if each.kind is not Kind.ORDER for sign in (".", "["))

    def __contains__(self, name: str) -> bool:
        return name in self._names or "" in self._names or name.startswith(self._whole)


def _each_once(found: Iterable[Difference]) -> Iterator[Difference]:
    """Each field once in each kind: what one element of a list shows, all may show."""
    told: dict[tuple[str, Kind], Difference] = {}
    for each in found:
        told.setdefault((each.field, each.kind), each)
    return iter(told.values())
