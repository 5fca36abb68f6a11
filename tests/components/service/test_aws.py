from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from components.service.spec import Certificate
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_https_only_with_tls_1_3(home: Graph) -> None:
    """There is one listener: HTTPS with the TLS 1.3 policy and the validated certificate."""
    listener = home.one("lb/listener:Listener").inputs
    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert listener["certificateArn"] == "arn:aws:mock:::pay-web-certificate"


def test_the_load_balancer_logs_and_is_protected(home: Graph) -> None:
    """Public subnets of every zone, access logs, invalid headers dropped, deletion protection."""
    balancer = home.one("lb/loadBalancer:LoadBalancer").inputs
    assert (balancer["internal"], len(balancer["subnets"])) == (False, 3)
    assert balancer["accessLogs"]["enabled"] is True
    assert (balancer["dropInvalidHeaderFields"], balancer["enableDeletionProtection"]) == (True, True)
    bucket = home.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock")["pay-web-logs"].inputs
    assert (bucket["blockPublicAcls"], bucket["restrictPublicBuckets"]) == (True, True)
    assert home.of("s3/bucket:Bucket")["pay-web-logs"].inputs["forceDestroy"] is False


def test_tasks_run_on_fargate_and_bad_deployments_are_taken_back(home: Graph) -> None:
    """Private subnets, no public address, circuit breaker with rollback; the count is left to whoever scales."""
    service = home.one("ecs/service:Service")
    given = service.inputs
    assert given["launchType"] == "FARGATE"
    assert given["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert given["networkConfiguration"]["assignPublicIp"] is False
    assert given["networkConfiguration"]["subnets"] == [f"pay-net-private-{zone}-id" for zone in "abc"]
    assert service.ignored == {"desiredCount"}
    container = json.loads(home.one("ecs/taskDefinition:TaskDefinition").inputs["containerDefinitions"])[0]
    assert (container["image"], container["readonlyRootFilesystem"]) == ("registry.example.com/web:1.2", True)


def test_autoscaling_follows_cpu(home: Graph) -> None:
    """Between the fewest and the most tasks, at half of the CPU."""
    target = home.one("appautoscaling/target:Target").inputs
    assert (target["minCapacity"], target["maxCapacity"]) == (3, 30)
    policy = home.one("appautoscaling/policy:Policy").inputs["targetTrackingScalingPolicyConfiguration"]
    assert policy["targetValue"] == 50


def test_only_who_has_the_zone_makes_the_proof(home: Graph) -> None:
    """The home region makes the validation record; a region without the zone waits for it."""
    assert home.one("route53/record:Record").inputs["zoneId"] == "Z1"

    def program() -> None:
        k = parts.keys(parts.place("eu-west-1"))
        parts.service(parts.network(k), k, certificate={"domain": "api.example.com"})

    other = run(program)
    assert not other.of("route53/record:Record")
    assert other.one("acm/certificateValidation:CertificateValidation")


def test_a_certificate_that_exists_is_used() -> None:
    """With `existing`, none is made."""

    def program() -> None:
        k = parts.keys(parts.place())
        parts.service(parts.network(k), k, certificate={"existing": "arn:mine"})

    graph = run(program)
    assert not graph.of("acm/certificate:Certificate")
    assert graph.one("lb/listener:Listener").inputs["certificateArn"] == "arn:mine"
    with pytest.raises(ValidationError, match="either existing or domain"):
        Certificate()
