"""Calls V11's methods by name, with rows in and rows out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from testbeds.local.platforms.operations import BY_NAME
from testbeds.local.platforms.protos import PACKAGE
from testbeds.local.platforms.v11 import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc


class Calls:
    """A client of V11.

    Args:
        channel: To it.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._messages = messages()

    def do(self, name: str, inputs: Mapping[str, object], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Call a unary method; the answer's fields as they are set, 64-bit integers as numbers.

        Raises:
            grpc.RpcError: V11 refused, or does not answer.
        """
        request, answer = self._messages[f"{name}Request"], self._messages[BY_NAME[name].answer]
        method = self._channel.unary_unary(
            f"/{PACKAGE}.{BY_NAME[name].service}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )
        said = method(request(**inputs), metadata=tuple((headers or {}).items()), wait_for_ready=True)
        row = json_format.MessageToDict(
            said, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return {name: _number(value) if _is_long(said, name) else value for name, value in row.items()}


def _is_long(message: Any, name: str) -> bool:
    field = message.DESCRIPTOR.fields_by_name[name]
    return bool(field.type == field.TYPE_INT64 and not field.is_repeated)


def _number(text: str) -> int:
    return int(text)
