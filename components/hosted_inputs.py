"""The plain inputs of each component for every Pulumi language.

Written by `python -m components.typed_inputs`.
"""

# No `from __future__ import annotations`: Pulumi reads the types themselves.
# ruff: noqa: E501 (the schema takes a description as it stands, line breaks and blanks too)

from typing import NotRequired, TypedDict

from components.edge.spec import Carries, Steering
from components.network.spec import Nat
from components.nodes.spec import ApiReach, Architecture
from components.place import Cloud
from components.traffic.spec import Routing


class KeysSpec(TypedDict):
    """Customer-managed keys of a region."""

    rotation_period_days: NotRequired[int]
    """Days between rotations of the key material (AWS KMS allows 90 to 2560). Default: `365`."""

    deletion_window_days: NotRequired[int]
    """Days during which a deletion can be taken back (AWS KMS: 7 to 30); the longest: a lost key is lost data. Default: `30`."""

    existing: NotRequired[dict[str, str]]
    """Keys that exist already, by purpose: the full identifier, on AWS the key's ARN, on Azure its URL with a version. None is made for these. Default: `{}`."""


class ExistingNetwork(TypedDict):
    """A network that exists already; nothing of it is made or changed."""

    id: str
    """The network (on AWS the VPC's id)."""

    subnets: dict[str, dict[str, str]]
    """The subnet of each tier in each zone."""


class AwsNetwork(TypedDict):
    """What only AWS has."""

    gateway_endpoints: NotRequired[list[str]]
    """Services reached over a gateway endpoint: free, so that bulk data does not pay for NAT. Default: `dynamodb, s3`."""

    interface_endpoints: NotRequired[list[str]]
    """Services reached over an interface endpoint, so that a region that lost NAT still pulls images and decrypts. Default: `ecr.api, ecr.dkr, kms, logs, secretsmanager, sts`."""


class NetworkSpec(TypedDict):
    """The network of one region."""

    cidr: str
    """Address range, /16 to /20; must not overlap another region's, or the regions can never be connected."""

    zones: list[str]
    """Letters of the zones; three where there are, so that losing one leaves a majority. A set: order means nothing."""

    nat: NotRequired[Nat]
    """`per-zone` by default: with `single`, losing one zone cuts every zone off the Internet. Default: `per-zone`."""

    flow_log_retention_days: NotRequired[int]
    """Days that flow logs are kept: long enough to look back over a quarter's incident. Default: `90`."""

    existing: NotRequired[ExistingNetwork]
    """Bring your own network instead of making one."""

    aws: NotRequired[AwsNetwork]
    """Options that only AWS has."""


class ExistingNodes(TypedDict):
    """A cluster that exists already; nothing of it is made or changed."""

    cluster: str
    """The cluster's name."""

    endpoint: str
    """The URL of its API."""

    certificate_authority: str
    """The certificate authority's data, base64."""

    node_groups: NotRequired[dict[str, str]]
    """Node group by zone letter, for the failover's scaling. Default: `{}`."""

    disk_key: NotRequired[str]
    """Key of the disks that pods claim (on AWS its ARN); without one the account's default key encrypts them."""


class AwsNodes(TypedDict):
    """What only AWS has."""

    instance_type: NotRequired[str]
    """Another machine type than the one that `vcpus` and `architecture` give, such as `c7i.4xlarge`."""

    addons: NotRequired[dict[str, str]]
    """EKS add-ons and their version; without one it is the cluster's default, which an upgrade of the cluster moves. Default: `vpc-cni, kube-proxy, coredns, eks-pod-identity-agent, aws-ebs-csi-driver, metrics-server`."""


class AzureNodes(TypedDict):
    """What only Azure has."""

    vm_size: NotRequired[str]
    """Another machine size than the one that `vcpus` and `architecture` give, such as `Standard_D8as_v5`."""


