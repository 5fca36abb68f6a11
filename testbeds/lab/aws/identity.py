"""How AWS names what it makes: identifiers and ARNs by resource type.

Templates take the object's inputs by name, and `hash` (depends on type, region and inputs), `region`, `account`.
Forms: the Import section of each resource in the Pulumi registry, and the service authorization reference for ARNs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.filling import uuid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.wire import Object

ACCOUNT: Final = "123456789012"
"""The account number that AWS's own documents use in examples."""

IDS: Final[Mapping[str, str]] = {
    "aws:appautoscaling/policy:Policy": "{name}",
    "aws:appautoscaling/target:Target": "{resourceId}",
    "aws:cloudwatch/logGroup:LogGroup": "{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "{name}",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "{alarmName}",
    "aws:cloudwatch/dashboard:Dashboard": "{dashboardName}",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "sg-{hash}",
    "aws:ec2/eip:Eip": "eipalloc-{hash}",
    "aws:ec2/flowLog:FlowLog": "fl-{hash}",
    "aws:ec2/internetGateway:InternetGateway": "igw-{hash}",
    "aws:ec2/launchTemplate:LaunchTemplate": "lt-{hash}",
    "aws:ec2/natGateway:NatGateway": "nat-{hash}",
    "aws:ec2/route:Route": "r-{routeTableId}{hash}",
    "aws:ec2/routeTable:RouteTable": "rtb-{hash}",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "rtbassoc-{hash}",
    "aws:ec2/securityGroup:SecurityGroup": "sg-{hash}",
    "aws:ec2/securityGroupRule:SecurityGroupRule": "sgrule-{hash}",
    "aws:ec2/subnet:Subnet": "subnet-{hash}",
    "aws:ec2/vpc:Vpc": "vpc-{hash}",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce-{hash}",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "sgr-{hash}",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "sgr-{hash}",
    "aws:ecr/repository:Repository": "{name}",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "{clusterName}",
    "aws:ecs/taskDefinition:TaskDefinition": "{family}",
    "aws:eks/accessEntry:AccessEntry": "{clusterName}:{principalArn}",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "{clusterName}#{principalArn}#{policyArn}",
    "aws:eks/addon:Addon": "{clusterName}:{addonName}",
    "aws:eks/cluster:Cluster": "{name}",
    "aws:eks/nodeGroup:NodeGroup": "{clusterName}:{nodeGroupName}",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "a-{hash}",
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": "ldgnf-{globalReplicationGroupIdSuffix}",
    "aws:elasticache/parameterGroup:ParameterGroup": "{name}",
    "aws:elasticache/replicationGroup:ReplicationGroup": "{replicationGroupId}",
    "aws:elasticache/subnetGroup:SubnetGroup": "{name}",
    "aws:elasticache/user:User": "{userId}",
    "aws:elasticache/userGroup:UserGroup": "{userGroupId}",
    "aws:iam/instanceProfile:InstanceProfile": "{name}",
    "aws:iam/role:Role": "{name}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "{role}/{policyArn}",
    "aws:kms/alias:Alias": "{name}",
    "aws:kms/key:Key": "{uuid}",
    "aws:kms/replicaKey:ReplicaKey": "{uuid}",
    "aws:rds/cluster:Cluster": "{clusterIdentifier}",
    "aws:rds/clusterInstance:ClusterInstance": "{identifier}",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "{name}",
    "aws:rds/globalCluster:GlobalCluster": "{globalClusterIdentifier}",
    "aws:rds/parameterGroup:ParameterGroup": "{name}",
    "aws:rds/subnetGroup:SubnetGroup": "{name}",
    "aws:route53/healthCheck:HealthCheck": "{uuid}",
    "aws:route53/record:Record": "{zoneId}_{name}_{type}_{setIdentifier}",
    "aws:route53/zone:Zone": "Z{HASH}",
    "aws:s3/bucket:Bucket": "{bucket}",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "{bucket}",
    "aws:s3/bucketLogging:BucketLogging": "{bucket}",
    "aws:s3/bucketObject:BucketObject": "{key}",
    "aws:s3/bucketObjectv2:BucketObjectv2": "{bucket}/{key}",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "{bucket}",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "{bucket}",
    "aws:s3/bucketPolicy:BucketPolicy": "{bucket}",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "{bucket}",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "{bucket}",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "{bucket}",
    "aws:s3/bucketVersioning:BucketVersioning": "{bucket}",
    "aws:secretsmanager/secretVersion:SecretVersion": "{secretId}|{uuid}",
    "aws:ssm/parameter:Parameter": "{name}",
}
"""Identifier by type; a type that is not here is identified by its ARN, or by its hash when it has none."""

