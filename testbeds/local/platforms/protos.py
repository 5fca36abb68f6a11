"""V11's protos, made from the table of operations: `python -m testbeds.local.platforms.protos` writes them anew.

They are kept in `proto/` as a team's own protos would be, because they are what the gateway is generated from; a test
says when they are not current.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local.platforms.fields import Field, Kind
from testbeds.local.platforms.messages import ANSWERS, ENTITIES, LISTS
from testbeds.local.platforms.operations import OPERATIONS, SERVICES, Act

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbeds.local.platforms.operations import Operation

PACKAGE = "ledger.v11"
FOLDER = Path(__file__).with_name("proto")
_HEAD = """\
// Made from testbeds/local/platforms/operations.py: python -m testbeds.local.platforms.protos
syntax = "proto3";
package {package};
"""


_HEALTH = """\
// As gRPC's health protocol has it: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
syntax = "proto3";
package grpc.health.v1;

message HealthCheckRequest {
  string service = 1;
}

message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}

service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
}
"""


def render() -> dict[str, str]:
    """The protos' texts by path below `FOLDER`."""
    folder = PACKAGE.replace(".", "/")
    texts = {"grpc/health/v1/health.proto": _HEALTH, f"{folder}/messages.proto": _messages()}
    for service in SERVICES:
        texts[f"{folder}/{service.lower()}.proto"] = _service(service)
    return texts


def _messages() -> str:
    parts = [_HEAD.format(package=PACKAGE)]
    parts += [_message(message.name, message.fields) for message in (*ENTITIES, *ANSWERS)]
    parts += [
        f"message {name} {{\n  repeated {entity} items = 1;\n  string next = 2;\n}}\n" for name, entity in LISTS.items()
    ]
    return "\n".join(parts)


def _message(name: str, fields: Iterable[Field], presence: Iterable[str] = ()) -> str:
    lines = []
    for number, field in enumerate(fields, 1):
        kind = _type(field)
        if field.kind is Kind.CHOICE:
            values = " ".join(f"{choice} = {n};" for n, choice in enumerate(field.choices))
            lines.append(f"  enum {kind} {{ {values} }}")
        optional = "optional " if field.name in presence else ""
        lines.append(f"  {optional}{kind} {field.name} = {number};")
    return "\n".join([f"message {name} {{", *lines, "}", ""]) if lines else f"message {name} {{}}\n"


def _type(field: Field) -> str:
    return field.name.title().replace("_", "") if field.kind is Kind.CHOICE else str(field.kind)


def _service(service: str) -> str:
    imports = f'\nimport "google/api/annotations.proto";\nimport "{PACKAGE.replace(".", "/")}/messages.proto";\n'
    operations = [operation for operation in OPERATIONS if operation.service == service]
    methods = "\n".join(_method(operation) for operation in operations)
    requests = [_request(operation) for operation in operations]
    return "\n".join([_HEAD.format(package=PACKAGE) + imports, f"service {service} {{\n{methods}\n}}\n", *requests])


def _method(operation: Operation) -> str:
    body = ' body: "*"' if operation.has_body else ""
    stream = "stream " if operation.act is Act.EXPORT else ""
    return (
        f"  rpc {operation.name}({operation.name}Request) returns ({stream}{operation.answer}) {{\n"
        f'    option (google.api.http) = {{ {operation.method.lower()}: "{operation.path}"{body} }};\n  }}'
    )


def _request(operation: Operation) -> str:
    """An update must tell what was given from what was not."""
    presence = set()
    if operation.act is Act.UPDATE:
        changed = (each for each in operation.inputs if each.name not in operation.in_path)
        presence = {each.name for each in changed if each.kind is not Kind.TEXTS}
    return _message(f"{operation.name}Request", operation.inputs, presence)


def main() -> None:
    """Write the protos."""
    for name, text in render().items():
        file = FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    main()
