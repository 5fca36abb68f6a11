from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from stacks.config import ConfigError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

STACKS = Path(__file__).parents[2] / "stacks"
ZONE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/dns/providers/Microsoft.Network/dnszones"


def given(stack: str, path: str, value: Any) -> Mapping[str, Any]:
    """A stack of the repository with another value at a path."""
    config = YAML(typ="safe").load(STACKS / f"Pulumi.{stack}.yaml")["config"]
    scope = config["aurops:global" if stack.endswith("global") else "aurops:region"]
    *parents, last = path.split("/")
    for part in parents:
        scope = scope.setdefault(part, {})
    scope[last] = value
    return dict(config)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("keys/existing", {"data": "https://v.vault.azure.net/keys/k"}, "with its version"),
        ("keys/existing", {"secrets": f"https://vau.vault.azure.net/keys/k/{'0' * 32}"}, "existing.secrets: AKS takes"),
        ("network/flow_log_retention_days", 366, "allowed: 1 to 365"),
        ("nodes/disk_gib", 20, "allowed: 30 to 2048"),
        ("nodes/admins", ["arn:aws:iam::123456789012:role/operators"], "object id of a group in Entra"),
        ("nodes/log_retention_days", 7, "allowed: 30 to 730"),
        ("nodes/azure", {"vm_size": "Standard_Foo"}, "Azure has no Standard_Foo"),
        ("nodes/azure", {"vm_size": "Standard_D3s_v5"}, "with 1, 2, 4, 8, 16"),
        ("database/azure", {"sku": "Standard_E3ds_v5"}, "such as Standard_E8ads_v5"),
        ("cache/azure", {"sku": "Balanced_B9"}, "Balanced_B10"),
        ("service/max_tasks", 31, "allowed: up to 30"),
        ("service/min_tasks", 1, "allowed: from 2"),
        ("service/certificate", {"existing": "arn:aws:acm:x"}, "certificate.existing: App Service binds a name"),
        ("service/certificate", {"domain": "api.example.com", "zone_id": "Z1"}, "a zone's resource id"),
        ("service/certificate", {"domain": "api.example.org", "zone_id": f"{ZONE}/example.com"}, "is not in zone"),
        ("service/environment", {"WEBSITES_PORT": "80"}, "App Service's own settings"),
        ("database/port", 5433, "allowed: 5432"),
        ("database/engine_version", "19.1", "allowed: 14 to 18"),
        ("database/zones", ["a", "b", "c"], "stand in two"),
        ("database/name", "postgres", "a database of Azure's own"),
        ("cache/port", 6379, "allowed: 10000"),
        ("cache/snapshot_retention_days", 7, "keeps no snapshots"),
        ("cache/replicas_per_shard", 2, "leave it out, or 1"),
        ("cache/shards", 100, "allowed: up to 768 in all"),
        ("archive/replica_region", "westeurope", "allowed: westus"),
        ("tags", {f"tag{number}": "x" for number in range(14)}, "allowed: 13"),
        ("tags", {"cost center": "x"}, "without blanks"),
        ("tags", {"team": "x" * 257}, "allowed: 256"),
    ],
)
def test_what_azure_cannot_do_is_refused_by_file_and_key(path: str, value: Any, says: str) -> None:
    """A value that Azure has no equivalent of is refused before anything is planned, with what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse(given("azure-eastus", path, value), "stacks/Pulumi.azure-eastus.yaml")
    assert f"{path.split('/', maxsplit=1)[0]}." in str(caught.value.what)
    assert says in f"{caught.value.what} {caught.value.allowed}"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("traffic/switches", {"eastus": "westeurope"}, "disables the region's endpoints"),
        ("traffic/zone_id", "Z0123", "a zone's resource id"),
        (
            "traffic/records",
            [{"name": "example.com", "routing": "latency", "regions": ["eastus"]}],
            "cannot lead to Traffic Manager",
        ),
    ],
)
def test_names_that_azure_cannot_have_are_refused(path: str, value: Any, says: str) -> None:
    """Switches, zones of another cloud, and the zone's own name are refused in the global stack."""
    with pytest.raises(ConfigError, match=says):
        parse(given("azure-global", path, value), "stacks/Pulumi.azure-global.yaml")


def test_an_archive_needs_a_region_that_azure_copies() -> None:
    """In a region without a pair there is no place for the copy, and the refusal says so."""
    config = given("azure-eastus", "archive/replica_region", "westus")
    config["aurops:region"] |= {"region": "swedencentral"}
    with pytest.raises(ConfigError, match="paired swedencentral with no region"):
        parse(config, "stacks/Pulumi.azure-eastus.yaml")
