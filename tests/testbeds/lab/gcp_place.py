"""A project of the stand-in for Google Cloud, worked as the provider server works it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from testbeds.lab.cloud import Settings
from testbeds.lab.gcp.kinds import (
    CACHE,
    CONNECTION,
    GLOBAL_ADDRESS,
    NETWORK,
    POLICY,
    SQL,
)
from testbeds.lab.world import NewObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.checking import Failure
    from testbeds.lab.gcp.cloud import Gcp
    from testbeds.lab.wire import Object
    from testbeds.lab.world import WorldObject

HOME = Settings(home="us-central1", account="ledger-prod", tags={"fleet": "ledger"}, known=True)
VPC = "projects/ledger-prod/global/networks/vpc"
BACKUPS: Object = {"enabled": True, "pointInTimeRecoveryEnabled": True}


@dataclass
class Place:
    """Google Cloud with one project."""

    cloud: Gcp
    made: Iterator[int] = field(default_factory=itertools.count)

    def filled(self, token: str, inputs: Object, olds: Object | None = None) -> Object:
        """Inputs as the provider completes them."""
        return self.cloud.fill_defaults(token, f"own{next(self.made)}", inputs, olds or {}, "urn:pulumi:x", HOME)

    def make(self, token: str, by: Settings = HOME, **inputs: Any) -> WorldObject:
        """Make an object, as the server does."""
        filled = self.filled(token, inputs)
        made = self.cloud.make(token, filled, by)
        return self.cloud.world.add(NewObject(token, made.region, made.id, filled, made.outputs, made.tags))

    def alter(self, current: WorldObject, **changes: Any) -> WorldObject:
        """Change an object, as the server does."""
        inputs = current.inputs | changes
        made = self.cloud.alter(self.now(current), inputs, HOME)
        self.cloud.world.change(current.seq, inputs, made.outputs, made.tags)
        return self.now(current)

    def delete(self, current: WorldObject) -> None:
        """Delete an object, as the server does."""
        self.cloud.refuse_delete(self.now(current))
        if not self.cloud.keeps(self.now(current)):
            self.cloud.world.remove(current.seq)

    def now(self, one: WorldObject) -> WorldObject:
        """The object as it is in the world."""
        return next(each for each in self.cloud.world.objects(one.type) if each.seq == one.seq)

    def refused(self, token: str, olds: Object | None = None, by: Settings = HOME, **inputs: Any) -> list[Failure]:
        """What a preview refuses."""
        return list(self.cloud.refuse_inputs(token, self.filled(token, inputs), olds or {}, by))

    def network(self, name: str = "vpc") -> WorldObject:
        """A network with a connection to services."""
        vpc = self.make(NETWORK, name=name, autoCreateSubnetworks=False)
        self.make(
            GLOBAL_ADDRESS,
            name=f"{name}-services",
            network=vpc.id,
            purpose="VPC_PEERING",
            addressType="INTERNAL",
            prefixLength=16,
        )
        ranges = [f"{name}-services"]
        service = "servicenetworking.googleapis.com"
        self.make(CONNECTION, network=vpc.id, service=service, reservedPeeringRanges=ranges)
        return vpc

    def database(self, name: str, region: str = "us-central1", **inputs: Any) -> WorldObject:
        """A private database."""
        settings: Object = {
            "tier": "db-perf-optimized-N-2",
            "edition": "ENTERPRISE_PLUS",
            "ipConfiguration": {"privateNetwork": VPC},
            **inputs.pop("settings", {"backupConfiguration": BACKUPS}),
        }
        given = {"databaseVersion": "POSTGRES_17", "deletionProtection": False, "settings": settings, **inputs}
        return self.make(SQL, name=name, region=region, **given)

    def cache(self, name: str, region: str, **inputs: Any) -> WorldObject:
        """A cache."""
        ends = [{"network": VPC, "projectId": "ledger-prod"}]
        given = {"shardCount": 1, "deletionProtectionEnabled": False, "desiredAutoCreatedEndpoints": ends, **inputs}
        return self.make(CACHE, instanceId=name, location=region, **given)

    def policy(self, region: str) -> WorldObject:
        """A connection policy for caches."""
        given = {"network": VPC, "serviceClass": "gcp-memorystore", "pscConfig": {"subnetworks": ["nodes"]}}
        return self.make(POLICY, name=f"cache-{region}", location=region, **given)
