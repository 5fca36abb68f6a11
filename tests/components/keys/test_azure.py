from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.keys.spec import Purpose
from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

VAULT, KEY = "keyvault:Vault", "keyvault:Key"
THEIRS = "https://ours.vault.azure.net/keys/data/0123456789abcdef0123456789abcdef"


def test_the_vault_cannot_be_emptied_or_reached_from_outside(azure_home: Graph) -> None:
    """Purge protection, roles instead of policies, no public network; Azure's own services may use the keys."""
    vault = azure_home.one(VAULT)
    given = vault.inputs["properties"]
    assert (given["enablePurgeProtection"], given["softDeleteRetentionInDays"], vault.protect) == (True, 30, True)
    assert (given["enableRbacAuthorization"], given["publicNetworkAccess"]) == (True, "disabled")
    assert given["networkAcls"] == {"defaultAction": "Deny", "bypass": "AzureServices"}
    assert len(vault.inputs["vaultName"]) <= 24


def test_one_rotated_key_per_purpose(azure_home: Graph) -> None:
    """Each purpose has a key of its own in hardware, protected, rotated by the vault."""
    keys = azure_home.of(KEY)
    assert set(keys) == {f"pay-keys-{purpose}" for purpose in Purpose}
    for node in keys.values():
        (rotate,) = node.inputs["properties"]["rotationPolicy"]["lifetimeActions"]
        assert (rotate["action"]["type"], rotate["trigger"]["timeAfterCreate"]) == ("rotate", "P365D")
        assert (node.inputs["properties"]["kty"], node.protect) == ("RSA-HSM", True)


def test_whoever_waits_for_a_key_waits_for_the_right_to_use_it(azure_home: Graph) -> None:
    """The identity's role on the vault is there before the first key."""
    right = azure_home.one("authorization:RoleAssignment", "identity-may")
    assert right.inputs["principalId"] == "pay-keys-identity-principal"
    assert right.inputs["scope"].endswith(f"/vaults/{azure_home.one(VAULT).inputs['vaultName']}")
    assert all(right.urn in node.depends_on for node in azure_home.of(KEY).values())


def test_a_key_that_exists_is_used_and_not_made() -> None:
    """With `existing`, that purpose's key is not made; services get its URL without the version that was given."""
    seen = []
    graph = run(lambda: seen.append(parts.keys(parts.place(), existing={"data": THEIRS})))
    assert "pay-keys-data" not in graph.of(KEY)
    assert seen[0].by_purpose[Purpose.DATA] == THEIRS.rpartition("/")[0]
    assert seen[0].azure.versions[Purpose.DATA] == THEIRS


def test_names_that_are_unique_in_the_world_end_alike_at_each_run() -> None:
    """The suffix is a function of subscription, fleet and region."""
    seen: list[str] = []

    def program(region: str) -> None:
        pulumi.Output.from_input(parts.keys(parts.place(region)).azure.suffix).apply(seen.append)  # type: ignore[union-attr]

    for region in ("eastus", "eastus", "westeurope"):
        run(lambda: program(region))  # noqa: B023 (run at once)
    assert seen[0] == seen[1] != seen[2]
    assert all(len(each) == 8 for each in seen)
