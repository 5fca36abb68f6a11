"""Every noun on every cloud from the same values, each alone: what it needs of others is given as plain outputs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from components.archive.component import Archive
from components.archive.spec import ArchiveSpec
from components.cache.component import Cache
from components.cache.spec import CacheSpec
from components.database.component import Birth, Database
from components.database.spec import DatabaseSpec
from components.edge.component import Edge
from components.edge.spec import EdgeSpec
from components.keys.component import AzureKeys, Keys, KeysOutputs
from components.keys.spec import KeysSpec, Purpose
from components.network.component import AzureNetwork, GcpNetwork, Network, NetworkOutputs
from components.network.spec import NetworkSpec, Tier
from components.nodes.component import Nodes, NodesOutputs
from components.nodes.spec import NodesSpec
from components.place import Cloud, Place
from components.service.component import Service
from components.service.spec import ServiceSpec
from components.traffic.component import Backend, Traffic
from components.traffic.spec import TrafficSpec
from components.workload.component import Workload
from components.workload.spec import WorkloadSpec
from tests.components.graph import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.spec import Spec
    from tests.components.graph import Graph

REGIONS: Mapping[Cloud, tuple[str, str, str]] = {
    Cloud.AWS: ("us-east-1", "eu-west-1", "ap-southeast-1"),
    Cloud.AZURE: ("eastus", "westeurope", "southeastasia"),
    Cloud.GCP: ("us-central1", "us-west1", "asia-southeast1"),
}
ACCOUNTS = {
    Cloud.AWS: "123456789012",
    Cloud.AZURE: "00000000-0000-0000-0000-000000000000",
    Cloud.GCP: "payments-prod",
}
_GROUP = f"/subscriptions/{ACCOUNTS[Cloud.AZURE]}/resourceGroups/pay-eastus/providers"
_PROJECT = f"projects/{ACCOUNTS[Cloud.GCP]}"
ZONE_IDS = {
    Cloud.AWS: "Z0123456789EXAMPLE",
    Cloud.AZURE: f"{_GROUP}/Microsoft.Network/dnsZones/example.com",
    Cloud.GCP: "example-com",
}
EDGE_ZONES = {**ZONE_IDS, Cloud.AZURE: ZONE_IDS[Cloud.AZURE].replace("/example.com", "/any.example.com")}
GROUPS = {
    Cloud.AWS: "pay-db-global",
    Cloud.AZURE: f"{_GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/pay-db-home",
    Cloud.GCP: "pay-db-home",
}
"""What home made for the regions that join."""
COPIES = {Cloud.AWS: "us-west-2", Cloud.AZURE: "westus", Cloud.GCP: "us-east1"}
"""Region of the archive's copy."""


ENTRANCES = {Cloud.AWS: {"api.example.com": "front.example"}, Cloud.GCP: {"api.example.com": "192.0.2.7"}}
"""Where the clouds' names lead."""


def place(cloud: Cloud, *, protect: bool = True) -> Place:
    """The home region of a cloud."""
    return Place(cloud, REGIONS[cloud][0], "pay", {"team": "platform"}, protect)


def base(noun: str, cloud: Cloud) -> dict[str, Any]:
    """The least that a spec says: the same on every cloud but for what names something of that cloud."""
    image = "registry.example.com/web:1.2"
    first = REGIONS[cloud][0]
    record = {"name": "api.example.com", "routing": "failover", "order": REGIONS[cloud]}
    both = (Cloud.AWS, Cloud.GCP)
    edge = {
        "name": "api.any.example.com",
        "carries": "stateless",
        "targets": dict.fromkeys(both, "api.example.com"),
        "steering": "failover",
        "order": both,
        "gcp": {"addresses": {Cloud.AWS: "192.0.2.9"}},
    }
    specs: dict[str, dict[str, Any]] = {
        "keys": {},
        "network": {"cidr": "10.16.0.0/16", "zones": ["a", "b", "c"]},
        "nodes": {"version": "1.34"},
        "service": {"image": image, "certificate": {"domain": "api.example.com"}},
        "database": {"name": "ledger", "engine_version": "17.5", "zones": ["a", "b"]},
        "cache": {"engine_version": "8.0", "zones": ["a", "b"]},
        "traffic": {
            "zone": "example.com",
            "zone_id": ZONE_IDS[cloud],
            "records": [record],
            "switches": dict(zip(REGIONS[cloud], (*REGIONS[cloud][1:], first), strict=True))
            if cloud is Cloud.AWS
            else {},
            **({"aws": {"routing_controls": True}} if cloud is Cloud.AWS else {}),
        },
        "archive": {"replica_region": COPIES[cloud]},
        "workload": {"image": image},
        "edge": {
            "zone": "any.example.com",
            "zone_id": EDGE_ZONES[cloud],
            "records": [edge],
            "check_interval_s": 30,
        },
    }
    return specs[noun]


SPECS: Mapping[str, type[Spec]] = {
    "keys": KeysSpec,
    "network": NetworkSpec,
    "nodes": NodesSpec,
    "service": ServiceSpec,
    "database": DatabaseSpec,
    "cache": CacheSpec,
    "traffic": TrafficSpec,
    "archive": ArchiveSpec,
    "workload": WorkloadSpec,
    "edge": EdgeSpec,
}


def spec(noun: str, cloud: Cloud, **changed: Any) -> Any:
    """A spec with some values changed."""
    return SPECS[noun].model_validate({**base(noun, cloud), **changed})


