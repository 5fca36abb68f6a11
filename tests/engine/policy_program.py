"""A program with what keeps each rule of the policy and what breaks it: `good-<rule>` and `bad-<rule>`."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_azure_native as azure
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes

TAGS = {"owner": "platform", "data-class": "confidential", "cost-center": "platform", "environment": "test"}
EU_ONLY = {**TAGS, "data-class": "personal-eu"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LISTENS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
TARGET = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/6d0ecf831eec9f09"


class Makers:
    """Makes resources in each cloud."""

    def __init__(self) -> None:
        self._aws = aws.Provider("aws", region="us-east-1")
        self._azure = azure.Provider("azure", location="eastus")
        self._gcp = gcp.Provider("gcp", project="example-payments", region="us-central1")

    def on_aws(self, *, protect: bool = False) -> pulumi.ResourceOptions:
        """Options of a resource on AWS."""
        return pulumi.ResourceOptions(provider=self._aws, protect=protect)

    def buckets(self, *names: str) -> None:
        """Plain buckets."""
        for name in names:
            aws.s3.Bucket(name, tags=TAGS, opts=self.on_aws())

    def logs(self, name: str, key: str | None, *, region: str | None = None, tags: Any = None) -> None:
        """A log group."""
        aws.cloudwatch.LogGroup(name, kms_key_id=key, region=region, tags=tags or TAGS, opts=self.on_aws())

    def way_in(self, name: str, cidr: str) -> None:
        """A rule that lets somebody reach PostgreSQL."""
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id="sg-0123456789abcdef0",
            ip_protocol="tcp",
            from_port=5432,
            to_port=5432,
            cidr_ipv4=cidr,
            tags=TAGS,
            opts=self.on_aws(),
        )

    def may(self, name: str, action: str) -> None:
        """A policy that allows an action on one object."""
        statement = {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::b/o"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.iam.Policy(name, policy=document, tags=TAGS, opts=self.on_aws())

    def listener(self, name: str, policy: str) -> None:
        """An HTTPS listener."""
        aws.lb.Listener(
            name,
            load_balancer_arn=LISTENS,
            port=443,
            protocol="HTTPS",
            ssl_policy=policy,
            default_actions=[{"type": "forward", "target_group_arn": TARGET}],
            tags=TAGS,
            opts=self.on_aws(),
        )

    def key(self, name: str, days: int, *, protect: bool) -> None:
        """A key."""
        aws.kms.Key(name, deletion_window_in_days=days, tags=TAGS, opts=self.on_aws(protect=protect))

    def archive(self, name: str, years: int) -> None:
        """A bucket with a retention."""
        bucket = aws.s3.Bucket(name, object_lock_enabled=True, tags=TAGS, opts=self.on_aws(protect=True))
        aws.s3.BucketObjectLockConfiguration(
            name,
            bucket=bucket.bucket,
            rule={"default_retention": {"mode": "GOVERNANCE", "years": years}},
            opts=self.on_aws(protect=True),
        )

    def database(self, name: str, days: int) -> None:
        """A database cluster."""
        aws.rds.Cluster(
            name,
            engine="aurora-postgresql",
            engine_version="17.5",
            master_username="aurops",
            master_password=pulumi.Output.secret("a-secret-of-this-test"),
            storage_encrypted=True,
            kms_key_id=KEY,
            backup_retention_period=days,
            deletion_protection=True,
            tags=TAGS,
            opts=self.on_aws(protect=True),
        )

    def cache(self, name: str, *, zones: bool) -> None:
        """A cache."""
        aws.elasticache.ReplicationGroup(
            name,
            description=name,
            engine="valkey",
            engine_version="8.1",
            node_type="cache.r7g.large",
            replicas_per_node_group=1,
            num_node_groups=1,
            automatic_failover_enabled=True,
            multi_az_enabled=zones,
            kms_key_id=KEY,
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            snapshot_retention_limit=7,
            tags=TAGS,
            opts=self.on_aws(protect=True),
        )

    def account(self, name: str, tls: str) -> None:
        """A storage account on Azure."""
        azure.storage.StorageAccount(
            name,
            account_name=name.replace("-", ""),
            resource_group_name="payments",
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            minimum_tls_version=tls,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            tags=TAGS,
            opts=pulumi.ResourceOptions(provider=self._azure, protect=True),
        )

    def grant(self, name: str, role: str) -> None:
        """A right in a project of Google Cloud."""
        gcp.projects.IAMMember(
            name,
            project="example-payments",
            role=role,
            member="serviceAccount:app@example-payments.iam.gserviceaccount.com",
            opts=pulumi.ResourceOptions(provider=self._gcp),
        )

    def role(self, name: str, verb: str) -> None:
        """A role in a cluster that is not there yet, as in a first preview."""
        later = aws.ec2.Eip(f"{name}-of", domain="vpc", tags=TAGS, opts=self.on_aws()).id
        provider = kubernetes.Provider(f"{name}-cluster", kubeconfig=later)
        kubernetes.rbac.v1.ClusterRole(
            name,
            metadata={"name": name},
            rules=[{"api_groups": [""], "resources": ["pods"], "verbs": [verb]}],
            opts=pulumi.ResourceOptions(provider=provider),
        )


def before() -> None:
    """What is up before the change."""
    Makers().buckets("good-keeps-data", "bad-keeps-data")


def after() -> None:
    """The change: a bucket goes, and everything else comes."""
    make = Makers()
    make.buckets("good-keeps-data")
    make.logs("good-customer-key", KEY)
    make.logs("bad-customer-key", None)
    make.way_in("good-no-public-data", "10.0.0.0/8")
    make.way_in("bad-no-public-data", "0.0.0.0/0")
    make.may("good-no-wildcard-permissions", "s3:GetObject")
    make.may("bad-no-wildcard-permissions", "s3:*")
    make.logs("good-residency", KEY, region="eu-west-1", tags=EU_ONLY)
    make.logs("bad-residency", KEY, region="us-east-1", tags=EU_ONLY)
    make.listener("good-tls-minimum", "ELBSecurityPolicy-TLS13-1-2-2021-06")
    make.listener("bad-tls-minimum", "ELBSecurityPolicy-2016-08")
    make.key("good-deletion-protection", 30, protect=True)
    make.key("bad-deletion-protection", 30, protect=False)
    make.archive("good-archive-retention", 7)
    make.archive("bad-archive-retention", 5)
    make.database("good-backup-age", 7)
    make.database("bad-backup-age", 1)
    make.cache("good-more-than-one-zone", zones=True)
    make.cache("bad-more-than-one-zone", zones=False)
    make.logs("good-required-tags", KEY)
    make.logs("bad-required-tags", KEY, tags={"owner": "platform", "data-class": "public"})
    make.account("good-azure-tls", "TLS1_2")
    make.account("bad-azure-tls", "TLS1_0")
    make.grant("good-gcp-rights", "roles/logging.logWriter")
    make.grant("bad-gcp-rights", "roles/editor")
    make.role("good-kubernetes-rights", "get")
    make.role("bad-kubernetes-rights", "*")
