"""What a gate looks at in the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.inventory import DatabaseFacts, Inventory, ServiceFacts
from testbeds.lab.health import missing
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("cloud", "service", "database", "name"),
    [
        ("aws", "aws:ecs/service:Service", "aws:rds/cluster:Cluster", "clusterIdentifier"),
        ("azure", "azure-native:web:WebApp", "azure-native:dbforpostgresql:Server", "name"),
        ("gcp", "gcp:cloudrunv2/service:Service", "gcp:sql/databaseInstance:DatabaseInstance", "name"),
    ],
)
def test_what_the_inventory_names_must_exist_in_its_region(
    tmp_path: Path, cloud: str, service: str, database: str, name: str
) -> None:
    """Service and database of each cloud; what stands in another region does not count."""
    world = World(tmp_path / "world.sqlite")
    facts = {
        "service": ServiceFacts.model_construct(service="api"),
        "database": DatabaseFacts.model_construct(cluster="ledger"),
    }
    inventory = Inventory.model_construct(cloud=cloud, region="here", **facts)
    world.add(NewObject(service, "there", "api", {}, {"name": "api"}, {}))
    assert missing(world, inventory) == (f"{service} api", f"{database} ledger")
    world.add(NewObject(service, "here", "api", {}, {"name": "api"}, {}))
    world.add(NewObject(database, "here", "ledger", {}, {name: "ledger"}, {}))
    assert missing(world, inventory) == ()
    world.close()
