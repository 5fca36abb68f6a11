"""The sample V10: `python -m testbeds.local.platforms.v10 --place FILE`. REST over RocksDB.

As its clients know it:

- 64-bit integers are JSON numbers, also beyond 2^53.
- An error is `{"error": {"code", "message", "requestId"}}`; `requestId` is the request's `x-request-id`, or empty.
- A path or a method that it does not know is 404 with such a body; a query parameter that it does not know is ignored,
  and so is an unknown key of a body.
- What is created is answered with 201. What it does not like of a value is 400, of a state 409, of funds 422.

A second port, for the bed alone, says what was executed and which WebSockets are open, and closes them (control.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from testbeds.local.platforms import control
from testbeds.local.platforms.acts import Code, RefusedError
from testbeds.local.platforms.claims import PostgresClaims
from testbeds.local.platforms.fields import fits, from_text
from testbeds.local.platforms.ledger import Caller, Ledger
from testbeds.local.platforms.operations import OPERATIONS, Act
from testbeds.local.platforms.place import ROCKS, Place, load
from testbeds.local.platforms.rocks import RocksStore
from testbeds.local.platforms.sockets import Sockets
from testbeds.local.platforms.wire import as_json
from testbeds.local.serving import end_with_parent, forever, serve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.local.platforms.operations import Operation

REQUEST_ID, IDEMPOTENCY_KEY = "x-request-id", "idempotency-key"
STATUS = {
    Code.INVALID: 400,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.STATE: 409,
    Code.FUNDS: 422,
    Code.KEY_REUSED: 422,
    Code.ELSEWHERE: 409,
    Code.UNAVAILABLE: 503,
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class V10:
    """The platform's HTTP interface.

    Args:
        ledger: What it serves.
        sockets: Its WebSockets.
        delay_s: Each request takes so much longer, ≥ 0: a backend that is farther away.
    """

    def __init__(self, ledger: Ledger, sockets: Sockets, delay_s: float) -> None:
        self._ledger = ledger
        self._sockets = sockets
        self._delay_s = delay_s

    def app(self) -> web.Application:
        """All endpoints; literal paths go before those with parameters."""
        app = web.Application()
        app.router.add_get(control.SOCKET_PATH, self._sockets.serve)
        for operation in sorted(OPERATIONS, key=lambda each: "{" in each.path):
            for path in (operation.path, f"{operation.path}/"):  # a slash at the end changes nothing there
                app.router.add_route(operation.method, path, self._handler(operation))
        app.router.add_route("*", "/{path:.*}", _unknown)
        return app

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            caller = Caller(request.headers.get(REQUEST_ID, ""), request.headers.get(IDEMPOTENCY_KEY, ""))
            try:
                inputs = _inputs(operation, request, await request.read())
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                answer = await self._ledger.do(operation, inputs, time.time_ns() // 1_000_000, caller)
            except RefusedError as error:
                return _error(STATUS[error.code], error.code, error.text, caller.request_id)
            if operation.act in (Act.CREATE, Act.SEAL):
                self._sockets.tell(operation.answer, as_json(operation.answer, answer))
            return _answer(operation.success, as_json(operation.answer, answer))

        return handle


def _inputs(operation: Operation, request: web.Request, raw: bytes) -> dict[str, Any]:
    """What was given, by field.

    Raises:
        RefusedError: A value is none that the field can hold.
    """
    body = _body(raw) if operation.has_body and raw else {}
    inputs: dict[str, Any] = {}
    for field in operation.inputs:
        text = request.match_info.get(field.name)
        if text is None and not operation.has_body:
            text = request.query.get(field.json_name)
        if text is not None:
            try:
                inputs[field.name] = from_text(field, text)
            except ValueError as error:
                raise RefusedError(Code.INVALID, f"{field.json_name} is not {field.kind}: {text}") from error
        elif field.json_name in body:
            value = body[field.json_name]
            if not fits(field, value):
                raise RefusedError(Code.INVALID, f"{field.json_name} is not {field.kind}")
            inputs[field.name] = value
    return inputs


def _body(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise RefusedError(Code.INVALID, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise RefusedError(Code.INVALID, "the body is not a JSON object")
    return body


async def _unknown(request: web.Request) -> web.Response:
    text = f"Cannot {request.method} {request.raw_path.partition('?')[0]}"
    return _error(404, Code.NOT_FOUND, text, request.headers.get(REQUEST_ID, ""))


def _error(status: int, code: Code, text: str, request_id: str) -> web.Response:
    return _answer(status, {"error": {"code": code, "message": text, "requestId": request_id}})


def _answer(status: int, body: object) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(status=status, text=text, content_type="application/json")


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", required=True, type=Path)
    end_with_parent()
    place: Place = load(parser.parse_args().place)
    store, claims = RocksStore(Path(place.folder, ROCKS)), None
    if place.claims:
        claims = PostgresClaims(place.claims)
        await claims.open()
    sockets = Sockets(place.name)
    await serve(control.app(store.executions, sockets), place.control_port)
    await serve(V10(Ledger(store, claims), sockets, place.delay_s).app(), place.port)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
