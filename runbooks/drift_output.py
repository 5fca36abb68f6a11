"""What `aurops drift` found, for a person, for a job's summary, and as data."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from stacks.drift import BY_HAND, Cause
from stacks.markdown import code, counted, folded, pair, prose, visible
from stacks.review_document import error_document
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stacks.drift import Drifted, Mend, StackDrift

SCHEMA = 1
NOTHING = "no stack is up, so nothing was compared"
"""What a wrong backend looks like; never good news."""
HEADS = {
    Cause.GONE: "Gone",
    Cause.HAND: "Changed by hand",
    Cause.FAILOVER: "Changed by a failover",
    Cause.NOISE: "Provider noise",
}
SHORT = {Cause.GONE: "gone", Cause.HAND: "by hand", Cause.FAILOVER: "by failover", Cause.NOISE: "noise"}
_WIDTH = 100
_MOST = 50
"""Differences of one cause that a job's summary lists, so that GitHub takes it (1 MiB); the rest is counted."""


def text(found: Sequence[StackDrift], absent: Sequence[str], *, diff: bool) -> str:
    """A row per stack, then each cause with its differences and what mends them."""
    rows = [f"{each.stack:<22} {summary(each)}" for each in found]
    rows += [f"{stack:<22} not up" for stack in absent]
    rows += [] if found else ["", NOTHING.capitalize()]
    return "\n".join([*rows, *groups(found, diff=diff)])


def summary(each: StackDrift) -> str:
    """What drifted of one stack, in a few words."""
    if each.error is not None:
        return "failed"
    counts = [f"{len(those)} {SHORT[cause]}" for cause in Cause if (those := each.by(cause))]
    return ", ".join(counts) or "as it should be"


def groups(found: Sequence[StackDrift], *, diff: bool) -> list[str]:
    """Each cause that there is."""
    lines: list[str] = []
    for cause in Cause:
        those = [one for each in found for one in each.by(cause)]
        if cause is Cause.NOISE and not diff:
            if those:
                lines += ["", f"{HEADS[cause]}: {len(those)} that nobody made; --diff lists them"]
        elif those:
            lines += ["", f"{HEADS[cause]}: {len(those)}", *_resources(those, diff=diff)]
    if diff and (passed := sum(each.passed_over for each in found)):
        lines += ["", f"Passed over: {passed} in what the program leaves open, or to others"]
    return lines


def _resources(those: Sequence[Drifted], *, diff: bool) -> Iterator[str]:
    for stack, of_stack in groupby(those, key=lambda one: one.stack):
        in_stack = list(of_stack)
        for _, of_resource in groupby(in_stack, key=lambda one: one.urn):
            yield from _resource(list(of_resource), diff=diff)
        for mend in _mends(in_stack):
            yield f"    {stack}: {_said(mend)}"


def _resource(those: Sequence[Drifted], *, diff: bool) -> Iterator[str]:
    first = those[0]
    yield f"  {first.stack}  {visible(first.name)}  {first.type}{'' if first.key else ': ' + first.why}"
    for one in those:
        if not one.key:
            continue
        values = f": {' → '.join(_pair(one))}" if diff else ""
        yield f"      {visible(one.key)}{values}"
        if one.why != BY_HAND:  # the heading says it
            yield f"        {one.why}"
        if one.keep:
            yield f"        to keep it: {' or '.join(one.keep)}"


def _mends(those: Iterable[Drifted]) -> list[Mend]:
    """Each way once, in the order of the differences."""
    return list(dict.fromkeys(mend for one in those for mend in one.mend))


def _said(mend: Mend) -> str:
    return f"{mend.command}  ({mend.does})" if mend.command else mend.does


def _pair(one: Drifted) -> tuple[str, str]:
    """Both values, cut to where they differ; nothing that a cloud says moves a terminal's cursor."""
    before, after = (visible("nothing" if value is None else value) for value in (one.before, one.after))
    return pair(before, after, _WIDTH)


def markdown(found: Sequence[StackDrift], absent: Sequence[str]) -> str:
    """For a job's summary: the answer first, then each cause as a table, noise folded."""
    drifted = [one for each in found for one in each.drifted if one.cause is not Cause.NOISE]
    failed = [each for each in found if each.error]
    differ = f"{counted(len(drifted), 'differences')} between state and cloud" if drifted else "state and cloud agree"
    lost = f"{counted(len(failed), 'stacks')} could not be compared" if failed else ""
    answer = "; ".join(filter(None, (differ, lost))) if len(failed) < len(found) else lost or NOTHING
    lines = [f"## Drift: {answer}", ""]
    lines += [f"**{each.stack} could not be compared:** {prose(masked(str(each.error)))}\n" for each in failed]
    lines += ["| stack | |", "|---|---|", *(f"| {each.stack} | {summary(each)} |" for each in found)]
    lines += [f"| {stack} | not up |" for stack in absent]
    for cause in Cause:
        if those := [one for each in found for one in each.by(cause)]:
            head, body = f"{HEADS[cause]}: {len(those)}", list(_section(those))
            lines += ["", *(folded(head, body) if cause is Cause.NOISE else [f"### {head}", "", *body])]
    return "\n".join(lines)


def _section(those: Sequence[Drifted]) -> Iterator[str]:
    yield "| stack | resource | property | state | cloud | why |"
    yield "|---|---|---|---|---|---|"
    for one in those[:_MOST]:
        values = [code(value) for value in _pair(one)] if one.key else ["", ""]
        keep = f"; to keep it: {' or '.join(map(code, one.keep))}" if one.keep else ""
        property_ = code(one.key) if one.key else ""
        cells = [one.stack, f"{prose(one.name)} {code(one.type)}", property_, *values, prose(one.why) + keep]
        yield f"| {' | '.join(cells)} |"
    if len(those) > _MOST:
        yield f"\n{len(those) - _MOST:,} more are in the JSON."
    if mends := _mends(those):
        yield ""
        yield from (f"- {f'`{mend.command}` ' if mend.command else ''}{prose(mend.does)}" for mend in mends)


def document(found: Sequence[StackDrift], absent: Sequence[str]) -> dict[str, Any]:
    """The result as data; docs/drift.md describes it, and `schema` grows with a change that breaks readers."""
    return {"schema": SCHEMA, "stacks": [_stack(each) for each in found], "not_up": list(absent)}


def _stack(each: StackDrift) -> dict[str, Any]:
    return {
        "stack": each.stack,
        "seconds": round(each.seconds, 3),
        "counts": {cause.value: len(each.by(cause)) for cause in Cause},
        "passed_over": each.passed_over,
        "drifted": [_drifted(one) for one in each.drifted],
        "error": None if (error := error_document(each.error)) is None else error.model_dump(),
    }


def _drifted(one: Drifted) -> dict[str, Any]:
    return {
        "cause": one.cause.value,
        "urn": one.urn,
        "name": one.name,
        "type": one.type,
        "key": one.key,
        "before": one.before,
        "after": one.after,
        "why": one.why,
        "mend": [vars(mend) for mend in one.mend],
        "keep": list(one.keep),
    }
