from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.cache.spec import CacheSpec
from components.clouds.azure_sizes import cache_size
from tests.components import parts_azure as parts

if TYPE_CHECKING:
    from tests.components.graph import Graph

CLUSTER, DATABASE = "redisenterprise:RedisEnterprise", "redisenterprise:Database"


def test_a_member_joins_when_it_is_made_and_names_all_that_are_there(azure_home: Graph, azure_secondary: Graph) -> None:
    """Home begins the group with itself; another joins it under the same name with home's database and its own."""
    first, second = azure_home.one(DATABASE), azure_secondary.one(DATABASE)
    group = first.inputs["geoReplication"]
    assert group["groupNickname"] == second.inputs["geoReplication"]["groupNickname"] == "pay-cache"
    (own,) = group["linkedDatabases"]
    assert own["id"].endswith("/databases/default")
    assert "/resourceGroups/pay-eastus/" in own["id"]
    linked = [each["id"] for each in second.inputs["geoReplication"]["linkedDatabases"]]
    assert linked[0] == parts.MEMBER
    assert "/resourceGroups/pay-westeurope/" in linked[1]


def test_what_the_service_links_by_itself_is_ignored(azure_home: Graph) -> None:
    """The lists of the others grow when one joins."""
    assert azure_home.one(DATABASE).ignored == {"geoReplication.linkedDatabases"}


def test_every_member_is_safe(azure_home: Graph, azure_secondary: Graph) -> None:
    """Our key, no public network, TLS, no access keys, a copy in another zone, no persistence, protected."""
    for graph in (azure_home, azure_secondary):
        cluster, database = graph.one(CLUSTER), graph.one(DATABASE)
        key = cluster.inputs["encryption"]["customerManagedKeyEncryption"]
        assert "/keys/data/" in key["keyEncryptionKeyUrl"]
        assert (cluster.inputs["publicNetworkAccess"], cluster.inputs["minimumTlsVersion"]) == ("Disabled", "1.2")
        assert cluster.inputs["highAvailability"] == "Enabled"
        assert (database.inputs["clientProtocol"], database.inputs["accessKeysAuthentication"]) == (
            "Encrypted",
            "Disabled",
        )
        assert "persistence" not in database.inputs
        assert cluster.protect
        assert database.protect
        assert graph.one("network:PrivateEndpoint", "cache-way")


@pytest.mark.parametrize(
    ("memory_gib", "shards", "size"), [(6, 1, "Balanced_B10"), (12, 2, "Balanced_B50"), (48, 1, "Balanced_B50")]
)
def test_the_size_holds_the_keys_of_all_shards(memory_gib: int, shards: int, size: str) -> None:
    """The next size up whose usable four fifths are enough."""
    spec = CacheSpec.model_validate(
        {"engine_version": "8.1", "zones": ["a", "b"], "memory_gib": memory_gib, "shards": shards}
    )
    assert cache_size(spec) == size
