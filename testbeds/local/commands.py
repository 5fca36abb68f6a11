"""Commands over HTTP that a fencing epoch guards: the part that region agents and the edge share.

A command whose epoch is below the highest one ever admitted is refused (409). A higher one is kept on disk *before*
anything is done. Commands run one at a time, so a late one of an old epoch cannot slip in beside a newer one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from aurops.files import write_durably

if TYPE_CHECKING:
    from pathlib import Path

Body = Mapping[str, Any]
Answer = Mapping[str, Any]
Act = Callable[[int, Body], Awaitable[Answer]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class RefusedError(Exception):
    """A command that cannot be done now; nothing was changed unless the text says so."""


class BadBodyError(Exception):
    """A command's body that is not what the contract says."""


class OlderEpochError(Exception):
    """A command of an epoch below the highest admitted.

    Args:
        highest_epoch: The highest epoch admitted.
    """

    def __init__(self, highest_epoch: int) -> None:
        self.highest_epoch = highest_epoch
        super().__init__(f"older epoch than {highest_epoch}")


class Epochs:
    """The highest epoch admitted, kept in a file.

    Args:
        file: Where it is kept; its folder exists.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._highest = int(file.read_text()) if file.exists() else 0

    @property
    def highest(self) -> int:
        """The highest epoch admitted; 0 before the first."""
        return self._highest

    def admit(self, epoch: int) -> None:
        """Admit this epoch; when it returns, every lower one is refused, even after a crash.

        Raises:
            OlderEpochError: A higher one was admitted before.
        """
        if epoch < self._highest:
            raise OlderEpochError(self._highest)
        if epoch > self._highest:
            write_durably(self._file, str(epoch))
            self._highest = epoch


class Commands:
    """Turns functions into handlers of commands, all under one lock."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._lock = asyncio.Lock()

    def handler(
        self, act: Callable[[int, Body], Awaitable[Answer]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A handler that admits the epoch in the body, then acts with it and the body."""

        async def handle(request: web.Request) -> web.Response:
            # Shielded: a caller that hangs up must not leave a command half done.
            return await asyncio.shield(self._run(act, await request.read()))

        return handle

    async def _run(self, act: Act, raw: bytes) -> web.Response:
        try:
            body = parse(raw)
            epoch = integer(body, "epoch", least=1)
            async with self._lock:
                self._epochs.admit(epoch)
                return web.json_response(await act(epoch, body))
        except BadBodyError as error:
            return web.json_response({"error": str(error)}, status=400)
        except OlderEpochError as error:
            return web.json_response({"error": "older epoch", "highest_epoch": error.highest_epoch}, status=409)
        except RefusedError as error:
            return web.json_response({"error": str(error)}, status=503)


def parse(raw: bytes) -> Body:
    """The JSON object in a request's body.

    Raises:
        BadBodyError: It is not one.
    """
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BadBodyError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadBodyError("the body is not a JSON object")
    return body


def integer(body: Body, name: str, *, least: int) -> int:
    """A whole number ≥ `least` in the body.

    Raises:
        BadBodyError: It is missing or something else.
    """
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadBodyError(f"{name} is not a whole number ≥ {least}: {value!r}")
    return value


def choice(value: object, name: str, allowed: tuple[str, ...]) -> str:
    """A value that is one of the names allowed.

    Raises:
        BadBodyError: It is not.
    """
    if value not in allowed:
        raise BadBodyError(f"{name} is not one of {', '.join(allowed)}: {value!r}")
    return str(value)
