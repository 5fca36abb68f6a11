"""The review of a change as data, for programs: docs/preview.md describes it, `preview.schema.json` checks it. Pure."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stacks.changes import Op
from stacks.dangers import Kind
from stacks.noise import Noise, told
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.errors import AuropsError
    from stacks.changes import Change
    from stacks.dangers import Danger
    from stacks.preview import StackPreview
    from stacks.review import Finding, Review

FILE = Path(__file__).parent / "preview.schema.json"
_COUNTED = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.SAME)


class _Part(BaseModel):
    """Readers must pass over keys that they do not know: new ones may come without a new `schema`."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, from_attributes=True)


class DifferenceDocument(_Part):
    """A property that differs."""

    key: str
    """Its path."""
    before: str | None
    """Its value as JSON text; null when there is none; `"[secret]"` on both sides when it is one on either."""
    after: str | None
    """Likewise; `"(known after up)"` where only the cloud will say."""


class ChangeDocument(_Part):
    """What happens to one resource."""

    urn: str
    """The engine's name of it."""
    name: str
    """Its own name."""
    type: str
    """Its type token: `aws:rds/cluster:Cluster`."""
    op: Op
    """What happens; `unprotect`: nothing in the cloud, but the engine would no longer refuse to delete it."""
    keys: list[str]
    """Properties that differ, as dotted paths."""
    replaces: list[str]
    """Those of them that force the replacement."""
    loses_data: bool
    """A replacement or deletion of something that holds data."""
    protected: bool
    """Whether an `up` would refuse to replace or delete it."""
    unprotected: bool
    """Whether it is so no longer after this change."""
    noise: Noise | None
    """Why a reviewer need not read it; null when they should."""
    differences: list[DifferenceDocument]
    """The values of `keys`, where the engine told them."""


class ErrorDocument(_Part):
    """Why a stack could not be previewed."""

    what: str
    """What is wrong."""
    where: str | None
    """In which file and key, stack, region."""
    allowed: str | None
    """What is allowed instead."""
    next_step: str | None
    """What to do."""
    exit_code: int
    """What a command that ends with it exits with."""


class StackDocument(_Part):
    """One stack that was previewed."""

    stack: str
    """Its name."""
    seconds: float = Field(ge=0)
    """How long its preview took."""
    is_new: bool
    """Whether the backend has no such stack yet."""
    counts: dict[Op, int]
    """How many resources: `create`, `update`, `replace`, `delete`, `same`."""
    losses: list[str]
    """URNs of what holds data and would be replaced or deleted."""
    changes: list[ChangeDocument]
    """What changes, in the order of URNs; as far as it came when it failed."""
    upstream: dict[str, list[str]]
    """By stack that it reads: paths of the inventory that would change there."""
    warnings: list[str]
    """What the engine warned of, sorted; in the lab without the place of its stand-in providers."""
    error: ErrorDocument | None
    """Null when it did not fail."""


class ReasonDocument(DifferenceDocument):
    """A property that makes a danger; `key` is empty when the resource as a whole does."""

    says: str
    """What it means: `backups are kept shorter`; empty when the property says it all."""


class DangerDocument(_Part):
    """One danger of one resource."""

    kind: Kind
    """Its kind, of which the first is the worst."""
    stack: str
    """The stack."""
    urn: str
    """The resource."""
    refused: bool
    """Whether an `up` would refuse it."""
    reasons: list[ReasonDocument]
    """Why."""


class RuleDocument(_Part):
    """A rule of the policy."""

    id: str
    """Short and stable."""
    title: str
    """What must hold."""
    why: str
    """What goes wrong without it."""
    mend: str
    """What to do."""
    control: str
    """The control that it serves."""


class WaiverDocument(_Part):
    """Somebody's leave to break a rule for a while."""

    rule: str
    """The rule's id."""
    stack: str
    """The stack."""
    resource: str
    """Name of the resource."""
    who: str
    """Who gave it."""
    why: str
    """For what reason."""
    until: date
    """The last day on which it counts."""


class FindingDocument(_Part):
    """One resource that breaks one rule."""

    rule: RuleDocument
    """The rule."""
    stack: str
    """The stack."""
    urn: str
    """The resource; empty when the finding is about the stack or the policy itself."""
    name: str
    """Its own name."""
    type: str
    """Its type token."""
    what: str
    """What was found."""
    waiver: WaiverDocument | None
    """What allows it; null when nobody did."""
    newly_waived: bool
    """Whether the change itself brings that waiver, or makes it last longer."""


