"""The sample V11: `python -m testbeds.local.platforms.v11 --place FILE`. gRPC over PostgreSQL, WebSockets beside it.

Why an operation was refused travels as gRPC's rich error model has it: `google.rpc.ErrorInfo` with the reason, in
`grpc-status-details-bin` (https://grpc.io/docs/guides/error/).
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import psycopg
from aiohttp import web
from google.protobuf import any_pb2, descriptor_pool, message_factory
from grpc import aio
from psycopg_pool import PoolTimeout

from migration.gateway.protos import compile_protos
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import certificates, control
from testbeds.local.platforms.acts import Code, RefusedError, Row
from testbeds.local.platforms.fields import Kind
from testbeds.local.platforms.ledger import Caller, Ledger
from testbeds.local.platforms.operations import BY_NAME, OPERATIONS, SERVICES, Act
from testbeds.local.platforms.place import load
from testbeds.local.platforms.postgres_store import PostgresStore
from testbeds.local.platforms.protos import FOLDER, PACKAGE
from testbeds.local.platforms.sockets import Sockets
from testbeds.local.platforms.v10 import IDEMPOTENCY_KEY, REQUEST_ID
from testbeds.local.platforms.wire import as_json
from testbeds.local.serving import end_with_parent, forever, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.message import Message as Proto

    from testbeds.local.platforms.operations import Operation
    from testbeds.local.platforms.place import Place

STATUS = {
    Code.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Code.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Code.CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Code.STATE: grpc.StatusCode.FAILED_PRECONDITION,
    Code.FUNDS: grpc.StatusCode.FAILED_PRECONDITION,
    Code.KEY_REUSED: grpc.StatusCode.INVALID_ARGUMENT,
    Code.ELSEWHERE: grpc.StatusCode.ABORTED,
    Code.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
DOMAIN = "ledger.sample"
DETAILS = "grpc-status-details-bin"


class V11:
    """The platform's gRPC interface.

    Args:
        ledger: What it serves.
        sockets: Its WebSockets, which hear what is created.
        delay_s: Each request takes so much longer, ≥ 0.
    """

    def __init__(self, ledger: Ledger, sockets: Sockets, delay_s: float) -> None:
        self._ledger = ledger
        self._sockets = sockets
        self._delay_s = delay_s
        self._messages = messages()

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """All services, and gRPC's own for health."""
        health = grpc.unary_unary_rpc_method_handler(
            self._health,
            request_deserializer=self._messages["HealthCheckRequest"].FromString,
            response_serializer=self._messages["HealthCheckResponse"].SerializeToString,
        )
        return (
            *tuple(
                grpc.method_handlers_generic_handler(
                    f"{PACKAGE}.{service}",
                    {each.name: self._handler(each) for each in OPERATIONS if each.service == service},
                )
                for service in SERVICES
            ),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),
        )

    async def _health(self, _request: Proto, _context: aio.ServicerContext[Proto, Proto]) -> Proto:
        """Serving, if the database answers."""
        answer = self._messages["HealthCheckResponse"]
        try:
            await self._ledger.do(BY_NAME["GetHealth"], {}, 0, Caller())
        except (psycopg.Error, PoolTimeout):
            return answer(status="NOT_SERVING")
        return answer(status="SERVING")

    def _handler(self, operation: Operation) -> Any:
        request, answer = self._messages[f"{operation.name}Request"], self._messages[operation.answer]
        many = operation.act is Act.EXPORT
        make = grpc.unary_stream_rpc_method_handler if many else grpc.unary_unary_rpc_method_handler
        return make(
            self._stream(operation, answer) if many else self._unary(operation, answer),
            request_deserializer=request.FromString,
            response_serializer=answer.SerializeToString,
        )

    def _unary(self, operation: Operation, answer: type[Proto]) -> Callable[..., Awaitable[Proto]]:
        async def handle(request: Proto, context: aio.ServicerContext[Proto, Proto]) -> Proto:
            row = await self._do(operation, request, context)
            if operation.act in (Act.CREATE, Act.SEAL):
                self._sockets.tell(operation.answer, as_json(operation.answer, row))
            return answer(**row)

        return handle

    def _stream(self, operation: Operation, answer: type[Proto]) -> Callable[..., AsyncIterator[Proto]]:
        async def handle(request: Proto, context: aio.ServicerContext[Proto, Proto]) -> AsyncIterator[Proto]:
            for row in await self._do(operation, request, context):
                yield answer(**row)

        return handle

    async def _do(self, operation: Operation, request: Proto, context: aio.ServicerContext[Proto, Proto]) -> Any:
        headers = {str(name): str(value) for name, value in context.invocation_metadata() or ()}
        caller = Caller(headers.get(REQUEST_ID, ""), headers.get(IDEMPOTENCY_KEY, ""))
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        try:
            return await self._ledger.do(operation, _inputs(operation, request), time.time_ns() // 1_000_000, caller)
        except RefusedError as error:
            await context.abort(STATUS[error.code], error.text, ((DETAILS, _details(error)),))


def messages() -> dict[str, type[Proto]]:
    """The classes of V11's messages, by name, made from its protos."""
    compiled, pool = compile_protos([FOLDER]), descriptor_pool.DescriptorPool()
    for file in compiled.file:
        pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{message.name}"))
        for file in compiled.file
        if not file.package.startswith("google.")
        for message in file.message_type
    }


def _inputs(operation: Operation, request: Proto) -> Row:
    """What was given: all of it, but for the optional fields that are not set."""
    inputs = {}
    for field in operation.inputs:
        if operation.act is Act.UPDATE and field.name not in operation.in_path and not request.HasField(field.name):
            continue
        value = getattr(request, field.name)
        if field.kind is Kind.CHOICE:
            value = field.choices[value] if 0 <= value < len(field.choices) else str(value)
        inputs[field.name] = list(value) if field.kind is Kind.TEXTS else value
    return inputs


def _details(error: RefusedError) -> bytes:
    # Pulumi's SDK has a google.rpc.Status of its own, and a process can know one: only the server's has this one.
    from google.rpc import error_details_pb2, status_pb2  # noqa: PLC0415

    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN))
    code = STATUS[error.code].value[0]
    said: bytes = status_pb2.Status(code=code, message=error.text, details=[info]).SerializeToString()
    return said


def _credentials(place: Place) -> grpc.ServerCredentials:
    """Its certificate; clients must have one, too."""
    certificate, key, authority = (Path(place.tls, name).read_bytes() for name in certificates.FILES)
    return grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)


async def _start(place: Place) -> aio.Server:
    """Serve; returns once requests are accepted."""
    store, sockets = await PostgresStore.open(place.conninfo), Sockets(place.name)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(V11(Ledger(store), sockets, place.delay_s).handlers())
    where = f"{LOOPBACK}:{place.port}"
    if not (server.add_secure_port(where, _credentials(place)) if place.tls else server.add_insecure_port(where)):
        raise OSError(f"port {place.port} is taken")
    app = web.Application()
    app.router.add_get(control.SOCKET_PATH, sockets.serve)
    await serve(app, place.socket_port, certificates.server_context(Path(place.tls)) if place.tls else None)
    await serve(control.app(store.executions, sockets), place.control_port)
    await server.start()
    return server


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", required=True, type=Path)
    end_with_parent()
    server = await _start(load(parser.parse_args().place))
    await forever()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(main())
