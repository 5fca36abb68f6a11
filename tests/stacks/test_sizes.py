"""The table of AWS's sizes, and what is refused by it. AUROPS_ACCEPT=1 writes it anew from `cfn-lint`."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cfnlint
import pytest

from components.cache.spec import CacheSpec
from components.clouds.aws_sizes import FILE, Service, lacking
from components.clouds.limits import refused
from components.clouds.zones import ZONES
from components.database.spec import DatabaseSpec
from components.nodes.spec import NodesSpec
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SOURCE = Path(cfnlint.__file__).parent / "data" / "schemas" / "extensions"
FILES = {
    Service.MACHINES: "aws_ec2_instance/instancetype_enum.json",
    Service.DATABASES: "aws_rds_dbinstance/dbinstanceclass_enum.json",
    Service.CACHES: "aws_elasticache_cachecluster/cachenodetype_enum.json",
}
ENGINE = "aurora-postgresql"


def listed(service: Service) -> Mapping[str, set[str]]:
    """What `cfn-lint` lists, by region of our own table; of databases what Aurora PostgreSQL runs on."""
    raw = json.loads((SOURCE / FILES[service]).read_text())
    found = {region: set(_sizes(raw[region])) for region in ZONES[Cloud.AWS] if isinstance(raw.get(region), dict)}
    return {region: {size for size in sizes if size != "db.serverless"} for region, sizes in found.items()}


def _sizes(schema: Mapping[str, Any]) -> Iterable[str]:
    if "enum" in schema:
        return list(schema["enum"])
    rules = [rule for rule in schema["allOf"] if rule["if"]["properties"].get("Engine", {}).get("const") == ENGINE]
    return [size for rule in rules for size in rule["then"]["properties"]["DBInstanceClass"]["enum"]]


def written() -> str:
    """The table as it should be: sets of sizes once each, and their numbers by region and family."""
    sets: list[str] = []
    table: dict[str, Any] = {"source": f"cfn-lint {version('cfn-lint')}", "sizes": sets}
    for service in Service:
        table[service] = {}
        for region, sizes in sorted(listed(service).items()):
            families: dict[str, list[str]] = defaultdict(list)
            for size in sorted(sizes):
                family, _, last = size.rpartition(".")
                families[family].append(last)
            here = {family: " ".join(each) for family, each in sorted(families.items())}
            sets.extend(each for each in dict.fromkeys(here.values()) if each not in sets)
            table[service][region] = {family: sets.index(each) for family, each in here.items()}
    lines = [f" {json.dumps(key)}: {json.dumps(table[key])}" for key in ("source", "sizes")]
    for service in Service:
        rows = [f"  {json.dumps(region)}: {json.dumps(here)}" for region, here in table[service].items()]
        lines.append(f" {json.dumps(str(service))}: {{\n" + ",\n".join(rows) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_the_table_is_that_of_cfn_lint() -> None:
    """Every region of ours is in it, with all that AWS lists there."""
    if os.environ.get("AUROPS_ACCEPT"):
        FILE.write_text(written())
    assert FILE.read_text() == written(), "AUROPS_ACCEPT=1 writes it"
    assert all(set(json.loads(FILE.read_text())[service]) == set(ZONES[Cloud.AWS]) for service in Service)


@pytest.mark.parametrize(
    ("service", "region", "size", "says"),
    [
        (Service.MACHINES, "us-east-1", "m7i.xlarge", ""),
        (Service.MACHINES, "us-east-1", "m7i.3xlarge", "m7i has no such size in us-east-1; allowed: m7i.12xlarge"),
        (Service.MACHINES, "us-east-1", "m99.huge", "AWS lists no m99.huge"),
        (Service.MACHINES, "eu-south-1", "m7g.large", "eu-south-1 has no m7g; allowed: sizes of c5"),
        (Service.DATABASES, "us-east-1", "db.r7g.16xlarge", ""),
        (Service.DATABASES, "us-east-1", "db.m5.large", "AWS lists no db.m5.large"),
        (Service.CACHES, "us-east-1", "cache.r7g.3xlarge", "cache.r7g has no such size"),
        (Service.CACHES, "moon-1", "cache.r7g.large", ""),
    ],
)
def test_a_size_that_cannot_be_had_is_told_with_those_that_can(
    service: Service, region: str, size: str, says: str
) -> None:
    """By size, by family in the region, or at all; of a region that is not in the table nothing is known."""
    told = lacking(service, region, size)
    assert told.startswith(says)
    assert bool(told) == bool(says)


@pytest.mark.parametrize(
    ("noun", "spec", "begins"),
    [
        ("nodes", NodesSpec(version="1.34", architecture="arm64"), "architecture: m7g.large: eu-south-1 has no m7g"),
        (
            "nodes",
            NodesSpec(version="1.34", aws={"instance_type": "m99.huge"}),
            "aws.instance_type: m99.huge: AWS lists",
        ),
        ("nodes", NodesSpec(version="1.34"), ""),
        (
            "database",
            DatabaseSpec(
                name="ledger", engine_version="17.5", zones=["a", "b"], aws={"instance_class": "db.r9z.large"}
            ),
            "aws.instance_class: db.r9z.large: AWS lists no",
        ),
        (
            "cache",
            CacheSpec(engine_version="8.1", zones=["a", "b"], memory_gib=6),
            "memory_gib: cache.m7g.large: eu-south-1 has no",
        ),
        (
            "cache",
            CacheSpec(engine_version="8.1", zones=["a", "b"], aws={"node_type": "cache.m5.3xlarge"}),
            "aws.node_type: cache.m5.3xlarge",
        ),
    ],
)
def test_a_region_that_cannot_hold_the_spec_is_refused(noun: str, spec: Any, begins: str) -> None:
    """The field that decides the size is named, whether it was given or follows from another."""
    told = list(refused(Cloud.AWS, "eu-south-1", noun, spec))
    assert [each[: len(begins)] for each in told] == ([begins] if begins else [])
