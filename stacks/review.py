"""What a change would do to the fleet and what policy says of it: one value that every output is made from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stacks.dangers import dangers, in_order, orphaned
from stacks.noise import noise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from stacks.changes import Change
    from stacks.dangers import Danger
    from stacks.noise import Noise
    from stacks.preview import StackPreview


@dataclass(frozen=True)
class Rule:
    """One rule of the policy, as a person reads it.

    Args:
        id: Short and stable; waivers, SARIF and people refer to it: `customer-key`.
        title: What must hold, in one sentence.
        why: What goes wrong without it.
        mend: What to do about a finding.
        control: The control that it serves: framework and number.
    """

    id: str
    title: str
    why: str
    mend: str
    control: str


@dataclass(frozen=True)
class Waiver:
    """Somebody's leave, in the repository, to break a rule for a while.

    Args:
        rule: The rule's id.
        stack: The stack.
        resource: Name of the resource.
        who: Who gave it.
        why: For what reason.
        until: The last day on which it counts.
    """

    rule: str
    stack: str
    resource: str
    who: str
    why: str
    until: date

    def covers(self, other: Waiver) -> bool:
        """Whether it allows the same, for as long at least."""
        mine, theirs = ((each.rule, each.stack, each.resource) for each in (self, other))
        return mine == theirs and self.until >= other.until


@dataclass(frozen=True)
class Finding:
    """One resource that breaks one rule.

    Args:
        rule: The rule.
        stack: The stack.
        urn: The engine's name of the resource; empty when the finding is about the stack or the policy itself.
        type: The resource's type token.
        what: What was found, in one sentence, with property and value; never a secret.
        waiver: The waiver that allows it; None when nobody did.
    """

    rule: Rule
    stack: str
    urn: str
    type: str
    what: str
    waiver: Waiver | None = None

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def about(self) -> str:
        """Stack, rule, and the resource where there is one."""
        return " ".join(filter(None, (f"{self.stack}:", self.rule.id, self.name)))


@dataclass(frozen=True)
class Baseline:
    """What the change was compared with.

    Args:
        revision: As it was asked for: `origin/main`.
        commit: The commit that it was, 40 hexadecimal digits.
        is_warm: Whether it stood in the cache already.
        seconds: How long it took to have it.
    """

    revision: str
    commit: str
    is_warm: bool
    seconds: float


@dataclass(frozen=True)
class Orphan:
    """What holds data in a stack that the change takes out of the repository: it stays up, and nothing manages it.

    Args:
        stack: The stack.
        urn: The engine's name of the resource.
        type: Its type token.
        protected: Whether the engine would refuse its deletion.
    """

    stack: str
    urn: str
    type: str
    protected: bool

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Review:
    """All that is said of one change.

    Args:
        previews: Of the stacks that were previewed, in the fleet's order.
        findings: What policy found, waived ones included; None when policy was not asked.
        left_out: Stacks that were not previewed because their recorded graphs are equal before and after.
        removed: Stacks that the change takes out of the repository.
        baseline: What it was compared with; None when with what is up.
        notes: What else the reader must know, a sentence each.
        orphans: What holds data in the stacks that are removed.
        is_lab: Whether stand-in clouds answered.
        judges: Files that decide what is said here, and that the change itself changes.
        known_waivers: Those before the change; None when it changes none, or nothing was compared.
    """

    previews: Sequence[StackPreview]
    findings: Sequence[Finding] | None = None
    left_out: Sequence[str] = ()
    removed: Sequence[str] = ()
    baseline: Baseline | None = None
    notes: Sequence[str] = ()
    orphans: Sequence[Orphan] = ()
    is_lab: bool = False
    judges: Sequence[str] = ()
    known_waivers: Sequence[Waiver] | None = None

    @property
    def losses(self) -> tuple[tuple[str, Change], ...]:
        """Every replacement or deletion of what holds data, with its stack."""
        return tuple((each.stack, change) for each in self.previews for change in each.losses)

    @cached_property
    def dangers(self) -> tuple[Danger, ...]:
        """Every loss, and whatever else data is less safe by, the worst first."""
        left_alone = [orphaned(each.stack, each.urn, each.type) for each in self.orphans]
        return in_order([*dangers(self.previews), *left_alone])

    @cached_property
    def noise(self) -> dict[str, dict[str, Noise]]:
        """By stack and URN: why a change need not be read."""
        dangerous = {(each.stack, each.change.urn) for each in self.dangers}
        return {
            each.stack: noise(each.changes, {urn for stack, urn in dangerous if stack == each.stack})
            for each in self.previews
        }

    @property
    def violations(self) -> tuple[Finding, ...]:
        """What policy found and nobody has allowed."""
        return tuple(each for each in self.findings or () if each.waiver is None)

    @property
    def newly_waived(self) -> tuple[Finding, ...]:
        """What only a waiver allows that the change itself brings, or makes last longer."""
        return tuple(each for each in self.findings or () if each.waiver and self._is_new(each.waiver))

    def _is_new(self, waiver: Waiver) -> bool:
        return self.known_waivers is not None and not any(each.covers(waiver) for each in self.known_waivers)
