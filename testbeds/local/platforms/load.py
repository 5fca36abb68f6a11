"""Closed-loop load on a REST path: `python -m testbeds.local.platforms.load PORT PATH SECONDS CONNECTIONS`.

Raw bytes on keep-alive connections, one request at a time on each: it shares its cores with what it measures. Prints
how many answers came, and how many of them were not 200.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

from testbeds.local.layout import LOOPBACK

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def _ask(port: int, path: str, until_s: float) -> tuple[int, int]:
    """One connection: how many answers came, and how many of them were not 200."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    request = f"GET {path} HTTP/1.1\r\nhost: ledger\r\n\r\n".encode()
    answers = bad = 0
    while time.monotonic() < until_s:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        answers, bad = answers + 1, bad + (head[9:12] != b"200")
    writer.close()
    return answers, bad


async def main() -> None:
    """Ask on all connections."""
    port, path, seconds, connections = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    until_s = time.monotonic() + seconds
    counted = await asyncio.gather(*(_ask(port, path, until_s) for _ in range(connections)))
    print(sum(answers for answers, _ in counted), sum(bad for _, bad in counted))  # noqa: T201 (whoever started it reads this)


if __name__ == "__main__":
    asyncio.run(main())
