"""What an engine that was killed leaves behind in this process does not reach the next one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc
from pulumi.runtime.settings import Settings

import stacks.engine  # noqa: F401 (what it does to the SDK is what is tested)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """An engine's first answer to a program."""

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 (the protocol's)
        """Yes."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)


@contextmanager
def serving(port: int = 0) -> Iterator[int]:
    """An engine's monitor on loopback, gone at once at the end; its port."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        try:
            yield bound
        finally:
            server.stop(0).wait()


def ask(program: Settings) -> bool:
    """What each program asks first."""
    assert program.monitor is not None
    return bool(program.monitor.SupportsFeature(resource_pb2.SupportsFeatureRequest(id="secrets")).hasSupport)


def settings(port: int) -> Settings:
    """The SDK's connection of one program to its engine."""
    return Settings("project", "stack", monitor=f"127.0.0.1:{port}")


def test_an_engine_at_the_port_of_a_killed_one_is_reached_at_once() -> None:
    """The connection that still waits for its next try at the dead engine is not the next program's."""
    # In a context that ends with the test: the SDK's settings are context variables, and whatever this process records
    # later would else be told to ask the dead engine.
    copy_context().run(reach)


def reach() -> None:
    """Two programs after each other, whose engines had the same port."""
    with serving() as port:
        before = settings(port)
        assert ask(before)
    with pytest.raises(grpc.RpcError, match="Failed to connect"):
        ask(before)
    with serving(port):
        assert ask(settings(port))
