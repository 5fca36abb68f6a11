"""The service on AWS: ECS Fargate behind an application load balancer. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from components.clouds.aws import (
    allow_in,
    allow_out,
    log_group,
    no_plain_http,
    policy,
    refuse_public,
    role,
    security_group,
    statement,
)
from components.keys.spec import Purpose
from components.network.spec import Tier
from components.service.component import ServiceOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.service.spec import ServiceSpec


NOT_OFFERED: Final[Mapping[str, str]] = {"target": "alias records lead to the load balancer's host"}
"""Outputs that AWS does not have, and why."""


def build(scope: Scope, spec: ServiceSpec, network: NetworkOutputs, keys: KeysOutputs) -> ServiceOutputs:
    """Make load balancer, tasks and autoscaling."""
    front = security_group(scope, "front", network.id, "HTTPS from everywhere")
    allow_in(scope, "front-https", front, 443, "0.0.0.0/0")
    allow_out(scope, "front-out", front)
    balancer = make_balancer(scope, spec, network, front)
    targets = make_targets(scope, spec, network)
    listener = make_listener(scope, spec, balancer, targets)
    cluster = make_cluster(scope)
    service = make_service(scope, spec, network, cluster, make_task(scope, spec, keys), targets, listener)
    scale(scope, spec, cluster, service)
    return ServiceOutputs(
        scope.place, cluster.name, service.name, balancer.dns_name, balancer.zone_id, spec.health_path
    )


def make_balancer(
    scope: Scope, spec: ServiceSpec, network: NetworkOutputs, front: aws.ec2.SecurityGroup
) -> aws.lb.LoadBalancer:
    """A public load balancer that writes access logs and drops what is not valid HTTP."""
    logs = make_log_bucket(scope, spec)
    name = scope.named("lb")
    return aws.lb.LoadBalancer(
        name,
        load_balancer_type="application",
        internal=False,
        subnets=network.tier(Tier.PUBLIC),
        security_groups=[front.id],
        drop_invalid_header_fields=True,
        desync_mitigation_mode="defensive",
        enable_deletion_protection=scope.place.protect,
        enable_zonal_shift=True,
        access_logs={"bucket": logs.bucket, "enabled": True},
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def make_log_bucket(scope: Scope, spec: ServiceSpec) -> aws.s3.BucketPolicy:
    """Where access logs go. SSE-S3, because the load balancer cannot write under our key (its user guide)."""
    name = scope.named("logs")
    # The load balancer always writes into it: without force_destroy it would never be empty when a stack is to go.
    bucket = aws.s3.Bucket(name, force_destroy=not scope.place.protect, tags=scope.tags(name), opts=scope.opts())
    refuse_public(scope, name, bucket)
    rule: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "forget",
        "status": "Enabled",
        "expiration": {"days": spec.log_retention_days},
        "filter": {},
    }
    aws.s3.BucketLifecycleConfiguration(name, bucket=bucket.id, rules=[rule], opts=scope.opts())
    writer = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    write = statement("s3:PutObject", pulumi.Output.concat(bucket.arn, "/*"), principal=writer)
    document = policy(write, no_plain_http(bucket))
    return aws.s3.BucketPolicy(name, bucket=bucket.id, policy=document, opts=scope.opts())


def make_targets(scope: Scope, spec: ServiceSpec, network: NetworkOutputs) -> aws.lb.TargetGroup:
    """The tasks, by address; out after two failed checks 10 s apart."""
    name = scope.named("tg")
    check: aws.lb.TargetGroupHealthCheckArgsDict = {
        "path": spec.health_path,
        "matcher": "200",
        "interval": 10,
        "timeout": 5,
        "healthy_threshold": 2,
        "unhealthy_threshold": 2,
    }
    return aws.lb.TargetGroup(
        name,
        vpc_id=network.id,
        target_type="ip",
        port=spec.port,
        protocol="HTTP",
        deregistration_delay=30,
        health_check=check,
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def make_listener(
    scope: Scope, spec: ServiceSpec, balancer: aws.lb.LoadBalancer, targets: aws.lb.TargetGroup
) -> aws.lb.Listener:
    """HTTPS, TLS 1.3 first; there is no HTTP listener at all."""
    name = scope.named("https")
    return aws.lb.Listener(
        name,
        load_balancer_arn=balancer.arn,
        port=443,
        protocol="HTTPS",
        ssl_policy=spec.aws.tls_policy,
        certificate_arn=certificate(scope, spec),
        default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def certificate(scope: Scope, spec: ServiceSpec) -> pulumi.Input[str]:
    """The certificate brought along, or one issued; whoever is given the zone proves the name for every region."""
    wanted = spec.certificate
    if wanted.existing:
        return wanted.existing
    name = scope.named("certificate")
    issued = aws.acm.Certificate(
        name, domain_name=wanted.domain, validation_method="DNS", tags=scope.tags(name), opts=scope.opts()
    )
    proofs = [prove(scope, issued, wanted.zone_id).fqdn] if wanted.zone_id else None
    valid = aws.acm.CertificateValidation(
        name, certificate_arn=issued.arn, validation_record_fqdns=proofs, opts=scope.opts()
    )
    return valid.certificate_arn


def prove(scope: Scope, issued: aws.acm.Certificate, zone_id: str) -> aws.route53.Record:
    """The record by which ACM sees that the name is ours: the same for every region of an account."""
    proof = issued.domain_validation_options[0]
    return aws.route53.Record(
        scope.named("certificate-proof"),
        zone_id=zone_id,
        name=proof.resource_record_name,
        type=proof.resource_record_type,
        records=[proof.resource_record_value],
        ttl=60,
        opts=scope.opts(),
    )


def make_cluster(scope: Scope) -> aws.ecs.Cluster:
    """The cluster, with container metrics."""
    name = scope.named("cluster")
    return aws.ecs.Cluster(
        name,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def cpu_units(spec: ServiceSpec) -> int:
    """The next step of Fargate's (ECS developer guide, "Task CPU and memory"): 1024 units are one processor."""
    return next(step for step in (256, 512, 1024, 2048, 4096, 8192, 16384) if step >= spec.cpu_millicores)


