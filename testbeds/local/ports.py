"""A block of free loopback ports for each bed.

Blocks lie below the range from which Linux takes ports for outgoing connections (ip_local_port_range), so that no
connection can take the port of a region that is down. The bed holds the block's first port all its life: that is the
claim, and it ends with the process.
"""

from __future__ import annotations

import errno
import random
import socket

from aurops.errors import OutsideError
from testbeds.local.layout import BLOCK_SIZE, LOOPBACK

_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 50


def claim(first_port: int | None) -> socket.socket:
    """Claim a block; the socket returned listens on its first port.

    Args:
        first_port: Take exactly this block; None: any free one.

    Raises:
        OutsideError: A port of the block that was asked for is taken, or no free block was found.
    """
    if first_port is not None:
        return _claim(first_port)
    blocks = range(_LOWEST, _HIGHEST - BLOCK_SIZE, BLOCK_SIZE)
    for block in random.sample(blocks, _TRIES):
        try:
            return _claim(block)
        except OutsideError:
            continue
    raise OutsideError(
        f"No {BLOCK_SIZE} consecutive free loopback ports were found in {_TRIES} tries.",
        where=f"{LOOPBACK}, ports {_LOWEST} to {_HIGHEST}",
        next_step="End what uses them (`aurops local down --all` ends test beds), then try again.",
    )


def _claim(first_port: int) -> socket.socket:
    claimed = _bind(first_port)
    try:
        for port in range(first_port + 1, first_port + BLOCK_SIZE):
            _bind(port).close()
    except BaseException:
        claimed.close()
        raise
    claimed.listen()
    return claimed


def _bind(port: int) -> socket.socket:
    candidate = socket.socket()
    # As the servers do that will bind it: connections in TIME_WAIT are no obstacle, a listener is.
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        candidate.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise OutsideError(
            f"Port {port} is taken." if taken else f"Port {port} cannot be used: {error}.",
            where=f"{LOOPBACK}:{port}",
            allowed=f"{BLOCK_SIZE} consecutive free ports",
            next_step="Leave out the port: a free block is found by itself.",
        ) from error
    return candidate
