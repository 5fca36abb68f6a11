"""The guarantees on Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.components.graph import Graph

_KEY = "https://pay-keys.vault.azure.net/keys/"
_TLS = {"1.2", "1.3", "TLS1_2", "TLS1_3", "TLSv1.2", "TLSv1.3"}


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; the first of a list is meant."""
    for key in path.split("."):
        value = value[0] if isinstance(value, list) else value
        value = value.get(key) if isinstance(value, dict) else None
    return value


def encrypted(graph: Graph, kind: str, path: str, purpose: str) -> bool:
    """Whether every resource of a kind names the purpose's key there."""
    found = [str(at(node.inputs, path)) for node in graph.of(kind).values()]
    return bool(found) and all(key.startswith(f"{_KEY}{purpose}") or key == purpose for key in found)


def _network_key(graph: Graph) -> bool:
    return encrypted(graph, "storage:StorageAccount", "encryption.keyVaultProperties.keyName", "logs")


def _nodes_key(graph: Graph) -> bool:
    secrets = encrypted(graph, "containerservice:ManagedCluster", "securityProfile.azureKeyVaultKms.keyId", "secrets")
    disks = encrypted(graph, "compute:DiskEncryptionSet", "activeKey.keyUrl", "disks")
    return secrets and disks and bool(at(graph.one("containerservice:ManagedCluster").inputs, "diskEncryptionSetID"))


def _database_key(graph: Graph) -> bool:
    return encrypted(graph, "dbforpostgresql:Server", "dataEncryption.primaryKeyURI", "data")


def _cache_key(graph: Graph) -> bool:
    path = "encryption.customerManagedKeyEncryption.keyEncryptionKeyUrl"
    return encrypted(graph, "redisenterprise:RedisEnterprise", path, "data")


def _archive_key(graph: Graph) -> bool:
    return encrypted(graph, "storage:StorageAccount", "encryption.keyVaultProperties.keyName", "archive")


def _nodes_private(graph: Graph) -> bool:
    reach = at(graph.one("containerservice:ManagedCluster").inputs, "apiServerAccessProfile.enablePrivateCluster")
    return reach is True


def _database_private(graph: Graph) -> bool:
    network = graph.one("dbforpostgresql:Server").inputs["network"]
    return str(network["delegatedSubnetResourceId"]).endswith("/subnets/postgresql")


def _cache_private(graph: Graph) -> bool:
    endpoint = graph.one("network:PrivateEndpoint").inputs["subnet"]["id"]
    closed = graph.one("redisenterprise:RedisEnterprise").inputs.get("publicNetworkAccess") == "Disabled"
    return closed and str(endpoint).endswith("/subnets/data")


def _archive_private(graph: Graph) -> bool:
    account = graph.one("storage:StorageAccount").inputs
    container = graph.one("storage:BlobContainer").inputs
    return (account["allowBlobPublicAccess"], container["publicAccess"]) == (False, "None")


def _network_zones(graph: Graph) -> bool:
    return {node.inputs["zones"][0] for node in graph.of("network:NatGateway").values()} == {"1", "2", "3"}


def _nodes_zones(graph: Graph) -> bool:
    return {node.inputs["availabilityZones"][0] for node in graph.of("containerservice:AgentPool").values()} == {
        "1",
        "2",
        "3",
    }


def _service_zones(graph: Graph) -> bool:
    plan = graph.one("web:AppServicePlan").inputs
    return plan["zoneRedundant"] is True and plan["sku"]["capacity"] >= 2


def _database_zones(graph: Graph) -> bool:
    server = graph.one("dbforpostgresql:Server").inputs
    return at(server, "highAvailability.mode") == "ZoneRedundant"


def _cache_zones(graph: Graph) -> bool:
    return bool(graph.one("redisenterprise:RedisEnterprise").inputs["highAvailability"] == "Enabled")


def _service_tls(graph: Graph) -> bool:
    site = graph.one("web:WebApp").inputs["siteConfig"]
    return site["minTlsVersion"] in _TLS and site["scmMinTlsVersion"] in _TLS


def _database_tls(graph: Graph) -> bool:
    given = {
        node.inputs["configurationName"]: node.inputs["value"]
        for node in graph.of("dbforpostgresql:Configuration").values()
    }
    return given["require_secure_transport"] == "on" and given["ssl_min_protocol_version"] in _TLS


def _cache_tls(graph: Graph) -> bool:
    cluster, database = (
        graph.one("redisenterprise:RedisEnterprise").inputs,
        graph.one("redisenterprise:Database").inputs,
    )
    return cluster["minimumTlsVersion"] in _TLS and database["clientProtocol"] == "Encrypted"


def _archive_tls(graph: Graph) -> bool:
    account = graph.one("storage:StorageAccount").inputs
    return account["minimumTlsVersion"] in _TLS and account["enableHttpsTrafficOnly"] is True


def _database_backups(graph: Graph) -> bool:
    return bool(graph.one("dbforpostgresql:Server").inputs["backup"]["backupRetentionDays"] >= 7)


def _archive_backups(graph: Graph) -> bool:
    return bool(graph.one("storage:StorageAccount").inputs["sku"]["name"] == "Standard_RAGRS")


def _keys_protected(graph: Graph) -> bool:
    vault = graph.one("keyvault:Vault")
    kept = (
        vault.inputs["properties"]["enablePurgeProtection"] and vault.inputs["properties"]["softDeleteRetentionInDays"]
    )
    return bool(vault.protect and kept >= 7 and all(node.protect for node in graph.of("keyvault:Key").values()))


def _archive_protected(graph: Graph) -> bool:
    kinds = ("StorageAccount", "BlobContainer", "BlobContainerImmutabilityPolicy")
    return all(graph.one(f"storage:{kind}").protect for kind in kinds)


def carries_tags(graph: Graph) -> bool:
    """Whether the place's tags are on all that can carry them."""
    tags = [node.inputs["tags"] for node in graph.nodes if "tags" in node.inputs]
    return bool(tags) and all(each["team"] == "platform" for each in tags)


HOLDS: Mapping[tuple[str, str], Callable[[Graph], bool]] = {
    ("network", "customer_key"): _network_key,
    ("nodes", "customer_key"): _nodes_key,
    ("database", "customer_key"): _database_key,
    ("cache", "customer_key"): _cache_key,
    ("archive", "customer_key"): _archive_key,
    ("nodes", "private"): _nodes_private,
    ("database", "private"): _database_private,
    ("cache", "private"): _cache_private,
    ("archive", "private"): _archive_private,
    ("network", "zones"): _network_zones,
    ("nodes", "zones"): _nodes_zones,
    ("service", "zones"): _service_zones,
    ("database", "zones"): _database_zones,
    ("cache", "zones"): _cache_zones,
    ("service", "tls_minimum"): _service_tls,
    ("database", "tls_minimum"): _database_tls,
    ("cache", "tls_minimum"): _cache_tls,
    ("archive", "tls_minimum"): _archive_tls,
    ("database", "backups"): _database_backups,
    ("archive", "backups"): _archive_backups,
    ("keys", "deletion_protection"): _keys_protected,
    ("archive", "deletion_protection"): _archive_protected,
}
"""By noun and guarantee."""
