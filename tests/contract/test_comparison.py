"""Each field of each spec does something on each cloud, or is refused, or the page says why not."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components import comparison
from components.clouds import limits
from components.comparison import REFUSED
from components.place import Cloud
from components.reference import NOUNS
from stacks.values import differing
from tests.contract.alternatives import alternatives
from tests.contract.nouns import REGIONS, SPECS, graph_of, spec

if TYPE_CHECKING:
    from tests.components.graph import Graph

ROOT = Path(__file__).parents[2]


@cache
def born(noun: str, cloud: Cloud) -> Graph:
    """The component with nothing changed."""
    return graph_of(noun, cloud)


def measured(noun: str, cloud: Cloud, changed: dict[str, Any]) -> list[str]:
    """What a changed spec makes differ."""
    wanted = spec(noun, cloud, **changed)
    refusals = list(limits.refused(cloud, REGIONS[cloud][0], noun, wanted))
    if refusals:
        return [REFUSED + refusals[0].partition(": ")[2]]
    return differences(born(noun, cloud), graph_of(noun, cloud, **changed))


def differences(before: Graph, after: Graph) -> list[str]:
    """Paths of properties that differ on resources of both, down to lists; and types of resources that only one has."""
    old, new = ({(node.type, node.name): node for node in graph.nodes} for graph in (before, after))
    found = {f"-{short(kind)}" for kind, _ in old.keys() - new.keys()}
    found |= {f"+{short(kind)}" for kind, _ in new.keys() - old.keys()}
    for key in old.keys() & new.keys():
        found |= {f"{short(key[0])}.{path}" for path in differing(old[key].inputs, new[key].inputs)}
    return sorted(found)


def short(kind: str) -> str:
    """A type token without the provider's name."""
    return kind.partition(":")[2]


@pytest.mark.parametrize("cloud", list(Cloud))
@pytest.mark.parametrize("noun", NOUNS)
def test_what_a_cloud_makes_of_each_field_is_what_the_page_says(noun: str, cloud: Cloud) -> None:
    """Another value changes just the listed properties, or is refused in the listed words.

    AUROPS_ACCEPT=1 writes what was found into the file.
    """
    found = {field: measured(noun, cloud, changed) for field, changed in alternatives(noun, cloud).items()}
    if os.environ.get("AUROPS_ACCEPT"):
        accept(noun, cloud, found)
    told = {row.field: list(row.makes.get(cloud, ())) for row in comparison.rows(noun) if cloud in row.makes}
    assert found == told


def accept(noun: str, cloud: Cloud, found: dict[str, list[str]]) -> None:
    """Write what was found, in the order of the specs."""
    document = json.loads(comparison.MEASURED.read_text()) if comparison.MEASURED.exists() else {}
    for field, told in found.items():
        document.setdefault(noun, {}).setdefault(field, {})[cloud.value] = told
    document[noun] = {field: document[noun][field] for field in SPECS[noun].model_fields if field in document[noun]}
    ordered = {each: document[each] for each in NOUNS if each in document}
    comparison.MEASURED.write_text(json.dumps(ordered, indent=1) + "\n")


@pytest.mark.parametrize("noun", NOUNS)
def test_no_field_is_left_out(noun: str) -> None:
    """Every field that the clouds share has a row; a new field fails here until it was tried on each cloud."""
    shared = {field for field in SPECS[noun].model_fields if field not in set(Cloud)}
    assert {row.field for row in comparison.rows(noun)} == shared


def test_every_difference_between_clouds_has_its_reason() -> None:
    """Where a cloud refuses a field or makes nothing of it, the page says why; no reason is left over."""
    uneven = {f"{row.noun}.{row.field}" for row in comparison.rows() if row.is_uneven()}
    assert uneven <= set(comparison.reasons())
    assert {f"{row.noun}.{row.field}" for row in comparison.rows()} >= set(comparison.reasons())


def test_the_page_is_what_was_measured() -> None:
    """`docs/compare.md` is written from the same file."""
    page = (ROOT / "docs" / "compare.md").read_text()
    assert page == comparison.markdown(), "run: python -m components.comparison docs/compare.md"
