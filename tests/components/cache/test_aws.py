from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import UsageError
from components.cache.component import Cache
from components.cache.spec import CacheSpec
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

GROUP, GLOBAL = (
    "elasticache/replicationGroup:ReplicationGroup",
    "elasticache/globalReplicationGroup:GlobalReplicationGroup",
)


def test_home_owns_the_global_group(home: Graph, secondary: Graph) -> None:
    """The global group grows out of home's member; elsewhere its name is joined."""
    owner = home.one(GLOBAL)
    assert owner.inputs["primaryReplicationGroupId"] == "pay-cache-group-id"
    assert (owner.protect, owner.ignored) == (True, {"primaryReplicationGroupId"})
    assert (owner.inputs["numNodeGroups"], owner.inputs["engineVersion"]) == (2, "8.1")
    assert not secondary.of(GLOBAL)
    assert secondary.one(GROUP).inputs["globalReplicationGroupId"] == "ldgnf-pay"


def test_valkey_with_tls_encryption_and_several_zones(home: Graph) -> None:
    """Engine Valkey, TLS required, our key at rest, replicas in other zones that take over by themselves."""
    given = home.one(GROUP).inputs
    assert given["engine"] == "valkey"
    assert (given["transitEncryptionEnabled"], given["transitEncryptionMode"]) == (True, "required")
    assert (given["atRestEncryptionEnabled"], given["kmsKeyId"]) == (True, "arn:aws:mock:::pay-keys-data")
    assert (given["multiAzEnabled"], given["automaticFailoverEnabled"]) == (True, True)
    assert (given["numNodeGroups"], given["replicasPerNodeGroup"]) == (2, 2)


def test_nodes_sit_in_the_zones_that_are_named(home: Graph, secondary: Graph) -> None:
    """Not in whatever zones the network has: none has to move when one is added or removed there."""
    for graph in (home, secondary):
        group = graph.one("elasticache/subnetGroup:SubnetGroup")
        assert group.inputs["subnetIds"] == ["pay-net-data-a-id", "pay-net-data-b-id"]


def test_a_zone_that_the_network_lacks_is_refused() -> None:
    """Also where no stack file is checked: a usage error that names the zones there are."""

    def program() -> None:
        k = parts.keys(parts.place())
        Cache("pay-cache", CacheSpec(engine_version="8.1", zones=frozenset("ad")), parts.network(k), k, None)

    with pytest.raises(UsageError, match="no data subnet in zone d") as caught:
        run(program)
    assert caught.value.allowed == "a, b, c"


def test_a_member_that_joins_says_nothing_that_it_inherits(secondary: Graph) -> None:
    """Engine, size, TLS and encryption at rest come from the group; AWS refuses to hear them twice."""
    given = secondary.one(GROUP).inputs
    inherited = {"engine", "engineVersion", "nodeType", "numNodeGroups", "parameterGroupName"}
    assert not (inherited | {"transitEncryptionEnabled", "atRestEncryptionEnabled"}) & set(given)
    assert (given["multiAzEnabled"], given["kmsKeyId"]) == (True, "arn:aws:mock:::pay-keys-data")


def test_what_a_failover_moves_is_ignored(home: Graph, secondary: Graph) -> None:
    """Membership and the engine version of members are not Pulumi's to put back."""
    for graph in (home, secondary):
        assert {"globalReplicationGroupId", "engineVersion", "nodeType"} <= graph.one(GROUP).ignored
        assert graph.one(GROUP).protect
