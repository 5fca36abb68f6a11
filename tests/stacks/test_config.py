"""Wrong configurations: one error each, naming file, key and what is allowed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from aurops.errors import ExitCode, UsageError
from stacks import schema
from stacks.config import load

if TYPE_CHECKING:
    from collections.abc import Callable

STACKS = Path(__file__).parents[2] / "stacks"
HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the real stack files."""
    for file in STACKS.glob("Pulumi.*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def edit(folder: Path, stack: str, change: Callable[[Any], object]) -> None:
    """Change the `aurops:region` or `aurops:global` part of a stack file."""
    file = folder / f"Pulumi.{stack}.yaml"
    document = YAML(typ="safe").load(file.read_text())
    (part,) = document["config"].values()
    change(part)
    with file.open("w") as out:
        YAML().dump(document, out)


def put(path: str, value: Any) -> Callable[[Any], None]:
    """An edit that sets a value at a path."""

    def change(part: Any) -> None:
        *parents, last = path.split(".")
        for key in parents:
            part = part[key]
        part[last] = value

    return change


def drop(path: str) -> Callable[[Any], None]:
    """An edit that removes a key."""

    def change(part: Any) -> None:
        *parents, last = path.split(".")
        for key in parents:
            part = part[key]
        del part[last]

    return change


def test_the_real_stack_files_are_right() -> None:
    """The stacks of the repository load: on each cloud three regions, of which one is home, and what it has once."""
    fleet = load(STACKS)
    assert {HOME, EU, "aws-ap-southeast-1", GLOBAL} <= set(fleet.stacks)
    for cloud in {each.cloud for each in fleet.stacks.values()}:
        own = [name for name, each in fleet.stacks.items() if each.cloud is cloud]
        assert len(own) == 4
        assert [fleet.is_home(name) for name in own].count(True) == 1


# stack, edit, what the error says, the key in `where`, part of `allowed`
WRONG: list[tuple[str, Callable[[Any], object], str, str, str]] = [
    (HOME, put("region", "us-east-9"), "us-east-9", "aurops:region", ""),
    (HOME, put("region", "us-east-2"), "the stack is called aws-us-east-1", "region", "Pulumi.aws-us-east-2.yaml"),
    (HOME, put("cloud", "oracle"), "'oracle'", "cloud", "cloud"),
    (HOME, put("cloud", "gcp"), "region 'us-east-1' is not a region of gcp", "aurops:region", ""),
    (HOME, put("fleet", "Payments"), "'Payments'", "fleet", "same in all stacks"),
    (HOME, put("fleet", "other"), "different fleets", "fleet", "one"),
    (HOME, put("schema", 2), "less than or equal to 1", "schema", "Version"),
    (EU, put("home", "eu-west-1"), "two homes", "home", "one home per cloud"),
    (HOME, put("home", "us-east-9"), "home 'us-east-9' is not a region", "aurops:region", ""),
    (HOME, put("account_id", "1234"), "account_id: '1234' is not an account: twelve digits", "aurops:region", ""),
    (HOME, drop("network"), "'network' is missing", "network", "The network"),
    (HOME, put("network.cidr", "10.16.0.0"), "/32 is not between /16 and /20", "network.cidr", "Address range"),
    (HOME, put("network.cidr", "10.16.0.1/16"), "host bits", "network.cidr", "Address range"),
    (HOME, put("network.cidr", "10.16.0.0/24"), "/24 is not between", "network.cidr", "Address range"),
    (HOME, put("network.cidr", "ten"), "'ten'", "network.cidr", "Address range"),
    (EU, put("network.cidr", "10.16.128.0/17"), "overlaps", "network.cidr", "range of its own"),
    (EU, put("network.zones", ["a", "b", "f"]), "eu-west-1 has no zone f; it has a, b, c", "aurops:region", ""),
    (HOME, put("network.zones", ["a"]), "at least 2", "network.zones", "Letters of the zones"),
    (HOME, put("network.zones", ["a", "us-east-1b"]), "'us-east-1b'", "network.zones", ""),
    (HOME, put("network.nat", "per_zone"), "'single' or 'per-zone'", "network.nat", "per-zone"),
    (HOME, put("network.natt", "single"), "did you mean 'nat'", "network.natt", "cidr, zones, nat"),
    (HOME, put("network.flow_log_retention_days", "90d"), "'90d'", "flow_log_retention_days", "Days"),
    (HOME, put("database.zones", ["a", "d"]), "an instance sits in zone d", "aurops:region", ""),
    (HOME, put("cache.zones", ["a", "d"]), "nodes sit in zone d", "aurops:region", ""),
    (HOME, put("cache.zones", ["a"]), "at least 2", "cache.zones", "Nodes sit"),
    (HOME, put("database.zones", ["a"]), "at least 2", "database.zones", "One instance"),
    (HOME, put("database.engine_version", "17"), "'17'", "database.engine_version", "17.5"),
    (HOME, put("database.engine_version", 17.5), "17.5", "database.engine_version", "PostgreSQL version"),
    (HOME, put("database.backup_retention_days", 3), "greater than or equal to 7", "backup_retention_days", "Days"),
    (EU, put("database.engine_version", "16.9"), "cannot join its home's 17.5", "database.engine_version", "17.5"),
    (HOME, drop("database"), "has none to join", "database", "none here"),
    (HOME, put("database.master_password", "hunter2"), "secret stands here in plain text", "master_password", "secure"),
    (HOME, put("tags.note", "AKIAIOSFODNN7EXAMPLE"), "secret stands here in plain text", "tags.note", "secure"),
    (HOME, put("service.environment", {"API_TOKEN": "x"}), "secret stands here", "environment.API_TOKEN", "secure"),
    (HOME, put("cache.aws", {"node_type": "cache.t4g.micro"}), "'cache.t4g.micro'", "cache.aws.node_type", "burstable"),
    (HOME, put("nodes.vcpus", 3), "2, 4, 8, 16 or 32", "nodes.vcpus", "Processors"),
    (HOME, put("database.standby_region", "eu-west-1"), "standby_region: on AWS every region", "aurops:region", ""),
    (HOME, put("nodes.version", "1.4"), "'1.4'", "nodes.version", "1.34"),
    (HOME, put("nodes.version", 1.34), "1.34", "nodes.version", "Kubernetes minor version"),
    (HOME, put("nodes.min_per_zone", 20), "min_per_zone ≤ desired_per_zone", "nodes", "cluster"),
    (HOME, put("nodes.api_reach", "allowed"), "api_allowed_cidrs must be given", "nodes", ""),
    (HOME, put("nodes.api_allowed_cidrs", ["10.0.0.1/8"]), "host bits", "api_allowed_cidrs", ""),
    (HOME, put("workload.allowed_cidrs", ["everybody"]), "'everybody'", "allowed_cidrs", ""),
    (HOME, put("tags.aws:cost", "x"), "aws:cost is reserved", "aurops:region", ""),
    (HOME, put("tags", {"aurops:urn": "x"}), "aurops:urn is reserved", "aurops:region", ""),
    (HOME, put("keys", {"existing": {"data": "alias/mine"}}), "keys.existing.data: must be", "aurops:region", ""),
    (HOME, put("service.environment", {"DB": "postgres://app:x@db/app"}), "secret stands", "environment.DB", "secure"),
    (GLOBAL, put("traffic.switches.us-east-1", "moon-1"), "'moon-1' is not a region", "aurops:global", ""),
    (HOME, drop("nodes"), "workload needs nodes", "aurops:region", ""),
    (HOME, put("service.memory_mib", 1024), "2 to 8 times", "service", ""),
    (HOME, put("service.certificate", {}), "either existing or domain", "service.certificate", "certificate"),
    (
        EU,
        put("service.certificate.zone_id", "Z1"),
        "aws-us-east-1 already makes|aws-eu-west-1 already makes",
        "service.certificate.zone_id",
        "one region only",
    ),
    (HOME, put("service.image", "nginx"), "'nginx'", "service.image", "tag or digest"),
    (HOME, put("archive.replica_region", "us-east-1"), "another region", "aurops:region", ""),
    (HOME, put("archive.replica_region", "moon-1"), "'moon-1' is not a region", "aurops:region", ""),
    (HOME, put("archive.retention_years", 0), "greater than or equal to 1", "archive.retention_years", "Years"),
    (GLOBAL, put("traffic.switches", {"us-east-1": "eu-west-1"}), "switches: lacks", "aurops:global", ""),
    (GLOBAL, put("traffic.switches.us-east-1", "us-east-1"), "must be kept in another region", "traffic", ""),
    (GLOBAL, put("traffic.check_interval_s", 15), "must be 10 or 30", "traffic", ""),
    (GLOBAL, put("traffic.create_zone", True), "not both", "traffic", ""),  # noqa: FBT003 - a value, not a flag
    (GLOBAL, put("traffic.zone", "example.org"), "is not in zone example.org", "traffic", ""),
    (GLOBAL, lambda part: part["traffic"]["records"][0].pop("order"), "needs order", "traffic.records.0", ""),
]


@pytest.mark.parametrize(("stack", "change", "said", "key", "allowed"), WRONG)
def test_a_wrong_value_is_refused_by_file_and_key(
    folder: Path, stack: str, change: Callable[[Any], object], said: str, key: str, allowed: str
) -> None:
    """One usage error (exit 2): what is wrong, in which file and key, and what is allowed."""
    edit(folder, stack, change)
    with pytest.raises(UsageError) as caught:
        load(folder)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert any(each in error.what for each in said.split("|")), error.what
    assert error.where is not None
    assert ".yaml: " in error.where
    assert key in error.where
    assert allowed in (error.allowed or "")


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("", "no configuration", "Pulumi.aws-eu-west-1.yaml"),
        ("config: {}\n", "one region or one cloud's global part", "config"),
        ("config:\n  aurops:region: 3\n", "a mapping is needed", "aurops:region"),
        ("config:\n  aurops:region:\n    a: [1\n", "not YAML", "line"),
        ("config:\n  a: 1\n  a: 2\n", "not YAML", "line"),
        ("config:\n  aurops:region: {}\n  aurops:global: {}\n", "one region or", "config"),
        ("config:\n  aws:secretKey: abc\n  aurops:region: {}\n", "secret stands here", "aws:secretKey"),
        ("\x00", "not YAML", "Pulumi.aws-eu-west-1.yaml"),
    ],
)
def test_a_broken_file_is_refused_by_name(folder: Path, text: str, said: str, where: str) -> None:
    """Empty, no mapping, broken YAML, both kinds, a plain-text secret: one usage error with the place."""
    (folder / f"Pulumi.{EU}.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(folder)
    assert said in caught.value.what
    assert where in (caught.value.where or "")


def test_a_secondary_needs_its_home(folder: Path) -> None:
    """Without the home region's file the others are refused, and the missing file is named."""
    (folder / f"Pulumi.{HOME}.yaml").unlink()
    with pytest.raises(UsageError) as caught:
        load(folder)
    assert caught.value.what == "home us-east-1 has no stack"
    assert "Pulumi.aws-us-east-1.yaml" in (caught.value.next_step or "")


def test_traffic_to_a_region_without_a_stack_is_refused(folder: Path) -> None:
    """Names may lead only to regions that have a service."""
    (folder / f"Pulumi.{EU}.yaml").unlink()
    with pytest.raises(UsageError, match="eu-west-1, where no stack has a service"):
        load(folder)


def test_an_encrypted_secret_is_no_secret_in_plain_text(folder: Path) -> None:
    """A `secure:` value passes the search for secrets."""
    file = folder / f"Pulumi.{HOME}.yaml"
    file.write_text(file.read_text().replace("config:\n", "config:\n  other:token:\n    secure: v1:abc\n", 1))
    load(folder)


def test_the_schema_for_editors_is_up_to_date_and_accepts_the_real_files() -> None:
    """`stack.schema.json` is the models' own, is valid, and every stack file satisfies it."""
    assert schema.FILE.read_text() == schema.text(), "run: python -m stacks.schema"
    Draft202012Validator.check_schema(schema.schema())
    for file in STACKS.glob("Pulumi.*.yaml"):
        assert not [*Draft202012Validator(schema.schema()).iter_errors(YAML(typ="safe").load(file.read_text()))]
