"""The table of what differences mean: complete for what the components leave to others, and safe to add to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.errors import UsageError
from stacks.drift_table import TEAM, Kind, load_table
from stacks.seen import Leaf

if TYPE_CHECKING:
    from tests.components.graph import Graph

ROW = """\
rows:
  - type: {type}
    properties: [{property}]
    kind: {kind}
    reason: our controller writes it
    source: a ticket
    since: 2026-11-28
"""


def written(root: Path, text: str) -> Path:
    """A repository with a table of its own."""
    (root / TEAM).parent.mkdir(parents=True)
    (root / TEAM).write_text(text)
    return root


def row(type_: str = "aws:sqs/queue:Queue", property_: str = "tags", kind: str = "cloud") -> str:
    """A table of one row."""
    return ROW.format(type=type_, property=property_, kind=kind)


def test_all_that_a_component_leaves_to_others_has_its_row(graphs: dict[str, Graph]) -> None:
    """What is ignored on a type is a role, steering, capacity or the cloud's own: named, with the reason."""
    table, left = load_table(), set()
    named = {Kind.ROLE, Kind.STEERING, Kind.CAPACITY, Kind.CLOUD, Kind.GROWS}
    for graph in graphs.values():
        for node in graph.nodes:
            for path in node.ignored:
                leaf = Leaf(path, "one", "other", is_told=True, is_asked=True, is_still=False)
                found = table.row_for(node.type, leaf)
                if found is None or found.kind not in named:
                    left.add((node.type, path))
    assert left == set()


def test_every_row_has_a_reason_a_source_and_a_date() -> None:
    """And no two say the same of one property, but for a kind that looks at the values."""
    seen = set()
    for each in load_table().rows:
        assert each.reason
        assert each.source
        assert each.since.year >= 2026
        for path in each.properties:
            key = (each.type, path, each.kind)
            assert key not in seen
            seen.add(key)


def test_a_teams_rows_come_first(tmp_path: Path) -> None:
    """They override ours."""
    table = load_table(written(tmp_path, row("aws:ecs/service:Service", "desiredCount", "steering")))
    leaf = Leaf("desiredCount", 1, 2, is_told=True, is_asked=True, is_still=False)
    found = table.row_for("aws:ecs/service:Service", leaf)
    assert found is not None
    assert (found.kind, found.reason) == (Kind.STEERING, "our controller writes it")
    assert load_table(Path("/nowhere")) == load_table()


@pytest.mark.parametrize(("type_", "property_"), [("'*'", "tags"), ("aws:sqs/queue:Queue", "'*'"), ("'*'", "'*'")])
def test_a_row_that_would_silence_everything_is_refused(tmp_path: Path, type_: str, property_: str) -> None:
    """A kind that does not look at values needs names."""
    with pytest.raises(UsageError, match="would silence whatever anybody changes") as caught:
        load_table(written(tmp_path, row(type_, property_)))
    assert str(caught.value.where) == "ci/drift.yaml: rows.0"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (row(kind="noise"), "rows.0.kind"),
        (row().replace("    source: a ticket\n", ""), "rows.0.source"),
        (row() + "    until: 2027-01-01\n", "rows.0.until"),
        (row().replace("2026-11-28", "soon"), "rows.0.since"),
        ("rows: [", "line"),
        ("[]", "ci/drift.yaml"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_key(tmp_path: Path, text: str, where: str) -> None:
    """Exit 2, before anything is compared."""
    with pytest.raises(UsageError) as caught:
        load_table(written(tmp_path, text))
    assert re.search(r"ci/drift\.yaml", str(caught.value.where))
    assert where in str(caught.value.where)