class GcpNodes(TypedDict):
    """What only Google Cloud has."""

    machine_type: NotRequired[str]
    """Another machine type than the one that `vcpus` and `architecture` give, such as `c3-standard-8`."""

    max_pods_per_node: NotRequired[int]
    """Each node takes twice as many addresses of the pods' range, rounded up to a power of two: with 64 a /16 network has room for 128 nodes, with 32 for 256. Fixed at creation. Default: `64`."""


class NodesSpec(TypedDict):
    """A managed cluster with one group of nodes in each zone."""

    version: str
    """Kubernetes minor version, such as `1.34`; raised one at a time. No default: an upgrade is a decision."""

    vcpus: NotRequired[int]
    """Processors of every node, with 4 GiB of memory each; changed by a rolling update, not by replacing the group. Default: `2`."""

    architecture: NotRequired[Architecture]
    """Changing it replaces the node groups. Default: `x86_64`."""

    min_per_zone: NotRequired[int]
    """Fewest nodes in a zone; 1, because a warm region is what makes a failover short. Default: `1`."""

    desired_per_zone: NotRequired[int]
    """Nodes in a zone at creation; afterwards an autoscaler's or a failover's to move. Default: `1`."""

    max_per_zone: NotRequired[int]
    """Most nodes in a zone; must hold the load of a region that was lost. Default: `6`."""

    disk_gib: NotRequired[int]
    """Root disk of a node in GiB: images, logs and ephemeral storage. Default: `60`."""

    api_reach: NotRequired[ApiReach]
    """Reach of the API endpoint; private by default, because an API open to the Internet is a target. Default: `private`."""

    api_allowed_cidrs: NotRequired[list[str]]
    """Ranges that may reach the API when `api_reach` is `allowed`. Default: `[]`."""

    admins: NotRequired[list[str]]
    """Identities that administer the cluster: on AWS ARNs of IAM roles, on Azure object ids of Entra groups, on Google Cloud members such as `group:sre@example.com`. None by default, access is given by name. Default: `[]`."""

    log_retention_days: NotRequired[int]
    """Days that control-plane logs are kept, audit log included. Default: `90`."""

    existing: NotRequired[ExistingNodes]
    """Bring your own cluster instead of making one."""

    aws: NotRequired[AwsNodes]
    """Options that only AWS has."""

    azure: NotRequired[AzureNodes]
    """Options that only Azure has."""

    gcp: NotRequired[GcpNodes]
    """Options that only Google Cloud has."""


class Certificate(TypedDict):
    """The server's certificate: one that exists, or a name to have one issued for."""

    existing: NotRequired[str]
    """A certificate that exists (on AWS its ARN); nothing is made then."""

    domain: NotRequired[str]
    """Name to have a certificate issued for."""

    zone_id: NotRequired[str]
    """The existing DNS zone in which the record that proves the name is made. In one region only, the home region: the record is the same for every region, and it must outlive all but its owner."""


class AwsService(TypedDict):
    """What only AWS has."""

    tls_policy: NotRequired[str]
    """TLS 1.3 with 1.2 for older clients (Elastic Load Balancing user guide, "Security policies"). Default: `ELBSecurityPolicy-TLS13-1-2-2021-06`."""

    execute_command: NotRequired[bool]
    """Let operators open a shell in a task; off, because it is a way around review. Default: `false`."""


class AzureService(TypedDict):
    """What only Azure has."""

    plan_sku: NotRequired[str]
    """Another size of the plan's machines than the one that CPU and memory give, such as `P2mv3`."""

    thumbprint: NotRequired[str]
    """Of a certificate for `certificate.domain` that is already in the stack's resource group: it is bound, and none is issued. App Service knows no other way to bring one along."""


class GcpService(TypedDict):
    """What only Google Cloud has."""

    concurrency: NotRequired[int]
    """Requests that one instance serves at a time. Default: `80`."""


