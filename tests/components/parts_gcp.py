"""One of each component on Google Cloud, as a program would make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

REGIONS = ("us-central1", "us-west1", "asia-southeast1")
DATABASE = {"name": "ledger", "engine_version": "17.5", "vcpus": 4, "zones": ["a", "b"]}
CACHE = {"engine_version": "8.0", "zones": ["a", "b"], "shards": 2}
SERVICE = {"image": "registry.example.com/web:1.2", "certificate": {"domain": "api.example.com"}}
NODES = {"version": "1.34", "admins": ["group:sre@example.com"]}
TRAFFIC: dict[str, Any] = {
    "zone": "example.com",
    "records": [
        {"name": "api.example.com", "routing": "failover", "order": REGIONS},
        {"name": "canary.example.com", "routing": "weighted", "weights": {"us-central1": 100, "us-west1": 0}},
        {"name": "read.example.com", "routing": "latency", "regions": REGIONS},
    ],
}


def place(region: str = "us-central1", *, protect: bool = True) -> Place:
    """A place of the fleet `pay`."""
    return Place(Cloud.GCP, region, "pay", {"team": "platform"}, protect)


def keys(at: Place, **spec: Any) -> KeysOutputs:
    """The keys of a place."""
    return Keys("pay-keys", KeysSpec.model_validate(spec), at).outputs


def network(with_keys: KeysOutputs, home: HomeNetwork | None = None, **spec: Any) -> NetworkOutputs:
    """A network over three zones."""
    wanted = {"cidr": "10.80.0.0/16", "zones": ["a", "b", "c"], **spec}
    return Network("pay-net", NetworkSpec.model_validate(wanted), with_keys, home).outputs


def database(net: NetworkOutputs, with_keys: KeysOutputs, birth: Birth, **spec: Any) -> Database:
    """The region's part of the database."""
    return Database("pay-db", DatabaseSpec.model_validate({**DATABASE, **spec}), net, with_keys, birth)


def cache(
    net: NetworkOutputs, with_keys: KeysOutputs, global_group: str | None, spec: CacheSpec | None = None
) -> Cache:
    """The region's part of the cache."""
    return Cache("pay-cache", spec or CacheSpec.model_validate(CACHE), net, with_keys, global_group)


def nodes(net: NetworkOutputs, with_keys: KeysOutputs, **spec: Any) -> NodesOutputs:
    """A cluster."""
    return Nodes("pay-nodes", NodesSpec.model_validate({**NODES, **spec}), net, with_keys).outputs


def service(net: NetworkOutputs, with_keys: KeysOutputs) -> Service:
    """A service."""
    return Service("pay-web", ServiceSpec.model_validate(SERVICE), net, with_keys)


def home_region(*, standby: str | None = None, protect: bool = True) -> None:
    """Everything in the home region; with `standby` as the settling wave makes it."""
    k = keys(place(protect=protect))
    net = network(k)
    database(net, k, Birth(standby=standby))
    cache(net, k, None)
    cluster = nodes(net, k)
    Workload("pay-app", WorkloadSpec(image="registry.example.com/app:1.2"), net, cluster)
    service(net, k)
    Archive("pay-archive", ArchiveSpec(replica_region="us-east4"), k)


def secondary_region() -> None:
    """Database and cache where they join."""
    k = keys(place("us-west1"))
    net = network(k, HomeNetwork("projects/acme-pay/global/networks/pay-net-vpc", {}), cidr="10.81.0.0/16")
    database(net, k, Birth(global_group="pay-db-instance", is_standby=True))
    cache(net, k, "projects/acme-pay/locations/us-central1/instances/pay-cache-group")


def names() -> None:
    """Names over three regions, in a zone of their own."""
    backends = {region: Backend("", "", "/health", f"neg-{region}") for region in REGIONS}
    Traffic("pay-dns", TrafficSpec.model_validate({**TRAFFIC, "create_zone": True}), backends, place())


@pytest.fixture(scope="session")
def gcp_home() -> Graph:
    """Everything in the region that was born primary."""
    return run(home_region)


@pytest.fixture(scope="session")
def gcp_secondary() -> Graph:
    """Database and cache in a region that joins."""
    return run(secondary_region)


@pytest.fixture(scope="session")
def gcp_names() -> Graph:
    """The global stack's traffic, with a zone of its own."""
    return run(names)
