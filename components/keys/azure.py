"""Keys on Azure: one vault with purge protection, one key per purpose. Never run against a real account.

The stack's resource group is made here too, because everything else needs a key first.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import client, grant, group, suffix_of
from components.keys.component import AzureKeys, KeysOutputs
from components.keys.spec import KeysSpec, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope

NOT_OFFERED: Final[Mapping[str, str]] = {
    "zones": "a vault has no zones to choose: Azure keeps it in several and copies it to the paired region",
}


def build(scope: Scope, spec: KeysSpec) -> KeysOutputs:
    """Make group, identity and vault, then the keys that are not brought along."""
    me = client(scope)
    inside = group(scope, scope.place.region)
    name = scope.named("identity")
    user = azure.managedidentity.UserAssignedIdentity(
        name, resource_group_name=inside.name, tags=scope.tags(name), opts=scope.opts()
    )
    vault = make_vault(scope, spec, inside, me.tenant_id, user)
    may = grant(scope, "identity-may", "Key Vault Crypto Service Encryption User", user.principal_id, vault.id)
    urls: dict[Purpose, pulumi.Input[str]] = {key: url.rpartition("/")[0] for key, url in spec.existing.items()}
    versions: dict[Purpose, pulumi.Input[str]] = dict(spec.existing)
    for purpose in Purpose:
        if purpose not in urls:
            key = make_key(scope, spec, purpose, inside, vault, may)
            urls[purpose], versions[purpose] = key.key_uri, key.key_uri_with_version
    more = AzureKeys(
        group=inside.name,
        vault_id=vault.id,
        identity_id=user.id,
        principal_id=user.principal_id,
        client_id=user.client_id,
        identity_name=user.name,
        tenant_id=me.tenant_id,
        suffix=me.subscription_id.apply(lambda known: suffix_of(known, scope.place.fleet, scope.place.region)),
        versions=versions,
    )
    return KeysOutputs(scope.place, urls, more)


def make_vault(
    scope: Scope,
    spec: KeysSpec,
    inside: azure.resources.ResourceGroup,
    tenant_id: pulumi.Input[str],
    user: azure.managedidentity.UserAssignedIdentity,
) -> azure.keyvault.Vault:
    """A vault that only private endpoints and Azure's own services reach, with roles instead of access policies.

    With purge protection a deleted vault keeps its name for the whole retention, so a rebuilt stack needs another:
    the suffix is made of the identity's object id, which Azure gives anew each time.
    """
    name = scope.named("vault")
    ending = user.principal_id.apply(lambda known: sha256(known.encode()).hexdigest()[:8])
    return azure.keyvault.Vault(
        name,
        vault_name=pulumi.Output.concat(scope.place.fleet, "-", ending),
        resource_group_name=inside.name,
        properties={
            "tenant_id": tenant_id,
            "sku": {"family": azure.keyvault.SkuFamily.A, "name": azure.keyvault.SkuName.PREMIUM},
            "enable_rbac_authorization": True,
            "enable_purge_protection": True,
            "soft_delete_retention_in_days": spec.deletion_window_days,
            # Storage, PostgreSQL, Redis and disks use the keys as trusted services, whatever the firewall says
            # (Key Vault documentation, "Trusted services").
            "public_network_access": "disabled",
            "network_acls": {"default_action": "Deny", "bypass": "AzureServices"},
        },
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def make_key(
    scope: Scope,
    spec: KeysSpec,
    purpose: Purpose,
    inside: azure.resources.ResourceGroup,
    vault: azure.keyvault.Vault,
    may: pulumi.Resource,
) -> azure.keyvault.Key:
    """A key in hardware, rotated by the vault. It comes after the right to use it, so that who needs it has both."""
    name = scope.named(purpose)
    rotate: azure.keyvault.LifetimeActionArgsDict = {
        "action": {"type": azure.keyvault.KeyRotationPolicyActionType.ROTATE},
        "trigger": {"time_after_create": f"P{spec.rotation_period_days}D"},
    }
    return azure.keyvault.Key(
        name,
        key_name=purpose.value,
        resource_group_name=inside.name,
        vault_name=vault.name,
        properties={"kty": "RSA-HSM", "key_size": 3072, "rotation_policy": {"lifetime_actions": [rotate]}},
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True, depends_on=[may]),
    )
