"""The real Pulumi engine on the lab's stand-in providers: one lab a test, programs inline."""

from __future__ import annotations

import gc
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pulumi import automation as auto

from stacks.engine import EngineStack, Operation
from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine."""
    missing = shutil.which("pulumi") is None
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
            # The Automation API's language server leaves its event loops to the garbage collector.
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
            if missing:
                item.add_marker(pytest.mark.skip(reason="no `pulumi` on PATH: https://www.pulumi.com/docs/install"))


@dataclass(frozen=True)
class Engine:
    """Stacks of one lab."""

    lab: LabSession

    def stack(self, program: Callable[[], None], *, name: str = "dev", region: str = "us-east-1") -> auto.Stack:
        """A stack of an inline program; the same name finds the stack of an earlier call."""
        options = auto.LocalWorkspaceOptions(env_vars=dict(self.lab.env))
        stack = auto.create_or_select_stack(name, project_name="lab-test", program=program, opts=options)
        stack.set_config("aws:region", auto.ConfigValue(region))
        return stack

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
    """Let the loops go while their warning is ignored, and not at the end of the run, where it would be an error."""
    gc.collect()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with a lab of its own."""
    with lab_session(ROOT) as lab:
        yield Engine(lab)
    _collect()


@pytest.fixture(scope="session")
def home_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a lab, closed again, in which the repository's home region is up: copy it, open a lab in the copy."""
    folder = tmp_path_factory.mktemp("home")
    with lab_session(ROOT, folder=folder) as lab:
        EngineStack(Site(lab.work_dir, lab.env, is_lab=True), "aws-us-east-1").run(Operation.UP)
    _collect()
    return folder


@pytest.fixture
def slow_engine() -> Iterator[Engine]:
    """An engine that hears of an object three seconds after it exists: time for a kill in between."""
    with lab_session(ROOT, latency_s=3.0) as lab:
        yield Engine(lab)
    _collect()
