"""The folded parts of the page about a change, each a list of units that can be cut from its end. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.changes import Op
from stacks.markdown import code, codes, pair, prose, shortened, size, visible
from stacks.noise import EXPECTED, expected_warning, told
from stacks.review_top import danger_rows, line, top, violation_rows
from stacks.values import readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from stacks.changes import Change, Difference
    from stacks.review import Finding, Review

_PATHS = 300
FIRST_NOTES, NOTE_WIDTH = 5, 400
"""How many notes stand above the table, and how much of each; what is more is in a fold."""
_ORDER = (Op.REPLACE, Op.DELETE, Op.UPDATE, Op.DRIFT, Op.CREATE, Op.IMPORT, Op.UNPROTECT)


@dataclass(frozen=True)
class Detail:
    """How much is said.

    Args:
        width: Characters of a value, a name, a sentence; None: all of it.
        names: Bytes of a list of names, whose rest is counted; None: as many as it takes.
    """

    width: int | None
    names: int | None


SHORT, WHOLE = Detail(160, 500), Detail(None, None)


@dataclass(frozen=True)
class Unit:
    """Lines that belong together.

    Args:
        lines: The lines.
        count: How many changes, or whatever else the fold is about, they tell.
    """

    lines: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True)
class Fold:
    """One fold.

    Args:
        summary: What it is about; only words of ours and names of stacks.
        units: Its body, the most important first.
        noun: What its units count: `changes`.
        is_diff: Whether the body is a block of differences, else Markdown.
    """

    summary: str
    units: tuple[Unit, ...]
    noun: str = "changes"
    is_diff: bool = False


def folds(review: Review, detail: Detail) -> list[Fold]:
    """All folds that are not empty, the most important first."""
    made = [
        Fold("Why stacks were not previewed", tuple(_errors(review, detail)), "stacks"),
        Fold(f"All {len(review.dangers)} dangers by name", tuple(_dangers(review)), "dangers"),
        Fold(
            f"All {len(review.violations)} violations of policy, and how to mend them",
            tuple(_violations(review)),
            "violations",
        ),
        *_stacks(review, detail),
        Fold("Waived violations of policy", tuple(_waived(review)), "violations"),
        Fold("Warnings of the engine", tuple(_warnings(review, detail)), "warnings"),
        Fold("Noise: what need not be read one by one", tuple(_noise(review, detail)), "changes"),
        Fold("What else to know", tuple(_knowledge(review)), "notes"),
    ]
    return [fold for fold in made if fold.units]


def _errors(review: Review, detail: Detail) -> Iterator[Unit]:
    for each in review.previews:
        if each.error is not None:
            said = [each.error.what, each.error.where, each.error.allowed and f"allowed: {each.error.allowed}"]
            width = detail.width and 6 * detail.width
            text = "; ".join(prose(shortened(part, width)) for part in said if part)
            then = f" Next: {prose(each.error.next_step)}." if each.error.next_step else ""
            yield Unit((f"- {code(each.stack)}: {text}.{then} Counted only as far as it went.",))


def _dangers(review: Review) -> Iterator[Unit]:
    """Those that the first lines could not all name."""
    units = [Unit((line(row, None),), row.count) for row in danger_rows(review.dangers)]
    if {text for unit in units for text in unit.lines} - set(top(review)):
        yield from units


def _violations(review: Review) -> Iterator[Unit]:
    rules = {each.rule.id: each.rule for each in review.violations}
    for row in violation_rows(review.violations):
        rule = rules[row.rules[0]]
        title, why, mend = (prose(each.rstrip(".")) for each in (rule.title, rule.why, rule.mend))
        meant = f"{title}. Why: {why}. Mend: {mend}. Serves {prose(rule.control)}."
        yield Unit((line(row, None), f"  {meant}"), row.count)


def _waived(review: Review) -> Iterator[Unit]:
    """What one leave allows of one kind is one line."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for each in review.findings or ():
        if each.waiver:
            leave = f"{prose(each.waiver.who)} until {each.waiver.until}: {prose(each.waiver.why)}"
            groups.setdefault((each.rule.id, each.what, leave), []).append(each)
    for (rule, what, leave), found in groups.items():
        stacks = codes(list(dict.fromkeys(each.stack for each in found)))
        names = codes(list(dict.fromkeys(each.name for each in found if each.urn)) or ["the stack"])
        said = f"{prose(what.rstrip('.'))}. Waived by {leave}"
        yield Unit((f"- {code(rule)} {names} in {stacks}: {said}",), len(found))


def _stacks(review: Review, detail: Detail) -> Iterator[Fold]:
    """A fold for the stacks that change in the same way; noise is not among it."""
    dangerous = {(each.stack, each.change.urn) for each in review.dangers}
    alike: dict[tuple[Unit, ...], list[str]] = {}
    figures: dict[str, str] = {}
    for each in review.previews:
        quiet = review.noise[each.stack]
        told = [change for change in each.changes.changes if change.urn not in quiet]
        figures[each.stack] = _figures(told)
        if units := tuple(_changes(told, {urn for stack, urn in dangerous if stack == each.stack}, detail)):
            alike.setdefault(units, []).append(each.stack)
    for units, stacks in alike.items():
        yield Fold(f"{', '.join(stacks)}: {figures[stacks[0]]}", units, is_diff=True)


