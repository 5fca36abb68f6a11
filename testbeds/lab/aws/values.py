"""Outputs that programs read and that a made-up string would not serve: endpoints, issuers, ports, name servers.

Every host is under `lab.invalid`, a name that can never resolve (RFC 6761), so that nothing made in the lab can reach
a real service.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.aws.identity import ACCOUNT
from testbeds.lab.filling import digest, uuid_of
from testbeds.lab.wire import Json, Object, child, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Fresh:
    """An object that has an identifier and no outputs yet."""

    id: str
    inputs: Object
    region: str


_PORTS: Final = {"aurora-postgresql": 5432, "postgres": 5432, "aurora-mysql": 3306, "mysql": 3306}


def known(token: str, id_: str, arn: str | None, inputs: Object, region: str) -> Object:
    """Realistic top-level outputs of an object, by name."""
    values: Object = {"arn": arn} if arn else {}
    special = _BY_TYPE.get(token)
    return values | (special(Fresh(id_, inputs, region)) if special else {})


def _vpc(new: Fresh) -> Object:
    return {
        "mainRouteTableId": f"rtb-{digest(new.id, 'main')}",
        "defaultRouteTableId": f"rtb-{digest(new.id, 'main')}",
        "defaultSecurityGroupId": f"sg-{digest(new.id, 'default')}",
        "defaultNetworkAclId": f"acl-{digest(new.id, 'default')}",
        "enableDnsSupport": True,
        "instanceTenancy": "default",
    }


def _subnet(new: Fresh) -> Object:
    zone = text(new.inputs, "availabilityZone", f"{new.region}a")
    return {"availabilityZone": zone, "availabilityZoneId": f"{new.region}-az{ord(zone[-1]) - ord('a') + 1}"}


def _eip(new: Fresh) -> Object:
    # 203.0.113.0/24 is reserved for documents (RFC 5737).
    return {"publicIp": f"203.0.113.{int(digest(new.id, length=2), 16)}", "allocationId": new.id, "domain": "vpc"}


def _eks(new: Fresh) -> Object:
    authority = base64.b64encode(f"lab certificate authority of {new.id} in {new.region}".encode()).decode()
    issuer = f"https://oidc.eks.{new.region}.lab.invalid/id/{digest(new.id, new.region, length=32).upper()}"
    vpc: Json = child(new.inputs, "vpcConfig") | {
        "clusterSecurityGroupId": f"sg-{digest(new.id, new.region, 'cluster')}"
    }
    return {
        "endpoint": f"https://{digest(new.id, new.region, length=32)}.eks.{new.region}.lab.invalid",
        "certificateAuthority": {"data": authority},
        "certificateAuthorities": [{"data": authority}],
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "platformVersion": "eks.1",
        "status": "ACTIVE",
        "vpcConfig": vpc,
        "version": "1.34",
    }


def _rds_cluster(new: Fresh) -> Object:
    host = f"cluster-{digest(new.id, new.region, length=12)}.{new.region}.rds.lab.invalid"
    return {
        "endpoint": f"{new.id}.{host}",
        "readerEndpoint": f"{new.id}.{host.replace('cluster-', 'cluster-ro-', 1)}",
        "clusterResourceId": f"cluster-{digest(new.id, new.region, length=26).upper()}",
        "port": _PORTS.get(text(new.inputs, "engine"), 5432),
        "engineVersion": "17.4",
        "engineVersionActual": text(new.inputs, "engineVersion", "17.4"),
        "masterUserSecrets": [],
    }


def _rds_instance(new: Fresh) -> Object:
    return {
        "endpoint": f"{new.id}.{digest(new.region, length=12)}.{new.region}.rds.lab.invalid",
        "port": _PORTS.get(text(new.inputs, "engine"), 5432),
        "availabilityZone": f"{new.region}a",
        "dbiResourceId": f"db-{digest(new.id, new.region, length=26).upper()}",
    }


def _cache(new: Fresh) -> Object:
    host = f"{digest(new.id, new.region, length=6)}.cache.{new.region}.lab.invalid"
    return {
        "primaryEndpointAddress": f"master.{new.id}.{host}",
        "readerEndpointAddress": f"replica.{new.id}.{host}",
        "configurationEndpointAddress": f"clustercfg.{new.id}.{host}",
        "port": 6379,
        "engine": "valkey",
        "memberClusters": [f"{new.id}-001", f"{new.id}-002"],
    }


def _global_cache(new: Fresh) -> Object:
    return {"globalReplicationGroupId": new.id}


def _zone(new: Fresh) -> Object:
    servers: list[Json] = [f"ns-{number}.awsdns.lab.invalid" for number in (1, 513, 1025, 1537)]
    return {"zoneId": new.id, "nameServers": servers, "primaryNameServer": servers[0]}


def _record(new: Fresh) -> Object:
    return {"fqdn": text(new.inputs, "name").rstrip(".")}


def _key(new: Fresh) -> Object:
    return {"keyId": new.id, "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": True}


def _alias(new: Fresh) -> Object:
    target = text(new.inputs, "targetKeyId")
    key = target if target.startswith("arn:") else f"arn:aws:kms:{new.region}:{ACCOUNT}:key/{target}"
    return {"targetKeyArn": key}


def _bucket(new: Fresh) -> Object:
    return {
        "bucketDomainName": f"{new.id}.s3.lab.invalid",
        "bucketRegionalDomainName": f"{new.id}.s3.{new.region}.lab.invalid",
        "hostedZoneId": f"Z{digest(new.region, 's3', length=13).upper()}",
    }


def _load_balancer(new: Fresh) -> Object:
    return {
        "dnsName": f"{text(new.inputs, 'name')}-{digest(new.id, length=10)}.{new.region}.elb.lab.invalid",
        "zoneId": f"Z{digest(new.region, 'elb', length=13).upper()}",
        "arnSuffix": new.id.partition(":loadbalancer/")[2],
        "loadBalancerType": "application",
    }


def _target_group(new: Fresh) -> Object:
    return {"arnSuffix": new.id.rpartition(":")[2]}


def _role(new: Fresh) -> Object:
    return {"uniqueId": f"AROA{digest(new.id, length=17).upper()}", "path": "/", "maxSessionDuration": 3600}


def _task_definition(new: Fresh) -> Object:
    return {"revision": 1, "arnWithoutRevision": f"arn:aws:ecs:{new.region}:{ACCOUNT}:task-definition/{new.id}"}


def _certificate(new: Fresh) -> Object:
    """One validation record for each name, as ACM asks for."""
    names = [text(new.inputs, "domainName"), *texts(new.inputs, "subjectAlternativeNames")]
    options: list[Json] = [
        {
            "domainName": name,
            "resourceRecordName": f"_{digest(name, length=32)}.{name.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{digest(new.id, name, length=32)}.acm-validations.lab.invalid.",
        }
        for name in dict.fromkeys(names)
    ]
    return {"domainValidationOptions": options, "status": "ISSUED"}


def _control_cluster(new: Fresh) -> Object:
    regions = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2")
    ends: list[Json] = [
        {
            "endpoint": f"https://{digest(new.id, one, length=8)}.route53-recovery-cluster.{one}.lab.invalid/v1",
            "region": one,
        }
        for one in regions
    ]
    return {"clusterEndpoints": ends, "status": "DEPLOYED"}


def _secret_version(new: Fresh) -> Object:
    return {"versionId": uuid_of(new.id), "versionStages": ["AWSCURRENT"], "arn": text(new.inputs, "secretId")}


def _ecs_service(new: Fresh) -> Object:
    return {"subnets": list(texts(child(new.inputs, "networkConfiguration"), "subnets")), "launchType": "FARGATE"}


_BY_TYPE: Final[Mapping[str, Callable[[Fresh], Object]]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 1, "defaultVersion": 1},
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ecs/service:Service": _ecs_service,
    "aws:ecs/taskDefinition:TaskDefinition": _task_definition,
    "aws:eks/addon:Addon": lambda _: {"addonVersion": "v1.0.0-eksbuild.1"},
    "aws:eks/cluster:Cluster": _eks,
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": _global_cache,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:iam/role:Role": _role,
    "aws:kms/alias:Alias": _alias,
    "aws:kms/key:Key": _key,
    "aws:kms/replicaKey:ReplicaKey": _key,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:rds/cluster:Cluster": _rds_cluster,
    "aws:rds/clusterInstance:ClusterInstance": _rds_instance,
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _zone,
    "aws:route53recoverycontrol/cluster:Cluster": _control_cluster,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
}
