"""The review of a change as a comment on a pull request: dangers first, a row per stack, details folded. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stacks.changes import Op
from stacks.markdown import code, counted, fenced, folded, link, prose, shortened, size
from stacks.review_folds import FIRST_NOTES, NOTE_WIDTH, SHORT, WHOLE, Fold, folds
from stacks.review_top import top

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.preview import StackPreview
    from stacks.review import Review

MARKER: Final = "<!-- aurops preview -->"
"""By it a comment is found again, to be written anew in its place."""
LIMIT: Final = 60_000
"""Characters that a comment stays under, counted as bytes of UTF-8; GitHub refuses more than 65,536 characters."""

_COLUMNS = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE)
_HEAD, _FOOT = 30_000, 1_500


@dataclass
class _Cut:
    """What did not fit, by noun."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, noun: str, count: int) -> None:
        if count:
            self.counts[noun] = self.counts.get(noun, 0) + count

    def __str__(self) -> str:
        return ", ".join(counted(count, noun) for noun, count in self.counts.items())


def markdown(review: Review, *, url: str | None = None) -> str:
    """The comment; under `LIMIT` whatever the change.

    Args:
        review: The review.
        url: Where the whole report will be found.
    """
    cut = _Cut()
    head = _head(review, cut)
    made = folds(review, SHORT)
    room = LIMIT - size("\n".join(head)) - _FOOT
    body = [text for fold, share in zip(made, _shares(made, room), strict=True) for text in _fitted(fold, share, cut)]
    return "\n".join([*head, "", *body, *_foot(cut, url)]) + "\n"


def whole(review: Review) -> str:
    """The same with nothing cut, however long."""
    head = [*_opening(review), "", *_table(review)]
    body = [text for fold in folds(review, WHOLE) for text in _shown(fold, _lines(fold), 0)]
    return "\n".join([*head, "", *body]) + "\n"


def _head(review: Review, cut: _Cut) -> list[str]:
    lines = [*_opening(review), ""]
    room = _HEAD - size("\n".join(lines))
    rows = list(_table(review))
    for number, row in enumerate(rows):
        room -= size(row) + 1
        if room < 0:
            cut.add("stacks", len(rows) - number)
            return lines
        lines.append(row)
    return lines


def _opening(review: Review) -> list[str]:
    """Dangers, what was compared with what, and what else the reader must know of that."""
    notes = [f"- {prose(shortened(note, NOTE_WIDTH))}" for note in review.notes[:FIRST_NOTES]]
    return [*top(review), "", _context(review), *([""] if notes else []), *notes]


def _context(review: Review) -> str:
    previewed = f"{len(review.previews)} stack{'s' * (len(review.previews) != 1)} previewed"
    changing = sum(bool(each.changes.changes) for each in review.previews)
    changed = f"{changing} of them change{'s' * (changing == 1)}"
    where = "in the lab, on stand-in clouds" if review.is_lab else "against what is up"
    against = ""
    if review.baseline:
        against = f", compared with {code(review.baseline.revision)} ({code(review.baseline.commit[:12])})"
    policy = "policy was not asked"
    if review.findings is not None:
        waived = len(review.findings) - len(review.violations)
        policy = f"{len(review.violations)} against policy, {waived} waived"
    return f"{previewed}, {changed}, {where}{against}; {policy}."


def _table(review: Review) -> Iterator[str]:
    # What is to be said of a stack stands where it is seen on a narrow screen too.
    yield "| stack | | dangers | create | update | replace | delete | of it noise |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    dangers = [each.stack for each in review.dangers]
    for each in review.previews:
        counts = each.changes.counts
        quiet = review.noise[each.stack]
        figures = " | ".join(_figure(count) for count in (*(counts.get(op, 0) for op in _COLUMNS), len(quiet)))
        yield f"| {code(each.stack)} | {_remark(each)} | {_bold(dangers.count(each.stack))} | {figures} |"
    for stack in review.left_out:
        yield f"| {code(stack)} | left out: its graph is the same before and after | | | | | | |"
    for stack in review.removed:
        gone = "**removed** from the repository; what it has up stays up"
        yield f"| {code(stack)} | {gone} | {_bold(dangers.count(stack))} | | | | | |"


def _bold(count: int) -> str:
    return f"**{count}**" if count else ""


def _figure(count: int) -> str:
    return str(count) if count else ""


def _remark(each: StackPreview) -> str:
    if each.error:
        return "**failed**: counted as far as it went"
    if each.is_new:
        return "new"
    return "" if each.changes.changes else "no change"


def _lines(fold: Fold) -> list[str]:
    return [text for unit in fold.units for text in unit.lines]


def _shown(fold: Fold, lines: list[str], left: int) -> list[str]:
    """The fold with these lines of it, and how many of what it counts are left."""
    body = fenced(lines) if fold.is_diff else lines
    more = ["", f"Not here, or only in part: {counted(left, fold.noun)}."] if left else []
    return folded(fold.summary, [*body, *more])


def _shares(made: Sequence[Fold], room: int) -> list[int]:
    """How many bytes each fold gets: what it needs, or an equal part of what the smaller ones leave."""
    needs = [size("\n".join(_shown(fold, _lines(fold), 0))) + 1 for fold in made]
    shares = [0] * len(made)
    order = sorted(range(len(made)), key=needs.__getitem__)
    for place, which in enumerate(order):
        shares[which] = min(needs[which], room // (len(order) - place))
        room -= shares[which]
    return shares


def _fitted(fold: Fold, share: int, cut: _Cut) -> list[str]:
    """The fold within its share, and what of it does not fit, counted."""
    room = share
    while True:
        lines, left = _taken(fold, room)
        shown = _shown(fold, lines, left)
        over = size("\n".join(shown)) + 1 - share
        if over <= 0 or not lines:
            break
        room -= over
    cut.add(fold.noun, left)
    return shown if lines else []


def _taken(fold: Fold, room: int) -> tuple[list[str], int]:
    """As many lines from the fold's beginning as have room; how many of what it counts are not all there."""
    lines: list[str] = []
    left = sum(unit.count for unit in fold.units)
    for unit in fold.units:
        for text in unit.lines:
            room -= size(text) + 1
            if room < 0:
                return lines, left
            lines.append(text)
        left -= unit.count
    return lines, left


def _foot(cut: _Cut, url: str | None) -> Iterator[str]:
    """Where the rest is, and the marker."""
    where = link("the full report", url) if url else "`aurops preview --diff`"
    if cut.counts:
        yield f"Not all of it fits here. Only in {where}: {cut}."
    elif url:
        yield f"Values in full: {where}."
    yield ""
    yield MARKER
