"""The gateway's Lua: generated tables and V10's error body, then `numbers.lua` and `answers.lua`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from migration.gateway.configuration import V10, GrpcCode, Refusal, first_fit
from migration.gateway.longs import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor

    from migration.gateway.methods import Method

REQUEST_ID_HEADER = "x-aurops-request-id"
"""On an answer of V11, and on nothing that Envoy says by itself: the request's id. It never leaves the gateway.

Some of Envoy's own replies pass no filter, such as the 500 for an answer that is too large: what a filter would have to
take off must not be on them.
"""
_PARTS = ("numbers.lua", "answers.lua")
_PLACE = re.compile(r"\{(code|status|message|request_id)\}")
_STATUS_ALONE = '"{status}"'


def script(methods: Sequence[Method], v10: V10) -> str:
    """All of it."""
    types, places = tables(_answer(method) for method in methods)
    head = [
        "local LONG, ANY, NOTHING = 1, 0, {}",
        f"local REQUEST_ID_HEADER = {_text(REQUEST_ID_HEADER)}",
        f"local CONTENT_TYPE = {_text(v10.content_type)}",
        _codes(),
        types,
        *_methods(methods, v10, places),
        *_refusals("REASONS", v10.reasons),
        *_refusals("REFUSALS", v10.codes),
        _error_body(v10),
    ]
    return "\n".join([*head, *(Path(__file__).with_name(name).read_text() for name in _PARTS)])


def _answer(method: Method) -> Descriptor:
    if not method.answers:
        return method.answer
    inner = method.answer.fields_by_name[method.answers].message_type
    if inner is None:  # methods.py has refused it
        raise TypeError(method.full_name)
    return inner


def _methods(methods: Sequence[Method], v10: V10, places: Mapping[str, str]) -> Iterable[str]:
    yield "local METHODS = {}"
    for method in methods:
        status = first_fit(v10.status, method.full_name)
        parts = [f"status = {_text(str(status))}"] if status and status != 200 else []  # noqa: PLR2004 (HTTP's OK)
        parts += ["streams = true"] if method.streams else []
        kind = places.get(_answer(method).full_name)
        parts += [f"type = {kind}"] if kind else []
        yield f"METHODS[{_text(method.path)}] = {{{', '.join(parts)}}}"


def _codes() -> str:
    return "local CODES = {" + ", ".join(f"[{code}] = {_text(name)}" for code, name in enumerate(GrpcCode, 1)) + "}"


def _refusals(table: str, refusals: Mapping[str, Refusal] | Mapping[GrpcCode, Refusal]) -> Iterable[str]:
    yield f"local {table} = {{}}"
    for name, refusal in refusals.items():
        parts = [f"status = {refusal.status}"] if refusal.status else []
        parts += [f"{key} = {_text(_inner(text))}" for key in ("code", "message") if (text := getattr(refusal, key))]
        yield f"{table}[{_text(name)}] = {{{', '.join(parts)}}}"


def _error_body(v10: V10) -> str:
    """V10's error as a Lua function: JSON's text with the values put in."""
    body = json.dumps(v10.error, separators=(",", ":"), ensure_ascii=False).replace(_STATUS_ALONE, "{status}")
    literal, *rest = _PLACE.split(body)
    parts = [_text(literal)]
    for name, after in zip(rest[::2], rest[1::2], strict=True):
        parts += [name, _text(after)]
    return f"local function error_body(code, status, message, request_id)\n  return {' .. '.join(parts)}\nend"


def _inner(text: str) -> str:
    """JSON's text of a string, without its quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _text(text: str) -> str:
    """A Lua string: only what Lua needs is escaped (Lua 5.1 manual, 2.1)."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\0": "\\000"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'
