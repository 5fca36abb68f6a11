from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.components.graph import Graph

ACCOUNT = "storage:StorageAccount"


def test_records_cannot_be_changed_for_seven_years(azure_home: Graph) -> None:
    """Versioned, immutable for 2557 days, protected by the engine; locking it is no program's to do."""
    policy = azure_home.one("storage:BlobContainerImmutabilityPolicy")
    assert policy.inputs["immutabilityPeriodSinceCreationInDays"] == 2557
    assert policy.inputs["allowProtectedAppendWrites"] is False
    assert policy.protect
    assert azure_home.one("storage:BlobServiceProperties").inputs["isVersioningEnabled"] is True
    container = azure_home.one("storage:BlobContainer")
    assert container.inputs["immutableStorageWithVersioning"] == {"enabled": True}
    assert container.protect


def test_the_copy_is_in_the_paired_region_and_can_be_read(azure_home: Graph) -> None:
    """Geo-redundant with read access; no zone redundancy, because the archive tier excludes it."""
    assert azure_home.one(ACCOUNT, "archive-kept").inputs["sku"] == {"name": "Standard_RAGRS"}


def test_the_account_is_encrypted_and_nothing_is_anonymous(azure_home: Graph) -> None:
    """The archive's own key, TLS 1.2, roles in Entra only, protected even where the place is not."""
    account = azure_home.one(ACCOUNT, "archive-kept")
    given = account.inputs
    assert given["encryption"]["keyVaultProperties"]["keyName"] == "archive"
    assert (given["minimumTlsVersion"], given["enableHttpsTrafficOnly"]) == ("TLS1_2", True)
    assert (given["allowBlobPublicAccess"], given["allowSharedKeyAccess"]) == (False, False)
    assert account.protect
    assert len(given["accountName"]) <= 24


def test_what_is_old_moves_to_the_archive_tier(azure_home: Graph) -> None:
    """After 90 days, old versions too; nothing is ever deleted by a rule."""
    (rule,) = azure_home.one("storage:ManagementPolicy").inputs["policy"]["rules"]
    actions = rule["definition"]["actions"]
    move = {"tierToArchive": {"daysAfterCreationGreaterThan": 90}}
    assert actions == {"baseBlob": move, "version": move}
