"""The real Pulumi engine on the lab's stand-in providers: an empty lab for each test, programs inline."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode

from stacks.cli import cli
from stacks.engine import EngineStack, Operation, _Stack, _Workspace
from testbeds.lab.session import LabSession, lab_session
from tests.engine.fleets import in_one_go
from tests.needs import NO_PULUMI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
GCP = {"gcp:project": "ledger-prod", "gcp:region": "us-central1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine."""
    missing = shutil.which("pulumi") is None
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
            # The Automation API's language server leaves its event loops to the garbage collector.
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            if missing:
                item.add_marker(pytest.mark.skip(reason=NO_PULUMI))


class _Told(_Stack):
    """A stack that knows from the engine's events what an operation did: to ask costs a start of the CLI."""

    changes: auto.OpMap | None = None

    def hear(self, event: auto.events.EngineEvent) -> None:
        """Keep the last word."""
        if event.summary_event is not None:
            self.changes = dict(event.summary_event.resource_changes)

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002, FBT001, FBT002 (the SDK's)
        """How many resources were changed, by operation."""
        now = datetime.now(UTC)
        return auto.UpdateSummary(
            "", now, message="", environment={}, config={}, result="", resource_changes=self.changes
        )

    def up(self, **options: Any) -> auto.UpResult:
        """Without its outputs: two more starts of the CLI."""
        return super().up(on_event=self.hear, **options)

    def refresh(self, **options: Any) -> auto.RefreshResult:
        """As the SDK's."""
        return super().refresh(on_event=self.hear, **options)


@dataclass(frozen=True)
class Engine:
    """Stacks of one lab."""

    lab: LabSession
    stacks: dict[str, _Told] = field(default_factory=dict)

    def stack(self, program: Callable[[], None], *, name: str = "dev", region: str = "us-east-1") -> _Told:
        """A stack of an inline program; the same name is the stack of an earlier call, with another program."""
        if name not in self.stacks:
            workspace = _Workspace(
                (),
                env_vars=dict(self.lab.env),
                pulumi_command=cli(),
                project_settings=auto.ProjectSettings("lab-test", "python"),
                stack_settings={
                    name: auto.StackSettings(config={"aws:region": region, "azure-native:location": "eastus", **GCP})
                },
            )
            workspace.create_stack(name)
            self.stacks[name] = _Told(name, workspace, StackInitMode.SELECT)
        stack = self.stacks[name]
        stack.workspace.program = program
        return stack

    def up(self, program: Callable[[], None], *, name: str = "dev", region: str = "us-east-1") -> None:
        """Bring a stack up."""
        self.stack(program, name=name, region=region).up()

    def outputs(self, name: str = "dev") -> dict[str, Any]:
        """What a stack exports."""
        return {key: each.value for key, each in auto.Stack.outputs(self.stacks[name]).items()}

    def operations(self, program: Callable[[], None]) -> dict[str, str]:
        """What a preview would do, by resource name; what stays the same is left out."""
        seen: dict[str, str] = {}

        def listen(event: auto.events.EngineEvent) -> None:
            step = event.resource_pre_event
            if step is not None and step.metadata.op.value not in ("same", "read"):
                name = step.metadata.urn.rsplit("::", 1)[-1]
                # A replacement is several steps; the first says so.
                seen.setdefault(name, step.metadata.op.value)

        self.stack(program).preview(on_event=listen)
        return seen


def _collect() -> None:
    """Let the loops go while their warning is ignored, and not at the end of the run, where it would be an error.

    What stays, the SDKs above all, is not looked through again.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[LabSession]:
    """Servers for a whole file: to start them takes longer than most tests, and so does reading a type's shape."""
    with lab_session(ROOT) as lab:
        yield lab
    _collect()


@pytest.fixture
def engine(shared_lab: LabSession) -> Iterator[Engine]:
    """An engine with nothing in its lab."""
    for found in shared_lab.world.objects():
        shared_lab.world.remove(found.seq)
    shutil.rmtree(shared_lab.folder / "state" / ".pulumi", ignore_errors=True)
    yield Engine(shared_lab)
    _collect()


@pytest.fixture(scope="session")
def home_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a lab, closed again, in which the repository's home region is up: copy it, open a lab in the copy."""
    return region_seed(tmp_path_factory, "aws-us-east-1")


def region_seed(tmp_path_factory: pytest.TempPathFactory, stack: str) -> Path:
    """The same for any home region; the workers of one run share it: the first to ask makes it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"up-{stack}"
    with (shared / f"up-{stack}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = shared / f"making-{stack}"
            with lab_session(ROOT, folder=making) as lab:
                EngineStack(in_one_go(lab), stack).run(Operation.UP)
            making.rename(folder)
    _collect()
    return folder


@pytest.fixture
def slow_engine() -> Iterator[Engine]:
    """An engine that hears of an object three seconds after it exists: time for a kill in between."""
    with lab_session(ROOT, latency_s=3.0) as lab:
        yield Engine(lab)
    _collect()
