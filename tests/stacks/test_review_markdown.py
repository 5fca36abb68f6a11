"""The comment on a pull request: what a reviewer must see stands first, it always fits, nothing in it acts.

golden/comment-*.md hold whole comments; AUROPS_ACCEPT=1 writes them anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pulumi.automation.events import EngineEvent

from aurops.errors import OutsideError, UsageError
from components.data import HOLDS_DATA
from stacks.changes import Change, Changes, Difference, Op
from stacks.preview import StackPreview
from stacks.review import Orphan, Review
from stacks.review_markdown import LIMIT, MARKER, markdown, whole
from stacks.review_text import text
from stacks.review_top import LINES, top
from tests.stacks.reviews import BASELINE, BUCKET, CLUSTER, REVIEWS, ROLE, change, finding, preview, urn

GOLDEN = Path(__file__).parent / "golden"
HOME, EU, ASIA = "aws-us-east-1", "aws-eu-west-1", "aws-ap-southeast-1"
URL = "https://ci.example.com/runs/1"
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HTML = re.compile(r"</?(details|summary)>|<!-- aurops preview -->|[\w .,:;()?+-]+")


def rename(name: str = "payments-db-cluster") -> Change:
    """A database that is renamed."""
    return change(Op.REPLACE, name, CLUSTER, ("databaseName", '"ledger"', '"journal"'), protected=True)


def ordinary() -> Review:
    """A bit of everything, as it may well be."""
    tag = change(Op.UPDATE, "role", ROLE, ("tags.team", None, '"core"'))
    same_tag = change(Op.UPDATE, "other-role", ROLE, ("tags.team", None, '"core"'))
    shorter = change(Op.UPDATE, "archive", BUCKET, ("retentionPolicy.retentionPeriod", '"220903200"', '"31557600"'))
    later = change(Op.UPDATE, "rule", ROLE, ("arn", '"arn:a"', '"(known after up)"'))
    home = preview(HOME, rename(), tag, same_tag, shorter, later, warnings=("deprecated: use another",))
    return Review(
        [
            StackPreview(home.stack, home.changes, 1.0),
            StackPreview(EU, preview(EU, rename()).changes, 1.0, upstream={HOME: ("database.cluster",)}),
            preview(ASIA, change(Op.CREATE, "new", BUCKET), is_new=True),
            preview("aws-global", error=UsageError("no such zone", where="stacks/Pulumi.aws-global.yaml")),
            preview("edge"),
        ],
        [finding(HOME, "payments-db-cluster"), finding(EU, "payments-db-cluster"), finding(EU, "old", waived=True)],
        left_out=["gcp-us-central1"],
        removed=["azure-eastus"],
        orphans=[
            Orphan(
                "azure-eastus",
                urn("azure-native:storage:StorageAccount", "kept"),
                "azure-native:storage:StorageAccount",
                protected=True,
            )
        ],
        baseline=BASELINE,
        notes=["The clone is shallow."],
    )


def fleet_wide() -> Review:
    """Another name for the fleet: everything that holds data is replaced in 13 stacks."""
    kinds = sorted(HOLDS_DATA)[:30]
    lost = [change(Op.REPLACE, f"payments-{number}", kind, ("name", '"a"', '"b"')) for number, kind in enumerate(kinds)]
    return Review([preview(f"stack-{number}", *lost) for number in range(13)])


def clean() -> Review:
    """Nothing dangerous."""
    return Review([preview(HOME, change(Op.UPDATE, "role", ROLE, ("tags.team", None, '"core"'))), preview(EU)], [])


@pytest.mark.parametrize("made", [ordinary, fleet_wide, clean], ids=lambda made: made.__name__)
def test_the_comment_is_the_one_that_was_looked_at(made: object) -> None:
    """As a whole, as raw Markdown."""
    file = GOLDEN / f"comment-{made.__name__.replace('_', '-')}.md"  # type: ignore[attr-defined]
    page = markdown(made(), url=URL)  # type: ignore[operator]
    if os.environ.get("AUROPS_ACCEPT"):
        file.write_text(page)
    assert page == file.read_text(), "AUROPS_ACCEPT=1 writes it anew"


def test_the_first_lines_say_once_what_happens_to_one_resource_in_many_stacks() -> None:
    """One line: operation, name, stacks, cause with its values, and that `up` would refuse."""
    lines = top(Review([preview(HOME, rename()), preview(EU, rename())]))
    said = "`payments-db-cluster` (Cluster) in `aws-us-east-1`, `aws-eu-west-1` because of `databaseName`"
    values = '`"ledger"` → `"journal"`'
    assert lines == [
        "## 🛑 aurops preview: 2 lost",
        f"- **replaced** {said} {values}; protected, `up` will refuse",
    ]


def test_what_could_not_be_previewed_is_no_good_news() -> None:
    """A stack that failed stands before all that is known, and nobody reads that nothing is dangerous."""
    said = "\n".join(top(Review([preview(HOME, error=OutsideError("no backend")), preview(EU)])))
    assert "1 stack not previewed" in said
    assert "nobody knows what is lost there: `aws-us-east-1`: no backend" in said
    assert "Nothing that holds data is" not in said
    assert "nothing dangerous" not in said.splitlines()[0]


def test_a_change_that_changes_its_own_judges_says_so_first() -> None:
    """What only its own waiver allows stands among the first lines; a waiver that was there stays folded."""
    waived = [finding(HOME, "payments-db-cluster", waived=True), finding(EU, "old", waived=True)]
    judges = ("ci/policy/settings.py", "ci/policy/waivers.yaml")
    known = [each.waiver for each in waived[1:] if each.waiver]
    lines = top(Review([preview(HOME), preview(EU)], waived, judges=judges, known_waivers=known))
    assert lines == [
        "## ⚠️ aurops preview: 1 newly waived, judged by itself",
        f"- **judged by itself**: the change also changes what decides here: `{judges[0]}`, `{judges[1]}`",
        f"- **newly waived** `customer-key`: `payments-db-cluster` in `{HOME}`: kmsKeyId is not set.",
    ]
    assert Review([], waived).newly_waived == ()


@pytest.mark.parametrize(("days", "new"), [(-1, 1), (0, 0), (1, 0)])
def test_a_waiver_that_ends_later_than_before_is_a_new_one(days: int, new: int) -> None:
    """One that ends earlier, or says the same in other words, is not."""
    waived = finding(HOME, "db", waived=True)
    assert waived.waiver is not None
    before = replace(waived.waiver, why="in other words", until=waived.waiver.until + timedelta(days=days))
    assert len(Review([], [waived], known_waivers=[before]).newly_waived) == new


@st.composite
def crowded(draw: st.DrawFn) -> Review:
    """Many dangers and violations of many kinds, names and stacks."""
    kinds = sorted(HOLDS_DATA)
    previews = []
    for stack in range(draw(st.integers(1, 13))):
        changes = [
            change(
                draw(st.sampled_from([Op.REPLACE, Op.DELETE, Op.UPDATE])),
                f"name-{draw(st.integers(0, 60))}",
                draw(st.sampled_from(kinds)),
                (
                    draw(st.sampled_from(["a", "b", "kmsKeyId", "backupRetentionPeriod", "deletionProtection"])),
                    "14",
                    "7",
                ),
            )
            for _ in range(draw(st.integers(0, 12)))
        ]
        previews.append(preview(f"stack-{stack}", *changes))
    found = [
        finding(
            f"stack-{draw(st.integers(0, 12))}", f"name-{draw(st.integers(0, 60))}", draw(st.sampled_from("abcdefgh"))
        )
        for _ in range(draw(st.integers(0, 20)))
    ]
    return Review(previews, found)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(crowded())
def test_every_danger_and_violation_is_in_the_first_lines_or_counted_there_and_named_below(review: Review) -> None:
    """However many: 15 lines at most, exact counts in the heading, and each name somewhere in the comment."""
    lines = top(review)
    assert len(lines) <= LINES
    figures = {match[1]: int(match[0]) for match in re.findall(r"(\d+) ([a-z ]+?)(?=,|$)", lines[0].partition(": ")[2])}
    kinds = [each.kind.value for each in review.dangers]
    assert figures.get("lost", 0) == kinds.count("deleted") + kinds.count("replaced")
    assert figures.get("guarded less", 0) == kinds.count("guarded less")
    assert figures.get("against policy", 0) == len(review.violations)
    page = markdown(review)
    assert page.splitlines()[: len(lines)] == lines
    names = {each.change.name for each in review.dangers} | {each.name for each in review.violations}
    assert {name for name in names if f"`{name}`" not in page} == set()


@given(REVIEWS)
def test_whatever_is_in_a_change_the_page_stays_the_page(review: Review) -> None:
    """One heading, one table with eight cells a row, no HTML but folds and the marker, no link or image of others."""
    page = markdown(review, url=URL)
    tokens = PARSER.parse(page)
    inline = [child for token in tokens for child in token.children or []]
    kinds = [token.type for token in tokens]
    assert kinds.count("heading_open") == 1
    assert kinds.count("table_open") == 1
    rows = kinds.count("tr_open")
    assert kinds.count("td_open") + kinds.count("th_open") == 8 * rows
    assert rows == 1 + len(review.previews) + len(review.left_out) + len(review.removed)
    html = "".join(token.content for token in [*tokens, *inline] if token.type in ("html_block", "html_inline"))
    assert re.sub(HTML, "", html).strip() == ""
    assert [child.attrs["href"] for child in inline if child.type == "link_open"] == [URL]
    assert not any(child.type == "image" for child in inline)
    assert page.rstrip().endswith(MARKER)
    assert page.count(MARKER) == 1


@given(REVIEWS)
def test_any_comment_fits(review: Review) -> None:
    """Under 60,000 characters, in whatever way they are counted."""
    assert len(markdown(review).encode()) < LIMIT


def huge(lines: int, letter: str) -> StackPreview:
    """A stack with one change of as many properties, each with a long value."""
    told = tuple(Difference(f"policy[{n}].x", f'"{letter * 900}{n}"', f'"{letter * 900}{n + 1}"') for n in range(lines))
    return preview(HOME, Change(urn(ROLE, "role"), ROLE, Op.UPDATE, tuple(each.key for each in told), (), told))


@pytest.mark.parametrize(
    "letter", ["x", "😀", *(pytest.param(each, marks=pytest.mark.campaign) for each in ("漢", "`", "\u202e"))]
)
def test_a_diff_of_ten_thousand_lines_is_cut_counted_and_whole_in_the_report(letter: str) -> None:
    """Beside it the other stacks keep their folds, and the comment says what is missing and where it is."""
    review = Review([huge(10_000, letter), preview(EU, rename())])
    page = markdown(review, url=URL)
    assert len(page.encode()) < LIMIT
    assert "Not here, or only in part: 1 change." in page
    assert f"Only in [the full report](<{URL}>): 1 change." in page
    assert '-   databaseName: "ledger"' in page
    assert page.count("policy[") > 100
    report = whole(review)
    assert sum(line.startswith("+   policy[") for line in report.splitlines()) == 10_000
    if letter.isprintable():
        assert f"{letter * 900}9999" in report


def test_many_stacks_and_long_names_do_not_crowd_out_the_dangers() -> None:
    """400 stacks with names as long as can be: the first lines are there, the rows that do not fit are counted."""
    names = [f"{'漢' * 90}-{number}" for number in range(400)]
    page = markdown(Review([preview(name, rename("漢" * 300)) for name in names]))
    assert len(page.encode()) < LIMIT
    assert page.splitlines()[0] == "## 🛑 aurops preview: 400 lost"
    assert re.search(r"\d+ stacks", page.splitlines()[-3])


def test_what_is_noise_is_folded_and_counted() -> None:
    """It has its line with the reason, and is not among the changes of its stack."""
    page = markdown(ordinary())
    assert "- 1 in `aws-us-east-1`, values known only after" in page
    assert "`update rule`" in page
    assert "@@ update rule" not in page
    lab = Review([preview(HOME, warnings=("using pulumi-resource-aws from $PATH at /home/me/bin",))], is_lab=True)
    assert "1 in `aws-us-east-1`, warnings that say what a lab is" in markdown(lab)
    assert "/home/me" not in markdown(lab)


SECRET = "hunter2-or-something-like-it"  # noqa: S105 (is none)
MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": f'"{SECRET}"'}


@st.composite
def secrets(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object]]:
    """Inputs before and after with secrets at any depth, alone or on one side."""

    def nested(depth: int) -> object:
        if depth == 0:
            return MARK
        return draw(st.sampled_from([{"a": nested(depth - 1)}, [nested(depth - 1), 1], {"b": [nested(depth - 1)]}]))

    old: dict[str, object] = {"x": nested(draw(st.integers(0, 3))), "password": SECRET, "y": SECRET}
    new: dict[str, object] = {"x": nested(draw(st.integers(0, 3))), "password": "other", "y": MARK}
    return old, new


@given(
    secrets(), st.sampled_from(["update", "replace"]), st.lists(st.sampled_from(["x", "x.a", "x[0]", "x.plaintext"]))
)
def test_no_form_of_a_review_shows_a_secret(
    sides: tuple[dict[str, object], dict[str, object]], op: str, keys: list[str]
) -> None:
    """Neither side of a difference, at no depth, by no path, in no output."""

    def state(inputs: dict[str, object]) -> dict[str, object]:
        return {"type": "t", "urn": "u", "id": "i", "parent": "", "provider": "", "inputs": inputs, "outputs": inputs}

    kind = {"diffKind": f"update{'-replace' * (op == 'replace')}", "inputDiff": True}
    metadata = {
        "op": op,
        "urn": "urn::n",
        "type": CLUSTER,
        "provider": "",
        "old": state(sides[0]),
        "new": state(sides[1]),
    }
    metadata["detailedDiff"] = dict.fromkeys({*keys, "x", "y", "password"}, kind)
    changes = Changes()
    changes.hear(EngineEvent.from_json({"sequence": 0, "timestamp": 0, "resourcePreEvent": {"metadata": metadata}}))
    review = Review([StackPreview(HOME, changes, 1.0)])
    assert "[secret]" in whole(review)
    for page in (markdown(review), whole(review), text(review, diff=True), repr(changes.by_urn)):
        assert SECRET not in page
