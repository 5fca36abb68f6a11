"""The cluster on AWS: EKS with managed node groups. Never run against a real account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi_aws as aws

from components.clouds.aws import log_group, policy, role, statement
from components.clouds.aws_sizes import machine_type
from components.keys.spec import Purpose
from components.network.spec import Tier
from components.nodes.component import NodesOutputs
from components.nodes.spec import ApiReach, Architecture, NodesSpec

if TYPE_CHECKING:
    import pulumi

    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

CONTROL_PLANE_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
AMI_TYPES = {Architecture.X86_64: "AL2023_x86_64_STANDARD", Architecture.ARM64: "AL2023_ARM_64_STANDARD"}
# Add-ons that call AWS and therefore need an identity (EKS user guide, "AWS add-ons"): role part, policy, account.
ADDON_IDENTITIES = {
    "aws-ebs-csi-driver": ("ebs-csi", "service-role/AmazonEBSCSIDriverPolicy", "ebs-csi-controller-sa"),
    "vpc-cni": ("vpc-cni", "AmazonEKS_CNI_Policy", "aws-node"),
}
# Without it the CNI takes a NetworkPolicy and enforces nothing (EKS user guide, "Limit Pod traffic with Kubernetes
# network policies").
ADDON_SETTINGS = {"vpc-cni": json.dumps({"enableNetworkPolicy": "true"})}
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore")


def build(scope: Scope, spec: NodesSpec, network: NetworkOutputs, keys: KeysOutputs) -> NodesOutputs:
    """Make the cluster, then what belongs into it."""
    cluster = make_cluster(scope, spec, network, keys)
    trust_the_issuer(scope, cluster)
    for principal in sorted(spec.admins):
        grant_admin(scope, cluster, principal)
    addons = make_addons(scope, spec, keys, cluster)
    groups = make_groups(scope, spec, network, keys, cluster, addons)
    authority = cluster.certificate_authority.data
    names = {zone: group.node_group_name for zone, group in groups.items()}
    return NodesOutputs(scope.place, cluster.name, cluster.endpoint, authority, names, keys.by_purpose[Purpose.DISKS])


def make_cluster(scope: Scope, spec: NodesSpec, network: NetworkOutputs, keys: KeysOutputs) -> aws.eks.Cluster:
    """The control plane: secrets encrypted with our key, all logs on, access by entries only."""
    name = scope.named("cluster")
    logs = log_group(scope, "control-plane", keys.by_purpose[Purpose.LOGS], spec.log_retention_days)
    return aws.eks.Cluster(
        name,
        version=spec.version,
        role_arn=role(scope, "cluster-role", "eks.amazonaws.com", ("AmazonEKSClusterPolicy",)).arn,
        deletion_protection=scope.place.protect,
        enabled_cluster_log_types=CONTROL_PLANE_LOGS,
        encryption_config={"resources": ["secrets"], "provider": {"key_arn": keys.by_purpose[Purpose.SECRETS]}},
        access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
        bootstrap_self_managed_addons=False,
        vpc_config={
            "subnet_ids": network.tier(Tier.PRIVATE),
            "endpoint_private_access": True,
            "endpoint_public_access": spec.api_reach is ApiReach.ALLOWED,
            "public_access_cidrs": sorted(spec.api_allowed_cidrs) or None,
        },
        # Staying a release on extended support costs six times the price; the default would be EXTENDED.
        upgrade_policy={"support_type": "STANDARD"},
        zonal_shift_config={"enabled": True},
        tags=scope.tags(name),
        # bootstrap…: create-only, and only the cluster's birth reads it.
        opts=scope.opts(
            holds_data=True, ignore=["accessConfig.bootstrapClusterCreatorAdminPermissions"], depends_on=[logs]
        ),
    )


def trust_the_issuer(scope: Scope, cluster: aws.eks.Cluster) -> None:
    """Let IAM trust the cluster's OIDC issuer, for software that knows no pod identity."""
    name = scope.named("issuer")
    issuer = cluster.identities.apply(lambda identities: (identities[0].oidcs or [])[0].issuer)
    aws.iam.OpenIdConnectProvider(
        name, url=issuer, client_id_lists=["sts.amazonaws.com"], tags=scope.tags(name), opts=scope.opts()
    )


def grant_admin(scope: Scope, cluster: aws.eks.Cluster, principal: str) -> None:
    """An access entry with the administrator policy for one role, named after the role."""
    name = scope.named("admin", principal.rsplit(":", 1)[-1].replace("/", "-"))
    entry = aws.eks.AccessEntry(
        name,
        cluster_name=cluster.name,
        principal_arn=principal,
        type="STANDARD",
        tags=scope.tags(name),
        opts=scope.opts(),
    )
    aws.eks.AccessPolicyAssociation(
        name,
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=ADMIN_POLICY,
        access_scope={"type": "cluster"},
        opts=scope.opts(),
    )