def memory_mib(spec: ServiceSpec) -> int:
    """What Fargate has for that CPU: at least twice the units, in steps of 1, 4 or 8 GiB."""
    units = cpu_units(spec)
    step = {256: 512, 8192: 4096, 16384: 8192}.get(units, 1024)
    return -(-max(spec.memory_mib, 2 * units) // step) * step


def make_task(scope: Scope, spec: ServiceSpec, keys: KeysOutputs) -> aws.ecs.TaskDefinition:
    """What a task runs: one container with a read-only root and logs in CloudWatch."""
    name = scope.named("task")
    logs = log_group(scope, "containers", keys.by_purpose[Purpose.LOGS], spec.log_retention_days)
    container = {
        "name": "main",
        "image": spec.image,
        "essential": True,
        "readonlyRootFilesystem": True,
        "portMappings": [{"containerPort": spec.port, "protocol": "tcp"}],
        "environment": [{"name": key, "value": spec.environment[key]} for key in sorted(spec.environment)],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": logs.name,
                "awslogs-region": scope.place.region,
                "awslogs-stream-prefix": "main",
            },
        },
    }
    managed = ("service-role/AmazonECSTaskExecutionRolePolicy",)
    return aws.ecs.TaskDefinition(
        name,
        family=scope.name,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(cpu_units(spec)),
        memory=str(memory_mib(spec)),
        execution_role_arn=role(scope, "pull-role", "ecs-tasks.amazonaws.com", managed).arn,
        task_role_arn=role(scope, "task-role", "ecs-tasks.amazonaws.com").arn,
        container_definitions=pulumi.Output.json_dumps([container], sort_keys=True),
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def make_service(
    scope: Scope,
    spec: ServiceSpec,
    network: NetworkOutputs,
    cluster: aws.ecs.Cluster,
    task: aws.ecs.TaskDefinition,
    targets: aws.lb.TargetGroup,
    listener: aws.lb.Listener,
) -> aws.ecs.Service:
    """The running tasks: a deployment that fails is taken back by itself."""
    access = security_group(scope, "tasks", network.id, f"Tasks of {scope.name}, from the load balancer")
    allow_in(scope, "tasks-in", access, spec.port, network.cidr)
    allow_out(scope, "tasks-out", access)
    name = scope.named("service")
    return aws.ecs.Service(
        name,
        cluster=cluster.arn,
        task_definition=task.arn,
        launch_type="FARGATE",
        desired_count=spec.min_tasks,
        deployment_minimum_healthy_percent=100,
        deployment_maximum_percent=200,
        deployment_circuit_breaker={"enable": True, "rollback": True},
        availability_zone_rebalancing="ENABLED",
        enable_execute_command=spec.aws.execute_command,
        health_check_grace_period_seconds=30,
        propagate_tags="SERVICE",
        network_configuration={
            "subnets": network.tier(Tier.PRIVATE),
            "security_groups": [access.id],
            "assign_public_ip": False,
        },
        load_balancers=[{"target_group_arn": targets.arn, "container_name": "main", "container_port": spec.port}],
        tags=scope.tags(name),
        opts=scope.opts(ignore=["desiredCount"], depends_on=[listener]),
    )


def scale(scope: Scope, spec: ServiceSpec, cluster: aws.ecs.Cluster, service: aws.ecs.Service) -> None:
    """Follow CPU use between `min_tasks` and `max_tasks`."""
    name = scope.named("scaling")
    target = aws.appautoscaling.Target(
        name,
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=pulumi.Output.concat("service/", cluster.name, "/", service.name),
        min_capacity=spec.min_tasks,
        max_capacity=spec.max_tasks,
        tags=scope.tags(name),
        opts=scope.opts(),
    )
    aws.appautoscaling.Policy(
        name,
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": spec.cpu_target_percent,
            "predefined_metric_specification": {"predefined_metric_type": "ECSServiceAverageCPUUtilization"},
            "scale_out_cooldown": 30,
            "scale_in_cooldown": 300,
        },
        opts=scope.opts(),
    )
