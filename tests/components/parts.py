"""One of each component, as a program would make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.archive.component import Archive
from components.archive.spec import ArchiveSpec
from components.cache.component import Cache
from components.cache.spec import CacheSpec
from components.database.component import Birth, Database
from components.database.spec import DatabaseSpec
from components.keys.component import Keys, KeysOutputs
from components.keys.spec import KeysSpec
from components.network.component import Network, NetworkOutputs
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

if TYPE_CHECKING:
    import pulumi

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
ADMIN = "arn:aws:iam::123456789012:role/operators"
DATABASE = {"name": "ledger", "engine_version": "17.5", "zones": ["a", "b"]}
CACHE = CacheSpec(engine_version="8.1", zones=frozenset("ab"), shards=2)
TRAFFIC: dict[str, Any] = {
    "zone": "example.com",
    "records": [
        {"name": "api.example.com", "routing": "failover", "order": REGIONS},
        {"name": "canary.example.com", "routing": "weighted", "weights": {"us-east-1": 100, "eu-west-1": 0}},
        {"name": "read.example.com", "routing": "latency", "regions": REGIONS},
    ],
    "switches": {"us-east-1": "eu-west-1", "eu-west-1": "ap-southeast-1", "ap-southeast-1": "us-east-1"},
}


def place(region: str = "us-east-1", *, protect: bool = True) -> Place:
    """A place of the fleet `pay`."""
    return Place(Cloud.AWS, region, "pay", {"team": "platform"}, protect)


def keys(at: Place, **spec: Any) -> KeysOutputs:
    """The keys of a place."""
    return Keys("pay-keys", KeysSpec.model_validate(spec), at).outputs


def network(with_keys: KeysOutputs, opts: pulumi.ResourceOptions | None = None, **spec: Any) -> NetworkOutputs:
    """A network over three zones."""
    wanted = {"cidr": "10.16.0.0/16", "zones": ["a", "b", "c"], **spec}
    return Network("pay-net", NetworkSpec.model_validate(wanted), with_keys, opts=opts).outputs


def nodes(net: NetworkOutputs, with_keys: KeysOutputs, **spec: Any) -> NodesOutputs:
    """A cluster."""
    wanted = {"version": "1.34", "admins": [ADMIN], **spec}
    return Nodes("pay-nodes", NodesSpec.model_validate(wanted), net, with_keys).outputs


def service(net: NetworkOutputs, with_keys: KeysOutputs, **spec: Any) -> Service:
    """A service."""
    wanted = {"image": "registry.example.com/web:1.2", "certificate": {"domain": "api.example.com", "zone_id": "Z1"}}
    return Service("pay-web", ServiceSpec.model_validate({**wanted, **spec}), net, with_keys)


def home_region() -> None:
    """Everything in the home region."""
    k = keys(place())
    net = network(k)
    cluster = nodes(net, k)
    Workload("pay-app", WorkloadSpec(image="registry.example.com/app:1.2"), net, cluster)
    service(net, k)
    spec = DatabaseSpec.model_validate(DATABASE)
    Database("pay-db", spec, net, k, Birth(secret_regions=("eu-west-1", "ap-southeast-1")))
    Cache("pay-cache", CACHE, net, k, None)
    Archive("pay-archive", ArchiveSpec(replica_region="us-west-2"), k)


def secondary_region() -> None:
    """Database and cache where they join."""
    k = keys(place("eu-west-1"))
    net = network(k, cidr="10.17.0.0/16")
    Database("pay-db", DatabaseSpec.model_validate(DATABASE), net, k, Birth(global_group="pay-db-global"))
    Cache("pay-cache", CACHE, net, k, "ldgnf-pay")


def names() -> None:
    """Names over three regions."""
    backends = {region: Backend(f"lb.{region}.example", f"Z{region}", "/health") for region in REGIONS}
    spec = TrafficSpec.model_validate({**TRAFFIC, "create_zone": True, "aws": {"routing_controls": True}})
    Traffic("pay-dns", spec, backends, place())
