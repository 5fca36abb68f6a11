"""What a killed engine left is mended before the next operation: nothing is made twice, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pytest

from aurops.errors import ExitCode
from components.clouds.aws import tag_with_urn
from runbooks.finders import LabFinder
from stacks import program
from stacks.changes import Op
from stacks.engine import EngineStack, Operation
from stacks.engine_errors import EngineError, StackLockedError
from stacks.lookup.finder import Told
from stacks.recovery import LostCreateError, recover
from testbeds.lab.session import LabSession, lab_session
from tests.engine.killing import engines, kill_engines
from tests.engine.processes import server_of, wait_until
from tests.engine.small_fleet import STACK, bring_up, site_of, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
VPC = "aws:ec2/vpc:Vpc"
AWAY = "us-west-2"
BUCKET = "aws:s3/bucket:Bucket"
KILLS = ("engine", "driver", "both")
pytestmark = [
    pytest.mark.timeout(400),
    # The Automation API says so when an engine ends without its last event.
    pytest.mark.filterwarnings("ignore:Error in event stream:UserWarning"),
]


@pytest.fixture
def lab() -> Iterator[LabSession]:
    """A lab in which an object exists for a moment before the engine hears of it: the moment of the kills."""
    with lab_session(ROOT, latency_s=0.3) as session:
        yield session


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let `EngineStack` run another program."""

    def replace(other: Callable[[], object]) -> None:
        monkeypatch.setattr(program, "main", lambda _, **__: other() and None)

    return replace


def killed_at(lab: LabSession, until: Callable[[], bool]) -> None:
    """Bring the stack up, and kill the engine as soon as something is true."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(EngineStack(site_of(lab), STACK).run, Operation.UP)
        wait_until(until)
        kill_engines(lab.folder)
        assert isinstance(running.exception(timeout=60), EngineError)


def assert_whole(lab: LabSession, stack: str = STACK) -> None:
    """Every object of the world is in the state once, the other way round too, and there is nothing left to do."""
    engine = EngineStack(site_of(lab), stack)
    state = engine.state()
    managed = [r for r in state["resources"] if r.get("custom") and not r["type"].startswith("pulumi:")]
    known = Counter((r["type"], r["id"]) for r in managed)
    assert Counter((one.type, one.id) for one in lab.world.objects()) == known
    assert not state.get("pending_operations")
    assert set(engine.run(Operation.PREVIEW).changes.counts) == {Op.SAME}


def vpc_alone(cidr: str = "10.0.0.0/16") -> None:
    """One tagged object."""
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    aws.ec2.Vpc("vpc", cidr_block=cidr, tags={}, opts=_provider())


def unknown_alone() -> None:
    """One object of a type that neither a tag nor its inputs lead to."""
    aws.ec2.PlacementGroup("group", name="group", strategy="cluster", opts=_provider())


def copy_alone() -> None:
    """One object in another region than its provider's."""
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    aws.s3.Bucket("copy", region=AWAY, tags={}, opts=_provider())


def copies_beside_much() -> None:
    """Objects in another region, made at the same time, in a state that takes a while to write."""
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    opts = _provider()
    home = aws.s3.Bucket("home", tags={}, opts=opts)
    much = aws.s3.BucketObjectv2("much", bucket=home.id, key="much", content="x" * 2**21, tags={}, opts=opts)
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[much]))
    for n in range(12):
        aws.s3.Bucket(f"copy-{n}", region=AWAY, tags={}, opts=after)


def _provider() -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(provider=aws.Provider("cloud", region="us-east-1"))


