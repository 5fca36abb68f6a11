"""One of each component on Azure, as a program would make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.database.component import Birth, Database
from components.database.spec import DatabaseSpec
from components.keys.component import Keys, KeysOutputs
from components.keys.spec import KeysSpec
from components.network.component import HomeNetwork, Network, NetworkOutputs
from components.network.spec import NetworkSpec
from components.place import Cloud, Place
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
SOURCE = f"{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/pay-db-home"


def place(region: str = "eastus", *, protect: bool = True) -> Place:
    """A place of the fleet `pay`."""
    return Place(Cloud.AZURE, region, "pay", {"team": "platform"}, protect)


def keys(at: Place, **spec: Any) -> KeysOutputs:
    """The keys of a place."""
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


def home_region() -> None:
    """Everything in the home region."""
    k = keys(place())
    net = network(k)
    database(net, k, Birth(), standby_region="westeurope")


def secondary_region() -> None:
    """What joins, in the region that stands by."""
    k = keys(place("westeurope"))
    net = network(k, HOME)
    database(net, k, Birth(SOURCE, is_standby=True))
