"""In which jurisdiction each region of the three clouds is. `eu` is the European Union; else the country's ISO code."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_REGIONS: Final = {
    "ae": "aws:me-central-1 azure:uaenorth",
    "au": (
        "aws:ap-southeast-2 azure:australiaeast azure:australiasoutheast gcp:australia-southeast1 "
        "gcp:australia-southeast2"
    ),
    "br": "aws:sa-east-1 azure:brazilsouth gcp:southamerica-east1",
    "ca": (
        "aws:ca-central-1 azure:canadacentral azure:canadaeast gcp:northamerica-northeast1 gcp:northamerica-northeast2"
    ),
    "ch": "aws:eu-central-2 azure:switzerlandnorth gcp:europe-west6",
    "cl": "gcp:southamerica-west1",
    "eu": (
        "aws:eu-central-1 aws:eu-north-1 aws:eu-south-1 aws:eu-west-1 aws:eu-west-3 "
        "azure:francecentral azure:germanywestcentral azure:italynorth azure:northeurope azure:polandcentral "
        "azure:spaincentral azure:swedencentral azure:westeurope "
        "gcp:europe-central2 gcp:europe-north1 gcp:europe-southwest1 gcp:europe-west1 gcp:europe-west10 "
        "gcp:europe-west12 gcp:europe-west3 gcp:europe-west4 gcp:europe-west8 gcp:europe-west9 gcp:eu gcp:eur4"
    ),
    "gb": "aws:eu-west-2 azure:uksouth azure:ukwest gcp:europe-west2",
    "hk": "aws:ap-east-1 azure:eastasia gcp:asia-east2",
    "id": "aws:ap-southeast-3 gcp:asia-southeast2",
    "il": "azure:israelcentral gcp:me-west1",
    "in": "aws:ap-south-1 azure:centralindia azure:southindia gcp:asia-south1 gcp:asia-south2",
    "jp": (
        "aws:ap-northeast-1 aws:ap-northeast-3 azure:japaneast azure:japanwest gcp:asia-northeast1 gcp:asia-northeast2"
    ),
    "kr": "aws:ap-northeast-2 azure:koreacentral azure:koreasouth gcp:asia-northeast3",
    "mx": "azure:mexicocentral",
    "no": "azure:norwayeast",
    "nz": "azure:newzealandnorth",
    "qa": "azure:qatarcentral gcp:me-central1",
    "sg": "aws:ap-southeast-1 azure:southeastasia gcp:asia-southeast1",
    "tw": "gcp:asia-east1",
    "us": (
        "aws:us-east-1 aws:us-east-2 aws:us-west-1 aws:us-west-2 "
        "azure:centralus azure:eastus azure:eastus2 azure:northcentralus azure:southcentralus azure:westcentralus "
        "azure:westus azure:westus2 azure:westus3 "
        "gcp:us-central1 gcp:us-east1 gcp:us-east4 gcp:us-east5 gcp:us-south1 gcp:us-west1 gcp:us-west2 gcp:us-west3 "
        "gcp:us-west4 gcp:us gcp:nam4"
    ),
    "za": "aws:af-south-1 azure:southafricanorth gcp:africa-south1",
}

JURISDICTION: Final = MappingProxyType(
    {tuple(each.split(":")): country for country, regions in _REGIONS.items() for each in regions.split()}
)
"""By cloud and region. Google Cloud's `us`, `eu`, `nam4` and `eur4` are several regions of one jurisdiction
(Cloud Storage, "Bucket locations"); its `asia` and `global` are in none, and so not listed."""
