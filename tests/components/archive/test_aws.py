from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.archive.component import Archive
from components.archive.spec import ArchiveSpec
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph, Node

HOME, COPY = "pay-archive-main", "pay-archive-replica"


def both(graph: Graph, kind: str) -> dict[str, Node]:
    """Resources of a kind, of both buckets."""
    return {name: node for name, node in graph.of(f"s3/{kind}").items() if name in (HOME, COPY)}


def test_objects_are_kept_for_seven_years_on_both_sides(home: Graph) -> None:
    """Governance mode until a person locks the archive: nobody deletes but who may bypass it."""
    locks = both(home, "bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert set(locks) == {HOME, COPY}
    for node in locks.values():
        assert node.inputs["rule"]["defaultRetention"] == {"mode": "GOVERNANCE", "years": 7}
        assert node.protect
    for node in both(home, "bucket:Bucket").values():
        assert (node.inputs["objectLockEnabled"], node.inputs["forceDestroy"], node.protect) == (True, False, True)


def test_once_locked_nobody_can_delete_or_shorten() -> None:
    """`locked` is compliance mode on both sides, and changes nothing else."""

    def program(*, locked: bool) -> None:
        spec = ArchiveSpec(replica_region="us-west-2", locked=locked)
        Archive("pay-archive", spec, parts.keys(parts.place()))

    before, after = run(lambda: program(locked=False)), run(lambda: program(locked=True))
    assert before.names() == after.names()
    modes = both(after, "bucketObjectLockConfiguration:BucketObjectLockConfiguration").values()
    assert {node.inputs["rule"]["defaultRetention"]["mode"] for node in modes} == {"COMPLIANCE"}


def test_every_resource_of_the_copy_is_in_the_other_region(home: Graph) -> None:
    """The copy, its settings and its key lie in the replica's region; all by the one provider's `region`."""
    for node in home.nodes:
        if node.name.startswith(COPY) and node.type != "aws:iam/role:Role":
            assert node.inputs["region"] == "us-west-2", node.urn
    key = home.of("kms/key:Key")["pay-archive-replica-key"]
    assert (key.inputs["enableKeyRotation"], key.protect) == (True, True)


def test_versioned_encrypted_and_private(home: Graph) -> None:
    """Versioning on, each side under its own region's key, nothing public."""
    versions = both(home, "bucketVersioning:BucketVersioning")
    assert {node.inputs["versioningConfiguration"]["status"] for node in versions.values()} == {"Enabled"}
    sides = both(home, "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    used = {
        name: node.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
        for name, node in sides.items()
    }
    assert used == {HOME: "arn:aws:mock:::pay-keys-archive", COPY: "arn:aws:mock:::pay-archive-replica-key"}
    for node in both(home, "bucketPublicAccessBlock:BucketPublicAccessBlock").values():
        assert node.inputs["blockPublicPolicy"]
        assert node.inputs["restrictPublicBuckets"]


def test_nothing_without_tls(home: Graph) -> None:
    """Both buckets deny every call over plain HTTP."""
    for node in both(home, "bucketPolicy:BucketPolicy").values():
        (statement,) = json.loads(node.inputs["policy"])["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_old_objects_move_to_deep_archive_and_none_expire(home: Graph) -> None:
    """After 90 days to the cheapest class, old versions too; the lock alone decides what may go."""
    for node in both(home, "bucketLifecycleConfiguration:BucketLifecycleConfiguration").values():
        (rule,) = node.inputs["rules"]
        assert rule["transitions"] == [{"days": 90, "storageClass": "DEEP_ARCHIVE"}]
        assert rule["noncurrentVersionTransitions"][0]["storageClass"] == "DEEP_ARCHIVE"
        assert "expiration" not in rule


def test_everything_is_copied_under_the_copy_s_key(home: Graph) -> None:
    """One rule for all objects, re-encrypted with the replica's key, measured against 15 minutes."""
    (rule,) = home.one("s3/bucketReplicationConfig:BucketReplicationConfig").inputs["rules"]
    assert rule["status"] == "Enabled"
    target = rule["destination"]
    assert target["encryptionConfiguration"] == {"replicaKmsKeyId": "arn:aws:mock:::pay-archive-replica-key"}
    assert target["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
    assert rule["sourceSelectionCriteria"]["sseKmsEncryptedObjects"] == {"status": "Enabled"}