def make_addons(scope: Scope, spec: NodesSpec, keys: KeysOutputs, cluster: aws.eks.Cluster) -> dict[str, aws.eks.Addon]:
    """The add-ons; those that call AWS get their rights first: a pod that started before its identity has none."""
    made = {}
    for addon in sorted(spec.aws.addons):
        name = scope.named(addon)
        identities = [identify_addon(scope, addon, keys, cluster)] if addon in ADDON_IDENTITIES else []
        made[addon] = aws.eks.Addon(
            name,
            cluster_name=cluster.name,
            addon_name=addon,
            addon_version=spec.aws.addons[addon],
            configuration_values=ADDON_SETTINGS.get(addon),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="PRESERVE",
            tags=scope.tags(name),
            opts=scope.opts(depends_on=identities),
        )
    return made


def identify_addon(
    scope: Scope, addon: str, keys: KeysOutputs, cluster: aws.eks.Cluster
) -> aws.eks.PodIdentityAssociation:
    """The role of an add-on, and the association that gives it to the add-on's pods."""
    part, policy_name, account = ADDON_IDENTITIES[addon]
    identity = role(scope, f"{part}-role", "pods.eks.amazonaws.com", (policy_name,))
    if addon == "aws-ebs-csi-driver":
        grant_disk_key(scope, f"{part}-key", identity, keys.by_purpose[Purpose.DISKS])
    name = scope.named(addon, "identity")
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=cluster.name,
        namespace="kube-system",
        service_account=account,
        role_arn=identity.arn,
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def grant_disk_key(scope: Scope, part: str, driver: aws.iam.Role, key_arn: pulumi.Input[str]) -> None:
    """Let the disk driver encrypt volumes with our key, which AWS's own policy for it does not.

    Source: EKS user guide, "Use Kubernetes volume storage with Amazon EBS", the policy for a custom KMS key.
    """
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    document = policy(statement(grants, key_arn, condition=for_aws), statement(use, key_arn))
    aws.iam.RolePolicy(scope.named(part), role=driver.name, policy=document, opts=scope.opts())


def make_groups(
    scope: Scope,
    spec: NodesSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    cluster: aws.eks.Cluster,
    addons: dict[str, aws.eks.Addon],
) -> dict[str, aws.eks.NodeGroup]:
    """One node group per zone: a zone's loss or a full zone never unbalances another."""
    node_role = role(scope, "node-role", "ec2.amazonaws.com", NODE_POLICIES)
    template = make_template(scope, spec, keys)
    before = [addons[addon] for addon in ("vpc-cni", "kube-proxy") if addon in addons]
    made = {}
    for zone in network.zones():
        name = scope.named("group", zone)
        made[zone] = aws.eks.NodeGroup(
            name,
            cluster_name=cluster.name,
            node_role_arn=node_role.arn,
            subnet_ids=[network.subnets[Tier.PRIVATE][zone]],
            version=spec.version,
            ami_type=AMI_TYPES[spec.architecture],
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={
                "min_size": spec.min_per_zone,
                "desired_size": spec.desired_per_zone,
                "max_size": spec.max_per_zone,
            },
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            labels={"fleet": scope.place.fleet},
            tags=scope.tags(name),
            opts=scope.opts(ignore=["scalingConfig.desiredSize"], depends_on=before),
        )
    return made


def make_template(scope: Scope, spec: NodesSpec, keys: KeysOutputs) -> aws.ec2.LaunchTemplate:
    """Machine type, encrypted gp3 disk, and instance metadata by session token only (IMDSv2, one hop)."""
    name = scope.named("template")
    disk: aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgsDict = {
        "volume_size": spec.disk_gib,
        "volume_type": "gp3",
        "encrypted": "true",
        "kms_key_id": keys.by_purpose[Purpose.DISKS],
        "delete_on_termination": "true",
    }
    return aws.ec2.LaunchTemplate(
        name,
        instance_type=machine_type(spec),
        update_default_version=True,
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[{"device_name": "/dev/xvda", "ebs": disk}],
        monitoring={"enabled": True},
        tag_specifications=[{"resource_type": kind, "tags": scope.tags(name)} for kind in ("instance", "volume")],
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def kubeconfig_arguments(cluster: pulumi.Input[str], region: str) -> list[pulumi.Input[str]]:
    """What `aws` is called with to get a token for the cluster."""
    return ["--region", region, "eks", "get-token", "--cluster-name", cluster]
