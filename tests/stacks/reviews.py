"""Reviews that are made up: of a few changes, and of any."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from aurops.errors import UsageError
from components.data import HOLDS_DATA
from stacks.changes import Change, Changes, Difference, Op
from stacks.preview import StackPreview
from stacks.review import Baseline, Finding, Orphan, Review, Rule, Waiver

if TYPE_CHECKING:
    from aurops.errors import AuropsError

CLUSTER, ROLE, BUCKET = "aws:rds/cluster:Cluster", "aws:iam/role:Role", "aws:s3/bucket:Bucket"
RULE = Rule("customer-key", "Data is encrypted with our key", "Others could read it", "Set kms_key_id", "SOC 2 CC6.1")
BASELINE = Baseline("origin/main", "c0ffee" * 6 + "c0de", is_warm=True, seconds=0.5)


def urn(type_: str, name: str, stack: str = "aws-us-east-1") -> str:
    """A resource's URN, below the component of the database."""
    return f"urn:pulumi:{stack}::aurops::aurops:index:Database${type_}::{name}"


def change(
    op: Op, name: str, type_: str = CLUSTER, *differences: tuple[str, str | None, str | None], **more: bool
) -> Change:
    """A change; of a replacement every difference forces it."""
    keys = tuple(key for key, _, _ in differences)
    told = tuple(Difference(*each) for each in differences)
    return Change(urn(type_, name), type_, op, keys, keys if op is Op.REPLACE else (), told, **more)


def preview(
    stack: str, *changes: Change, error: AuropsError | None = None, warnings: tuple[str, ...] = (), is_new: bool = False
) -> StackPreview:
    """A stack's preview with these changes."""
    seen = Changes({each.urn: each for each in changes}, warnings=list(warnings), same=3)
    return StackPreview(stack, seen, 1.25, is_new=is_new, error=error)


def finding(stack: str, name: str, what: str = "kmsKeyId is not set.", *, waived: bool = False) -> Finding:
    """A finding about a cluster."""
    waiver = Waiver(RULE.id, stack, name, "the data team", "it moves next week", date(2031, 5, 1)) if waived else None
    return Finding(RULE, stack, urn(CLUSTER, name, stack), CLUSTER, what, waiver)


TEXTS = st.text(max_size=60) | st.sampled_from(
    [
        "a|b",
        "`" * 40,
        "``` \n</details>",
        "<img src=x>",
        "@someone #1 GH-1",
        "[a](https://x.test)",
        "\\",
        "\\|",
        "\u202e",
    ]
)
VALUES = st.none() | TEXTS.map(lambda text: f'"{text}"') | st.integers().map(str)
DIFFERENCES = st.builds(Difference, TEXTS, st.none() | st.just('"a"'), st.just("1") | st.just('"(known after up)"'))
TYPES = st.sampled_from([*sorted(HOLDS_DATA), ROLE, "pulumi:providers:aws", "aurops:index:Database"]) | TEXTS


@st.composite
def any_change(draw: st.DrawFn) -> Change:
    """Any change of anything."""
    name, type_ = draw(TEXTS), draw(TYPES)
    differences = tuple(draw(st.lists(DIFFERENCES, max_size=4)))
    keys = tuple(each.key for each in differences)
    op = draw(st.sampled_from([each for each in Op if each not in (Op.SAME, Op.READ)]))
    return Change(
        f"urn:pulumi:s::p::{type_}::{name}",
        type_,
        op,
        keys,
        keys,
        differences,
        draw(st.booleans()),
        draw(st.booleans()),
    )


@st.composite
def any_preview(draw: st.DrawFn) -> StackPreview:
    """Any preview."""
    error = UsageError(draw(TEXTS), where=draw(TEXTS), next_step=draw(TEXTS)) if draw(st.booleans()) else None
    changes = draw(st.lists(any_change(), max_size=8))
    made = preview(draw(TEXTS), *changes, error=error, warnings=tuple(draw(st.lists(TEXTS, max_size=2))))
    return StackPreview(made.stack, made.changes, 1.0, draw(st.booleans()), error, draw(upstreams()))


def upstreams() -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """What a stack reads that would change."""
    return st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple), max_size=2)


@st.composite
def any_finding(draw: st.DrawFn) -> Finding:
    """Any finding."""
    rule = Rule(*(draw(TEXTS) for _ in range(5)))
    waiver = Waiver(*(draw(TEXTS) for _ in range(5)), date(2031, 5, 1)) if draw(st.booleans()) else None
    return Finding(rule, draw(TEXTS), draw(TEXTS), draw(TEXTS), draw(TEXTS), waiver)


REVIEWS = st.builds(
    Review,
    st.lists(any_preview(), max_size=4),
    st.none() | st.lists(any_finding(), max_size=4),
    st.lists(TEXTS, max_size=3),
    st.lists(TEXTS, max_size=3),
    st.none() | st.builds(Baseline, TEXTS, TEXTS, st.booleans(), st.floats(0, 10)),
    st.lists(TEXTS, max_size=2),
    st.lists(st.builds(Orphan, TEXTS, TEXTS, TEXTS, st.booleans()), max_size=2),
    st.booleans(),
)
"""Reviews with anything for a name, a value or a sentence."""
