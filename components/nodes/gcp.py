"""The cluster on Google Cloud: a regional, private GKE cluster. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from aurops.errors import UsageError
from components.clouds.gcp import account, details, keep_logs, labels, project, zone_name
from components.keys.spec import Purpose
from components.network.gcp import ranges
from components.network.spec import Tier
from components.nodes.component import NodesOutputs
from components.nodes.spec import ApiReach, Architecture, NodesSpec

if TYPE_CHECKING:
    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

CONTROL_PLANE_LOGS = ["SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
# 4 GiB for each processor, 2 to 32 of them, and disks of one kind (Compute Engine, "General-purpose machine family").
SERIES = {Architecture.X86_64: "n4", Architecture.ARM64: "c4a"}
DISK_TYPE = "hyperdisk-balanced"
# GKE, "Use least privilege IAM service accounts"; images come from Artifact Registry.
NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def build(scope: Scope, spec: NodesSpec, network: NetworkOutputs, keys: KeysOutputs) -> NodesOutputs:
    """Make the cluster, then what belongs into it.

    Raises:
        UsageError: The network's range for pods is too small for that many nodes.
    """
    if network.gcp:
        check_room(spec, network)
    identity = account(scope, "node", f"Nodes of {scope.name} in {scope.place.region}", *NODE_ROLES)
    cluster = make_cluster(scope, spec, network, keys, identity)
    log_cluster(scope, spec, keys, cluster)
    for member in sorted(spec.admins):
        grant_admin(scope, cluster, member)
    pools = {zone: make_pool(scope, spec, keys, cluster, identity, zone) for zone in network.zones()}
    return NodesOutputs(
        scope.place,
        cluster.name,
        pulumi.Output.concat("https://", cluster.endpoint),
        cluster.master_auth.cluster_ca_certificate,
        {zone: pool.name for zone, pool in pools.items()},
        keys.by_purpose[Purpose.DISKS],
    )


def check_room(spec: NodesSpec, network: NetworkOutputs) -> None:
    """Refuse more nodes than there are addresses for their pods; the autoscaler would stop there without a word.

    A node takes the next power of two of twice its pods (GKE, "Configure maximum Pods per node").

    Raises:
        UsageError: Naming what is too large.
    """
    block = 1 << (2 * spec.gcp.max_pods_per_node - 1).bit_length()
    room = ranges(network.cidr).pods.num_addresses // block
    wanted = (spec.max_per_zone + 1) * len(network.zones())  # one more in each zone during an upgrade
    if wanted > room:
        raise UsageError(
            f"{wanted} nodes of {spec.gcp.max_pods_per_node} pods do not fit into the network {network.cidr}",
            where="nodes.max_per_zone",
            allowed=f"{room // len(network.zones()) - 1} in each zone",
            next_step="lower max_per_zone, or nodes.gcp.max_pods_per_node, which is fixed at creation",
        )


def make_cluster(
    scope: Scope,
    spec: NodesSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    identity: gcp.serviceaccount.Account,
) -> gcp.container.Cluster:
    """The control plane, in every zone: private, secrets encrypted with our key, pods with identities of their own."""
    ours = details(network)
    return gcp.container.Cluster(
        scope.named("cluster"),
        location=scope.place.region,
        node_locations=[zone_name(scope.place.region, zone) for zone in network.zones()],
        min_master_version=spec.version,
        release_channel={"channel": "REGULAR"},
        maintenance_policy=maintenance(),
        network=network.id,
        subnetwork=network.subnets[Tier.PRIVATE][network.zones()[0]],
        networking_mode="VPC_NATIVE",
        ip_allocation_policy={
            "cluster_secondary_range_name": ours.pods_range,
            "services_secondary_range_name": ours.services_range,
        },
        default_max_pods_per_node=spec.gcp.max_pods_per_node,
        # Dataplane V2 enforces network policies itself.
        datapath_provider="ADVANCED_DATAPATH",
        private_cluster_config={
            "enable_private_nodes": True,
            "enable_private_endpoint": spec.api_reach is ApiReach.PRIVATE,
        },
        master_authorized_networks_config=reach(spec, network),
        database_encryption={"state": "ENCRYPTED", "key_name": keys.by_purpose[Purpose.SECRETS]},
        workload_identity_config={
            "workload_pool": pulumi.Output.concat(project(scope).project_id, ".svc.id.goog"),
        },
        enable_shielded_nodes=True,
        logging_config={"enable_components": CONTROL_PLANE_LOGS},
        monitoring_config={
            "enable_components": ["SYSTEM_COMPONENTS"],
            "managed_prometheus": {"enabled": True},
        },
        # Pools are resources of their own; the first one, which GKE insists on, goes at once.
        remove_default_node_pool=True,
        initial_node_count=1,
        node_config={"service_account": identity.email, "oauth_scopes": SCOPES},
        deletion_protection=scope.place.protect,
        resource_labels=labels(scope),
        opts=scope.opts(holds_data=True, ignore=["nodeConfig"]),
    )


def maintenance() -> gcp.container.ClusterMaintenancePolicyArgsDict:
    """Patches on weekend nights; the next minor version is ours to choose until this one's support ends."""
    return {
        "recurring_window": {
            "start_time": "2026-01-03T02:00:00Z",
            "end_time": "2026-01-03T08:00:00Z",
            "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
        },
        "maintenance_exclusions": [
            {
                "exclusion_name": "minor-versions-are-chosen",
                "start_time": "2026-01-01T00:00:00Z",
                "exclusion_options": {"scope": "NO_MINOR_UPGRADES", "end_time_behavior": "UNTIL_END_OF_SUPPORT"},
            }
        ],
    }


