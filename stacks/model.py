"""The configuration of a stack: what stands in `stacks/Pulumi.<stack>.yaml`, as types."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from components.archive.spec import ArchiveSpec
from components.cache.spec import CacheSpec
from components.clouds import limits
from components.clouds.zones import ZONES
from components.database.spec import DatabaseSpec
from components.edge.spec import EdgeSpec
from components.keys.spec import KeysSpec
from components.network.spec import NetworkSpec, Tier
from components.nodes.spec import NodesSpec
from components.place import Cloud
from components.service.spec import ServiceSpec
from components.spec import Spec
from components.tags import URN_TAG
from components.traffic.spec import TrafficSpec
from components.workload.spec import WorkloadSpec

SCHEMA = 1
FleetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,11}$")]
ACCOUNTS = {
    Cloud.AWS: (re.compile(r"[0-9]{12}"), "an account: twelve digits"),
    Cloud.AZURE: (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "a subscription: a UUID in lower case"),
    Cloud.GCP: (re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]"), "a project's id: 6 to 30 lower-case letters, digits, '-'"),
}
NOUNS = ("tags", "keys", "network", "nodes", "workload", "service", "database", "cache", "archive", "traffic", "edge")


class StackConfig(Spec):
    """What every stack says."""

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)] = SCHEMA
    """Version of this configuration."""

    fleet: FleetName
    """Short name that every resource name starts with; the same in all stacks. Cannot change later."""

    cloud: Cloud
    """The cloud."""

    region: str
    """The region; in a global stack the one whose control plane is called."""

    account_id: str | None = None
    """The account (Azure: subscription, Google Cloud: project) that the stack belongs to; calls against any other are
    refused. Google Cloud cannot do without."""

    tags: dict[str, str] = Field(default_factory=dict)
    """Put on everything that can carry tags. Policy wants owner, data-class, cost-center and environment
    (docs/policy.md); keys of lower-case letters, digits and dashes fit every cloud."""

    protect: bool = True
    """Deletion protection of all that holds data; `aurops destroy` lifts it in a step of its own."""

    @model_validator(mode="after")
    def _regions_exist(self) -> Self:
        known = ZONES[self.cloud]
        for key in ("region", "home"):
            if (region := getattr(self, key, None)) is not None and region not in known:
                raise ValueError(f"{key} {region!r} is not a region of {self.cloud}: {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _account_fits(self) -> Self:
        form, words = ACCOUNTS[self.cloud]
        if self.account_id is None and self.cloud is Cloud.GCP:
            raise ValueError(f"account_id: {self.cloud} needs {words}")
        if self.account_id is not None and not form.fullmatch(self.account_id):
            raise ValueError(f"account_id: {self.account_id!r} is not {words}")
        return self

    @model_validator(mode="after")
    def _cloud_can(self) -> Self:
        for noun in (*NOUNS, "tags"):
            spec = getattr(self, noun, None)
            for refusal in limits.refused(self.cloud, self.region, noun, spec) if spec else ():
                raise ValueError(f"{noun}.{refusal}")
        return self

    @model_validator(mode="after")
    def _tags_are_ours(self) -> Self:
        if reserved := [key for key in self.tags if key.lower().startswith("aws:") or key == URN_TAG]:
            raise ValueError(f"tags: {', '.join(reserved)} is reserved: aws: by AWS, {URN_TAG} by aurops")
        return self


class CloudConfig(StackConfig):
    """What the stacks of one cloud say."""

    home: str
    """The region that was born primary: owns the global database and cache group. The same in all stacks of a cloud; it
    never changes, not even after a failover."""


class RegionConfig(CloudConfig):
    """One region."""

    keys: KeysSpec = Field(default_factory=KeysSpec)
    """Encryption keys."""
    network: NetworkSpec
    """The network."""
    nodes: NodesSpec | None = None
    """The Kubernetes cluster; left out, there is none."""
    workload: WorkloadSpec | None = None
    """The node software on the cluster."""
    service: ServiceSpec | None = None
    """The stateless service behind the load balancer."""
    database: DatabaseSpec | None = None
    """The database."""
    cache: CacheSpec | None = None
    """The cache."""
    archive: ArchiveSpec | None = None
    """The archive."""

    @model_validator(mode="after")
    def _zones_exist(self) -> Self:
        have = ZONES[self.cloud][self.region]
        if lacking := self.network.zones - have:
            raise ValueError(
                f"network.zones: {self.region} has no zone {', '.join(sorted(lacking))}; "
                f"it has {', '.join(sorted(have))}"
            )
        for part, data in (("database", self.database), ("cache", self.cache)):
            if data and (outside := data.zones - self.network.zones):
                what = "an instance sits" if part == "database" else "nodes sit"
                raise ValueError(
                    f"{part}.zones: {what} in zone {', '.join(sorted(outside))}, which network.zones lacks; "
                    "move them out before the zone is removed"
                )
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.workload and not self.nodes:
            raise ValueError("workload needs nodes to run on")
        if self.archive and self.archive.replica_region not in ZONES[self.cloud]:
            raise ValueError(f"archive.replica_region {self.archive.replica_region!r} is not a region of {self.cloud}")
        if self.archive and self.archive.replica_region == self.region:
            raise ValueError("archive.replica_region must be another region than the stack's own")
        if self.network.existing:
            for tier in Tier:
                if set(self.network.existing.subnets.get(tier, {})) != self.network.zones:
                    raise ValueError(f"network.existing.subnets.{tier} must name a subnet for each of network.zones")
        return self


class EdgeConfig(StackConfig):
    """What the fleet has once: names over its clouds. `cloud` is the one whose DNS they are in."""

    edge: EdgeSpec
    """Names and where they lead."""


class GlobalConfig(CloudConfig):
    """What a cloud has once."""

    traffic: TrafficSpec
    """Names and switches."""
