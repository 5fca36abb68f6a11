"""The cluster on Azure: AKS with one pool of nodes in each zone. Never run against a real account."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import ZONE_NUMBERS, client, grant, identity, of, role_definition, send_logs
from components.clouds.zones import ZONES
from components.keys.spec import Purpose
from components.network.spec import Tier
from components.nodes.component import NodesOutputs
from components.nodes.spec import ApiReach, Architecture, NodesSpec
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "deletion_protection": "a cluster has none of its own, and a management lock would also hold on to pools that go "
    "with a zone or for another size; the engine's protection holds",
}

CONTROL_PLANE_LOGS: Final = (
    *("kube-apiserver", "kube-audit-admin", "kube-controller-manager", "kube-scheduler"),
    *("cluster-autoscaler", "cloud-controller-manager", "guard"),
)
# Outside of every network of a fleet, and the same in each: nobody reaches pods or services from outside.
POD_RANGE: Final = "100.64.0.0/16"
SERVICE_RANGE: Final = "172.20.0.0/16"
# Dsv5 and Dpsv5: 4 GiB for each processor (Virtual Machines, "Sizes", general purpose).
SERIES: Final = {Architecture.X86_64: "Standard_D{}s_v5", Architecture.ARM64: "Standard_D{}ps_v5"}
# AKS wants two processors at least for what it runs itself (AKS documentation, "Use system node pools").
SYSTEM_SIZE: Final = "Standard_D2s_v5"
ENTRA_SERVER: Final = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application that every AKS cluster is to Entra (kubelogin's documentation)."""


def build(scope: Scope, spec: NodesSpec, network: NetworkOutputs, keys: KeysOutputs) -> NodesOutputs:
    """Make the cluster, then a pool for each zone."""
    disks = make_disk_keys(scope, keys)
    cluster = make_cluster(scope, spec, network, keys, disks)
    send_logs(scope, of(keys), cluster.id, CONTROL_PLANE_LOGS, spec.log_retention_days)
    groups = make_groups(scope, spec, network, keys, cluster)
    host = cluster.private_fqdn if spec.api_reach is ApiReach.PRIVATE else cluster.fqdn
    authority = certificate_authority(scope, keys, cluster)
    names = {zone: group.name for zone, group in groups.items()}
    endpoint = pulumi.Output.concat("https://", host, ":443")
    return NodesOutputs(scope.place, cluster.name, endpoint, authority, names, disks.id)


def make_disk_keys(scope: Scope, keys: KeysOutputs) -> azure.compute.DiskEncryptionSet:
    """What ties disks to our key; it moves on by itself when the key is rotated."""
    inside, name = of(keys), scope.named("disks")
    return azure.compute.DiskEncryptionSet(
        name,
        resource_group_name=inside.group,
        encryption_type=azure.compute.DiskEncryptionSetType.ENCRYPTION_AT_REST_WITH_CUSTOMER_KEY,
        identity={
            "type": azure.compute.DiskEncryptionSetIdentityType.USER_ASSIGNED,
            "user_assigned_identities": [inside.identity_id],
        },
        active_key={"key_url": inside.versions[Purpose.DISKS]},
        rotation_to_latest_key_version_enabled=True,
        tags=scope.tags(name),
        opts=scope.opts(ignore=["activeKey.keyUrl"]),
    )


