"""Runs the Pulumi engine on one stack: the only place that opens stacks, and where its failures become words.

The program runs inline, so that a stack needs no language host and several stacks share one import of the SDKs.
"""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pulumi.log
from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError
from stacks.changes import Changes
from stacks.cli import cli
from stacks.engine_errors import ProgramError, explain
from stacks.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pulumi.automation.events import EngineEvent

    from stacks.site import Site

T = TypeVar("T")
# The SDK sends the engine seven debug lines for each resource, each a blocking call, and nobody reads them: a fifth of
# all CPU time of a preview.
pulumi.log.debug = cast("Any", lambda *_args, **_options: None)
# gRPC shares connections by address within a process. An engine that gets the port of one that was killed a moment ago
# would meet the wait before that connection's next try: "Resource monitor has terminated" before the first resource.
# https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h (GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL)
_GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))
# The SDKs import their modules lazily, which two threads must not do at once: a cold import then fails with
# "module 'pulumi_aws.kms' has no attribute 'Key'".
_PROGRAM = threading.Lock()


class Operation(StrEnum):
    """What the engine is asked to do with a stack."""

    PREVIEW = "preview"
    LOOK = "look"
    """A preview after a look at the cloud: what `up` would do that takes drift back first. Writes nothing."""
    UP = "up"
    SETTLE = "settle"
    """`up` of the same program, which now makes what could not be made in one pass: it needs what others made."""
    LIFT = "lift"
    """`up` of the same program with no protection on what holds data, limited to what the state holds and protects:
    nothing else is changed, nothing is made. What is locked by law stays protected."""
    DESTROY = "destroy"
    """What is still protected stays, and so does what that needs."""
    REFRESH = "refresh"
    """Take over into the state what the cloud says."""
    DRIFT = "drift"
    """Only compare the state with the cloud."""


@dataclass(frozen=True)
class StackRun:
    """One finished operation on one stack.

    Args:
        stack: Its name.
        operation: What was done.
        changes: What it did, or would do.
        seconds: How long it took.
        exports: What the stack exports after an `up` or a settling.
    """

    stack: str
    operation: Operation
    changes: Changes
    seconds: float
    exports: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """Where another process serves the program of a stack to the engine, by Pulumi's own protocol.

    Args:
        up: Address of the program: `127.0.0.1:4711`.
        settle: Address of the program that makes what only now can be made.
    """

    up: str
    settle: str