def reach(spec: NodesSpec, network: NetworkOutputs) -> gcp.container.ClusterMasterAuthorizedNetworksConfigArgsDict:
    """Who may call the API: the region's network, and the ranges that are named."""
    allowed = [network.cidr, *sorted(spec.api_allowed_cidrs)]
    return {
        "cidr_blocks": [{"cidr_block": cidr} for cidr in allowed],
        "gcp_public_cidrs_access_enabled": False,
        "private_endpoint_enforcement_enabled": True,
    }


def log_cluster(scope: Scope, spec: NodesSpec, keys: KeysOutputs, cluster: gcp.container.Cluster) -> None:
    """Keep the cluster's logs. What its administrators change is in `_Required` too, which nobody can shorten."""
    wanted = pulumi.Output.format(
        'resource.labels.cluster_name="{}" AND resource.labels.location="{}"', cluster.name, scope.place.region
    )
    keep_logs(scope, "control-plane", wanted, keys.by_purpose[Purpose.LOGS], spec.log_retention_days)


def grant_admin(scope: Scope, cluster: gcp.container.Cluster, member: str) -> None:
    """Let one member administer this cluster and no other of the project."""
    who = member.rsplit(":", 1)[-1].rsplit("/", 1)[-1].partition("@")[0].replace(".", "-").lower()
    this = pulumi.Output.format('resource.name.endsWith("/locations/{}/clusters/{}")', scope.place.region, cluster.name)
    gcp.projects.IAMMember(
        scope.named("admin", who),
        project=cluster.project,
        role="roles/container.admin",
        member=member,
        condition={"title": pulumi.Output.concat("only ", cluster.name), "expression": this},
        opts=scope.opts(),
    )


def make_pool(
    scope: Scope,
    spec: NodesSpec,
    keys: KeysOutputs,
    cluster: gcp.container.Cluster,
    identity: gcp.serviceaccount.Account,
    zone: str,
) -> gcp.container.NodePool:
    """The nodes of one zone: a zone's loss or a full zone never unbalances another."""
    return gcp.container.NodePool(
        scope.named("group", zone),
        cluster=cluster.name,
        location=scope.place.region,
        node_locations=[zone_name(scope.place.region, zone)],
        # Whole, as the service reports it: a mere minor version would differ from that in every preview.
        version=cluster.master_version,
        initial_node_count=spec.desired_per_zone,
        autoscaling={"min_node_count": spec.min_per_zone, "max_node_count": spec.max_per_zone},
        management={"auto_repair": True, "auto_upgrade": True},
        upgrade_settings={"max_surge": 1, "max_unavailable": 0},
        max_pods_per_node=spec.gcp.max_pods_per_node,
        node_config={
            "machine_type": machine_type(spec),
            "image_type": "COS_CONTAINERD",
            "disk_type": DISK_TYPE,
            "disk_size_gb": spec.disk_gib,
            "boot_disk_kms_key": keys.by_purpose[Purpose.DISKS],
            "service_account": identity.email,
            "oauth_scopes": SCOPES,
            "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
            "workload_metadata_config": {"mode": "GKE_METADATA"},
            "metadata": {"disable-legacy-endpoints": "true"},
            "labels": {"fleet": scope.place.fleet},
            "resource_labels": labels(scope),
        },
        # A failover and the autoscaler move the count; a change of the first one would replace the pool.
        opts=scope.opts(ignore=["initialNodeCount", "nodeCount"]),
    )


def machine_type(spec: NodesSpec) -> str:
    """The general-purpose type of that many processors, unless the options name another."""
    return spec.gcp.machine_type or f"{SERIES[spec.architecture]}-standard-{spec.vcpus}"