class ServiceSpec(TypedDict):
    """Containers behind HTTPS."""

    image: str
    """Container image with tag or digest."""

    port: NotRequired[int]
    """Port that the container listens on. Default: `8080`."""

    health_path: NotRequired[str]
    """Path that answers 200 when the region can serve: the traffic's health checks ask it too. Default: `/health`."""

    cpu_millicores: NotRequired[int]
    """CPU of one task, at least: each cloud takes its next larger step. Default: `512`."""

    memory_mib: NotRequired[int]
    """Memory of one task in MiB, at least; 2 to 8 times `cpu_millicores`. Default: `1024`."""

    min_tasks: NotRequired[int]
    """Fewest tasks: one per zone, and warm, because a cold region makes a failover long. Default: `3`."""

    max_tasks: NotRequired[int]
    """Most tasks; must hold the load of a region that was lost. Default: `30`."""

    cpu_target_percent: NotRequired[int]
    """CPU use that autoscaling aims at; half, so that a lost zone does not overload the others. Default: `50`."""

    certificate: Certificate
    """The certificate of the HTTPS listener. No default: it proves the name."""

    environment: NotRequired[dict[str, str]]
    """Environment of the container. No secrets: they belong into the secret store. Default: `{}`."""

    log_retention_days: NotRequired[int]
    """Days that logs of load balancer and containers are kept. Default: `90`."""

    aws: NotRequired[AwsService]
    """Options that only AWS has."""

    azure: NotRequired[AzureService]
    """Options that only Azure has."""

    gcp: NotRequired[GcpService]
    """Options that only Google Cloud has."""


class AwsDatabase(TypedDict):
    """What only AWS has."""

    instance_class: NotRequired[str]
    """Another size than the one that `vcpus` gives, such as `db.r8g.large`."""

    global_rpo_s: NotRequired[int]
    """`rds.global_db_rpo` in seconds: block commits when every secondary lags more. Off: availability before RPO."""


class AzureDatabase(TypedDict):
    """What only Azure has."""

    sku: NotRequired[str]
    """Another memory-optimized size than the one that `vcpus` gives, such as `Standard_E4ads_v5`."""

    storage_gib: NotRequired[int]
    """Disk of each server at creation; it grows by itself and never shrinks. Default: `128`."""


class GcpDatabase(TypedDict):
    """What only Google Cloud has."""

    tier: NotRequired[str]
    """Another Enterprise Plus tier than the one that `vcpus` gives, such as `db-c4a-highmem-4`."""


class DatabaseSpec(TypedDict):
    """A PostgreSQL database that spans regions."""

    name: str
    """Name of the database inside the server; fixed at creation."""

    engine_version: str
    """PostgreSQL version with its minor, such as `17.5`. No default: an upgrade is a decision."""

    vcpus: NotRequired[int]
    """Processors of each instance, with 8 GiB of memory each; every region takes the same, because a standby that is smaller cannot take over. Default: `2`."""

    zones: list[str]
    """One instance in each of these zones: a writer and a reader that do not fail together. No default, so that an instance never moves because the network's zones changed."""

    backup_retention_days: NotRequired[int]
    """Days of point-in-time recovery: two weeks notice most silent corruption. Default: `14`."""

    master_user: NotRequired[str]
    """Name of the master user; applications sign in with their cloud identity instead. Fixed at creation. On Azure and Google Cloud nobody signs in with a password, so there is none. Default: `aurops`."""

    password_version: NotRequired[int]
    """Raise it after a new value was put into the secret: the database then takes that value. Default: `1`."""

    port: NotRequired[int]
    """TCP port. Default: `5432`."""

    standby_region: NotRequired[str]
    """In the home region's stack: the region that takes over when home is lost. Azure and Google Cloud can promote only one that was chosen beforehand; on AWS every region can take over, and nothing is said here."""

    aws: NotRequired[AwsDatabase]
    """Options that only AWS has."""

    azure: NotRequired[AzureDatabase]
    """Options that only Azure has."""

    gcp: NotRequired[GcpDatabase]
    """Options that only Google Cloud has."""


class AwsCache(TypedDict):
    """What only AWS has."""

    node_type: NotRequired[str]
    """Another type than the one that `memory_gib` gives. Global groups refuse the burstable `t` types (ElastiCache user guide, "Global datastores")."""


class AzureCache(TypedDict):
    """What only Azure has."""

    sku: NotRequired[str]
    """Another size of the whole cache than the one that `memory_gib` times `shards` gives."""