class EngineStack:
    """One stack in the engine's hands. Not for two threads at once; two of them may work side by side.

    Args:
        site: Where the engine works.
        name: The stack.
        make: Whether a stack that the backend lacks is made there, empty, by the first call that needs it.
        served: Who serves its program for previews, `up` and settling; None: this process itself.

    Raises:
        OutsideError: No Pulumi CLI.
    """

    def __init__(self, site: Site, name: str, *, make: bool = True, served: Served | None = None) -> None:
        self.name = name
        self._served = served
        self._site = site
        self._make = make
        self._refused: BaseException | None = None
        try:
            self._stack = _Stack.of(name, _workspace(site, self._program))
        except Exception as error:
            raise explain(error, name, [], is_lab=site.is_lab) from error

    @property
    def is_lab(self) -> bool:
        """Whether it is the lab's."""
        return self._site.is_lab

    def run(
        self,
        operation: Operation,
        *,
        listen: Callable[[Changes], None] = lambda _: None,
        targets: Sequence[str] | None = None,
    ) -> StackRun:
        """Run one operation to its end.

        Args:
            operation: Which.
            listen: Told after each event of the engine, from another thread.
            targets: URNs that a refresh is limited to; None: everything. Other operations ignore it.

        Raises:
            AuropsError: It failed; what the program itself refused comes as its own error.
        """
        changes, clock, self._refused = Changes(), RealClock(), None
        began_s = clock.now_s()

        def hear(event: EngineEvent) -> None:
            changes.hear(event)
            listen(changes)

        try:
            with _UNCOLLECTED:
                exports = self._made(lambda: self._call(operation, hear, targets))
        except Exception as error:
            raise self._explained(error, changes) from error
        return StackRun(self.name, operation, changes, clock.now_s() - began_s, exports)

    def _explained(self, error: Exception, changes: Changes) -> AuropsError:
        """Why an operation failed: what the program refused, what it failed of, or what the engine says."""
        if isinstance(self._refused, AuropsError):
            return self._refused
        if self._refused and (failed := ProgramError.of(self._refused, self.name)):
            return failed
        said, blamed = changes.errors, changes.blames_program
        return explain(error, self.name, said, is_lab=self.is_lab, blames_program=blamed)

    def command(self, *arguments: str) -> str:
        """Run any other command of the CLI on this stack; its standard output.

        Raises:
            OutsideError: It failed.
        """
        workspace = self._stack.workspace
        try:
            done = self._made(
                lambda: workspace.pulumi_command.run(
                    [*arguments, "--stack", self.name], workspace.work_dir, dict(self._site.env)
                )
            )
        except Exception as error:
            raise explain(error, self.name, [], is_lab=self.is_lab) from error
        return str(done.stdout)

    def state(self) -> dict[str, Any]:
        """The stack's state as the backend holds it: `resources`, `pending_operations`; empty before the first `up`.

        Secrets in it are encrypted.
        """
        return dict(self._export().get("deployment") or {})

    def replace_state(self, seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Write another state; the CLI drops all pending operations with it.

        Args:
            seen: What `state` returned: nothing is written when it is no longer so.
            wanted: The new state.

        Raises:
            OutsideError: Somebody else has changed the state meanwhile.
            StackLockedError: Somebody holds the stack.
        """
        document = self._export()
        if document.get("deployment") != seen:
            raise OutsideError(
                "somebody else has changed the state meanwhile",
                where=f"stack {self.name}",
                next_step="run the same command again",
            )
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(document | {"deployment": wanted}, file)
            file.flush()
            self.command("stack", "import", "--file", file.name)

    def _export(self) -> dict[str, Any]:
        return dict(json.loads(self.command("stack", "export")))

    def outputs(self) -> dict[str, Any]:
        """What the stack exports; empty before the first `up`."""
        told: dict[str, Any] = json.loads(self.command("stack", "output", "--json", "--show-secrets"))
        return told

    def _made(self, call: Callable[[], T]) -> T:
        """Do something with the stack; make it first if the backend turns out to lack it.

        To ask before would cost a call of the CLI each time, and the answer could be old when it is used.
        """
        try:
            return call()
        except auto.StackNotFoundError:
            if not self._make:
                raise
            self._stack.workspace.create_stack(self.name)
            return call()

    def _program(self, *, protect: bool = True, settle: bool = False) -> None:
        with _PROGRAM:
            try:
                # Imported here: a component that cannot be is a failure of the stacks, and what runs no program runs.
                import_module("stacks.program").main(self._site.stacks_dir, protect=protect, settle=settle)
            except BaseException as error:
                self._refused = error
                raise

    def _call(
        self, operation: Operation, hear: Callable[[EngineEvent], None], targets: Sequence[str] | None
    ) -> dict[str, Any]:
        stack, only = self._stack, None if targets is None else list(targets)
        match operation:
            case Operation.PREVIEW | Operation.LOOK:
                # Without the flag the engine stops at the first thing that is protected, and the rest stays unseen.
                flags = ["--ignore-protect", *(["--refresh"] if operation is Operation.LOOK else [])]
                flags += [f"--client={self._served.up}"] if self._served else []
                seen = _workspace(self._site, None if self._served else self._program, *flags)
                with _copied(self._site.stacks_dir / f"Pulumi.{self.name}.yaml") as file:
                    _Stack.of(self.name, seen).preview(on_event=hear, color="never", config_file=file)
            case Operation.UP | Operation.SETTLE if self._served:
                address = self._served.settle if operation is Operation.SETTLE else self._served.up
                away = _Stack.of(self.name, _workspace(self._site, None, f"--client={address}"))
                away.up(on_event=hear, color="never", suppress_outputs=True)
            case Operation.UP:
                stack.up(on_event=hear, color="never", suppress_outputs=True)
                return self.outputs()
            case Operation.SETTLE:
                settle = partial(self._program, settle=True)
                stack.up(program=settle, on_event=hear, color="never", suppress_outputs=True)
                return self.outputs()
            case Operation.LIFT:
                lifted = partial(self._program, protect=False)
                # Without a target the engine would bring everything up.
                if held := [each.urn for each in survey(self.name, self.state()).protected()]:
                    stack.up(program=lifted, target=held, on_event=hear, color="never", suppress_outputs=True)
            case Operation.DESTROY:
                stack.destroy(exclude_protected=True, on_event=hear, color="never", suppress_outputs=True)
            case Operation.REFRESH:
                stack.refresh(target=only, on_event=hear, color="never", suppress_outputs=True)
            case Operation.DRIFT:
                with _copied(self._site.stacks_dir / f"Pulumi.{self.name}.yaml") as file:
                    stack.preview_refresh(on_event=hear, color="never", suppress_outputs=True, config_file=file)
        return {}


class _Uncollected:
    """Collect no cycles while any thread is in here.

    Looking for them among the 400,000 objects that the SDK's import makes costs a third of its CPU time; what
    a preview leaves behind uncollected is 5 MiB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._was_on:
                gc.freeze()  # or the first collection after this would look through all of it, for half a second
                gc.enable()


_UNCOLLECTED = _Uncollected()


class _Stack(auto.Stack):
    """The SDK's stack without the three starts of the CLI that follow each `up`, and the one after other operations.

    What `EngineStack` needs of their answers it asks for itself.
    """

    @classmethod
    def of(cls, name: str, workspace: auto.Workspace) -> _Stack:
        """The stack, which need not exist yet."""
        return cls(name, workspace, StackInitMode.SELECT)

    def outputs(self) -> auto.OutputMap:
        """Nothing."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002, FBT001, FBT002 (the SDK's)
        """An empty summary: the SDK insists on one. What an operation did, the engine's events say."""
        return auto.UpdateSummary("", datetime.now(UTC), message="", environment={}, config={}, result="")


class _Workspace(auto.LocalWorkspace):
    """Every command names its stack; which one the user has selected for the plain CLI is nothing of ours.

    Args:
        flags: Put on every operation of the engine.
        options: The SDK's.
    """

    def __init__(self, flags: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._flags = flags

    def serialize_args_for_op(self, stack_name: str) -> list[str]:  # noqa: ARG002 (the SDK's signature)
        """The flags."""
        return list(self._flags)

    def select_stack(self, stack_name: str) -> None:
        """Nothing."""

    def create_stack(self, stack_name: str) -> None:
        """Make a stack, empty; somebody else may do so at the same moment."""
        with suppress(auto.StackAlreadyExistsError):
            self.pulumi_command.run(["stack", "init", "--no-select", stack_name], self.work_dir, self.env_vars)


def _workspace(site: Site, run: Callable[[], None] | None = None, *flags: str) -> _Workspace:
    options = {"work_dir": str(site.work_dir), "env_vars": dict(site.env), "pulumi_command": cli()}
    return _Workspace(flags, program=run, **options)


@contextmanager
def _copied(file: Path) -> Iterator[str]:
    """A copy of a stack file: with a passphrase the engine writes `encryptionsalt` into it, even in a preview."""
    with tempfile.TemporaryDirectory(prefix="aurops-stack-") as folder:
        yield shutil.copy(file, folder)


def deployed(site: Site) -> frozenset[str]:
    """The stacks that the backend holds with at least one resource.

    Raises:
        OutsideError: No Pulumi CLI, or no backend.
    """
    try:
        listed = _workspace(site).list_stacks()
    except Exception as error:
        raise explain(error, "of the fleet", [], is_lab=site.is_lab) from error
    return frozenset(each.name for each in listed if each.resource_count)