def make_cluster(
    scope: Scope, spec: NodesSpec, network: NetworkOutputs, keys: KeysOutputs, disks: azure.compute.DiskEncryptionSet
) -> azure.containerservice.ManagedCluster:
    """The control plane: sign-in by Entra only, secrets and disks under our keys, network policies enforced."""
    inside, name = of(keys), scope.named("cluster")
    user = identity(scope, "cluster-identity", inside)
    rights = give_rights(scope, user.principal_id, network.id, disks.id, inside.vault_id)
    return azure.containerservice.ManagedCluster(
        name,
        resource_group_name=inside.group,
        dns_prefix=f"{scope.place.fleet}-{scope.place.region}",
        kubernetes_version=spec.version,
        sku={"name": "Base", "tier": "Standard"},
        identity={
            "type": azure.containerservice.ResourceIdentityType.USER_ASSIGNED,
            "user_assigned_identities": [user.id],
        },
        enable_rbac=True,
        disable_local_accounts=True,
        aad_profile={
            "managed": True,
            "enable_azure_rbac": True,
            "tenant_id": inside.tenant_id,
            "admin_group_object_ids": sorted(spec.admins),
        },
        api_server_access_profile=api_access(spec, network),
        agent_pool_profiles=[system_pool(scope, spec, network)],
        network_profile=network_profile(),
        oidc_issuer_profile={"enabled": True},
        security_profile=security(keys),
        disk_encryption_set_id=disks.id,
        node_resource_group_profile={"restriction_level": "ReadOnly"},
        auto_upgrade_profile={"upgrade_channel": "none", "node_os_upgrade_channel": "NodeImage"},
        auto_scaler_profile={"balance_similar_node_groups": "true"},
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True, ignore=["agentPoolProfiles[0].count"], depends_on=rights),
    )


def give_rights(
    scope: Scope,
    who: pulumi.Input[str],
    network_id: pulumi.Input[str],
    disks_id: pulumi.Input[str],
    vault_id: pulumi.Input[str],
) -> list[azure.authorization.RoleAssignment]:
    """What the control plane needs of us, before it is made."""
    return [
        grant(scope, "cluster-network", "Network Contributor", who, network_id),
        grant(scope, "cluster-disks", "Contributor", who, disks_id),
        # To reach a vault that has no public network, AKS makes a private endpoint of its own in it.
        grant(scope, "cluster-vault", "Key Vault Contributor", who, vault_id),
        grant(scope, "cluster-key", "Key Vault Crypto User", who, vault_id),
    ]


def api_access(
    spec: NodesSpec, network: NetworkOutputs
) -> azure.containerservice.ManagedClusterAPIServerAccessProfileArgsDict:
    """The API's endpoint is in our own network; what KMS with a private vault needs too (AKS documentation, "KMS")."""
    is_private = spec.api_reach is ApiReach.PRIVATE
    return {
        "enable_private_cluster": is_private,
        "enable_private_cluster_public_fqdn": False,
        "private_dns_zone": "system" if is_private else None,
        "authorized_ip_ranges": sorted(spec.api_allowed_cidrs) or None,
        "enable_vnet_integration": True,
        "subnet_id": service_subnet(network, "apiserver"),
        "disable_run_command": True,
    }


def service_subnet(network: NetworkOutputs, part: str) -> pulumi.Input[str]:
    """A subnet that is of one service."""
    assert network.azure is not None, "a network of another cloud"  # noqa: S101 (built by hand: a bug)
    return network.azure.delegated[part]


def network_profile() -> azure.containerservice.ContainerServiceNetworkProfileArgsDict:
    """Pods have addresses of their own range; Cilium enforces policies; the way out is the subnets' own NAT."""
    return {
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_dataplane": "cilium",
        "network_policy": "cilium",
        "outbound_type": "userAssignedNATGateway",
        "load_balancer_sku": "standard",
        "pod_cidr": POD_RANGE,
        "service_cidr": SERVICE_RANGE,
        "dns_service_ip": "172.20.0.10",
    }


def security(keys: KeysOutputs) -> azure.containerservice.ManagedClusterSecurityProfileArgsDict:
    """Pods get their identities from Entra; secrets are encrypted with our key."""
    inside = of(keys)
    return {
        "workload_identity": {"enabled": True},
        "azure_key_vault_kms": {
            "enabled": True,
            "key_id": inside.versions[Purpose.SECRETS],
            "key_vault_network_access": "Private",
            "key_vault_resource_id": inside.vault_id,
        },
    }


