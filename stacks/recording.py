"""Records the graph of a program: it registers its resources with us instead of the engine, and no provider is asked.

What a provider would answer comes from `Answers`; so the program runs to its end, and what it makes of an answer is
part of the graph. This costs a tenth of a preview.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, cast

import grpc
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import mocks, resource, rpc, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import callback_pb2, resource_pb2, source_pb2
from pulumi.runtime.stack import run_in_stack

from stacks.graph import Graph, Node, bare, node_of, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

STACK_TYPE = "pulumi:pulumi:Stack"
_READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
_REFERENCE = "pulumi:pulumi:StackReference"


class Answers(Protocol):
    """What providers and other stacks would say. The same question has the same answer in every run."""

    def resource(self, urn: str, inputs: Mapping[str, Any], provider: str) -> tuple[str, Mapping[str, Any]]:
        """Identifier and outputs of a resource that a provider makes, or of a provider itself.

        Args:
            urn: The engine's name of it; type and name are in it.
            inputs: Its inputs, without marks of secrets.
            provider: URN and identifier of its provider; empty: the default one.
        """
        ...

    def call(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """What a function returns."""
        ...

    def stack(self, name: str) -> Mapping[str, Any] | None:
        """What a stack exports; None: there is no such stack."""
        ...


class EngineRefusalError(grpc.RpcError):
    """What the engine answers to a call that it cannot serve."""

    def code(self) -> grpc.StatusCode:
        """Its status: the engine has no better one."""
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        """Its words."""
        return str(self)


class Recorder(mocks.MockMonitor):
    """The engine's side of Pulumi's protocol, as far as a program needs it to run to its end.

    Args:
        answers: What it is answered.
        project: Pulumi's name of the project.
        stack: Name of the stack.
    """

    def __init__(self, answers: Answers, project: str, stack: str) -> None:
        super().__init__(_NoMocks())
        self.graph = Graph()
        self._answers = answers
        self._project, self._stack = project, stack
        self._lock = threading.Lock()

    # The methods below are named by Pulumi's protocol: proto/pulumi/resource.proto says what each means.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """A resource's URN."""
        above = parent.split("::")[2] if parent else STACK_TYPE
        path = type_ if above == STACK_TYPE else f"{above}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{path}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        """Record, then answer."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        node = node_of(request, urn)
        if request.remote:
            self.graph.opaque = f"{node.name} is made outside of the program"
        id_, outputs = self._answer(node)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=outputs)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """Record what exists already, then answer."""
        node = node_of(request, self.make_urn(request.parent, request.type, request.name))
        if request.type == _REFERENCE:
            with self._lock:
                outputs = _struct(self._outputs(request.id) | {"secretOutputNames": []})
        else:
            _, outputs = self._answer(node)
        return resource_pb2.ReadResourceResponse(urn=node.urn, properties=outputs)

    def _answer(self, node: Node) -> tuple[str, Struct]:
        with self._lock:
            self.graph.nodes.append(node)
            if not node.custom:
                return "", Struct()
            id_, outputs = self._answers.resource(node.urn, bare(node.inputs), node.provider)
        return id_, _struct(outputs)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Answer a function."""
        arguments = bare(plain(rpc.deserialize_properties(request.args)))
        with self._lock:
            if request.tok == _READ_OUTPUTS:
                answer: Mapping[str, Any] = self._outputs(arguments["name"])
            else:
                answer = self._answers.call(request.tok, arguments, request.provider)
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(_struct(answer))  # the field is named by a word of Python's
        return response

    def _outputs(self, name: str) -> dict[str, Any]:
        stack = name.rsplit("/", 1)[-1]
        if stack not in self.graph.reads:
            self.graph.reads.append(stack)
        exports = self._answers.stack(stack)
        if exports is None:
            raise EngineRefusalError(f"unknown stack {stack!r}")
        return {"name": name, "outputs": exports}

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """What the stack exports; a component's outputs change nothing."""
        if request.urn.split("::")[2] == STACK_TYPE:
            self.graph.exports = bare(plain(rpc.deserialize_properties(request.outputs, keep_unknowns=True)))
        return empty_pb2.Empty()


