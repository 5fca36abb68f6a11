"""What all components on Azure share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import ROLES, build, drop_aliases, role_definition
from components.data import holds_data
from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_aliases_of_other_api_versions_go_and_ours_stay() -> None:
    """A stack drops the SDK's aliases, which cost a second a preview, and keeps one that a rename of ours needs."""
    seen: list[pulumi.ResourceTransformationResult | None] = []

    def look(args: pulumi.ResourceTransformationArgs) -> None:
        if args.type_.startswith("azure-native:"):
            seen.append(drop_aliases(args))
            assert len(args.opts.aliases or []) > 20

    def program() -> None:
        renamed = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="before")], transformations=[look])
        azure.network.NatGateway("gateway", resource_group_name="pay-eastus", opts=renamed)

    run(program)
    (result,) = seen
    assert result is not None
    assert [each.name for each in result.opts.aliases if isinstance(each, pulumi.Alias)] == ["before"]


def test_everything_that_can_carry_tags_does(azure_home: Graph, azure_secondary: Graph, azure_names: Graph) -> None:
    """The place's tags are on every resource whose type has tags."""
    for node in (*azure_home.nodes, *azure_secondary.nodes, *azure_names.nodes):
        if node.type.startswith("azure-native:") and "tags" in node.inputs:
            assert node.inputs["tags"]["team"] == "platform", node.urn


def test_what_is_protected_is_known_to_hold_data(azure_home: Graph, azure_names: Graph) -> None:
    """A preview's guard and `destroy` name every type that a component protects; an archive's settings stay anyway."""
    protected = {
        node.type
        for node in (*azure_home.nodes, *azure_names.nodes)
        if node.protect and "aurops:index:Archive" not in node.urn
    }
    assert protected
    assert {kind for kind in protected if not holds_data(kind)} == set()


def test_tags_are_called_so_that_every_service_takes_them() -> None:
    """`aurops:urn` finds an object again; where a tag's name may have no colon it is `aurops-urn`."""

    def program() -> None:
        provider = build(parts.place(), None)
        opts = pulumi.ResourceOptions(providers=[provider])
        with_tags = {"resource_group_name": "g", "tags": {"team": "platform"}}
        azure.network.NatGateway("gateway", opts=opts, **with_tags)
        azure.dns.Zone("zone", zone_name="example.com", opts=opts, **with_tags)

    graph = run(program)
    assert {"team", "aurops:urn"} == set(graph.one("network:NatGateway").inputs["tags"])
    assert graph.one("dns:Zone").inputs["tags"]["aurops-urn"] == "test::aurops::azure-native:dns:Zone::zone"


def test_a_role_is_named_in_the_subscription_of_what_it_is_given_on() -> None:
    """The definition's id is whole, because Azure compares it as text."""
    seen: list[str] = []
    run(lambda: role_definition("Contributor", f"{parts.GROUP}/x/y").apply(seen.append))
    assert seen == [
        f"/subscriptions/{parts.SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['Contributor']}"
    ]
