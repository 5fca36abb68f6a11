from __future__ import annotations

from typing import TYPE_CHECKING

from components.archive.component import Archive
from components.archive.spec import ArchiveSpec
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

BUCKET = "storage/bucket:Bucket"


def test_nothing_can_be_deleted_before_its_time(gcp_home: Graph) -> None:
    """Seven years on both buckets, and both outlive the stack."""
    for node in gcp_home.of(BUCKET).values():
        assert node.inputs["retentionPolicy"] == {"retentionPeriod": str(7 * 31_557_600), "isLocked": False}
        assert (node.protect, node.inputs["forceDestroy"]) == (True, False)


def test_both_buckets_are_locked_once_a_person_said_so() -> None:
    """`aurops archive lock` writes `locked`; the retention is then locked here and in the copy."""

    def program() -> None:
        k = parts.keys(parts.place())
        Archive("pay-archive", ArchiveSpec(replica_region="us-east4", locked=True), k)

    assert all(node.inputs["retentionPolicy"]["isLocked"] for node in run(program).of(BUCKET).values())


def test_an_archive_stays_protected_where_protection_is_lifted() -> None:
    """`aurops destroy` leaves it standing."""

    def program() -> None:
        k = parts.keys(parts.place(protect=False))
        Archive("pay-archive", ArchiveSpec(replica_region="us-east4"), k)

    graph = run(program)
    assert all(node.protect for node in graph.nodes if node.name.startswith("pay-archive-"))
    assert not any(node.protect for node in graph.nodes if node.name.startswith("pay-keys"))


def test_each_bucket_has_a_key_of_its_own_region(gcp_home: Graph) -> None:
    """A lost region does not take along the right to read the copy."""
    main, copy = (gcp_home.of(BUCKET)[f"pay-archive-{part}"].inputs for part in ("main", "replica"))
    assert (main["location"], main["encryption"]["defaultKmsKeyName"]) == ("US-CENTRAL1", "pay-keys-archive-id")
    assert (copy["location"], copy["encryption"]["defaultKmsKeyName"]) == ("US-EAST4", "pay-archive-replica-key-id")
    assert gcp_home.one("kms/keyRing:KeyRing", "replica-ring").inputs["location"] == "us-east4"
    waits = {urn.rsplit("::", 1)[-1] for urn in gcp_home.of(BUCKET)["pay-archive-replica"].depends_on}
    assert "pay-archive-replica-key-storage" in waits


def test_nothing_is_public_and_old_objects_move_to_the_archive_class(gcp_home: Graph) -> None:
    """No access list, no public grant; after 90 days the cheapest class, and no rule deletes."""
    for node in gcp_home.of(BUCKET).values():
        assert (node.inputs["uniformBucketLevelAccess"], node.inputs["publicAccessPrevention"]) == (True, "enforced")
        (rule,) = node.inputs["lifecycleRules"]
        assert rule == {"action": {"type": "SetStorageClass", "storageClass": "ARCHIVE"}, "condition": {"age": 90}}


def test_every_new_object_is_copied_under_the_copys_key(gcp_home: Graph) -> None:
    """The job reads one bucket and writes the other, and starts once it is allowed to."""
    job = gcp_home.one("storage/transferJob:TransferJob")
    spec = job.inputs["replicationSpec"]
    assert spec["gcsDataSource"] == {"bucketName": "pay-archive-main"}
    assert spec["gcsDataSink"] == {"bucketName": "pay-archive-replica"}
    assert spec["transferOptions"]["metadataOptions"] == {"kmsKey": "KMS_KEY_DESTINATION_BUCKET_DEFAULT"}
    waits = {urn.rsplit("::", 1)[-1] for urn in job.depends_on}
    assert {"pay-archive-copier-main-legacybucketowner", "pay-archive-copier-replica-legacybucketwriter"} <= waits