class _Beside:
    """Takes up code that a program wants run beside it; only the engine ever calls it.

    Args:
        graph: Is told that it does not say all.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def _note(self, what: str) -> callback_pb2.Callback:
        self._graph.opaque = f"the program has {what}, which only the engine runs"
        return callback_pb2.Callback(token=what)

    def register_transform(self, _: Any) -> callback_pb2.Callback:
        """Changes a resource after the program has registered it."""
        return self._note("a transform")

    def register_stack_transform(self, _: Any) -> None:
        """Changes every resource."""
        self._note("a transform")

    def register_invoke_transform(self, _: Any) -> None:
        """Changes look-ups."""
        self._note("a transform of look-ups")

    def register_resource_hook(self, _: Any) -> None:
        """Runs when a resource is made."""
        self._note("a hook")

    register_error_hook = register_resource_hook


class _NoMocks(mocks.Mocks):
    """The SDK's monitor wants some; none is ever asked."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError(args.name)

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)


def _struct(values: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(values)
    return message


def record(
    program: Callable[[], Any],
    answers: Answers,
    *,
    stack: str,
    project: str = "aurops",
    config: Mapping[str, str] | None = None,
    preview: bool = False,
) -> Graph:
    """Run a program to its end and return what it registered.

    Args:
        program: Registers resources, as under the engine. Not for two threads at once: the SDKs import lazily.
        answers: What providers and other stacks say.
        stack: Name of the stack.
        project: Pulumi's name of the project.
        config: Its configuration, JSON texts by full key.
        preview: Whether the program is told that nothing will be made.

    Raises:
        Exception: Whatever the program raises.
    """
    recorder = Recorder(answers, project, stack)
    # What the SDK knows of the stack is in context variables: ours are gone with the copy.
    contextvars.copy_context().run(_run, program, recorder, config or {}, preview=preview)
    return recorder.graph


def _run(program: Callable[[], Any], recorder: Recorder, config: Mapping[str, str], *, preview: bool) -> None:
    settings.ROOT.set(None)  # as `reset_options` does it
    settings.configure(
        settings.Settings(
            project=recorder._project,  # noqa: SLF001
            stack=recorder._stack,  # noqa: SLF001
            monitor=recorder,
            engine=mocks.MockEngine(None),
            dry_run=preview,
            organization="organization",
        )
    )
    set_all_config(dict(config))
    settings.SETTINGS.callbacks = _Beside(recorder.graph)
    with _unplaced(), event_loop() as loop:
        loop.run_until_complete(run_in_stack(program))


@contextlib.contextmanager
def _unplaced() -> Iterator[None]:
    """Say of no resource where in the source it is made: to find that out takes an eighth of the time."""
    walk = resource._get_stack_trace  # noqa: SLF001
    resource._get_stack_trace = cast("Any", source_pb2.StackTrace)  # noqa: SLF001
    try:
        yield
    finally:
        resource._get_stack_trace = walk  # noqa: SLF001


@contextlib.contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of our own for one program; the loops that the SDK wants in its threads are closed with it."""
    loop, others = asyncio.new_event_loop(), list[asyncio.AbstractEventLoop]()

    def own_loop() -> None:
        others.append(asyncio.new_event_loop())
        asyncio.set_event_loop(others[-1])

    with ThreadPoolExecutor(initializer=own_loop) as threads:
        loop.set_default_executor(threads)
        asyncio.set_event_loop(loop)
        try:
            yield loop
        finally:
            # A program that failed leaves outputs that nothing will ever resolve.
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            asyncio.set_event_loop(None)
            for each in (loop, *others):
                each.close()
