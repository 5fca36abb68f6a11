"""Each rule on each cloud: what keeps it, what breaks it, and what it cannot see yet."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from components.clouds.zones import ZONES
from components.data import HOLDS_DATA
from stacks.changes import Change, Op
from stacks.policy.judge import ask
from stacks.policy.resource import Siblings
from stacks.policy.rules import Check, Waiting
from stacks.policy.values import SECRET, UNKNOWN
from tests.stacks.policy.case import ARN, BLOCK, BUCKET, SSE, TAGS, Case, resource
from tests.stacks.policy.cases import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.pack import Pack
    from stacks.policy.resource import Resource


def check_of(pack: Pack, rule: str) -> Check:
    """The rule with an id."""
    (check,) = [each for each in pack.checks if each.rule.id == rule]
    return check


def said(check: Check, one: Resource, stack: Siblings) -> list[str | Waiting]:
    """Everything that a rule says of one resource."""
    alone = list(check.alone(one)) if check.alone else []
    return [*alone, *(check.together(one, stack) if check.together else ())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.kind}-{case.says[:24]}")
def test_what_keeps_a_rule_passes_and_what_breaks_it_is_said(case: Case, pack: Pack) -> None:
    """The good inputs bring no violation; the bad ones bring one that names the property."""
    check = check_of(pack, case.rule)
    assert not [each for each in said(check, *case.stack(case.good)) if isinstance(each, str)]
    assert case.says in "; ".join(each for each in said(check, *case.stack(case.bad)) if isinstance(each, str))


def test_every_rule_has_a_case_on_every_cloud_that_it_knows(pack: Pack) -> None:
    """No rule but that about changes is without cases for AWS, Azure and Google Cloud; rights also for Kubernetes."""
    have = {(case.rule, case.kind.split(":")[0]) for case in CASES}
    rules = {check.rule.id for check in pack.checks if not check.change}
    wanted = {(rule, cloud) for rule in rules for cloud in ("aws", "azure-native", "gcp")}
    assert wanted | {("no-wildcard-permissions", "kubernetes"), ("customer-key", "kubernetes")} <= have


def unknown_in(values: Any) -> Iterator[Any]:
    """The same values, each time with another one of them unknown; and with all that a list has."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield {**values, key: UNKNOWN}
            yield from ({**values, key: each} for each in unknown_in(value))
    elif isinstance(values, list):
        yield [UNKNOWN for _ in values]
        for number, value in enumerate(values):
            yield [*values[:number], UNKNOWN, *values[number + 1 :]]
            yield from ([*values[:number], each, *values[number + 1 :]] for each in unknown_in(value))


