"""Records what a Pulumi program registers, with parent, protection and ignored changes, and runs no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.graph import UNKNOWN, Graph, Node, name_of, type_of
from stacks.recording import record
from tests.components import answers_azure, answers_gcp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ACCOUNT", "UNKNOWN", "Answers", "Graph", "Node", "run"]

ACCOUNT = "123456789012"


class Answers:
    """Plays provider: ids and ARNs derived from the name, inputs echoed, the few invokes that components make."""

    outputs: Mapping[str, Mapping[str, Any]] = {
        "aws:eks/cluster:Cluster": {
            "endpoint": "https://eks.example",
            "certificateAuthority": {"data": "Q0E="},
            "identities": [{"oidcs": [{"issuer": "https://oidc.example/id/1"}]}],
            "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
        },
        "aws:lb/loadBalancer:LoadBalancer": {
            "dnsName": "lb.example",
            "zoneId": "ZLB",
            "arnSuffix": "app/lb/1",
        },
        "aws:lb/targetGroup:TargetGroup": {"arnSuffix": "targetgroup/tg/1"},
        "aws:acm/certificate:Certificate": {
            "domainValidationOptions": [
                {
                    "domainName": "x",
                    "resourceRecordName": "_v.example.com",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_w.acm.example",
                }
            ]
        },
        "aws:rds/cluster:Cluster": {
            "clusterIdentifier": "db",
            "endpoint": "writer.example",
            "readerEndpoint": "reader.example",
            "engineVersionActual": "17.5",
        },
        "aws:elasticache/replicationGroup:ReplicationGroup": {"configurationEndpointAddress": "cache.example"},
        "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": {"globalReplicationGroupId": "ldgnf-cache"},
        "aws:route53/zone:Zone": {"zoneId": "ZMADE"},
        "aws:route53recoverycontrol/cluster:Cluster": {
            "clusterEndpoints": [{"endpoint": "https://arc.example", "region": "us-east-1"}]
        },
        **answers_gcp.OUTPUTS,
    }

    def __init__(self, upstream: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.upstream = upstream or {}

    def resource(self, urn: str, inputs: Mapping[str, Any], provider: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002
        """The state that a provider would return."""
        type_, name = type_of(urn), name_of(urn)
        if type_.startswith("azure-native:"):
            return answers_azure.outputs(type_, name, inputs)
        arn = f"arn:aws:mock:::{name}"
        known = {"arn": arn} | dict.fromkeys(("name", "keyId", "bucket", "nodeGroupName"), name)
        return f"{name}-id", {**known, **self.outputs.get(type_, {}), **inputs}

    def call(self, token: str, arguments: Mapping[str, Any], provider: str) -> dict[str, Any]:  # noqa: ARG002
        """Answer an invoke; one that nobody foresaw is an error."""
        if token.startswith("azure-native:"):
            return answers_azure.call(token, arguments)
        match token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": "arn", "userId": "me", "id": "me"}
            case "aws:secretsmanager/getRandomPassword:getRandomPassword":
                return {"randomPassword": "drawn"}
            case "aws:secretsmanager/getSecretVersion:getSecretVersion":
                return {"secretString": "drawn", "secretId": arguments["secretId"]}
        if token in answers_gcp.CALLS:
            return answers_gcp.CALLS[token]
        raise AssertionError(f"no answer for {token}")

    def stack(self, name: str) -> Mapping[str, Any] | None:
        """What a stack exports, if there is one."""
        return self.upstream.get(name)


def run(
    program: Callable[[], Any],
    *,
    stack: str = "test",
    preview: bool = False,
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
) -> Graph:
    """Run a program to its end and return what it registered."""
    return record(program, Answers(upstream), stack=stack, preview=preview)