class BaselineDocument(_Part):
    """What the change was compared with."""

    revision: str
    """As it was asked for."""
    commit: str
    """The commit that it was."""
    is_warm: bool
    """Whether it stood in the cache already."""
    seconds: float
    """How long it took to have it."""


class OrphanDocument(_Part):
    """What holds data in a stack that the change takes out of the repository: it stays up, and nothing manages it."""

    stack: str
    """The stack."""
    urn: str
    """The resource."""
    type: str
    """Its type token."""
    protected: bool
    """Whether the engine would refuse its deletion."""
    name: str
    """Its own name."""


class Document(_Part):
    """What `aurops preview --json` prints."""

    schema_: Literal[1] = Field(serialization_alias="schema")
    """Grows with a change that breaks readers."""
    is_lab: bool
    """Whether stand-in clouds answered."""
    stacks: list[StackDocument]
    """What was previewed, in the fleet's order."""
    dangers: list[DangerDocument]
    """Every loss, and whatever else data is less safe by, the worst first."""
    findings: list[FindingDocument] | None
    """What policy found, waived ones included; null when it was not asked."""
    left_out: list[str]
    """Stacks that were not previewed, because their graphs are the same before and after."""
    removed: list[str]
    """Stacks whose files the change deletes."""
    baseline: BaselineDocument | None
    """What it was compared with; null when with what is up."""
    notes: list[str]
    """What else the reader must know."""
    orphans: list[OrphanDocument]
    """What holds data in the stacks that are removed."""
    judges: list[str]
    """Files that decide what is said here, and that the change itself changes."""


def document(review: Review) -> dict[str, Any]:
    """The whole review as JSON values."""
    new = review.newly_waived
    made = Document(
        schema_=1,
        is_lab=review.is_lab,
        stacks=[_stack(each, review.noise[each.stack], is_lab=review.is_lab) for each in review.previews],
        dangers=[_danger(each) for each in review.dangers],
        findings=None if review.findings is None else [_finding(each, new=each in new) for each in review.findings],
        left_out=list(review.left_out),
        removed=list(review.removed),
        baseline=None if review.baseline is None else BaselineDocument.model_validate(review.baseline),
        notes=list(review.notes),
        orphans=[OrphanDocument.model_validate(each) for each in review.orphans],
        judges=list(review.judges),
    )
    return made.model_dump(mode="json", by_alias=True)


def _stack(each: StackPreview, quiet: Mapping[str, Noise], *, is_lab: bool) -> StackDocument:
    counts = each.changes.counts
    return StackDocument(
        stack=each.stack,
        seconds=round(each.seconds, 3),
        is_new=each.is_new,
        counts={op: counts.get(op, 0) for op in _COUNTED},
        losses=[change.urn for change in each.losses],
        changes=[_change(change, quiet.get(change.urn)) for change in each.changes.changes],
        upstream={name: list(paths) for name, paths in each.upstream.items()},
        warnings=told(each.changes.warnings, is_lab=is_lab),
        error=error_document(each.error),
    )


def _change(change: Change, why: Noise | None) -> ChangeDocument:
    parts = {key: getattr(change, key) for key in ChangeDocument.model_fields if key not in ("noise", "differences")}
    differences = [DifferenceDocument.model_validate(each) for each in change.differences]
    return ChangeDocument.model_validate({**parts, "noise": why, "differences": differences})


def _danger(danger: Danger) -> DangerDocument:
    return DangerDocument(
        kind=danger.kind,
        stack=danger.stack,
        urn=danger.change.urn,
        refused=danger.refused,
        reasons=[ReasonDocument.model_validate(each) for each in danger.reasons],
    )


def error_document(error: AuropsError | None) -> ErrorDocument | None:
    """What went wrong with a stack, as data; None when nothing did."""
    if error is None:
        return None
    return ErrorDocument(
        what=masked(error.what),
        where=error.where,
        allowed=error.allowed,
        next_step=error.next_step,
        exit_code=int(error.exit_code),
    )


def _finding(each: Finding, *, new: bool) -> FindingDocument:
    return FindingDocument(
        rule=RuleDocument.model_validate(each.rule),
        stack=each.stack,
        urn=each.urn,
        name=each.name,
        type=each.type,
        what=masked(each.what),
        waiver=None if each.waiver is None else WaiverDocument.model_validate(each.waiver),
        newly_waived=new,
    )


def text() -> str:
    """The schema as it stands in `preview.schema.json`."""
    made = Document.model_json_schema(mode="serialization", by_alias=True, ref_template="#/$defs/{model}")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
