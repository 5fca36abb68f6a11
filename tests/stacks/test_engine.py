"""The four stacks on the real engine, with the lab's stand-in providers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pytest
from pulumi import automation as auto

from components.base import load as load_cloud
from components.keys.component import Keys
from components.keys.spec import KeysSpec
from components.place import Cloud, Place
from stacks import program
from stacks.cli import cli
from stacks.engine import EngineStack, Operation
from stacks.fleet import Kind, waves
from testbeds.lab.session import LabSession, lab_session
from tests.components import parts
from tests.engine.change_cases import HOMES
from tests.engine.conftest import region_seed
from tests.engine.fleets import in_one_go
from tests.needs import needs_pulumi
from tests.one_cloud import fleet_of
from tests.stacks.swap import swap_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stacks.changes import Change

ROOT = Path(__file__).parents[2]
HOME, EU = "aws-us-east-1", "aws-eu-west-1"
pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(400),
    needs_pulumi,
    # The Automation API's language server leaves its event loops to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def lab() -> Iterator[LabSession]:
    """A lab of its own."""
    with lab_session(ROOT) as session:
        yield session


def stack(lab: LabSession, name: str, run: Callable[[], None] | None = None) -> auto.Stack:
    """A stack of the repository, or of another program, in the lab's own work dir."""
    options = auto.LocalWorkspaceOptions(work_dir=str(lab.work_dir), env_vars=dict(lab.env), pulumi_command=cli())
    whole = run or (lambda: program.main(lab.work_dir / "stacks"))
    return auto.create_or_select_stack(name, project_name="aurops", program=whole, opts=options)


def test_a_stack_before_its_upstream_previews_and_is_refused_in_up(lab: LabSession) -> None:
    """The preview of a secondary goes through with unknowns; `up` names stack and key, and the cloud stays empty."""
    secondary = stack(lab, EU)
    assert secondary.preview().change_summary["create"] > 100
    with pytest.raises(auto.CommandError) as caught:
        secondary.up()
    assert "stack aws-us-east-1 has not exported database.global_group" in str(caught.value)
    assert "aurops up aws-us-east-1" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert lab.world.objects() == []


@pytest.mark.parametrize(
    "cloud",
    [
        Cloud.AWS,
        pytest.param(Cloud.AZURE, marks=pytest.mark.campaign),
        pytest.param(Cloud.GCP, marks=pytest.mark.campaign),
    ],
)
def test_the_fleet_comes_up_and_a_swap_of_roles_changes_nothing(
    cloud: Cloud, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All stacks come up in waves; a second preview is empty; and after a promotion elsewhere it still is.

    The swap is what a failover and the operators leave behind: roles, membership, versions, sizes, counts, weights.
    """
    fleet, home = fleet_of(cloud), HOMES[cloud]
    folder = shutil.copytree(region_seed(tmp_path_factory, home), tmp_path / "lab", symlinks=True)
    with lab_session(ROOT, folder=folder) as lab:
        stacks = [EngineStack(in_one_go(lab), name) for wave in waves(fleet, Kind.CREATE) for name in wave]
        for each in stacks:
            if each.name != home:
                each.run(Operation.UP)
        for each in stacks:
            if fleet.settles_after(each.name):
                each.run(Operation.SETTLE)
        assert changes(stacks) == []
        swap_roles(lab, cloud)
        for each in stacks:
            each.run(Operation.REFRESH)
        assert changes(stacks) == []


def changes(stacks: list[EngineStack]) -> list[tuple[str, Change]]:
    """What a preview of each stack would do; what stays the same is left out."""
    return [(each.name, change) for each in stacks for change in each.run(Operation.PREVIEW).changes.changes]


def test_transforms_of_the_caller_reach_every_child(lab: LabSession) -> None:
    """A transform in a component's `opts` is run by the engine for every child."""

    def note(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:ec2/subnet:Subnet":
            return None
        return pulumi.ResourceTransformResult({**args.props, "enableDns64": True}, args.opts)

    def run() -> None:
        place = Place(Cloud.AWS, "us-east-1", "pay")
        providers = [load_cloud("clouds", place.cloud)(place, None)]
        keys = Keys("pay-keys", KeysSpec(), place, pulumi.ResourceOptions(providers=providers)).outputs
        parts.network(keys, pulumi.ResourceOptions(providers=providers, transforms=[note]))

    stack(lab, "transforms", run).up()
    subnets = lab.world.objects("aws:ec2/subnet:Subnet")
    assert len(subnets) == 9
    assert all(each.outputs["enableDns64"] is True for each in subnets)
