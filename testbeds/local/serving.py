"""Serving HTTP on loopback, in the way that suits processes that are killed rather than stopped."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import TYPE_CHECKING

from aiohttp import web

from testbeds.local.layout import LOOPBACK

if TYPE_CHECKING:
    import ssl

KEEPALIVE_S = 75.0
"""Above Envoy's idle time-out (traffic.envoy.UPSTREAM_IDLE_S), so that it is never the server that closes first."""


async def serve(app: web.Application, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Listen on a loopback port; returns once connections are accepted.

    A handler goes on when its caller hangs up (aiohttp's `handler_cancellation` is off), and nothing handles SIGTERM:
    an orderly shutdown would cancel handlers, and with them commits that wait for their quorum.
    """
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port, backlog=512, ssl_context=tls).start()


async def forever() -> None:
    """Never return."""
    await asyncio.Event().wait()


def end_with_parent() -> None:
    """End this process at once when the pipe on its standard input closes: whoever started it is gone."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not sys.stdin.read: its lock would be in the way of an ordinary end
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
