"""What a check found, for people and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migration.gateway.check.questions import Aspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migration.gateway.check.differences import Difference
    from migration.gateway.check.questions import Question

_LISTED = 40
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference and where it was found.

    Args:
        question: The request.
        difference: What differs.
        because: Why it is accepted; empty: it is not.
    """

    question: Question
    difference: Difference
    because: str = ""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        found = {
            "method": self.question.method,
            "request": str(self.question),
            "aspect": self.question.aspect.value,
            "field": self.difference.field,
            "kind": self.difference.kind.value,
            "v10": self.difference.v10,
            "v11": self.difference.v11,
        }
        return found | ({"because": self.because} if self.because else {})


@dataclass
class Report:
    """All of it."""

    endpoints: dict[str, bool] = field(default_factory=dict)
    """By verb and template: whether both sides were seen to do it."""
    questions: int = 0
    differences: list[Finding] = field(default_factory=list)
    """Those that count."""
    accepted: list[Finding] = field(default_factory=list)
    """Those that the gateway's file accepts."""
    noise: set[tuple[str, str]] = field(default_factory=set)
    """Method and field that V10 itself answers differently when asked twice."""
    without_writes: bool = False
    """Whether there were no copies to write to."""
    knows_v10: bool = False
    """Whether V10's own list of its endpoints was there."""

    def asked(self, question: Question, done: bool) -> None:  # noqa: FBT001
        """Count a question; note whether the endpoint was seen at work."""
        self.questions += 1
        if question.aspect is Aspect.PLAIN and question.method:
            name = f"{question.verb} {question.template}"
            self.endpoints[name] = self.endpoints.get(name, False) or done

    @property
    def unshown(self) -> list[str]:
        """The endpoints that nobody saw succeed on both sides: only how they refuse was compared."""
        return [name for name, done in self.endpoints.items() if not done]

    @property
    def gaps(self) -> list[str]:
        """What this report does not show, whatever it found."""
        unshown = f"{len(self.unshown)} of {len(self.endpoints)} endpoints were never seen to succeed on both sides"
        said = {
            f"{unshown}, so that only their refusals were compared (--all: exit 1)": bool(self.unshown),
            "no write was asked": self.without_writes,
            "endpoints that only V10 has are not known": not self.knows_v10,
        }
        return [gap for gap, is_one in said.items() if is_one]

    @property
    def verdict(self) -> str:
        """In one sentence; that nothing differs is no proof where something was not seen."""
        if self.differences:
            return "the gateway does not answer as V10 does"
        if self.gaps:
            return f"nothing differs in what was seen; NOT shown: {'; '.join(self.gaps)}"
        return f"all {len(self.endpoints)} endpoints were seen to answer as V10 does"

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "verdict": self.verdict,
            "gaps": self.gaps,
            "endpoints": len(self.endpoints),
            "questions": self.questions,
            "differences": [each.as_json() for each in self.differences],
            "accepted": [each.as_json() for each in self.accepted],
            "noise": [{"method": method, "field": name} for method, name in sorted(self.noise)],
            "unshown": self.unshown,
            "writes": not self.without_writes,
            "only_v10_known": self.knows_v10,
        }

    def lines(self) -> Iterator[str]:
        """For people: what differs by kind and field, with the first request that shows it."""
        yield from _grouped(self.differences)
        by_reason = Counter(each.because for each in self.accepted)
        for because, count in by_reason.items():
            yield f"accepted {count}: {because}"
        if self.unshown:
            yield f"never seen to succeed on both sides: {', '.join(self.unshown)}"
        if self.without_writes:
            yield "writes were not asked: there are no copies to write to (--v10-copy twice, --gateway-copy)"
        if not self.knows_v10:
            yield "endpoints that only V10 has are not known: the gateway's file names no `openapi`"
        fields = {name for _, name in self.noise}
        yield (
            f"{len(self.endpoints)} endpoints, {self.questions} questions: {len(self.differences)} differences, "
            f"{len(self.accepted)} accepted, {len(fields)} fields of noise"
        )
        yield self.verdict


def _grouped(findings: list[Finding]) -> Iterator[str]:
    """By kind and field: the same mistake mostly shows in many methods."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.difference.kind, each.difference.field), []).append(each)
    for n, ((kind, name), same) in enumerate(groups.items()):
        if n == _LISTED:
            yield f"… and {len(groups) - _LISTED} more (--json has them all)"
            return
        first = same[0]
        methods = dict.fromkeys(each.question.method or "no method" for each in same)
        yield f"{kind}: {name}, {len(same)} times, of {_some(list(methods))}"
        yield f"  {first.question.aspect.value}: {first.question}"
        yield f"  V10 {first.difference.v10}, gateway {first.difference.v11}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
