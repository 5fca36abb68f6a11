"""What holds for every component."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pytest

from components import reference
from components.base import Component, Scope, UnknownCloudError, load
from components.data import holds_data
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

ROOT = Path(__file__).parents[2]


def test_an_unknown_cloud_lists_those_that_exist() -> None:
    """Asking for a cloud without an implementation is a usage error that names the choices, never a default."""
    with pytest.raises(UnknownCloudError) as caught:
        load("network", "oracle")
    assert "aws" in caught.value.allowed.split(", ")


def test_every_child_has_its_component_as_parent_and_its_name_as_prefix(home: Graph, names: Graph) -> None:
    """A child's name is derived from its component's, so that two components never collide."""
    for graph in (home, names):
        for node in graph.nodes:
            if node.type.startswith("aurops:"):
                continue
            parent = node.parent.rsplit("::", 1)[-1]
            assert node.name.startswith(f"{parent}-"), node.urn


def test_everything_that_can_carry_tags_does(home: Graph, names: Graph) -> None:
    """The place's tags are on every resource whose type has tags."""
    for node in (*home.nodes, *names.nodes):
        if node.type.startswith("aws:") and "tags" in node.inputs:
            assert node.inputs["tags"]["team"] == "platform", node.urn


def test_what_is_protected_is_known_to_hold_data(home: Graph, names: Graph) -> None:
    """A preview's guard and `destroy` name every type that a component protects; an archive's settings stay anyway."""
    protected = [
        node for node in (*home.nodes, *names.nodes) if node.protect and "aurops:index:Archive" not in node.urn
    ]
    assert protected
    assert {node.type for node in protected if not holds_data(node.type)} == set()


def test_protection_can_be_lifted_for_the_whole_place() -> None:
    """With `protect=False` neither engine nor cloud refuses a deletion; nothing else changes."""

    def program(*, protect: bool) -> None:
        k = parts.keys(parts.place(protect=protect))
        parts.nodes(parts.network(k), k)

    kept, lifted = run(lambda: program(protect=True)), run(lambda: program(protect=False))
    assert kept.names() == lifted.names()
    assert any(node.protect for node in kept.nodes)
    assert not any(node.protect for node in lifted.nodes)
    assert lifted.one("eks/cluster:Cluster").inputs["deletionProtection"] is False


def test_a_renamed_component_keeps_what_it_made() -> None:
    """Former type tokens become aliases, so that a rename replaces nothing."""

    class Renamed(Component):
        _formerly = ("aurops:index:Before",)

    def program() -> None:
        made = Renamed("x")
        Scope(made, "x", parts.place()).opts()
        made.register_outputs({})

    (node,) = run(program).nodes
    assert node.aliases == ("aurops:index:Before",)


def test_transformations_of_the_caller_reach_every_child() -> None:
    """What a caller passes in `opts` is handed on by the engine to the children."""
    seen = set()

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        seen.add(args.type_)

    run(lambda: parts.network(parts.keys(parts.place()), pulumi.ResourceOptions(transformations=[note])))
    assert {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/flowLog:FlowLog"} <= seen


def test_the_specs_load_no_sdk_and_no_pulumi() -> None:
    """Configuration is checked without a provider SDK, and without Pulumi itself."""
    code = "import sys, stacks.model; print(*(m for m in sys.modules if m.split('.')[0].startswith('pulumi')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("noun", reference.NOUNS)
def test_each_page_lists_every_input_with_default_and_reason(noun: str) -> None:
    """The page's table is the spec's, word for word, and no input is without a reason."""
    page = (ROOT / "docs" / "components" / f"{noun}.md").read_text()
    intro, _, table = page.partition(reference.HEADING)
    assert len(intro.split()) > 20
    assert reference.HEADING + table == reference.inputs(noun), "run: python -m components.reference docs/components"
    assert not [line for line in table.splitlines() if line.endswith("|  |")]
