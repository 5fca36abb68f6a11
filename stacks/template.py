"""The stack files of a new fleet, as `aurops init` writes them. Pure: choices in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from aurops.errors import UsageError
from components.clouds.zones import AZURE_PAIRS, ZONES
from components.place import Cloud
from stacks.config import parse
from stacks.fleet import stack_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.model import StackConfig

# The second number of a region's 10.x.0.0/16. A range cannot change once it is in use, so a region keeps its number
# for ever: new regions get the next free one, none is given away again.
_RANGES: Mapping[Cloud, tuple[str, ...]] = MappingProxyType(
    {
        Cloud.AWS: (
            *("us-east-1", "eu-west-1", "ap-southeast-1", "us-west-2", "us-east-2", "us-west-1", "ca-central-1"),
            *("sa-east-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-west-2", "eu-west-3"),
            *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-2", "ap-southeast-3", "ap-south-1"),
            *("ap-east-1", "me-central-1", "af-south-1"),
        ),
        Cloud.AZURE: (
            *("eastus", "westeurope", "southeastasia", "westus2", "eastus2", "centralus", "southcentralus", "westus3"),
            *("northeurope", "uksouth", "francecentral", "germanywestcentral", "swedencentral", "switzerlandnorth"),
            *("norwayeast", "polandcentral", "italynorth", "spaincentral", "eastasia", "japaneast", "koreacentral"),
            *("australiaeast", "centralindia", "canadacentral", "brazilsouth", "uaenorth", "southafricanorth"),
            *("israelcentral", "qatarcentral", "mexicocentral", "newzealandnorth", "japanwest"),
        ),
        Cloud.GCP: (
            *(
                "us-central1",
                "us-west1",
                "asia-southeast1",
                "us-east1",
                "us-east4",
                "us-east5",
                "us-south1",
                "us-west2",
            ),
            *("us-west3", "us-west4", "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
            *("europe-west8", "europe-west9", "europe-north1", "europe-central2", "europe-southwest1", "asia-east1"),
            *("asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1", "asia-south2"),
            *("asia-southeast2", "australia-southeast1", "australia-southeast2", "northamerica-northeast1"),
            *("northamerica-northeast2", "southamerica-east1", "southamerica-west1", "me-west1", "me-central1"),
            *("africa-south1", "europe-west10", "europe-west12"),
        ),
    }
)
_FIRST_RANGE = MappingProxyType({Cloud.AWS: 16, Cloud.AZURE: 48, Cloud.GCP: 80})
"""No cloud's numbers reach the next one's: the networks of all clouds can be connected some day."""
_CONTROL_REGION = MappingProxyType({Cloud.AWS: "us-east-1"})
"""Where the control plane of a cloud's DNS is; elsewhere what a cloud has once is kept in the home region."""
_ZONE_ID = MappingProxyType(
    {
        Cloud.AWS: "Z…",
        Cloud.AZURE: "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/dnszones/NAME",
        Cloud.GCP: "the managed zone's name",
    }
)
_CACHE_VERSION = MappingProxyType({Cloud.AWS: "8.1", Cloud.AZURE: "8.1", Cloud.GCP: "8.0"})
SAMPLE_IMAGE = "ghcr.io/stefanprodan/podinfo:6.9.2"


@dataclass(frozen=True)
class Choices:
    """What a person decides.

    Args:
        fleet: Short name that every resource name starts with.
        cloud: The cloud.
        regions: Its regions; the order is that of the failover.
        home: The one that is born primary.
        domain: The host name that users call.
        zone: The DNS zone that the name is in.
        zone_id: The zone's id; empty: the global stack makes the zone.
        image: Container image of service and nodes.
        account: The account, subscription or project; empty: whoever signs in decides. Google Cloud needs one.
        owner: Who answers for it; empty: the fleet's name.
        cost_center: Who pays; empty: the fleet's name.
        environment: What it is for.
        data_class: How sensitive its data is.
    """

    fleet: str
    cloud: Cloud
    regions: tuple[str, ...]
    home: str
    domain: str
    zone: str
    zone_id: str = ""
    image: str = SAMPLE_IMAGE
    account: str = ""
    owner: str = ""
    cost_center: str = ""
    environment: str = "production"
    data_class: str = "confidential"


def files(choices: Choices) -> dict[str, str]:
    """The text of each file, by its name.

    Raises:
        UsageError: A choice is impossible.
        ConfigError: A value is not allowed.
    """
    check(choices)
    texts = {stack_name(choices.cloud, region): _region(choices, region) for region in choices.regions}
    texts[stack_name(choices.cloud, "global")] = _global(choices)
    return {f"Pulumi.{stack}.yaml": text for stack, text in texts.items()}


def configurations(texts: Mapping[str, str]) -> dict[str, StackConfig]:
    """The files as the program will read them, by stack.

    Raises:
        ConfigError: A value is not allowed.
    """
    return {
        name.removeprefix("Pulumi.").removesuffix(".yaml"): parse(YAML(typ="safe").load(text)["config"], name)
        for name, text in texts.items()
    }


