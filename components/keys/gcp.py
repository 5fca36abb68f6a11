"""Keys on Google Cloud: a key ring of the region, one key per purpose. Never run against a real account.

A service encrypts as its own service agent, which must be granted the key before the service is told of it. So a
purpose's key becomes known only once its agents may use it. Keys that were brought along must have been granted.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import ENCRYPTER, make_key, make_ring, project, usable
from components.keys.component import KeysOutputs
from components.keys.spec import KeysSpec, Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope

# The services of each purpose whose agents are made on request (Resource Manager, "Create and grant roles to service
# agents"): Cloud SQL and Memorystore; GKE's application-layer secrets; Cloud Run's copy of the image.
SERVICES: Final[Mapping[Purpose, tuple[str, ...]]] = MappingProxyType(
    {Purpose.DATA: ("sqladmin", "memorystore"), Purpose.SECRETS: ("container",), Purpose.DISKS: ("run",)}
)


def build(scope: Scope, spec: KeysSpec) -> KeysOutputs:
    """Make the keys that are not brought along, and let the services use them."""
    keys: dict[Purpose, pulumi.Input[str]] = dict(spec.existing)
    wanted = [purpose for purpose in Purpose if purpose not in keys]
    if wanted:
        ring = make_ring(scope, "ring", scope.place.region)
        for purpose in wanted:
            key = make_key(scope, purpose, ring, spec.rotation_period_days, spec.deletion_window_days)
            keys[purpose] = usable(key, grant(scope, key, purpose))
    return KeysOutputs(scope.place, keys)


def grant(scope: Scope, key: gcp.kms.CryptoKey, purpose: Purpose) -> list[gcp.kms.CryptoKeyIAMMember]:
    """Let every service of the purpose use its key."""
    return [
        gcp.kms.CryptoKeyIAMMember(
            scope.named(purpose, agent), crypto_key_id=key.id, role=ENCRYPTER, member=member, opts=scope.opts()
        )
        for agent, member in agents(scope, purpose).items()
    ]


def agents(scope: Scope, purpose: Purpose) -> dict[str, pulumi.Output[str]]:
    """The service agents that encrypt for a purpose, as members of an IAM policy."""
    found = {service: identity(scope, service) for service in SERVICES.get(purpose, ())}
    match purpose:
        case Purpose.DISKS:
            # Disks, boot disks too, are encrypted by Compute Engine (GKE, "Use customer-managed encryption keys").
            number = project(scope).number
            found["compute"] = pulumi.Output.format(
                "serviceAccount:service-{}@compute-system.iam.gserviceaccount.com", number
            )
        case Purpose.LOGS:
            found["logging"] = logging_agent(scope)
        case Purpose.ARCHIVE:
            found["storage"] = storage_agent(scope)
    return found


def identity(scope: Scope, service: str) -> pulumi.Output[str]:
    """A service's agent in this project; made if need be, and never deleted."""
    name = scope.named("agent", service)
    return gcp.projects.ServiceIdentity(name, service=f"{service}.googleapis.com", opts=scope.opts()).member


def logging_agent(scope: Scope) -> pulumi.Output[str]:
    """Who encrypts log buckets (Cloud Logging, "Configure CMEK for log buckets")."""
    settings = gcp.logging.get_project_cmek_settings_output(
        project=project(scope).project_id, opts=pulumi.InvokeOptions(parent=scope.parent)
    )
    return pulumi.Output.concat("serviceAccount:", settings.service_account_id)


def storage_agent(scope: Scope) -> pulumi.Output[str]:
    """Who encrypts objects (Cloud Storage, "Use customer-managed encryption keys")."""
    return gcp.storage.get_project_service_account_output(opts=pulumi.InvokeOptions(parent=scope.parent)).member