def system_pool(
    scope: Scope, spec: NodesSpec, network: NetworkOutputs
) -> azure.containerservice.ManagedClusterAgentPoolProfileArgsDict:
    """What a cluster is born with: a small pool for AKS's own pods, which also run on the zones' pools.

    It never changes but for its version: Azure refuses another size or other zones of a pool that exists. So its zones
    are the region's, not those that the network happens to have.
    """
    zones = [ZONE_NUMBERS[zone] for zone in sorted(ZONES[Cloud.AZURE][scope.place.region])]
    return {
        "name": "system",
        "mode": "System",
        "type": "VirtualMachineScaleSets",
        "vm_size": SYSTEM_SIZE,
        "os_sku": "AzureLinux",
        "count": len(zones),
        "min_count": len(zones),
        "max_count": 2 * len(zones),
        "enable_auto_scaling": True,
        "availability_zones": zones,
        "vnet_subnet_id": service_subnet(network, "system"),
        "node_taints": ["CriticalAddonsOnly=true:NoSchedule"],
        "orchestrator_version": spec.version,
    }


def make_groups(
    scope: Scope,
    spec: NodesSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    cluster: azure.containerservice.ManagedCluster,
) -> dict[str, azure.containerservice.AgentPool]:
    """One pool per zone, each with its own zone's way out."""
    made = {}
    for zone in network.zones():
        name = scope.named("group", zone)
        made[zone] = azure.containerservice.AgentPool(
            name,
            resource_group_name=of(keys).group,
            resource_name_=cluster.name,
            agent_pool_name=pool_name(zone, spec),
            # AKS's own pods need nodes that are always there; a pool of theirs cannot be empty.
            mode="System" if spec.min_per_zone else "User",
            type="VirtualMachineScaleSets",
            vm_size=machine_size(spec),
            os_sku="AzureLinux",
            os_disk_size_gb=spec.disk_gib,
            os_disk_type="Managed",
            availability_zones=[ZONE_NUMBERS[zone]],
            vnet_subnet_id=network.subnets[Tier.PRIVATE][zone],
            enable_auto_scaling=True,
            count=spec.desired_per_zone,
            min_count=spec.min_per_zone,
            max_count=spec.max_per_zone,
            orchestrator_version=spec.version,
            upgrade_settings={"max_surge": "1"},
            node_labels={"fleet": scope.place.fleet},
            tags=scope.tags(name),
            opts=scope.opts(ignore=["count"]),
        )
    return made


def machine_size(spec: NodesSpec) -> str:
    """The general-purpose size of that many processors, unless the options name another."""
    return spec.azure.vm_size or SERIES[spec.architecture].format(spec.vcpus)


def pool_name(zone: str, spec: NodesSpec) -> str:
    """The zone, and a digest of what cannot be changed in a pool.

    So another size or disk makes a pool of another name first, and drains the old one after (AKS documentation,
    "Resize node pools").
    """
    fixed = f"{machine_size(spec)}/{spec.disk_gib}"
    return f"{zone}{sha256(fixed.encode()).hexdigest()[:6]}"


def certificate_authority(
    scope: Scope, keys: KeysOutputs, cluster: azure.containerservice.ManagedCluster
) -> pulumi.Output[str]:
    """The authority's data, which stands in the kubeconfig that Azure gives out, and nowhere else.

    It is known once whoever runs this may administer the cluster: the workload needs both. Later runs by others change
    nothing: who else may is said by `admins`.
    """
    mine = azure.authorization.RoleAssignment(
        scope.named("cluster-maker"),
        principal_id=client(scope).object_id,
        role_definition_id=role_definition("AKS RBAC Cluster Admin", cluster.id),
        scope=cluster.id,
        opts=scope.opts(ignore=["principalId", "principalType"]),
    )
    given = azure.containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=of(keys).group,
        resource_name=cluster.name,
        opts=pulumi.InvokeOptions(parent=scope.parent),
    )
    return pulumi.Output.all(given, mine.id).apply(lambda known: authority_in(known[0].kubeconfigs[0].value))


def authority_in(kubeconfig: str) -> str:
    """The authority's data in a kubeconfig as Azure gives it out: base64 of YAML."""
    found = re.search(r"certificate-authority-data:\s*(\S+)", base64.b64decode(kubeconfig).decode())
    return found[1] if found else ""


def login_arguments() -> list[pulumi.Input[str]]:
    """What `kubelogin` is called with to get a token: as whoever is signed in to the Azure CLI."""
    return ["get-token", "--login", "azurecli", "--server-id", ENTRA_SERVER]
