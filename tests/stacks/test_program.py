from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi
import pytest

from aurops import inventory
from aurops.errors import ExitCode
from components.tags import URN_TAG, urn_tag
from stacks.model import CloudConfig
from stacks.policy.judge import judge
from stacks.policy.pack import FOLDER, load
from stacks.policy.waivers import read
from stacks.upstream import UpstreamMissingError
from tests.components.graph import UNKNOWN, Graph
from tests.stacks.graphs import FLEET, made
from tests.stacks.policy.conftest import ROOT, TODAY
from tests.stacks.policy.recorded import previewed

HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"
GOLDEN = Path(__file__).parent / "golden"


def test_each_stack_exports_an_inventory_that_can_be_read_back(graphs: dict[str, Graph]) -> None:
    """The one output is a document of the present schema with what failover needs of the stack."""
    for stack, graph in graphs.items():
        assert set(graph.exports) == {"inventory"}
        facts = inventory.read(graph.exports["inventory"], stack)
        config = FLEET.stacks[stack]
        home_region = config.home if isinstance(config, CloudConfig) else config.region
        assert (facts.stack, facts.home) == (stack, home_region)
    home = inventory.read(graphs[HOME].exports["inventory"], HOME)
    assert home.database is not None
    assert home.database.secret is not None
    assert home.nodes is not None
    assert set(home.nodes.node_groups) == {"a", "b", "c"}
    names = inventory.read(graphs[GLOBAL].exports["inventory"], GLOBAL)
    assert names.traffic is not None
    assert names.traffic.switches["us-east-1"].region == "eu-west-1"


def test_the_inventory_says_nothing_about_roles(graphs: dict[str, Graph]) -> None:
    """Who is writable is observed; no key of the inventory claims to know."""
    for graph in graphs.values():
        assert not [word for word in ("role", "primary", "writable") if word in str(graph.exports)]


def test_a_secondary_joins_what_home_exported(graphs: dict[str, Graph]) -> None:
    """The global database and cache group are the ones in home's inventory."""
    home = graphs[HOME].exports["inventory"]
    cluster = graphs[EU].one("rds/cluster:Cluster").inputs
    group = graphs[EU].one("elasticache/replicationGroup:ReplicationGroup").inputs
    assert cluster["globalClusterIdentifier"] == home["database"]["global_group"]
    assert group["globalReplicationGroupId"] == home["cache"]["global_group"]


def test_home_gives_its_secret_to_every_region_that_joins(graphs: dict[str, Graph]) -> None:
    """The master secret is replicated to the other regions with a database."""
    replicas = graphs[HOME].one("secretsmanager/secret:Secret").inputs["replicas"]
    assert [each["region"] for each in replicas] == ["ap-southeast-1", "eu-west-1"]


@pytest.mark.parametrize("stack", [EU, GLOBAL])
def test_what_upstream_has_not_exported_is_unknown_in_a_preview(stack: str) -> None:
    """A preview before the upstream is up goes through, and the values are unknown, never None or missing."""
    graph = made(stack, {}, preview=True)
    if stack == EU:
        cluster = graph.one("rds/cluster:Cluster").inputs
        assert cluster["globalClusterIdentifier"] == UNKNOWN
    else:
        check = graph.of("route53/healthCheck:HealthCheck")["payments-dns-endpoint-us-east-1"].inputs
        assert check["fqdn"] == UNKNOWN


@pytest.mark.parametrize("upstream", [{}, {HOME: {}}, {HOME: {"inventory": {"schema": 1}}}])
def test_what_upstream_has_not_exported_is_a_refusal_in_up(upstream: dict[str, Any]) -> None:
    """No stack, no output, or no such key: exit 2 naming stack and key, and no resource was made."""
    with pytest.raises(UpstreamMissingError) as caught:
        made(EU, upstream)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "aws-us-east-1 has not exported database.global_group" in caught.value.what
    # Plain `pulumi up` prints a RunError's sentence without a traceback.
    assert isinstance(caught.value, pulumi.RunError)


def test_everything_taggable_can_be_found_again_by_its_urn(graphs: dict[str, Graph]) -> None:
    """Whatever carries tags carries `aurops:urn`, and the value is that of its URN; no two are alike."""
    seen = set()
    for stack, graph in graphs.items():
        for node in graph.nodes:
            tags = node.inputs.get("tags") if node.type.startswith("aws:") else None
            if tags is None:
                continue
            full = f"urn:pulumi:{stack}::aurops::some$parent${node.type}::{node.name}"
            assert tags[URN_TAG] == urn_tag(full)
            assert len(tags[URN_TAG]) <= 256
            assert tags[URN_TAG] not in seen
            seen.add(tags[URN_TAG])
    assert len(seen) > 200


def test_every_resource_uses_the_explicit_provider(graphs: dict[str, Graph]) -> None:
    """No AWS resource falls back to a default provider, which would use whatever region the shell names."""
    for graph in graphs.values():
        for node in graph.nodes:
            if node.type.startswith("aws:"):
                assert "payments-aws" in node.provider, node.urn


@pytest.mark.parametrize("stack", sorted(FLEET.stacks))
def test_no_name_vanishes_without_an_alias(graphs: dict[str, Graph], stack: str) -> None:
    """A resource that is renamed is replaced; so a type and name may go from the list only with an alias in the code.

    AUROPS_ACCEPT=1 writes the list anew.
    """
    file = GOLDEN / f"{stack}.txt"
    lines = sorted(f"{kind} {name}" for kind, name in graphs[stack].names())
    if os.environ.get("AUROPS_ACCEPT"):
        file.write_text("\n".join(lines) + "\n")
    aliases = {alias for node in graphs[stack].nodes for alias in node.aliases}
    gone = [line for line in file.read_text().splitlines() if line not in lines and line.split()[1] not in aliases]
    assert gone == []
    assert lines == file.read_text().splitlines(), "new resources: AUROPS_ACCEPT=1 writes them into the list"


def test_every_stack_keeps_the_policy_or_has_leave(graphs: dict[str, Graph]) -> None:
    """No violation without a waiver in any of the 13 stacks, and no waiver that is gone, expired or for nothing."""
    pack = load(ROOT / FOLDER)
    waivers = read(pack.waivers, TODAY, pack.longest_waiver_days)
    previews = [previewed(stack, graph) for stack, graph in graphs.items()]
    verdict = judge(pack, waivers, previews, set(graphs), TODAY)
    assert len(previews) == 13
    assert [(each.stack, each.rule.id, each.name, each.what) for each in verdict.findings if not each.waiver] == []
    assert verdict.unused == []