def _figures(changes: Sequence[Change]) -> str:
    counts = Counter(change.op for change in changes)
    return ", ".join(f"{counts[op]} {op.value}" for op in _ORDER if counts[op])


def _changes(changes: Sequence[Change], dangerous: Collection[str], detail: Detail) -> Iterator[Unit]:
    """What changes in a stack: what is dangerous first; resources that change alike are told together."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in sorted(changes, key=lambda change: change.urn):
        # What is made or deleted has no differences to tell resources apart by.
        alike = (change.op, change.replaces, change.differences or change.type)
        groups.setdefault((change.urn not in dangerous, _rank(change.op), *alike), []).append(change)
    for group in sorted(groups.items(), key=lambda each: each[0][:2]):
        yield Unit(tuple(_group(group[1], detail)), len(group[1]))


def _rank(op: Op) -> int:
    return _ORDER.index(op) if op in _ORDER else len(_ORDER)


def _group(group: Sequence[Change], detail: Detail) -> Iterator[str]:
    kinds = sorted({change.type for change in group})
    kind = visible(kinds[0]) if len(kinds) == 1 else f"{len(kinds)} types"
    forced = f", forced by {visible(', '.join(group[0].replaces))}" if group[0].replaces else ""
    op, names = group[0].op.value, _names(group, detail)
    # The names may be longer than a line that one sees.
    told = f"{names} ({kind}){forced}" if len(group) == 1 else f"{len(group)} of {kind}{forced}: {names}"
    yield f"@@ {op} {told} @@"
    for difference in group[0].differences:
        yield from _difference(difference, detail)


def _names(group: Sequence[Change], detail: Detail) -> str:
    names = [visible(shortened(change.name, detail.width)) for change in group]
    shown = list(names)
    while detail.names is not None and len(shown) > 1 and size(", ".join(shown)) > detail.names:
        shown.pop()
    left = len(names) - len(shown)
    return ", ".join(shown) + (f" and {left:,} more" if left else "")


def _difference(difference: Difference, detail: Detail) -> Iterator[str]:
    key = visible(shortened(difference.key, detail.width))
    before, after = pair(readable(difference.before), readable(difference.after), detail.width)
    if difference.before is not None:
        yield f"-   {key}: {visible(before)}"
    if difference.after is not None:
        yield f"+   {key}: {visible(after)}"
    if difference.before is None and difference.after is None:
        yield f"    {key}"


def _warnings(review: Review, detail: Detail) -> Iterator[Unit]:
    said: dict[str, list[str]] = {}
    for each in review.previews:
        for warning in told(each.changes.warnings, is_lab=review.is_lab):
            if not expected_warning(warning, is_lab=review.is_lab):
                said.setdefault(warning, []).append(each.stack)
    for warning, stacks in said.items():
        yield Unit((f"- {codes(stacks)}: {prose(shortened(warning, detail.width and 4 * detail.width))}",))


def _noise(review: Review, detail: Detail) -> Iterator[Unit]:
    """A line for what is noise for one reason; the same resources of several stacks are one line."""
    for reason, found in _noises(review).items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for stack, said in found.items():
            alike.setdefault(tuple(sorted(said)), []).append(stack)
        for names, stacks in alike.items():
            count = len(names) * len(stacks)
            yield Unit((f"- {count} in {codes(stacks)}, {prose(reason)}: {codes(names, detail.names)}",), count)


def _noises(review: Review) -> dict[str, dict[str, list[str]]]:
    """What is noise, by reason and stack."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in review.previews:
        quiet = review.noise[each.stack]
        for change in each.changes.changes:
            if change.urn in quiet:
                said = f"{change.op.value} {change.name}"
                found.setdefault(quiet[change.urn].value, {}).setdefault(each.stack, []).append(said)
        for warning in told(each.changes.warnings, is_lab=review.is_lab):
            if expected_warning(warning, is_lab=review.is_lab):
                found.setdefault(EXPECTED, {}).setdefault(each.stack, []).append(warning)
    return found


def _knowledge(review: Review) -> Iterator[Unit]:
    for number, note in enumerate(review.notes):
        if number >= FIRST_NOTES or len(note) > NOTE_WIDTH:
            yield Unit((f"- {prose(note)}",))
    readers: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in review.previews:
        for name, paths in each.upstream.items():
            readers.setdefault((name, tuple(paths)), []).append(each.stack)
    if readers:
        yield Unit(("- Values of other stacks are those of their last `up`.",))
    for (name, paths), stacks in readers.items():
        reads = "reads" if len(stacks) == 1 else "read"
        told = f"{codes(stacks)} {reads} {code(name)}, which would then export other values: {codes(paths, _PATHS)}"
        yield Unit((f"- {told}",))