class GcpCache(TypedDict):
    """What only Google Cloud has."""

    node_type: NotRequired[str]
    """Another type than the one that `memory_gib` gives."""


class CacheSpec(TypedDict):
    """A cache that speaks the Redis protocol and spans regions: Valkey on AWS and Google Cloud, Redis on Azure."""

    engine_version: str
    """Valkey version, such as `8.1`; 7.2 is the first that global groups know. No default: an upgrade is a decision."""

    memory_gib: NotRequired[int]
    """Memory for the keys of each shard in GiB, at least: each cloud takes its next larger size. Default: `12`."""

    zones: list[str]
    """Nodes sit in these zones, as evenly as the cloud spreads them. No default, so that no node has to move because the network's zones changed."""

    shards: NotRequired[int]
    """Parts that the keys are spread over; the same in every region. Default: `1`."""

    replicas_per_shard: NotRequired[int]
    """Copies of each shard beside the first, spread over `zones`; two leave one when a zone is lost. Default: `2`."""

    snapshot_retention_days: NotRequired[int]
    """Days that daily snapshots are kept: a cold cache after a mistake would hurt the database. Default: `7`."""

    port: NotRequired[int]
    """TCP port. Without one the cloud's own: 6379 on AWS and Google Cloud, 10000 on Azure; only AWS knows others."""

    aws: NotRequired[AwsCache]
    """Options that only AWS has."""

    azure: NotRequired[AzureCache]
    """Options that only Azure has."""

    gcp: NotRequired[GcpCache]
    """Options that only Google Cloud has."""


class Record(TypedDict):
    """One name and its regions."""

    name: str
    """The host name that users call."""

    routing: Routing
    """How a region is chosen."""

    order: NotRequired[list[str]]
    """For `failover`: regions, best first. A switch moves traffic, so this order never has to change. Default: `[]`."""

    weights: NotRequired[dict[str, int]]
    """For `weighted`: region and its weight at creation; afterwards an operator's to move. Default: `{}`."""

    regions: NotRequired[list[str]]
    """For `latency`: the regions. Default: `[]`."""


class AwsTraffic(TypedDict):
    """What only AWS has."""

    routing_controls: NotRequired[bool]
    """An Application Recovery Controller cluster with one control per region: a data-plane switch in five regions. Off: it costs 2.5 dollars an hour, and the S3 switches do the same job. Default: `false`."""


class TrafficSpec(TypedDict):
    """The names of the service on one cloud."""

    zone: str
    """The DNS zone's name."""

    zone_id: NotRequired[str]
    """The zone, which exists. A zone that is lost takes the whole service along, so it is not made by the way."""

    create_zone: NotRequired[bool]
    """Make the zone; only on request, and instead of `zone_id`. Default: `false`."""

    records: list[Record]
    """The names."""

    switches: NotRequired[dict[str, str]]
    """On AWS, for every region, the *other* region that keeps its switch: writing one object there takes the region out of DNS, and neither Route 53's control plane nor the region itself has to work for that. Other clouds have none. Default: `{}`."""

    check_interval_s: NotRequired[int]
    """Seconds between health checks from each location: 10 or 30. Cannot be changed in place on AWS. Default: `10`."""

    failure_threshold: NotRequired[int]
    """Failed checks in a row that take a region out: two forgive one lost packet; a third costs 10 s. Default: `2`."""

    aws: NotRequired[AwsTraffic]
    """Options that only AWS has."""


class ArchiveSpec(TypedDict):
    """Write-once storage with a copy in another region."""

    replica_region: str
    """Region of the copy; another one than the archive's. No default: where records may lie is a legal question."""

    retention_years: NotRequired[int]
    """Years that objects cannot be deleted or overwritten. Seven suits most commercial law. It can be raised later, and never takes effect backwards. Default: `7`."""

    locked: NotRequired[bool]
    """Whether the retention can never be shortened or lifted again, by anybody. `aurops archive lock` sets it, after it asked; until then whoever has a right of its own can still lift it, so that a mistake is not kept for years. Default: `false`."""

    deep_archive_after_days: NotRequired[int]
    """Days until an object moves to the cheapest class; audits ask for the last quarter, hardly ever for more. Default: `90`."""

    prefix: NotRequired[str]
    """Only objects under it move to the cheapest class; all by default. Default: ``."""


