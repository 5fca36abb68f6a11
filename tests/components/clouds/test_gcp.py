from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.clouds.gcp import SETTINGS, shortened
from components.data import holds_data
from components.tags import URN_LABEL, urn_label
from stacks.config import load
from stacks.program import run as run_stack
from tests.components import parts_gcp as parts
from tests.components.answers_gcp import LABELLED, labels
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

LABEL = re.compile(r"[a-z0-9_-]{1,63}")


@pytest.fixture(scope="module")
def whole() -> Graph:
    """The home region as its stack makes it, with the provider and the label that finds a resource again."""
    fleet = load(Path(__file__).parents[3] / "stacks")
    return run(lambda: run_stack(fleet, "gcp-us-central1"), stack="gcp-us-central1")


def test_every_child_has_its_component_as_parent_and_its_name_as_prefix(gcp_home: Graph, gcp_names: Graph) -> None:
    """A child's name is derived from its component's, so that two components never collide."""
    for graph in (gcp_home, gcp_names):
        for node in graph.nodes:
            if not node.type.startswith("aurops:"):
                assert node.name.startswith(f"{node.parent.rsplit('::', 1)[-1]}-"), node.urn


def test_everything_that_can_carry_labels_does(gcp_home: Graph, gcp_names: Graph) -> None:
    """The place's tags are labels of every resource whose type has labels."""
    seen = {node.type for node in (*gcp_home.nodes, *gcp_names.nodes)}
    assert seen >= LABELLED
    for node in (*gcp_home.nodes, *gcp_names.nodes):
        assert (labels(node.inputs).get("team") == "platform") == (node.type in LABELLED), node.urn


def test_every_type_that_has_labels_is_known_here(gcp_home: Graph, gcp_names: Graph) -> None:
    """The SDK says which types can be labelled; none of those that are made is forgotten."""
    for kind in {node.type for node in (*gcp_home.nodes, *gcp_names.nodes) if node.type.startswith("gcp:")}:
        module, _, name = kind.removeprefix("gcp:").partition("/")
        args = getattr(import_module(f"pulumi_gcp.{module}"), f"{name.rpartition(':')[2]}Args")
        able = bool({"labels", "resource_labels"} & set(vars(args))) or kind == SETTINGS
        assert able == (kind in LABELLED), kind


def test_a_home_settles_once_and_again_only_after_it_was_to_go() -> None:
    """Settling names the standby and is remembered; lifting the protection takes the name back, and forgets it."""
    fleet, home = load(Path(__file__).parents[3] / "stacks"), "gcp-us-central1"
    database = {"database": {"cluster": "db-west"}}

    def program(**how: bool) -> Graph:
        upstream = {home: {"inventory": {"settled": True}}, "gcp-us-west1": {"inventory": database}}
        return run(lambda: run_stack(fleet, home, **how), stack=home, upstream=upstream)

    named = [
        (
            graph.one("sql/databaseInstance:DatabaseInstance").inputs.get("replicationCluster"),
            graph.exports["inventory"]["settled"],
        )
        for graph in (program(settle=True), program(), program(leaving=True))
    ]
    assert named == [
        ({"failoverDrReplicaName": "acme-pay:db-west"}, True),
        (None, True),
        ({"failoverDrReplicaName": ""}, False),
    ]


def test_whatever_has_labels_is_found_again_by_a_hash_of_its_urn(whole: Graph) -> None:
    """The value can be computed from the URN, fits into a label, and no two are alike."""
    seen = set()
    for node in whole.nodes:
        if node.type.startswith("gcp:") and (found := labels(node.inputs)):
            full = f"urn:pulumi:gcp-us-central1::aurops::some$parent${node.type}::{node.name}"
            assert found[URN_LABEL] == urn_label(full)
            assert LABEL.fullmatch(found[URN_LABEL])
            seen.add(found[URN_LABEL])
    assert len(seen) > 10


def test_everything_is_made_in_the_named_project(whole: Graph) -> None:
    """The one explicit provider has the project; nothing falls back to what a shell is set to."""
    (provider,) = [node for node in whole.nodes if node.type == "pulumi:providers:gcp"]
    assert (provider.inputs["project"], provider.inputs["region"]) == ("example-payments", "us-central1")
    used = {node.provider for node in whole.nodes if node.type.startswith("gcp:")}
    assert used == {f"{provider.urn}::payments-gcp-id"}


def test_what_is_protected_is_known_to_hold_data(gcp_home: Graph, gcp_names: Graph) -> None:
    """A preview's guard and `destroy` name every type that a component protects; an archive's settings stay anyway."""
    protected = [
        node for node in (*gcp_home.nodes, *gcp_names.nodes) if node.protect and "aurops:index:Archive" not in node.urn
    ]
    assert {node.type for node in protected if not holds_data(node.type)} == set()


def test_protection_can_be_lifted_for_the_whole_place() -> None:
    """Neither engine nor cloud refuses a deletion then, except of the archive; nothing else changes."""
    kept, lifted = run(parts.home_region), run(lambda: parts.home_region(protect=False))
    assert kept.names() == lifted.names()
    assert not [node for node in lifted.nodes if node.protect and "aurops:index:Archive" not in node.urn]
    flags = ("deletionProtection", "deletionProtectionEnabled")
    given = {node.inputs[flag] for node in lifted.nodes for flag in flags if flag in node.inputs}
    assert given == {False}


@given(st.from_regex(r"[a-z][a-z0-9-]{0,200}[a-z0-9]", fullmatch=True), st.integers(20, 63))
def test_shortened_names_fit_and_stay_names(name: str, limit: int) -> None:
    """A name within the limit stays; a longer one keeps its beginning and ends in a hash."""
    short = shortened(name, limit)
    assert len(short) <= limit
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", short)
    assert (short == name) == (len(name) <= limit)
