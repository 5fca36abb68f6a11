"""Deployment runs as a whole, with an engine that does nothing: gate, halt, and what a failure means to a caller."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from aurops import inventory, requests
from aurops.clock import RealClock
from aurops.errors import AuropsError, ExitCode, HeldError, OutsideError, UsageError
from aurops.execution import drive
from aurops.inventories import Inventories
from aurops.journal import Journal, Record, RecordKind
from aurops.lease import Lease
from aurops.runner import Ending, Result
from aurops.store import Store, open_store
from runbooks import deployments, destroy
from runbooks.sites import OpenSite
from stacks import deploy, deployment
from stacks.changes import Changes
from stacks.config import load
from stacks.deployment import Deployment
from stacks.engine import EngineStack, Operation, StackRun
from stacks.health import Health
from stacks.site import Site
from stacks.survey import Resource, Survey
from tests.needs import needs_pulumi
from tests.runbooks.here import here
from tests.stacks.test_config import STACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aurops.inventory import Inventory

pytestmark = needs_pulumi
HOME, EU = "aws-us-east-1", "aws-eu-west-1"
FLEET = load(STACKS)


@dataclass
class Scene:
    """A deployment of home and one secondary.

    Args:
        store: Of the run.
        journal: The run.
        fails: What the engine raises, by stack.
        ill: The stacks that the gate finds ill.
        hear: Told of every record.
        done: The stacks that the engine brought up, in order.
    """

    store: Store
    journal: Journal
    fails: dict[str, Exception] = field(default_factory=dict)
    ill: set[str] = field(default_factory=set)
    hear: Callable[[Record], None] = lambda _: None
    done: list[str] = field(default_factory=list)

    def look(self, found: Inventory) -> Health:
        """The gate."""
        return Health(found.stack not in self.ill, "503" if found.stack in self.ill else "200")

    def up(self, engine: EngineStack, *_: object, **__: object) -> StackRun:
        """The engine."""
        if engine.name in self.fails:
            raise self.fails[engine.name]
        self.done.append(engine.name)
        region = engine.name.removeprefix("aws-")
        document = inventory.document(stack=engine.name, cloud="aws", region=region, home="us-east-1")
        return StackRun(engine.name, Operation.UP, Changes(), 0.1, {"inventory": document})

    def run(self) -> Result:
        """Go on with the run, as `up` and `runs resume` do."""
        order = deploy.Order.read("up", self.journal.records[0].data["arguments"])  # type: ignore[arg-type]
        work = Deployment(
            Site(STACKS.parent), order, inventories=Inventories(self.store), health=self, finder=NoFinder()
        )
        clock = RealClock()
        lease = Lease(self.store, deployments.service_of(self.journal), clock, deployments.LEASE_TTL_S)
        try:
            return drive(work, self.journal, lease, store=self.store, clock=clock, listener=self.hear)
        finally:
            work.close()

    def refusal(self, result: Result) -> AuropsError:
        """What the caller is told of a run that did not reach its goal."""
        with pytest.raises(AuropsError) as caught:
            deployments.conclude(self.journal, result)
        return caught.value


@contextmanager
def opened(*, lab: bool) -> Iterator[OpenSite]:
    """The site of these stacks."""
    assert not lab
    yield OpenSite(Site(STACKS.parent))


class NoFinder:
    """Nothing was lost."""

    def find(self, lost: object) -> tuple[str, ...]:
        """Never asked."""
        raise AssertionError(lost)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A run that has begun."""
    store = open_store("memory://")
    order = deploy.order_up(FLEET, {HOME, EU}, (), is_lab=False)
    assert order.waves == ((HOME,), (EU,))
    made = Scene(store, deployments.start(order, FLEET, store))
    monkeypatch.setattr(deployment, "run_recovered", made.up)
    return made


