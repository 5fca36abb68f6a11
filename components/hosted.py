"""The components as every Pulumi language sees them: the same classes, with one argument `args` and flat outputs.

What shapes the resources (place, spec, zones) is plain and known before a preview; what the cloud makes is an input.
"""

# No `from __future__ import annotations`: Pulumi reads the types themselves.

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, NotRequired, TypedDict, TypeVar

from pulumi import Input, Output, ResourceOptions
from pulumi.errors import InputPropertyError
from pulumi.provider.experimental.util import camel_case
from pydantic import ValidationError

from components import hosted_inputs as inputs
from components.archive import component as archive
from components.archive.spec import ArchiveSpec
from components.cache import component as cache
from components.cache.spec import CacheSpec
from components.clouds import limits
from components.database import component as database
from components.database.spec import DatabaseSpec
from components.edge import component as edge
from components.edge.spec import EdgeSpec
from components.hosted_refs import Backend, NetworkRef, NodesRef, Place
from components.keys import component as keys
from components.keys.spec import KeysSpec, Purpose
from components.network import component as network
from components.network.spec import NetworkSpec, Tier
from components.nodes import component as nodes
from components.nodes.spec import NodesSpec
from components.place import Cloud
from components.place import Place as PlaceOf
from components.service import component as service
from components.service.spec import ServiceSpec
from components.spec import Spec
from components.traffic import component as traffic
from components.traffic.spec import TrafficSpec
from components.workload import component as workload
from components.workload.spec import WorkloadSpec

SERVED = (Cloud.AWS,)
"""On the other clouds components hand on more than the flat outputs of a package can carry."""
S = TypeVar("S", bound=Spec)


class KeysArgs(TypedDict):
    """Inputs of `Keys`."""

    place: Place
    """Where."""
    spec: NotRequired[inputs.KeysSpec]
    """What."""


class Keys(keys.Keys):
    """One customer-managed key per purpose."""

    keys: Output[dict[str, str]]
    """The full identifier of each purpose's key (on AWS its ARN)."""

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, checked(KeysSpec, args), place_of(args), opts)
        self.keys = output(self.outputs.by_purpose)


class NetworkArgs(TypedDict):
    """Inputs of `Network`."""

    place: Place
    """Where."""
    spec: inputs.NetworkSpec
    """What."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose: the output of `Keys`, or keys that exist."""


class Network(network.Network):
    """Three tiers of subnets over the zones of a region."""

    network_id: Output[str]
    """The network (on AWS the VPC's id)."""
    subnets: Output[dict[str, dict[str, str]]]
    """Subnet by tier (public, private, data) and zone letter."""

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, checked(NetworkSpec, args), keys_of(args), opts=opts)
        self.network_id = output(self.outputs.id)
        self.subnets = output({tier.value: dict(zones) for tier, zones in self.outputs.subnets.items()})


class NodesArgs(TypedDict):
    """Inputs of `Nodes`."""

    place: Place
    """Where."""
    spec: inputs.NodesSpec
    """What."""
    network: NetworkRef
    """The network it lies in."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose."""


class Nodes(nodes.Nodes):
    """A managed Kubernetes cluster with one node group per zone."""

    cluster: Output[str]
    """The cluster's name."""
    endpoint: Output[str]
    """The URL of its API."""
    certificate_authority: Output[str]
    """The certificate authority's data, base64."""
    node_groups: Output[dict[str, str]]
    """Name of the node group by zone letter."""
    disk_key: Output[str] | None
    """Key of the disks that pods claim; none where the account's default key encrypts them."""

    def __init__(self, name: str, args: NodesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, checked(NodesSpec, args), network_of(args), keys_of(args), opts)
        self.cluster = output(self.outputs.cluster)
        self.endpoint = output(self.outputs.endpoint)
        self.certificate_authority = output(self.outputs.certificate_authority)
        self.node_groups = output(self.outputs.node_groups)
        self.disk_key = None if self.outputs.disk_key is None else output(self.outputs.disk_key)


class WorkloadArgs(TypedDict):
    """Inputs of `Workload`."""

    place: Place
    """Where."""
    spec: inputs.WorkloadSpec
    """What."""
    network: NetworkRef
    """The network that may call it."""
    nodes: NodesRef
    """The cluster it runs on."""