def test_what_was_being_created_is_found_by_its_tag_and_adopted(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """The lock of the dead engine goes, its object is taken over, and what it had not begun is made."""
    run(vpc_alone)
    killed_at(lab, lambda: bool(lab.world.objects(VPC)))
    made = lab.world.objects(VPC)[0].id
    told: list[str] = []
    bring_up(site_of(lab), STACK, lab.world, told.append)
    assert "removed the lock" in told[0]
    assert told[1:] == [f"vpc: adopted {made}"]
    assert_whole(lab)


def test_what_was_being_created_as_a_replacement_is_told_from_what_it_replaces(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """Old and new carry the same tag; the new one is adopted and the old one deleted."""
    run(vpc_alone)
    bring_up(site_of(lab), STACK, lab.world)
    run(lambda: vpc_alone("10.1.0.0/16"))
    killed_at(lab, lambda: len(lab.world.objects(VPC)) == 2)
    told: list[str] = []
    bring_up(site_of(lab), STACK, lab.world, told.append)
    assert told[1].startswith("vpc: adopted")
    assert [one.inputs["cidrBlock"] for one in lab.world.objects(VPC)] == ["10.1.0.0/16"]
    assert_whole(lab)


@pytest.mark.campaign  # how it is found: above
def test_what_was_being_created_in_another_region_gets_its_own_identifier(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """Found as `ID@REGION`, which only an import takes; once it is read the state has the plain one."""
    run(copy_alone)
    killed_at(lab, lambda: bool(lab.world.objects(BUCKET)))
    made = lab.world.objects(BUCKET)[0].id
    told: list[str] = []
    bring_up(site_of(lab), STACK, lab.world, told.append)
    assert told[1:] == [f"copy: adopted {made}@{AWAY}"]
    assert_whole(lab)


def answered(lab: LabSession) -> set[str]:
    """Identifiers in the creates that the state, as it lies on the disk, calls pending."""
    resources = [
        operation["resource"]
        for file in lab.folder.glob(f"state/.pulumi/stacks/*/{STACK}.json")
        for operation in (json.loads(file.read_text())["checkpoint"].get("latest") or {}).get("pending_operations", ())
    ]
    return {each["id"] for each in resources if each.get("id")}


def test_a_create_that_was_answered_and_still_stands_as_pending_is_adopted_as_it_is(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """The identifier that the engine wrote down is kept, not the one that an import would take."""
    run(copies_beside_much)
    killed_at(lab, lambda: bool(answered(lab)))
    known = answered(lab)
    assert known, "the engine was killed too late to leave what this test is about"
    told: list[str] = []
    engine = EngineStack(site_of(lab), STACK)
    recover(engine, LabFinder(lab.world), tell=told.append)
    assert known <= {line.rpartition("adopted ")[2] for line in told}
    buckets = Counter(each["id"] for each in engine.state()["resources"] if each["type"] == BUCKET)
    assert Counter(one.id for one in lab.world.objects(BUCKET)) == buckets


def test_what_cannot_be_found_again_stops_with_the_command_to_run(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """URN, type, and what to type; nothing is made or forgotten until a person has answered, who is then believed."""
    run(unknown_alone)
    killed_at(lab, lambda: bool(lab.world.objects()))
    (left,) = lab.world.objects()
    with pytest.raises(LostCreateError) as caught:
        bring_up(site_of(lab), STACK, lab.world)
    assert lab.world.objects() == [left]
    urn = f"urn:pulumi:{STACK}::aurops::{left.type}::group"
    assert f"{urn} ({left.type})" in caught.value.what
    assert f"aurops recover {STACK} --lab --found {urn}=ID" in (caught.value.next_step or "")
    engine = EngineStack(site_of(lab), STACK)
    assert [each["type"] for each in engine.state()["pending_operations"]] == ["creating"]
    recover(engine, Told(LabFinder(lab.world), found={urn: left.id}))
    bring_up(site_of(lab), STACK, lab.world)
    assert_whole(lab)


@contextmanager
def standing_still(lab: LabSession) -> Iterator[None]:
    """The lab's stand-in for AWS answers nothing meanwhile."""
    server = server_of(lab.folder, "aws")
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def test_the_lock_of_a_living_engine_is_left_alone(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """Exit 3 naming the holder; the engine that is at work finishes undisturbed."""
    run(small)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(EngineStack(site_of(lab), STACK).run, Operation.UP)
        wait_until(lambda: len(lab.world.objects()) > 0)
        at_work = engines(lab.folder)
        # Its provider stands still: however long the second takes to start, the first has not finished by then.
        with standing_still(lab), pytest.raises(StackLockedError) as caught:
            bring_up(site_of(lab), STACK, lab.world)
        assert caught.value.exit_code is ExitCode.ENVIRONMENT
        assert caught.value.holders[0].pid in at_work
        running.result(timeout=120)
    assert_whole(lab)


def crash_and_go_on(
    lab: LabSession, chance: random.Random, kills: int, *, most_new: int = 4, stack: str | None = None
) -> None:
    """Bring a stack up by a process of its own that is killed again and again, and at last let it finish.

    Each gets to make one to `most_new` objects.
    """
    command = [sys.executable, "-m", "tests.engine.small_fleet", str(lab.folder), *([stack] if stack else [])]
    for number in range(kills):
        driver = subprocess.Popen(command, env=dict(lab.env), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        goal = len(lab.world.objects()) + chance.randint(1, most_new)
        wait_until(lambda: len(lab.world.objects()) >= goal or driver.poll() is not None, within_s=180)  # noqa: B023
        kill(KILLS[number % len(KILLS)], driver, lab.folder)
        output = driver.communicate(timeout=180)[0]
        assert driver.returncode in (0, 3, -signal.SIGKILL), output
        wait_until(lambda: not engines(lab.folder), within_s=180)
    last = subprocess.run(command, env=dict(lab.env), cwd=ROOT, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stdout + last.stderr


def kill(what: str, driver: subprocess.Popen[str], folder: Path) -> None:
    """`kill -9` of the driver, its engine, or both. An engine without its driver gives up by itself."""
    if what != "engine":
        driver.kill()
    if what != "driver":
        kill_engines(folder)


@pytest.mark.campaign  # the moments one by one: above
def test_a_stack_comes_up_whole_however_often_it_was_killed(
    lab: LabSession, run: Callable[[Callable[[], object]], None]
) -> None:
    """Engine, driver and both are killed at random moments: no object is there twice, none is unknown."""
    crash_and_go_on(lab, random.Random(4), kills=3)
    run(small)
    assert_whole(lab)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(3))
def test_the_home_region_comes_up_whole_after_twelve_kills(lab: LabSession, seed: int) -> None:
    """The repository's largest stack, 169 resources."""
    crash_and_go_on(lab, random.Random(seed), kills=12, most_new=16, stack=STACK)
    assert_whole(lab)
