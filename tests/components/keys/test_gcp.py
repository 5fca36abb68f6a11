from __future__ import annotations

from typing import TYPE_CHECKING

from components.keys.spec import Purpose
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

KEY, GRANT = "kms/cryptoKey:CryptoKey", "kms/cryptoKeyIAMMember:CryptoKeyIAMMember"


def test_one_rotating_protected_key_per_purpose(gcp_home: Graph) -> None:
    """Each purpose has its own key on the region's ring, rotated every year and 30 days from death."""
    keys = gcp_home.of(KEY)
    assert {f"pay-keys-{purpose}" for purpose in Purpose} <= set(keys)
    for purpose in Purpose:
        node = keys[f"pay-keys-{purpose}"]
        assert (node.inputs["rotationPeriod"], node.inputs["destroyScheduledDuration"]) == ("31536000s", "2592000s")
        assert node.inputs["keyRing"] == "pay-keys-ring-id"
        assert node.protect
    ring = gcp_home.one("kms/keyRing:KeyRing", "keys-ring")
    assert (ring.inputs["location"], ring.protect) == ("us-central1", True)


def test_no_key_has_a_name_that_a_rebuild_would_need_again(gcp_home: Graph) -> None:
    """Key rings and keys are never deleted, and their names stay taken: the provider draws new ones."""
    assert not [node for node in gcp_home.nodes if node.type.startswith("gcp:kms/key") and node.inputs.get("name")]


def test_every_service_that_encrypts_is_granted_its_key_and_no_other(gcp_home: Graph) -> None:
    """Each purpose's service agents may use that purpose's key: encrypt and decrypt, nothing more."""
    grants = {name: node for name, node in gcp_home.of(GRANT).items() if name.startswith("pay-keys")}
    assert set(grants) == {
        f"pay-keys-{part}"
        for part in (
            *("data-sqladmin", "data-memorystore", "secrets-container", "disks-run", "disks-compute"),
            *("logs-logging", "archive-storage"),
        )
    }
    for name, node in grants.items():
        assert node.inputs["cryptoKeyId"] == f"{name.rsplit('-', 1)[0]}-id"
        assert node.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    compute = grants["pay-keys-disks-compute"].inputs["member"]
    assert compute == "serviceAccount:service-424242424242@compute-system.iam.gserviceaccount.com"


def test_a_key_is_known_once_its_services_may_use_it(gcp_home: Graph) -> None:
    """Whatever names a key depends on the grants too, so that no service is told of a key that it may not use."""
    instance = gcp_home.one("sql/databaseInstance:DatabaseInstance")
    assert instance.inputs["encryptionKeyName"] == "pay-keys-data-id"
    waits = {urn.rsplit("::", 1)[-1] for urn in instance.depends_on}
    assert {"pay-keys-data-sqladmin", "pay-keys-data-memorystore"} <= waits


def test_keys_that_exist_are_taken_as_they_are() -> None:
    """A purpose with a key of its own gets none made, and nobody is granted anything on it."""
    brought = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
    graph = run(lambda: parts.keys(parts.place(), existing={"data": brought}))
    assert "pay-keys-data" not in graph.of(KEY)
    assert not [name for name in graph.of(GRANT) if "-data-" in name]
    assert not run(lambda: parts.keys(parts.place(), existing=dict.fromkeys(Purpose, brought))).of(
        "kms/keyRing:KeyRing"
    )