class Workload(workload.Workload):
    """The node software on a cluster."""

    stateful_set: Output[str]
    """Name of the stateful set."""

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        cluster = nodes.NodesOutputs(place_of(args), **args["nodes"], node_groups={})
        super().__init__(name, checked(WorkloadSpec, args), network_of(args), cluster, opts)
        self.stateful_set = output(self.outputs.stateful_set)


class ServiceArgs(TypedDict):
    """Inputs of `Service`."""

    place: Place
    """Where."""
    spec: inputs.ServiceSpec
    """What."""
    network: NetworkRef
    """The network it lies in."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose."""


class Service(service.Service):
    """Containers behind an HTTPS load balancer, in every zone."""

    cluster: Output[str]
    """The cluster that runs it."""
    service: Output[str]
    """What a failover scales."""
    host: Output[str]
    """DNS name of the load balancer."""
    host_zone: Output[str]
    """The load balancer's own DNS zone, for alias records."""

    def __init__(self, name: str, args: ServiceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, checked(ServiceSpec, args), network_of(args), keys_of(args), opts)
        self.cluster = output(self.outputs.cluster)
        self.service = output(self.outputs.service)
        self.host = output(self.outputs.host)
        self.host_zone = output(self.outputs.host_zone)


class DatabaseArgs(TypedDict):
    """Inputs of `Database`."""

    place: Place
    """Where."""
    spec: inputs.DatabaseSpec
    """What."""
    network: NetworkRef
    """The network it lies in."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose."""
    global_group: NotRequired[Input[str]]
    """The group that the home region made; left out in the home region, which makes it. Fixed at creation."""
    secret_regions: NotRequired[list[str]]
    """In the home region: where else the master secret must be readable."""


class Database(database.Database):
    """One region's part of a PostgreSQL database that spans regions."""

    global_group: Output[str]
    """What the other regions join and a failover names."""
    database_id: Output[str]
    """The full identifier of this region's cluster (on AWS its ARN): the target of a failover."""
    cluster: Output[str]
    """Name of this region's cluster."""
    writer_endpoint: Output[str]
    """Host name that leads to the writer."""
    reader_endpoint: Output[str]
    """Host name that leads to the readers."""
    secret: Output[str] | None
    """The master secret, in the home region."""

    def __init__(self, name: str, args: DatabaseArgs, opts: ResourceOptions | None = None) -> None:
        birth = database.Birth(args.get("global_group"), tuple(args.get("secret_regions") or ()))
        super().__init__(name, checked(DatabaseSpec, args), network_of(args), keys_of(args), birth, opts)
        self.global_group = output(self.outputs.global_group)
        self.database_id = output(self.outputs.id)
        self.cluster = output(self.outputs.cluster)
        self.writer_endpoint = output(self.outputs.writer_endpoint)
        self.reader_endpoint = output(self.outputs.reader_endpoint)
        self.secret = None if self.outputs.secret is None else output(self.outputs.secret)


class CacheArgs(TypedDict):
    """Inputs of `Cache`."""

    place: Place
    """Where."""
    spec: inputs.CacheSpec
    """What."""
    network: NetworkRef
    """The network it lies in."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose."""
    global_group: NotRequired[Input[str]]
    """The group that the home region made; left out in the home region, which makes it. Fixed at creation."""


class Cache(cache.Cache):
    """One region's part of a cache that spans regions."""

    global_group: Output[str]
    """What the other regions join and a failover names."""
    group: Output[str]
    """This region's member: the target of a failover."""
    endpoint: Output[str]
    """Host name that leads to it."""

    def __init__(self, name: str, args: CacheArgs, opts: ResourceOptions | None = None) -> None:
        joined = args.get("global_group")
        super().__init__(name, checked(CacheSpec, args), network_of(args), keys_of(args), joined, opts)
        self.global_group = output(self.outputs.global_group)
        self.group = output(self.outputs.group)
        self.endpoint = output(self.outputs.endpoint)


class ArchiveArgs(TypedDict):
    """Inputs of `Archive`."""

    place: Place
    """Where."""
    spec: inputs.ArchiveSpec
    """What."""
    keys: Input[dict[str, Input[str]]]
    """Key by purpose."""


