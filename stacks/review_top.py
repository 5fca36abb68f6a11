"""What a reviewer must see first: every danger and every violation of policy, in a few lines. Pure.

One line says one thing of many resources: the same resource over stacks, then resources with one cause. When there are
more lines than room, lines of one kind join, until there is room: the counts stay exact, and what is not named here is
named in a fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.dangers import LOSSES, Kind
from stacks.markdown import code, codes, prose, shortened
from stacks.values import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from stacks.dangers import Danger, Reason
    from stacks.review import Finding, Review

LINES = 15
"""Of the comment, its heading included."""
_ROOM, _FEW = 6_000, 300
"""Bytes of all names of resources; of any other list in a line: all 13 stacks fit."""
_VALUE, _SENTENCE, _TYPES = 60, 240, 4
"""Characters of a value and of a sentence; types in a line."""


@dataclass(frozen=True)
class Row:
    """What one line says.

    Args:
        kind: What happens; None for a violation of policy.
        names: The resources.
        types: Their types' own names: `Cluster`.
        stacks: Where.
        reasons: Why.
        rules: Ids of the rules of policy.
        said: What policy found, a sentence each.
        refused: Whether an `up` would refuse all of it.
        waived: Whether the change itself brings the waivers that allow it.
        count: How many dangers, or findings, these are: one for each resource, stack and rule.
    """

    kind: Kind | None
    names: tuple[str, ...]
    types: tuple[str, ...]
    stacks: tuple[str, ...]
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    refused: bool = False
    waived: bool = False
    count: int = 1

    @property
    def cause(self) -> tuple[str, ...]:
        """What several resources may have in common: what it means, else the properties."""
        return tuple(sorted({each.says or each.key for each in self.reasons}))


def top(review: Review) -> list[str]:
    """The first lines of a page about the change: heading, what could not be looked at, dangers, violations."""
    first = [*_failed(review), *_judges(review)]
    dangers = danger_rows(review.dangers)
    violations = [*violation_rows(review.violations), *violation_rows(review.newly_waived, waived=True)]
    dangers, violations = _fitting(dangers, violations, LINES - 1 - len(first))
    rows = [*(row for row in dangers if row.kind in LOSSES), *violations]
    rows += [row for row in dangers if row.kind not in LOSSES]
    room = _ROOM // max(1, len(rows))
    return [heading(review), *first, *(line(row, room) for row in rows), *([] if rows else [_nothing(review)])]


def heading(review: Review) -> str:
    """The page's title, with the figures that decide."""
    counts = {kind: sum(each.kind is kind for each in review.dangers) for kind in Kind}
    lost = counts[Kind.DELETED] + counts[Kind.REPLACED]
    failed = sum(each.error is not None for each in review.previews)
    figures = {
        "lost": lost,
        "against policy": len(review.violations),
        "newly waived": len(review.newly_waived),
        "orphaned": counts[Kind.ORPHANED],
        "moved": counts[Kind.MOVED],
        "guarded less": counts[Kind.WEAKENED],
        "unprotected": counts[Kind.UNPROTECTED],
        f"stack{'s' * (failed > 1)} not previewed": failed,
    }
    told = [f"{count} {what}" for what, count in figures.items() if count]
    said = ", ".join([*told, *(["judged by itself"] if review.judges else [])])
    sign = "🛑" if lost or review.violations or review.orphans else "⚠️" if said else "✅"
    return f"## {sign} aurops preview: {said or 'nothing dangerous'}"


def danger_rows(dangers: Iterable[Danger]) -> list[Row]:
    """A row for each resource and what happens to it, over its types and stacks; then for resources with one cause."""
    rows = [
        Row(
            each.kind,
            (each.change.name,),
            (each.change.type.rsplit(":", 1)[-1],),
            (each.stack,),
            each.reasons,
            refused=each.refused,
        )
        for each in dangers
    ]
    rows = merged(rows, lambda row: (row.kind, row.names, row.stacks))
    rows = merged(rows, lambda row: (row.kind, row.names, row.types, row.cause))
    return merged(rows, lambda row: (row.kind, row.stacks, row.cause, row.refused))


def violation_rows(findings: Iterable[Finding], *, waived: bool = False) -> list[Row]:
    """A row for each rule and what was found, over stacks; then over resources."""
    rows = [
        Row(
            None,
            (each.name,) if each.urn else (),
            (each.type.rsplit(":", 1)[-1],) if each.type else (),
            (each.stack,),
            (),
            (each.rule.id,),
            (each.what,),
            waived=waived,
        )
        for each in findings
    ]
    rows = merged(rows, lambda row: (row.rules, row.said, row.names))
    return merged(rows, lambda row: (row.rules, row.said, row.stacks))