def check(choices: Choices) -> None:
    """Refuse what no file could say.

    Raises:
        UsageError: Naming the option and what is allowed.
    """
    known = [region for region, zones in ZONES[choices.cloud].items() if len(zones) > 1]
    for region in choices.regions:
        if region not in known:
            raise UsageError(
                f"{region!r} is not a region of {choices.cloud} with zones", where="--region", allowed=", ".join(known)
            )
        if choices.regions.count(region) > 1:
            raise UsageError(f"{region} is given twice", where="--region", allowed="each region once")
    if choices.home not in choices.regions:
        raise UsageError(
            f"home {choices.home!r} is not among the regions", where="--home", allowed=", ".join(choices.regions)
        )
    if choices.cloud is Cloud.GCP and not choices.account:
        raise UsageError("Google Cloud needs a project", where="--account", allowed="the project's id")


def cidr(cloud: Cloud, region: str) -> str:
    """The address range of a region: a function of its name alone."""
    return f"10.{_FIRST_RANGE[cloud] + _RANGES[cloud].index(region)}.0.0/16"


def copy_region(cloud: Cloud, region: str) -> str:
    """A region for copies of what `region` keeps: on Azure its pair, else the last by name on the same continent."""
    if cloud is Cloud.AZURE:
        return AZURE_PAIRS.get(region, "")
    others = sorted(set(ZONES[cloud]) - {region})
    continent = region.partition("-")[0]
    near = [each for each in others if each.startswith(f"{continent}-")]
    return (near or others)[-1]


def _head(choices: Choices, region: str, scope: str) -> str:
    control = "    # Where the control plane of DNS is.\n" if scope == "global" and choices.cloud is Cloud.AWS else ""
    account = f"    account_id: {choices.account}\n" if choices.account else ""
    return f"""\
# yaml-language-server: $schema=stack.schema.json
config:
  aurops:{scope}:
    schema: 1
    # Cannot change later: every resource name starts with it.
    fleet: {choices.fleet}
    cloud: {choices.cloud}
{account}\
{control}\
    region: {region}
    # The region that was born primary. It never changes, not even after a failover.
    home: {choices.home}
    tags:
      service: {choices.fleet}
      owner: {choices.owner or choices.fleet}
      environment: {choices.environment}
      cost-center: {choices.cost_center or choices.fleet}
      # Decides where its data may lie: ci/policy/settings.py.
      data-class: {choices.data_class}
"""


def _region(choices: Choices, region: str) -> str:
    zones = sorted(ZONES[choices.cloud][region])[:3]
    return f"""\
{_head(choices, region, "region")}\
    network:
      # Cannot change later: every subnet is cut from it.
      cidr: {cidr(choices.cloud, region)}
      zones: [{", ".join(zones)}]
    nodes:
      version: "1.34"
    workload:
      image: {choices.image}
      port: 9898
      health_path: /readyz
      # Cannot change later: Kubernetes refuses to change a claim template.
      disk_gib: 20
    service:
      image: {choices.image}
      port: 9898
      health_path: /readyz
      certificate:
        domain: {choices.domain}
{_proof(choices, region)}\
    database:
      # Cannot change later: fixed at creation.
      name: {choices.fleet}
      engine_version: "17.5"
      zones: [{", ".join(zones[:2])}]
{_standby(choices, region)}\
    cache:
      engine_version: "{_CACHE_VERSION[choices.cloud]}"
      zones: [{", ".join(zones[:2])}]
{_archive(choices, region)}"""


def _standby(choices: Choices, region: str) -> str:
    others = [each for each in choices.regions if each != choices.home]
    if choices.cloud is Cloud.AWS or region != choices.home or not others:
        return ""
    return f"      # The only region that can take over by its database.\n      standby_region: {others[0]}\n"


def _proof(choices: Choices, region: str) -> str:
    if choices.cloud is Cloud.GCP:
        return "        # TLS ends in the global stack, which has the certificates made.\n"
    if region != choices.home:
        return "        # The home region's stack makes the record that proves the name.\n"
    if not choices.zone_id:
        return f"        # Add the zone's id once there is a zone: zone_id: {_ZONE_ID[choices.cloud]}\n"
    return f"        zone_id: {choices.zone_id}\n"


def _archive(choices: Choices, region: str) -> str:
    if region != choices.home or not copy_region(choices.cloud, region):
        return ""
    return f"""\
    archive:
      # Cannot change later. Where records may lie is a legal question: check it.
      replica_region: {copy_region(choices.cloud, region)}
      # Can be raised later, never lowered.
      retention_years: 7
"""


def _global(choices: Choices) -> str:
    order = (choices.home, *(region for region in choices.regions if region != choices.home))
    zone = f"zone_id: {choices.zone_id}" if choices.zone_id else "create_zone: true"
    return f"""\
{_head(choices, _CONTROL_REGION.get(choices.cloud, choices.home), "global")}\
    traffic:
      zone: {choices.zone}
      {zone}
      records:
        - name: {choices.domain}
          routing: failover
          # A switch moves traffic, not this order.
          order: [{", ".join(order)}]
{_switches(choices.cloud, order)}"""


def _switches(cloud: Cloud, order: tuple[str, ...]) -> str:
    if cloud is not Cloud.AWS:
        return ""
    keepers = (*order[1:], order[0]) if len(order) > 1 else (copy_region(cloud, order[0]),)
    switches = "".join(f"        {region}: {keeper}\n" for region, keeper in zip(order, keepers, strict=True))
    why = "      # Each region's switch is kept in another region, for the day that its own fails.\n"
    return f"{why}      switches:\n{switches}"