class Archive(archive.Archive):
    """Write-once storage, its copy in another region, and the key of that copy."""

    bucket: Output[str]
    """The archive."""
    replica_bucket: Output[str]
    """Its copy."""

    def __init__(self, name: str, args: ArchiveArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(name, checked(ArchiveSpec, args), keys_of(args), opts)
        self.bucket = output(self.outputs.bucket)
        self.replica_bucket = output(self.outputs.replica_bucket)


class TrafficArgs(TypedDict):
    """Inputs of `Traffic`."""

    place: Place
    """Where."""
    spec: inputs.TrafficSpec
    """What."""
    backends: dict[str, Backend]
    """The entrance of each region that a name may lead to, by region."""


class Traffic(traffic.Traffic):
    """DNS names over the regions of one cloud."""

    zone_id: Output[str]
    """The DNS zone."""
    health_checks: Output[dict[str, str]]
    """By region: the check that decides whether DNS leads there."""

    def __init__(self, name: str, args: TrafficArgs, opts: ResourceOptions | None = None) -> None:
        backends = {region: traffic.Backend(**each) for region, each in args["backends"].items()}
        super().__init__(name, checked(TrafficSpec, args), backends, place_of(args), opts)
        self.zone_id = output(self.outputs.zone_id)
        self.health_checks = output(self.outputs.health_checks)


class EdgeArgs(TypedDict):
    """Inputs of `Edge`."""

    place: Place
    """Where; its cloud is the DNS provider."""
    spec: inputs.EdgeSpec
    """What."""
    targets: dict[str, dict[str, Input[str]]]
    """By cloud and name in that cloud: the host that it leads to."""


class Edge(edge.Edge):
    """Names over several clouds."""

    zone_id: Output[str]
    """The DNS zone."""

    def __init__(self, name: str, args: EdgeArgs, opts: ResourceOptions | None = None) -> None:
        targets = {Cloud(cloud): hosts for cloud, hosts in args["targets"].items()}
        super().__init__(name, checked(EdgeSpec, args), targets, place_of(args), opts)
        self.zone_id = output(self.outputs.zone_id)


COMPONENTS = [Keys, Network, Nodes, Workload, Service, Database, Cache, Archive, Traffic, Edge]


def checked(spec: type[S], args: Mapping[str, Any]) -> S:
    """The spec of a component.

    Raises:
        InputPropertyError: A value is not allowed; names the property and says why.
    """
    try:
        made = spec.model_validate(args.get("spec") or {})
    except ValidationError as cause:
        error = cause.errors()[0]
        path = ".".join(["spec", *(camel_case(str(part)) for part in error["loc"])])
        raise InputPropertyError(path, error["msg"].removeprefix("Value error, ")) from cause
    place, noun = place_of(args), spec.__name__.removesuffix("Spec").lower()
    for refusal in limits.refused(place.cloud, place.region, noun, made):
        path, _, why = refusal.partition(": ")
        raise InputPropertyError(f"spec.{'.'.join(map(camel_case, path.split('.')))}", why)
    return made


def place_of(args: Mapping[str, Any]) -> PlaceOf:
    """The place of a component.

    Raises:
        InputPropertyError: The package does not serve that cloud.
    """
    place = PlaceOf(**args["place"])
    if place.cloud not in SERVED:
        raise InputPropertyError("place.cloud", f"the package serves {', '.join(SERVED)}; use the components in Python")
    return place


def keys_of(args: Mapping[str, Any]) -> keys.KeysOutputs:
    """The keys that a component uses; which there are is known even while their identifiers are not."""
    return keys.KeysOutputs(place_of(args), parts(args["keys"], Purpose))


def network_of(args: Mapping[str, Any]) -> network.NetworkOutputs:
    """The network that a component lies in; its tiers and zones are known even while its subnets are not."""
    ref: NetworkRef = args["network"]
    by_tier = parts(ref["subnets"], Tier)
    subnets = {tier: parts(by_tier[tier], ref["zones"]) for tier in Tier}
    return network.NetworkOutputs(place_of(args), ref["network_id"], ref["cidr"], subnets)


def parts(whole: Input[Mapping[str, Any]], names: Iterable[str]) -> dict[Any, Output[Any]]:
    """A mapping whose names are known, of a mapping that may be unknown as a whole."""
    found = Output.from_input(whole)
    return {name: found.apply(itemgetter(str(name))) for name in names}


def output(value: Any) -> Output[Any]:
    """An output of a component."""
    return Output.from_input(value)