# ruff: noqa: E501 - one type a line
ARNS: Final[Mapping[str, str]] = {
    "aws:acm/certificate:Certificate": "acm:{region}:{account}:certificate/{uuid}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:{region}:{account}:log-group:{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "aws:ecr/repository:Repository": "ecr:{region}:{account}:repository/{name}",
    "aws:ecs/cluster:Cluster": "ecs:{region}:{account}:cluster/{name}",
    "aws:ecs/service:Service": "ecs:{region}:{account}:service/{cluster_name}/{name}",
    "aws:ecs/taskDefinition:TaskDefinition": "ecs:{region}:{account}:task-definition/{family}:1",
    "aws:eks/addon:Addon": "eks:{region}:{account}:addon/{clusterName}/{addonName}/{uuid}",
    "aws:eks/cluster:Cluster": "eks:{region}:{account}:cluster/{name}",
    "aws:eks/nodeGroup:NodeGroup": "eks:{region}:{account}:nodegroup/{clusterName}/{nodeGroupName}/{uuid}",
    "aws:elasticache/replicationGroup:ReplicationGroup": "elasticache:{region}:{account}:replicationgroup:{replicationGroupId}",
    "aws:globalaccelerator/accelerator:Accelerator": "globalaccelerator::{account}:accelerator/{uuid}",
    "aws:globalaccelerator/listener:Listener": "globalaccelerator::{account}:accelerator/listener/{hash}",
    "aws:globalaccelerator/endpointGroup:EndpointGroup": "globalaccelerator::{account}:accelerator/endpoint-group/{hash}",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "iam::{account}:oidc-provider/{host}",
    "aws:iam/policy:Policy": "iam::{account}:policy{path_or_slash}{name}",
    "aws:iam/role:Role": "iam::{account}:role{path_or_slash}{name}",
    "aws:kms/alias:Alias": "kms:{region}:{account}:{name}",
    "aws:kms/key:Key": "kms:{region}:{account}:key/{uuid}",
    "aws:kms/replicaKey:ReplicaKey": "kms:{region}:{account}:key/{uuid}",
    "aws:lb/listener:Listener": "elasticloadbalancing:{region}:{account}:listener/app/{hash}",
    "aws:lb/listenerRule:ListenerRule": "elasticloadbalancing:{region}:{account}:listener-rule/app/{hash}",
    "aws:lb/loadBalancer:LoadBalancer": "elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hash}",
    "aws:lb/targetGroup:TargetGroup": "elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hash}",
    "aws:rds/cluster:Cluster": "rds:{region}:{account}:cluster:{clusterIdentifier}",
    "aws:rds/clusterInstance:ClusterInstance": "rds:{region}:{account}:db:{identifier}",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "rds:{region}:{account}:cluster-pg:{name}",
    "aws:rds/globalCluster:GlobalCluster": "rds::{account}:global-cluster:{globalClusterIdentifier}",
    "aws:rds/subnetGroup:SubnetGroup": "rds:{region}:{account}:subgrp:{name}",
    "aws:route53/healthCheck:HealthCheck": "route53:::healthcheck/{uuid}",
    "aws:route53/zone:Zone": "route53:::hostedzone/Z{HASH}",
    "aws:route53recoverycontrol/cluster:Cluster": "route53-recovery-control::{account}:cluster/{uuid}",
    "aws:route53recoverycontrol/controlPanel:ControlPanel": "route53-recovery-control::{account}:controlpanel/{hash}",
    "aws:route53recoverycontrol/routingControl:RoutingControl": "route53-recovery-control::{account}:controlpanel/routingcontrol/{hash}",
    "aws:route53recoverycontrol/safetyRule:SafetyRule": "route53-recovery-control::{account}:controlpanel/safetyrule/{hash}",
    "aws:s3/bucket:Bucket": "s3:::{bucket}",
    "aws:secretsmanager/secret:Secret": "secretsmanager:{region}:{account}:secret:{name}-{hash6}",
    "aws:sns/topic:Topic": "sns:{region}:{account}:{name}",
    "aws:ssm/parameter:Parameter": "ssm:{region}:{account}:parameter/{name}",
}
"""ARN by type, without `arn:aws:`."""

AUTONAMED: Final[Mapping[str, str]] = {
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupName",
    "aws:route53/record:Record": "",
    "aws:route53/zone:Zone": "name",
}
"""Input that the provider fills with a name made from the resource's; empty: none. Other types: an optional `name`."""

LOWER_CASE: Final = frozenset(
    {"aws:elasticache/replicationGroup:ReplicationGroup", "aws:rds/cluster:Cluster", "aws:s3/bucket:Bucket"}
)
"""Types whose names are lower case."""

SHORT_NAMES: Final[Mapping[str, int]] = {
    "aws:lb/loadBalancer:LoadBalancer": 32,
    "aws:lb/targetGroup:TargetGroup": 32,
    "aws:eks/nodeGroup:NodeGroup": 63,
    "aws:iam/policy:Policy": 128,
    "aws:s3/bucket:Bucket": 63,
    "aws:elasticache/replicationGroup:ReplicationGroup": 40,
}
"""Longest name, in characters, where it is short enough to matter."""

_NAMED = re.compile(r"\{(\w+)\}")


def identify(token: str, inputs: Object, region: str, hash_: str) -> tuple[str, str | None]:
    """Identifier and ARN (None: the type has none) of an object."""
    values = {name: str(value) for name, value in inputs.items() if isinstance(value, str | int)}
    path = str(inputs.get("path") or "/")
    values |= {
        "region": region,
        "account": ACCOUNT,
        "hash": hash_,
        "hash6": hash_[:6],
        "HASH": hash_.upper(),
        "uuid": uuid_of(hash_),
        "path_or_slash": path,
        "host": values.get("url", "").removeprefix("https://"),
        "cluster_name": values.get("cluster", "default").rsplit("/", 1)[-1],
    }

    def fill(template: str) -> str:
        return _NAMED.sub(lambda match: values.get(match[1], ""), template)

    arn = f"arn:aws:{fill(ARNS[token])}" if token in ARNS else None
    id_ = fill(IDS.get(token, "")).rstrip("_") or arn or f"{token.rsplit(':', 1)[-1].lower()}-{hash_}"
    return id_, arn