def keys_of(cloud: Cloud, at: Place | None = None) -> KeysOutputs:
    """Keys that exist, in the cloud's own form."""
    form = {
        Cloud.AWS: "arn:aws:kms:us-east-1:123456789012:key/{}",
        Cloud.AZURE: "https://pay-keys.vault.azure.net/keys/{}",
        Cloud.GCP: f"{_PROJECT}/locations/us-central1/keyRings/pay/cryptoKeys/{{}}",
    }[cloud]
    identity = f"{_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/pay-keys"
    by_purpose = {purpose: form.format(purpose.value) for purpose in Purpose}
    azure = AzureKeys(
        group="pay-eastus",
        vault_id=f"{_GROUP}/Microsoft.KeyVault/vaults/pay-keys",
        identity_id=identity,
        principal_id="object-id",
        client_id="client-id",
        identity_name="pay-keys",
        tenant_id="tenant-id",
        suffix="abc12",
        versions={purpose: f"{key}/0123456789abcdef" for purpose, key in by_purpose.items()},
    )
    return KeysOutputs(at or place(cloud), by_purpose, azure if cloud is Cloud.AZURE else None)


def network_of(cloud: Cloud, at: Place | None = None) -> NetworkOutputs:
    """A network that exists, in the cloud's own form."""
    vnet = f"{_GROUP}/Microsoft.Network/virtualNetworks/pay-net"
    vpc = f"{_PROJECT}/global/networks/pay-net"
    form = {
        Cloud.AWS: ("vpc-1", "subnet-{tier}-{zone}"),
        Cloud.AZURE: (vnet, f"{vnet}/subnets/{{tier}}"),
        Cloud.GCP: (vpc, f"{_PROJECT}/regions/us-central1/subnetworks/pay-net-{{tier}}"),
    }[cloud]
    subnets = {tier: {zone: form[1].format(tier=tier.value, zone=zone) for zone in "abc"} for tier in Tier}
    delegated = {name: f"{vnet}/subnets/{name}" for name in ("postgresql", "apps", "apiserver", "system")}
    zones = (
        *("privatelink.vaultcore.azure.net", "privatelink.postgres.database.azure.com", "privatelink.redis.azure.net"),
        *("privatelink.redisenterprise.cache.azure.net", "privatelink.blob.core.windows.net"),
        *("private.postgres.database.azure.com", "pay.private.postgres.database.azure.com"),
    )
    private_zones = {name: f"{_GROUP}/Microsoft.Network/privateDnsZones/{name}" for name in zones}
    azure = AzureNetwork(delegated, private_zones) if cloud is Cloud.AZURE else None
    gcp = GcpNetwork("pods", "services", "services/servicenetworking") if cloud is Cloud.GCP else None
    return NetworkOutputs(at or place(cloud), form[0], "10.16.0.0/16", subnets, azure, gcp)


def nodes_of(cloud: Cloud, at: Place | None = None) -> NodesOutputs:
    """A cluster that exists."""
    groups = {zone: f"pay-nodes-{zone}" for zone in "abc"}
    key = keys_of(cloud).by_purpose[Purpose.DISKS]
    return NodesOutputs(at or place(cloud), "pay-nodes", "https://cluster.example", "Q0E=", groups, key)


def backend_of(cloud: Cloud, region: str) -> Backend:
    """A region's entrance."""
    target = {
        Cloud.AWS: None,
        Cloud.AZURE: f"{_GROUP}/Microsoft.Web/sites/pay-web-{region}",
        Cloud.GCP: f"{_PROJECT}/regions/{region}/networkEndpointGroups/pay-web",
    }[cloud]
    return Backend(f"web.{region}.example", "ZLB", "/health", target)


def make(noun: str, cloud: Cloud, wanted: Any, *, protect: bool = True, is_home: bool = True) -> Any:
    """One component alone; returns its outputs."""
    at = place(cloud, protect=protect)
    keys, network = keys_of(cloud, at), network_of(cloud, at)
    group = None if is_home else GROUPS[cloud]
    makers: dict[str, Callable[[], Any]] = {
        "keys": lambda: Keys("pay-keys", wanted, at),
        "network": lambda: Network("pay-net", wanted, keys),
        "nodes": lambda: Nodes("pay-nodes", wanted, network, keys),
        "service": lambda: Service("pay-web", wanted, network, keys),
        "database": lambda: Database("pay-db", wanted, network, keys, Birth(group, is_standby=not is_home)),
        "cache": lambda: Cache("pay-cache", wanted, network, keys, group),
        "traffic": lambda: Traffic("pay-dns", wanted, {r: backend_of(cloud, r) for r in REGIONS[cloud]}, at),
        "archive": lambda: Archive("pay-archive", wanted, keys),
        "workload": lambda: Workload("pay-app", wanted, network, nodes_of(cloud, at)),
        "edge": lambda: Edge("pay-edge", wanted, ENTRANCES, at),
    }
    return makers[noun]().outputs


def graph_of(noun: str, cloud: Cloud, *, protect: bool = True, is_home: bool = True, **changed: Any) -> Graph:
    """What one component registers."""
    wanted = spec(noun, cloud, **changed)
    return run(lambda: make(noun, cloud, wanted, protect=protect, is_home=is_home))


def implemented(noun: str, cloud: Cloud) -> bool:
    """Whether the noun has a module for the cloud."""
    return find_spec(f"components.{noun}.{cloud}") is not None
