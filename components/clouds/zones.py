"""Regions, their zones and pairs. No SDK: configuration is checked before a provider is loaded.

Sources, as of 2026-11:

- AWS: the table of `cfn-lint`, of which a test says that it has these. Zone letters are mapped per account, and an
  account may see others or fewer: `aws ec2 describe-availability-zones` is the authority.
- Azure: "List of Azure regions" (learn.microsoft.com/azure/reliability/regions-list). Zones 1 to 3 are a to c; a
  region without a letter has no zones. Regions with restricted access are left out.
- Google Cloud: "Regions and zones" (cloud.google.com/compute/docs/regions-zones).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

_AWS = {
    "af-south-1": "abc",
    "ap-east-1": "abc",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ap-northeast-3": "abc",
    "ap-south-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-southeast-3": "abc",
    "ca-central-1": "abd",
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "me-central-1": "abc",
    "sa-east-1": "abc",
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}
_AZURE = {
    "australiaeast": "abc",
    "australiasoutheast": "",
    "brazilsouth": "abc",
    "canadacentral": "abc",
    "canadaeast": "",
    "centralindia": "abc",
    "centralus": "abc",
    "eastasia": "abc",
    "eastus": "abc",
    "eastus2": "abc",
    "francecentral": "abc",
    "germanywestcentral": "abc",
    "israelcentral": "abc",
    "italynorth": "abc",
    "japaneast": "abc",
    "japanwest": "abc",
    "koreacentral": "abc",
    "koreasouth": "",
    "mexicocentral": "abc",
    "newzealandnorth": "abc",
    "northcentralus": "",
    "northeurope": "abc",
    "norwayeast": "abc",
    "polandcentral": "abc",
    "qatarcentral": "abc",
    "southafricanorth": "abc",
    "southcentralus": "abc",
    "southeastasia": "abc",
    "southindia": "",
    "spaincentral": "abc",
    "swedencentral": "abc",
    "switzerlandnorth": "abc",
    "uaenorth": "abc",
    "uksouth": "abc",
    "ukwest": "",
    "westcentralus": "",
    "westeurope": "abc",
    "westus": "",
    "westus2": "abc",
    "westus3": "abc",
}
_AZURE_PAIRS = {
    "australiaeast": "australiasoutheast",
    "australiasoutheast": "australiaeast",
    "brazilsouth": "southcentralus",
    "canadacentral": "canadaeast",
    "canadaeast": "canadacentral",
    "centralindia": "southindia",
    "centralus": "eastus2",
    "eastasia": "southeastasia",
    "eastus": "westus",
    "eastus2": "centralus",
    "japaneast": "japanwest",
    "japanwest": "japaneast",
    "koreacentral": "koreasouth",
    "koreasouth": "koreacentral",
    "northcentralus": "southcentralus",
    "northeurope": "westeurope",
    "southcentralus": "northcentralus",
    "southeastasia": "eastasia",
    "southindia": "centralindia",
    "uksouth": "ukwest",
    "ukwest": "uksouth",
    "westcentralus": "westus2",
    "westeurope": "northeurope",
    "westus": "eastus",
    "westus2": "westcentralus",
    "westus3": "eastus",
}
_GCP = {
    "africa-south1": "abc",
    "asia-east1": "abc",
    "asia-east2": "abc",
    "asia-northeast1": "abc",
    "asia-northeast2": "abc",
    "asia-northeast3": "abc",
    "asia-south1": "abc",
    "asia-south2": "abc",
    "asia-southeast1": "abc",
    "asia-southeast2": "abc",
    "australia-southeast1": "abc",
    "australia-southeast2": "abc",
    "europe-central2": "abc",
    "europe-north1": "abc",
    "europe-southwest1": "abc",
    "europe-west1": "bcd",
    "europe-west10": "abc",
    "europe-west12": "abc",
    "europe-west2": "abc",
    "europe-west3": "abc",
    "europe-west4": "abc",
    "europe-west6": "abc",
    "europe-west8": "abc",
    "europe-west9": "abc",
    "me-central1": "abc",
    "me-west1": "abc",
    "northamerica-northeast1": "abc",
    "northamerica-northeast2": "abc",
    "southamerica-east1": "abc",
    "southamerica-west1": "abc",
    "us-central1": "abcf",
    "us-east1": "bcd",
    "us-east4": "abc",
    "us-east5": "abc",
    "us-south1": "abc",
    "us-west1": "abc",
    "us-west2": "abc",
    "us-west3": "abc",
    "us-west4": "abc",
}


def _letters(table: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({region: frozenset(zones) for region, zones in table.items()})


ZONES = MappingProxyType({Cloud.AWS: _letters(_AWS), Cloud.AZURE: _letters(_AZURE), Cloud.GCP: _letters(_GCP)})
"""Zone letters by cloud and region."""

AZURE_PAIRS = MappingProxyType(_AZURE_PAIRS)
"""The region that Azure copies geo-redundant storage to, and lets no other; a region that is not here has none."""
