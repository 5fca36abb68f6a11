"""As much of RFC 6455 as counting sockets takes: unfragmented frames of less than 126 bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
from dataclasses import dataclass

TEXT, CLOSE = 0x1, 0x8
SERVICE_RESTART = 1012
"""Close code of the IANA registry: the service restarts; reconnect, after a random delay."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"\r\nsec-websocket-key: *([^\r]+)", re.IGNORECASE)
_FINAL, _MASKED, _OPCODE, _LENGTH = 0x80, 0x80, 0x0F, 0x7F


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, unmasked.

    Args:
        opcode: What kind.
        payload: What it carries.
    """

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The close code; 1005 when it has none (RFC 6455, 7.4.1)."""
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) > 1 else 1005


def take(buffer: bytes) -> tuple[Frame | None, bytes]:
    """The first frame of a buffer, None when it is not complete yet, and the rest."""
    if len(buffer) < 2:  # noqa: PLR2004 - the shortest frame
        return None, buffer
    length, masked = buffer[1] & _LENGTH, buffer[1] & _MASKED
    start = 6 if masked else 2
    if len(buffer) < start + length:
        return None, buffer
    payload = buffer[start : start + length]
    if masked:
        mask = buffer[2:6]
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return Frame(buffer[0] & _OPCODE, payload), buffer[start + length :]


def text(payload: bytes, *, masked: bool = False) -> bytes:
    """A text frame; clients mask theirs."""
    return _frame(TEXT, payload, masked=masked)


def close(code: int, *, masked: bool = False) -> bytes:
    """A close frame with its code."""
    return _frame(CLOSE, struct.pack(">H", code), masked=masked)


def asked(path: str, host: str, user: str) -> bytes:
    """A client's upgrade request."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nhost: {host}\r\nx-user-id: {user}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
    ).encode()


def accepted(head: bytes) -> bytes:
    """A server's answer to it."""
    found = _KEY.search(head)
    key = found[1].strip() if found else b""
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455 says SHA-1
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: %s\r\n\r\n" % accept
    )


def _frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    head = bytes([_FINAL | opcode, len(payload) | (_MASKED if masked else 0)])
    # A mask of zeros is a mask: it defends against proxies that misread, and none of those are here (RFC 6455, 10.3).
    return head + (bytes(4) if masked else b"") + payload
