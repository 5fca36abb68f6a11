"""The components as a Pulumi package: constructed by the engine in a process of their own, from any language."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi import automation as auto

from stacks.cli import cli
from testbeds.lab.session import LabSession, lab_session
from tests.engine.fleets import in_one_go

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden" / "schema.json"
PLACE = {"cloud": "aws", "region": "us-east-1", "fleet": "pay", "tags": {"team": "platform"}, "protect": False}
EU = PLACE | {"region": "eu-west-1"}
PROJECT = """
name: other
runtime: python
plugins:
  providers:
    - name: aurops
      path: {components}
"""
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        shutil.which("pulumi-language-python") is None,
        reason="no `pulumi-language-python` on PATH: it is part of Pulumi's official release",
    ),
]


class Remote(pulumi.ComponentResource):
    """A component of the package, as a generated SDK asks for it."""

    def __init__(self, kind: str, outputs: tuple[str, ...], props: dict[str, Any]) -> None:
        wanted = {**props, **dict.fromkeys(outputs)}
        super().__init__(f"aurops:index:{kind}", f"pay-{kind.lower()}", wanted, remote=True)

    def __getitem__(self, name: str) -> pulumi.Output[Any]:
        value: pulumi.Output[Any] = getattr(self, name)
        return value


@pytest.fixture
def lab() -> Iterator[LabSession]:
    """A lab whose program is somebody else's."""
    with lab_session(ROOT) as session:
        session.work_dir.joinpath("Pulumi.yaml").write_text(PROJECT.format(components=ROOT / "components"))
        yield session


def stack(lab: LabSession, program: Any) -> auto.Stack:
    """A stack of somebody else's project."""
    options = auto.LocalWorkspaceOptions(
        work_dir=str(lab.work_dir), env_vars=dict(in_one_go(lab).env), pulumi_command=cli()
    )
    made = auto.create_or_select_stack("dev", project_name="other", program=program, opts=options)
    made.set_config("aws:region", auto.ConfigValue("us-east-1"))
    return made


def home_region() -> None:
    """Every component but traffic, each fed with the outputs of those before it."""
    keys = Remote("Keys", ("keys",), {"place": PLACE, "spec": {"rotationPeriodDays": 180}})["keys"]
    cidr, zones = "10.16.0.0/16", ["a", "b", "c"]
    made = Remote(
        "Network",
        ("networkId", "subnets"),
        {"place": PLACE, "keys": keys, "spec": {"cidr": cidr, "zones": zones, "nat": "single"}},
    )
    network = {"networkId": made["networkId"], "cidr": cidr, "zones": zones, "subnets": made["subnets"]}
    common = {"place": PLACE, "keys": keys, "network": network}
    nodes = Remote("Nodes", ("cluster", "endpoint", "certificateAuthority"), {**common, "spec": {"version": "1.34"}})
    cluster = {name: nodes[name] for name in ("cluster", "endpoint", "certificateAuthority")}
    image = "registry.example.com/app:1.2"
    Remote("Workload", (), {"place": PLACE, "network": network, "nodes": cluster, "spec": {"image": image}})
    certificate = {"domain": "api.example.com", "zoneId": "Z1"}
    service = Remote("Service", ("host", "hostZone"), {**common, "spec": {"image": image, "certificate": certificate}})
    database = {"name": "ledger", "engineVersion": "17.5", "zones": ["a", "b"]}
    Remote("Database", ("globalGroup",), {**common, "spec": database, "secretRegions": ["eu-west-1"]})
    Remote("Cache", ("globalGroup",), {**common, "spec": {"engineVersion": "8.1", "zones": ["a", "b"]}})
    archive = Remote("Archive", ("bucket",), {"place": PLACE, "keys": keys, "spec": {"replicaRegion": "us-west-2"}})
    entrance = {"host": service["host"], "hostZone": service["hostZone"], "healthPath": "/health"}
    record = {"name": "api.example.com", "routing": "failover", "order": ["us-east-1"]}
    names = {"zone": "example.com", "createZone": True, "records": [record], "switches": {"us-east-1": "eu-west-1"}}
    Remote("Traffic", ("zoneId",), {"place": PLACE, "spec": names, "backends": {"us-east-1": entrance}})
    pulumi.export("bucket", archive["bucket"])


@pytest.mark.campaign
def test_every_component_is_made_from_outside_as_from_inside(lab: LabSession) -> None:
    """Preview with unknowns, `up`, then nothing left to do; type tokens and children are as in Python."""
    other = stack(lab, home_region)
    assert other.preview().change_summary["create"] > 150
    made = other.up()
    assert made.outputs["bucket"].value.startswith("pay-archive-main")
    assert set(other.preview().change_summary) == {"same"}
    resources = other.export_stack().deployment["resources"]
    types = {each["urn"].split("::")[2].split("$")[0] for each in resources}
    assert {f"aurops:index:{noun}" for noun in ("Keys", "Network", "Database", "Traffic", "Workload")} <= types
    (key,) = (each for each in resources if each["urn"].endswith("aws:kms/key:Key::pay-keys-data"))
    assert key["inputs"]["rotationPeriodInDays"] == 180
    assert key["urn"].split("::")[2] == "aurops:index:Keys$aws:kms/key:Key"


def test_a_wrong_input_is_refused_by_its_property(lab: LabSession) -> None:
    """The caller reads which property is wrong and what is allowed, not a traceback of the package's process."""

    def program() -> None:
        Remote("Keys", ("keys",), {"place": PLACE, "spec": {"rotationPeriodDays": 1}})

    with pytest.raises(auto.CommandError) as caught:
        stack(lab, program).preview()
    assert "spec.rotationPeriodDays" in str(caught.value)
    assert "greater than or equal to 90" in str(caught.value)
    assert "hosted.py" not in str(caught.value)


def test_the_schema_is_what_was_published(lab: LabSession) -> None:
    """The schema changes only on purpose: generated SDKs of other languages are built from it (AUROPS_ACCEPT=1)."""
    asked = subprocess.run(
        ["pulumi", "package", "get-schema", str(ROOT / "components")],
        env=dict(lab.env), cwd=lab.work_dir, capture_output=True, text=True, check=True,
    )  # fmt: skip
    schema = json.loads(asked.stdout[asked.stdout.index("{") :])
    text = json.dumps(schema, indent=1, sort_keys=True) + "\n"
    if os.environ.get("AUROPS_ACCEPT"):
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text, "set AUROPS_ACCEPT=1 to accept the change"