def test_while_a_wave_is_ill_the_next_one_does_not_begin(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the gate's time is over: exit 4, what was seen, how to go on; well again, a resume finishes the rest."""
    monkeypatch.setattr(deploy, "HEALTHY_WITHIN_S", 0.2)
    scene.ill = {HOME}
    result = scene.run()
    assert (result.ending, scene.done) == (Ending.STUCK, [HOME])
    told = scene.refusal(result)
    assert told.exit_code is ExitCode.DECLINED
    assert f"`health {HOME}` is not done" in told.what
    assert f"aurops runs resume {scene.journal.run}" in (told.next_step or "")
    scene.ill = set()
    assert scene.run().ending is Ending.DONE
    assert scene.done == [HOME, EU]


def test_a_halt_between_two_waves_holds_the_second(scene: Scene) -> None:
    """Exit 4 naming who halted and why; what is up stays, and is not made again once the switch is off."""

    def halt(record: Record) -> None:
        if record.kind is RecordKind.RESULT and record.data["step"] == f"health {HOME}":
            requests.halt(scene.store, on=True, reason="freeze", who="kim", clock=RealClock())

    scene.hear = halt
    result = scene.run()
    assert (result.ending, scene.done) == (Ending.HALTED, [HOME])
    told = scene.refusal(result)
    assert isinstance(told, HeldError)
    assert "kim halted all runs: freeze" in told.what
    assert "aurops runs resume" in (told.next_step or "")
    requests.halt(scene.store, on=False, reason="over", who="kim", clock=RealClock())
    assert scene.run().ending is Ending.DONE
    assert scene.done == [HOME, EU]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UsageError("no such zone"), ExitCode.USAGE),
        (OutsideError("no credentials"), ExitCode.ENVIRONMENT),
        (KeyError("zone"), ExitCode.BUG),
    ],
)
def test_a_failed_stack_gives_the_exit_code_of_its_failure(scene: Scene, failure: Exception, code: ExitCode) -> None:
    """A bug of aurops is not passed off as a fault of the surroundings; every one says how to go on."""
    scene.fails = {HOME: failure}
    told = scene.refusal(scene.run())
    assert told.exit_code is code
    assert f"up {HOME} failed" in told.what
    assert f"aurops runs resume {scene.journal.run}" in (told.next_step or "")
    assert ("report it" in (told.next_step or "")) == (code is ExitCode.BUG)
    assert scene.done == []


@pytest.fixture
def resumed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Goes on with the run as `aurops runs resume --json` does."""
    monkeypatch.setattr(deployments, "open_site", opened)
    monkeypatch.setattr(deployments, "finder_of", lambda _: NoFinder())
    monkeypatch.setattr(deployments, "_health", lambda _: scene)

    def resume() -> None:
        deployments.resume(scene.journal, scene.store, take_over=False, leap=0, as_json=True)

    return resume


def test_a_deployment_that_is_resumed_prints_what_up_does(
    scene: Scene, resumed: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """One document with what was done to each stack, those before it was stopped included."""
    scene.fails = {EU: OutsideError("no credentials")}
    scene.run()
    scene.fails = {}
    resumed()
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["run"] == scene.journal.run
    assert [(row["stack"], row["told"]) for row in said["stacks"]] == [(HOME, "nothing"), (EU, "nothing")]
    assert set(said) == {"run", "stacks"}


def test_a_deployment_that_fails_again_prints_no_document(
    scene: Scene, resumed: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """As `up --json`: nothing on standard output, and the exit code of the failure."""
    scene.fails = {HOME: OutsideError("no credentials")}
    with pytest.raises(OutsideError, match="no credentials"):
        resumed()
    assert capsys.readouterr().out == ""


def test_a_destroy_says_what_stays(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In its one document, beside what was done to each stack; so does one that is resumed."""
    order = deploy.order_destroy(FLEET, {EU}, is_lab=False, lift=())
    journal = deployments.start(order, FLEET, open_store("memory://"))
    journal.append(RecordKind.RESULT, {"step": f"destroy {EU}", "outcome": "done", "counts": {"delete": 7}})
    archive = Resource("urn", "aws:s3/bucket:Bucket", "archive-eu", is_protected=True, is_guarded=False)
    monkeypatch.setattr(deployments, "look", lambda _, stacks: [Survey(*stacks, (archive,), (), None)])
    deployments.tell(journal, OpenSite(Site(STACKS.parent)), as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    row = {"stack": EU, "counts": {"delete": 7}, "seconds": None, "told": "7 delete"}
    assert json.loads(line) == {"run": journal.run, "stacks": [row], "stays": ["archive-eu"]}


def test_where_nothing_is_up_there_is_nothing_to_destroy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0 without a question or a run; with --json it is the document of a destroy that did nothing."""
    monkeypatch.setattr(destroy, "open_site", opened)
    monkeypatch.setattr(destroy, "deployed", lambda _: frozenset())
    assert here("destroy") == 0
    assert capsys.readouterr().out.startswith("Nothing to destroy")
    assert here("destroy", EU, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"run": None, "stacks": [], "stays": []}