class WorkloadSpec(TypedDict):
    """A stateful set of nodes: one image, one port, one disk each."""

    image: str
    """Container image with tag or digest."""

    namespace: NotRequired[str]
    """Namespace that everything is put into. Default: `fleet`."""

    port: NotRequired[int]
    """Port that the node listens on. Default: `8080`."""

    health_path: NotRequired[str]
    """Path that answers 200 when the node is well. Default: `/health`."""

    replicas: NotRequired[int]
    """Nodes at creation and the fewest ever: one per zone. Default: `3`."""

    max_replicas: NotRequired[int]
    """Most nodes; must hold the load of a region that was lost. Default: `30`."""

    cpu_target_percent: NotRequired[int]
    """CPU use that autoscaling aims at; half, so that a lost zone does not overload the others. Default: `50`."""

    cpu_millicores: NotRequired[int]
    """CPU that each node is sure of; no limit, because throttling shows up as latency. Default: `500`."""

    memory_mib: NotRequired[int]
    """Memory of each node in MiB: request and limit, so that a leak kills its own node only. Default: `1024`."""

    disk_gib: NotRequired[int]
    """Disk of each node in GiB; fixed at creation (Kubernetes refuses to change a claim template). Default: `20`."""

    grace_s: NotRequired[int]
    """Seconds that a node has to finish its requests when it is told to stop. Default: `30`."""

    allowed_cidrs: NotRequired[list[str]]
    """Ranges outside of the namespace that may call the port; the region's own network is always allowed. Default: `[]`."""

    environment: NotRequired[dict[str, str]]
    """Environment of the node. No secrets: they belong into the secret store. Default: `{}`."""


class GcpEdgeRecord(TypedDict):
    """What only Google Cloud's DNS needs."""

    addresses: NotRequired[dict[str, str]]
    """For each cloud whose entrance is a host name, a fixed address that leads to the same service (on AWS that of a Global Accelerator): Cloud DNS checks addresses only. Google Cloud's own is known. Default: `{}`."""


class EdgeRecord(TypedDict):
    """One name and its clouds."""

    name: str
    """The host name that users call."""

    carries: Carries
    """What is sent to it. No default: whoever adds a name says that its requests change no stored data."""

    targets: dict[str, str]
    """By cloud: the name in that cloud's global stack that this one leads to."""

    steering: Steering
    """How a cloud is chosen."""

    order: NotRequired[list[Cloud]]
    """For `failover`: clouds, best first. Default: `[]`."""

    weights: NotRequired[dict[str, int]]
    """For `weighted`: cloud and its weight at creation; afterwards an operator's to move. Default: `{}`."""

    gcp: NotRequired[GcpEdgeRecord]
    """Options that only Google Cloud has."""


class EdgeSpec(TypedDict):
    """The names of the service over all clouds, in a zone that is one provider's."""

    zone: str
    """The DNS zone's name; it should be none of the clouds' own, so that neither hides the other's names."""

    zone_id: NotRequired[str]
    """The zone, which exists: on AWS its id, on Azure its resource id, on Google Cloud its managed zone's name."""

    create_zone: NotRequired[bool]
    """Make the zone; only on request, and instead of `zone_id`. Default: `false`."""

    records: list[EdgeRecord]
    """The names."""

    health_path: NotRequired[str]
    """Path that answers 200 when a cloud can serve, asked over HTTPS. Default: `/health`."""

    check_interval_s: NotRequired[int]
    """Seconds between health checks from each location: 10 or 30; on Google Cloud 30. Cannot be changed in place on AWS. Default: `10`."""

    failure_threshold: NotRequired[int]
    """Failed checks in a row that take a cloud out: one more than within a cloud, whose own failover should come first. Default: `3`."""