def missing_in(values: Any) -> Iterator[Any]:
    """The same values, each time without another one of them."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield {other: each for other, each in values.items() if other != key}
            yield from ({**values, key: each} for each in missing_in(value))
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield [*values[:number], *values[number + 1 :]]
            yield from ([*values[:number], each, *values[number + 1 :]] for each in missing_in(value))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.kind}-{case.says[:24]}")
def test_no_rule_fails_on_what_is_unknown_or_missing(case: Case, pack: Pack) -> None:
    """Whatever value of good and bad inputs a preview does not know, or a program leaves out: every rule answers."""
    both = (case.good, case.bad)
    for inputs in (*(each for some in both for look in (unknown_in, missing_in) for each in look(some)), {}):
        one, stack = case.stack(deepcopy(inputs))
        for check in pack.checks:
            answer = ask(lambda check=check, one=one, stack=stack: said(check, one, stack), pack.folder)  # type: ignore[misc]
            assert answer.failure is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.kind}-{case.says[:24]}")
def test_an_unknown_value_is_never_a_violation(case: Case, pack: Pack) -> None:
    """Good inputs of which one value, at any depth, is unknown: the rule waits or passes, but accuses nobody."""
    check = check_of(pack, case.rule)
    for inputs in unknown_in(case.good):
        one, stack = case.stack(inputs)
        assert not [each for each in said(check, one, stack) if isinstance(each, str)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.kind}-{case.says[:24]}")
def test_an_unknown_value_is_never_silence(case: Case, pack: Pack) -> None:
    """Bad inputs of which one value, at any depth, is unknown: the rule still accuses, or says that it waits."""
    check = check_of(pack, case.rule)
    for inputs in unknown_in(case.bad):
        one, stack = case.stack(inputs)
        assert said(check, one, stack), inputs


def test_a_secret_key_is_a_key_but_a_secret_number_cannot_be_judged(pack: Pack) -> None:
    """Where presence is all that counts a secret will do; elsewhere the rule waits, and never tells it."""
    keys = check_of(pack, "customer-key")
    cluster = resource("aws:rds/cluster:Cluster", {"storageEncrypted": True, "kmsKeyId": SECRET})
    assert said(keys, cluster, Siblings((cluster,))) == []
    days = resource("aws:rds/cluster:Cluster", {"backupRetentionPeriod": SECRET})
    assert said(check_of(pack, "backup-age"), days, Siblings((days,))) == [Waiting("backupRetentionPeriod")]


def test_before_a_bucket_exists_its_settings_are_those_of_the_same_name(pack: Pack) -> None:
    """In a first preview nobody knows the bucket's name: the namesake counts, a stranger might be anybody's."""
    keys, public = check_of(pack, "customer-key"), check_of(pack, "no-public-data")
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    weak = resource(SSE, {"bucket": UNKNOWN, "rules": rules}, "logs")
    logs, other = resource(BUCKET, {"bucket": "logs-1"}, "logs"), resource(BUCKET, {"bucket": "other-1"}, "other")
    stack = Siblings((logs, other, weak))
    assert "AES256" in str(said(keys, logs, stack))
    assert "has no BucketServerSideEncryptionConfiguration" in str(said(keys, other, stack))
    stray = resource(BLOCK, {"bucket": UNKNOWN}, "somebody's")
    assert said(public, other, Siblings((logs, other, stray))) == [Waiting("bucket")]


def test_a_stack_without_the_tags_is_told_once(pack: Pack) -> None:
    """What everything lacks is one finding about the stack, not one for each of its resources."""
    tags = check_of(pack, "required-tags")
    root = resource("pulumi:pulumi:Stack", name="aurops-dev")
    some = [resource(BUCKET, {"tags": {"service": "x"}}, name) for name in "abc"]
    stack = Siblings((root, *some))
    assert said(tags, root, stack) == [
        "nothing in it has the tags owner, data-class, cost-center, environment",
    ]
    assert not [said(tags, each, stack) for each in some if said(tags, each, stack)]


def test_data_without_a_tag_has_the_one_class_of_its_stack(pack: Pack) -> None:
    """A resource that says no class is judged by the stack's; where there are two, nobody guesses."""
    residency = check_of(pack, "residency")
    group = resource("aws:elasticache/replicationGroup:ReplicationGroup", {"region": "sa-east-1"})
    tagged = resource(BUCKET, {"tags": TAGS}, "a")
    assert "its region is sa-east-1" in str(said(residency, group, Siblings((group, tagged))))
    public = resource(BUCKET, {"tags": {**TAGS, "data-class": "public"}}, "b")
    assert said(residency, group, Siblings((group, tagged, public))) == []


def test_an_archive_is_known_by_its_component(pack: Pack) -> None:
    """A bucket of an archive that lost its retention is no plain bucket: both are said."""
    retention = check_of(pack, "archive-retention")
    bucket = resource(BUCKET, {"bucket": "b"}, inside="aurops:index:Archive")
    assert said(retention, bucket, Siblings((bucket,))) == [
        "objectLockEnabled is not set; wanted: true",
        "nothing gives it a retention",
    ]


@pytest.mark.parametrize(
    ("op", "kind", "words"),
    [
        (Op.REPLACE, "aws:rds/cluster:Cluster", "it would be replaced because of databaseName"),
        (Op.DELETE, "azure-native:keyvault:Key", "it would be deleted"),
        (Op.DELETE, "gcp:storage/bucket:Bucket", "it would be deleted"),
        (Op.DELETE, "kubernetes:apps/v1:StatefulSet", "it would be deleted"),
        (Op.UPDATE, "aws:rds/cluster:Cluster", None),
        (Op.DELETE, "aws:iam/role:Role", None),
    ],
)
def test_only_the_loss_of_data_is_against_the_rule_about_changes(
    op: Op, kind: str, words: str | None, pack: Pack
) -> None:
    """Replaced or deleted, and of a type that holds data; an update or a role's deletion is nobody's business."""
    look = check_of(pack, "keeps-data").change
    assert look is not None
    change = Change("urn:pulumi:s::p::t::db", kind, op, replaces=("databaseName",) if op is Op.REPLACE else ())
    assert list(look(change)) == ([words] if words else [])