def merged(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[Row]:
    """Rows with the same key as one, in the order of the first."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [_one(group) for group in groups.values()]


def _one(rows: Sequence[Row]) -> Row:
    def united(part: Callable[[Row], tuple[str, ...]]) -> tuple[str, ...]:
        # The engine's order is another one each time.
        return tuple(sorted({each for row in rows for each in part(row)}))

    return Row(
        rows[0].kind,
        united(lambda row: row.names),
        united(lambda row: row.types),
        tuple(dict.fromkeys(each for row in rows for each in row.stacks)),
        tuple(dict.fromkeys(each for row in rows for each in row.reasons)),
        united(lambda row: row.rules),
        united(lambda row: row.said),
        refused=all(row.refused for row in rows),
        waived=rows[0].waived,
        count=sum(row.count for row in rows),
    )


def _fitting(dangers: list[Row], violations: list[Row], room: int) -> tuple[list[Row], list[Row]]:
    """The same in at most `room` lines: the longer list joins first, as little as needed."""
    levels: list[list[Callable[[Row], Hashable]]] = [
        [lambda row: (row.kind, row.cause), lambda row: row.kind],
        [lambda row: (row.waived, row.rules, row.said), lambda row: (row.waived, row.rules), lambda row: row.waived],
    ]
    lists = [dangers, violations]
    while sum(map(len, lists)) > room and any(levels):
        longer = max((0, 1), key=lambda which: (bool(levels[which]), len(lists[which])))
        lists[longer] = merged(lists[longer], levels[longer].pop(0))
    return lists[0], lists[1]


def line(row: Row, room: int | None) -> str:
    """A row as an item of a list; `room`: bytes that its names may take, None: as many as it takes."""
    few = room and _FEW
    what = codes(row.names, room) if row.names else "the stack"
    where = f" in {codes(row.stacks, few)}"
    types = f" ({', '.join(prose(shortened(each, _VALUE)) for each in row.types[:_TYPES])}"
    types += ", …)" if len(row.types) > _TYPES else ")"
    if row.kind is None:
        said = f": {prose(shortened(row.said[0], _SENTENCE))}" if len(row.said) == 1 else ""
        label = "newly waived" if row.waived else "policy"
        return f"- **{label}** {codes(row.rules, few)}: {what}{where}{said}{_times(row)}"
    protected = "; protected, `up` will refuse" if row.refused else ""
    return f"- **{row.kind.value}** {what}{types if row.types else ''}{where}{_because(row)}{protected}{_times(row)}"


def _times(row: Row) -> str:
    """How many these are, where nobody can count names and stacks any more."""
    return f" ({row.count} in all)" if len(row.names) > 1 and len(row.stacks) > 1 else ""


def _because(row: Row) -> str:
    told = sorted({each.says for each in row.reasons if each.says})
    keys = sorted({each.key for each in row.reasons if each.key})
    values = {(each.before, each.after) for each in row.reasons if each.before is not None or each.after is not None}
    because = " because of " if row.kind in LOSSES or row.kind is Kind.MOVED else ": "
    if told:
        because = f": {'; '.join(prose(each) for each in told[:_TYPES])}: "
    if not keys:
        return because.rstrip(": ") if told else ""
    return f"{because}{codes(keys, _FEW)}{_values(values) if len(keys) == 1 and len(values) == 1 else ''}"


def _values(values: set[tuple[str | None, str | None]]) -> str:
    before, after = (readable(each) for each in next(iter(values)))
    return f" {code(before)} → {code(after)}" if max(len(before), len(after)) <= _VALUE else ""


def _failed(review: Review) -> list[str]:
    """Nobody knows what a stack would do that could not be previewed: said before anything that is known."""
    failed = [each for each in review.previews if each.error]
    if not failed:
        return []
    said = dict.fromkeys(each.error.what for each in failed if each.error)
    first = prose(shortened(next(iter(said)), _SENTENCE))
    more = f"; and {len(said) - 1} more reasons" if len(said) > 1 else ""
    stacks = codes([each.stack for each in failed], _FEW)
    return [f"- **not previewed**, so that nobody knows what is lost there: {stacks}: {first}{more}"]


def _judges(review: Review) -> list[str]:
    """A change that changes what it is judged by could hide anything: said before what it was judged to be."""
    if not review.judges:
        return []
    return [f"- **judged by itself**: the change also changes what decides here: {codes(review.judges, _FEW)}"]


def _nothing(review: Review) -> str:
    policy = "Policy was not asked." if review.findings is None else "Nothing is against policy."
    if any(each.error for each in review.previews):
        return f"Of the rest nothing dangerous is known. {policy.replace('Nothing', 'There nothing')}"
    return f"Nothing that holds data is replaced, deleted, moved or guarded less. {policy}"
