"""The gateway's script in LuaJIT, with stand-ins for what Envoy hands to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lupa import luajit21

from migration.gateway.configuration import V10
from migration.gateway.script import script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from migration.gateway.methods import Method

_ENVOY = """
function answered(method, headers, chunks)
  local function as_headers()
    return {
      get = function(_, name) return headers[name] end,
      remove = function(_, name) headers[name] = nil end,
      replace = function(_, name, value) headers[name] = value end,
    }
  end
  local function as_body(n)
    return {
      length = function() return #chunks[n] end,
      getBytes = function(_, first, count) return string.sub(chunks[n], first + 1, first + count) end,
      setBytes = function(_, text) chunks[n] = text end,
    }
  end
  envoy_on_response({
    headers = as_headers,
    metadata = function() return {get = function() return method end} end,
    body = function() return chunks[1] and as_body(1) end,
    bodyChunks = function()
      local n = 0
      return function() n = n + 1; return chunks[n] and as_body(n) end
    end,
  })
end
"""


class Script:
    """The script of a gateway.

    Args:
        methods: V11's.
        v10: V10's ways.
    """

    def __init__(self, methods: Sequence[Method], v10: V10 | None = None) -> None:
        self._lua = luajit21.LuaRuntime(encoding=None)
        self._lua.execute(script(methods, v10 or V10()).encode())
        self._lua.execute(_ENVOY.encode())

    def answer(
        self, method: str, body: str | Sequence[str], headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, str], str]:
        """What becomes of an answer of V11, as the transcoder gives it: headers and body.

        Args:
            method: Its path in gRPC; empty: no route.
            body: The body, or its chunks.
            headers: Other than status 200 and a request id, which every answer of V11 has; empty: no such header.
        """
        chunks = [body] if isinstance(body, str) else body
        given = {":status": "200", "x-aurops-request-id": "r", **(headers or {})}
        table = self._table({name.encode(): value.encode() for name, value in given.items() if value})
        parts = self._table(dict(enumerate((chunk.encode() for chunk in chunks), 1)))
        self._lua.globals()[b"answered"](method.encode() or None, table, parts)
        made = {name.decode(): value.decode() for name, value in table.items()}
        return made, b"".join(parts.values()).decode()

    def _table(self, values: dict[Any, Any]) -> Any:
        return self._lua.table_from(values)