def test_every_region_is_in_one_jurisdiction(pack: Pack) -> None:
    """The table knows every region that a stack can be in, and no other but Google's multi-regions."""
    look = check_of(pack, "residency").together
    assert look is not None
    table = sys.modules[look.__module__].JURISDICTION  # type: ignore[attr-defined]
    regions = {(cloud.value, region) for cloud, some in ZONES.items() for region in some}
    assert set(table) - regions == {("gcp", name) for name in ("us", "eu", "nam4", "eur4")}
    assert regions <= set(table)


def test_a_policy_that_is_no_json_is_the_rules_failure_and_not_silence(pack: Pack) -> None:
    """A document that nobody can read has not passed."""
    broken = resource("aws:iam/policy:Policy", {"policy": "{", "arn": ARN})
    check = check_of(pack, "no-wildcard-permissions")
    answer = ask(lambda: said(check, broken, Siblings((broken,))), pack.folder)
    assert answer.failure is not None
    assert "JSONDecodeError" in answer.failure


PARTS = "a part or a setting of what is asked"
NAMES = "names and ways, no data"
KEYS = "keys are what encrypts"
WHERE = "in the cluster, which is asked"
NOT_ASKED = {
    "aws:rds/globalCluster:GlobalCluster": PARTS,
    "aws:rds/clusterInstance:ClusterInstance": PARTS,
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": PARTS,
    "aws:s3/bucketVersioning:BucketVersioning": PARTS,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": PARTS,
    "aws:kms/key:Key": KEYS,
    "aws:ec2/vpc:Vpc": NAMES,
    "aws:route53/zone:Zone": NAMES,
    "azure-native:dbforpostgresql:Database": PARTS,
    "azure-native:redisenterprise:Database": PARTS,
    "azure-native:storage:BlobServiceProperties": PARTS,
    "azure-native:storage:BlobContainer": PARTS,
    "azure-native:storage:BlobContainerImmutabilityPolicy": PARTS,
    "azure-native:keyvault:Vault": KEYS,
    "azure-native:keyvault:Key": KEYS,
    "azure-native:resources:ResourceGroup": NAMES,
    "azure-native:network:VirtualNetwork": NAMES,
    "azure-native:privatedns:PrivateZone": NAMES,
    "azure-native:dns:Zone": NAMES,
    "gcp:sql/database:Database": PARTS,
    "gcp:kms/keyRing:KeyRing": KEYS,
    "gcp:kms/cryptoKey:CryptoKey": KEYS,
    "gcp:compute/network:Network": NAMES,
    "gcp:dns/managedZone:ManagedZone": NAMES,
    "kubernetes:core/v1:Namespace": WHERE,
    "kubernetes:apps/v1:StatefulSet": WHERE,
    "kubernetes:core/v1:PersistentVolumeClaim": WHERE,
}
"""Types that hold data and that `residency` or `customer-key` need not know, with the reason."""


@pytest.mark.parametrize("kind", sorted(HOLDS_DATA))
def test_whatever_holds_data_is_known_to_the_rules_about_data(kind: str, pack: Pack) -> None:
    """Without key and in a forbidden region, unprotected: each of three rules says so, or there is a reason why not."""
    tags = {"data-class": "personal-eu"}
    inputs = {"tags": tags, "labels": tags, "region": "us-east-1", "location": "us-central1"}
    one = resource(kind, inputs, protect=False)
    stack = Siblings((one, resource(BUCKET, {"tags": tags, "bucket": "b"}, "other")))
    silent = [rule for rule in ("residency", "customer-key") if not said(check_of(pack, rule), one, stack)]
    assert not silent or kind in NOT_ASKED, silent
    assert said(check_of(pack, "deletion-protection"), one, stack) or kind == BUCKET


def test_what_need_not_be_known_holds_data() -> None:
    """No reason is left over for a type that is gone."""
    assert set(NOT_ASKED) <= HOLDS_DATA
