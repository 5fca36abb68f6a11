"""V11's methods as their descriptors say: where REST reaches them, what they take and answer. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api import annotations_pb2
from google.protobuf import descriptor_pool

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

_VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Binding:
    """One way in which REST reaches a method (google.api.http).

    Args:
        verb: The HTTP method.
        path: The path's template.
        body: `*`: the body is the request; a field's name: it is that; empty: there is none.
        answers: The field of the answer that is the answer's body; empty: all of it.
    """

    verb: str
    path: str
    body: str
    answers: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The request's fields that the path holds."""
        return tuple(found[1] for found in _VARIABLE.finditer(self.path))

    def filled(self, values: dict[str, str]) -> str:
        """The path with these values, which are quoted already, in the places of its variables.

        A variable with a pattern, such as {name=shelves/*}, has its value in the pattern's places.
        """

        def value(found: re.Match[str]) -> str:
            pattern, given = found[2] or "*", values[found[1]]
            return re.sub(r"\*+", lambda _: given, pattern)

        return _VARIABLE.sub(value, self.path)


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Args:
        service: Its service's full name.
        name: Its own.
        bindings: How REST reaches it; at least one.
        streams: Whether it answers with a stream.
        request: What it takes.
        answer: What it answers.
        harmless: Whether the protos say that it changes nothing.
    """

    service: str
    name: str
    bindings: tuple[Binding, ...]
    streams: bool
    request: Descriptor
    answer: Descriptor
    harmless: bool

    @property
    def answers(self) -> str:
        """The field of the answer that REST gives; empty: all of it."""
        return self.bindings[0].answers

    @property
    def full_name(self) -> str:
        """Such as ledger.v11.Blocks.GetBlock."""
        return f"{self.service}.{self.name}"

    @property
    def path(self) -> str:
        """Its path in gRPC."""
        return f"/{self.service}/{self.name}"

    @property
    def reads(self) -> bool:
        """Whether it may be executed twice: REST has it under GET alone, or the protos say so."""
        return self.harmless or {binding.verb for binding in self.bindings} == {"GET"}


def read_methods(compiled: FileDescriptorSet) -> tuple[Method, ...]:
    """All methods that REST reaches, in the order of the protos.

    Raises:
        UsageError: There is none, two have the same verb and path, or one takes a stream.
    """
    pool = descriptor_pool.DescriptorPool()
    for file in compiled.file:
        pool.Add(file)
    methods = tuple(
        method
        for file in compiled.file
        for service in pool.FindFileByName(file.name).services_by_name.values()
        for each in service.methods
        if (method := _read(each)) is not None
    )
    _check(methods)
    return methods


def _read(method: MethodDescriptor) -> Method | None:
    options = method.GetOptions()
    rule = options.Extensions[annotations_pb2.http]
    bindings = tuple(_bindings(rule)) if options.HasExtension(annotations_pb2.http) else ()
    if not bindings:
        return None
    if method.client_streaming:
        raise UsageError(
            f"{method.full_name} takes a stream, and REST has none to give",
            allowed="a method with google.api.http takes one message",
        )
    return Method(
        service=method.containing_service.full_name,
        name=method.name,
        bindings=bindings,
        streams=method.server_streaming,
        request=method.input_type,
        answer=method.output_type,
        harmless=options.idempotency_level == options.NO_SIDE_EFFECTS,
    )


def _bindings(rule: annotations_pb2.HttpRule) -> Iterator[Binding]:
    kind = rule.WhichOneof("pattern")
    if kind in _VERBS:
        yield Binding(kind.upper(), getattr(rule, kind), rule.body, rule.response_body)
    elif kind == "custom":
        yield Binding(rule.custom.kind, rule.custom.path, rule.body, rule.response_body)
    for other in rule.additional_bindings:
        yield from _bindings(other)


def _check(methods: tuple[Method, ...]) -> None:
    if not methods:
        raise UsageError("no method of the protos has a google.api.http annotation", allowed="at least one")
    seen: dict[tuple[str, str], str] = {}
    for method in methods:
        if len({binding.answers for binding in method.bindings}) > 1:
            raise UsageError(f"{method.full_name} has several response_body", allowed="the same one in each binding")
        if method.answers and not method.answer.fields_by_name[method.answers].message_type:
            raise UsageError(f"the response_body of {method.full_name} is no message", allowed="a field that is one")
        for binding in method.bindings:
            place = (binding.verb, _VARIABLE.sub("{}", binding.path))
            if place in seen:
                raise UsageError(
                    f"{seen[place]} and {method.full_name} are both reached by {binding.verb} {binding.path}",
                    allowed="a verb and path of its own for each",
                )
            seen[place] = method.full_name
