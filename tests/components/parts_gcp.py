"""One of each component on Google Cloud, as a program would make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.database.component import Birth, Database
from components.database.spec import DatabaseSpec
from components.keys.component import Keys, KeysOutputs
from components.keys.spec import KeysSpec
from components.network.component import HomeNetwork, Network, NetworkOutputs
from components.network.spec import NetworkSpec
from components.place import Cloud, Place
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

REGIONS = ("us-central1", "us-west1", "asia-southeast1")
DATABASE = {"name": "ledger", "engine_version": "17.5", "vcpus": 4, "zones": ["a", "b"]}


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


def home_region(*, standby: str | None = None, protect: bool = True) -> None:
    """Everything in the home region; with `standby` as the settling wave makes it."""
    k = keys(place(protect=protect))
    net = network(k)
    database(net, k, Birth(standby=standby))


def secondary_region() -> None:
    """Database and cache where they join."""
    k = keys(place("us-west1"))
    net = network(k, HomeNetwork("projects/acme-pay/global/networks/pay-net-vpc", {}), cidr="10.81.0.0/16")
    database(net, k, Birth(global_group="pay-db-instance", is_standby=True))


@pytest.fixture(scope="session")
def gcp_home() -> Graph:
    """Everything in the region that was born primary."""
    return run(home_region)


@pytest.fixture(scope="session")
def gcp_secondary() -> Graph:
    """Database and cache in a region that joins."""
    return run(secondary_region)
