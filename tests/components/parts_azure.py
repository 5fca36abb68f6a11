"""One of each component on Azure, as a program would make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from components.archive.component import Archive
from components.archive.spec import ArchiveSpec
from components.cache.component import Cache
from components.cache.spec import CacheSpec
from components.database.component import Birth, Database
from components.database.spec import DatabaseSpec
from components.keys.component import Keys, KeysOutputs
from components.keys.spec import KeysSpec
from components.network.component import HomeNetwork, Network, NetworkOutputs
from components.network.spec import NetworkSpec
from components.nodes.component import Nodes, NodesOutputs
from components.nodes.spec import NodesSpec
from components.place import Cloud, Place
from components.service.component import Service
from components.service.spec import ServiceSpec
from components.traffic.component import Backend, Traffic
from components.traffic.spec import TrafficSpec
from components.workload.component import Workload
from components.workload.spec import WorkloadSpec
from tests.components.answers_azure import SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterable

REGIONS = ("eastus", "westeurope", "southeastasia")
DATABASE = {"name": "ledger", "engine_version": "17.5", "zones": ["a", "b"]}
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/pay-eastus/providers"
ZONES = ("privatelink.vaultcore.azure.net", "privatelink.redis.azure.net", "pay.private.postgres.database.azure.com")
HOME = HomeNetwork(
    f"{GROUP}/Microsoft.Network/virtualNetworks/pay-net-vnet",
    {zone: f"{GROUP}/Microsoft.Network/privateDnsZones/{zone}" for zone in ZONES},
)
ADMIN = "11111111-2222-3333-4444-555555555555"
ZONE_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/dns/providers/Microsoft.Network/dnszones/example.com"
CACHE = CacheSpec(engine_version="8.1", zones=frozenset("ab"), shards=2)
MEMBER = f"{GROUP}/Microsoft.Cache/redisEnterprise/pay-cache-home/databases/default"
TRAFFIC: dict[str, Any] = {
    "zone": "example.com",
    "records": [
        {"name": "api.example.com", "routing": "failover", "order": REGIONS},
        {"name": "canary.example.com", "routing": "weighted", "weights": {"eastus": 100, "westeurope": 0}},
        {"name": "read.example.com", "routing": "latency", "regions": REGIONS},
    ],
}
SOURCE = f"{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/pay-db-home"


def place(region: str = "eastus", *, protect: bool = True, settled: bool = False) -> Place:
    """A place of the fleet `pay`."""
    return Place(Cloud.AZURE, region, "pay", {"team": "platform"}, protect, settled)


def as_in_a_stack() -> None:
    """Without the SDK's aliases, which would cost each graph a second or two."""
    from components.clouds.azure import drop_aliases  # noqa: PLC0415 (tests of other clouds load no SDK of this one)

    pulumi.runtime.register_stack_transformation(drop_aliases)


def keys(at: Place, **spec: Any) -> KeysOutputs:
    """The keys of a place."""
    as_in_a_stack()
    return Keys("pay-keys", KeysSpec.model_validate(spec), at).outputs


def network(
    with_keys: KeysOutputs, home: HomeNetwork | None = None, zones: Iterable[str] = "abc", **spec: Any
) -> NetworkOutputs:
    """A network over three zones; home's unless it is given one to join."""
    wanted = {"cidr": "10.48.0.0/16" if home is None else "10.49.0.0/16", "zones": [*zones], **spec}
    return Network("pay-net", NetworkSpec.model_validate(wanted), with_keys, home).outputs


def database(net: NetworkOutputs, with_keys: KeysOutputs, birth: Birth, **spec: Any) -> Database:
    """A database."""
    return Database("pay-db", DatabaseSpec.model_validate({**DATABASE, **spec}), net, with_keys, birth)


def nodes(net: NetworkOutputs, with_keys: KeysOutputs, **spec: Any) -> NodesOutputs:
    """A cluster."""
    wanted = {"version": "1.34", "admins": [ADMIN], **spec}
    return Nodes("pay-nodes", NodesSpec.model_validate(wanted), net, with_keys).outputs


def service(net: NetworkOutputs, with_keys: KeysOutputs, **spec: Any) -> Service:
    """A service."""
    wanted = {
        "image": "registry.example.com/web:1.2",
        "certificate": {"domain": "api.example.com", "zone_id": ZONE_ID},
        **spec,
    }
    return Service("pay-web", ServiceSpec.model_validate(wanted), net, with_keys)


def home_region() -> None:
    """Everything in the home region."""
    k = keys(place())
    net = network(k)
    cluster = nodes(net, k)
    Workload("pay-app", WorkloadSpec(image="registry.example.com/app:1.2"), net, cluster)
    service(net, k)
    database(net, k, Birth(), standby_region="westeurope")
    Cache("pay-cache", CACHE, net, k, None)
    Archive("pay-archive", ArchiveSpec(replica_region="westus"), k)


def secondary_region() -> None:
    """What joins, in the region that stands by."""
    k = keys(place("westeurope"))
    net = network(k, HOME)
    database(net, k, Birth(SOURCE, is_standby=True))
    Cache("pay-cache", CACHE, net, k, "pay-cache", members=[MEMBER])


def names() -> None:
    """Names over three regions."""
    as_in_a_stack()
    backends = {region: Backend(f"{region}.example", "", "/health", f"{GROUP}/app-{region}") for region in REGIONS}
    Traffic("pay-dns", TrafficSpec.model_validate({**TRAFFIC, "zone_id": ZONE_ID}), backends, place())
