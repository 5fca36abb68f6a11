"""What a check asks: of each endpoint the plain question, and those by which an old platform's ways show. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from google.protobuf.descriptor import FieldDescriptor

from migration.gateway.check.pages import asks_for_next, next_of, shown_for
from migration.gateway.check.values import BEYOND_DOUBLE, INTEGERS, MADE_UP, SMALL, made_up, message, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from migration.gateway.methods import Binding, Method

PAGE = 2
"""The value of integers in a query that V10 has shown none of: they mostly are limits."""


class Aspect(StrEnum):
    """What a question is about."""

    PLAIN = "plain"
    """A request as a client would send it."""
    PARAMETER = "with a parameter"
    """With a value for one parameter of the query, each in its turn."""
    NEXT_PAGE = "next page"
    """With what V10's answer says comes after it."""
    SLASH = "slash at the end"
    """The path with a slash after it."""
    HEAD = "HEAD"
    """A read by HEAD, which is GET without the body (RFC 9110, 9.3.2)."""
    OPTIONS = "OPTIONS"
    """What may be done with the path (RFC 9110, 9.3.7)."""
    UNKNOWN_PARAMETER = "unknown parameter"
    """With a parameter that nobody knows."""
    UNKNOWN_KEY = "unknown key"
    """With a key in the body that nobody knows."""
    WRONG_VALUE = "wrong value"
    """With a value that its field cannot hold."""
    NOT_JSON = "not JSON"
    """With a body that is no JSON."""
    NOT_THERE = "not there"
    """About something that does not exist."""
    AGAIN = "same key again"
    """The same write again, with the same idempotency key."""
    UNKNOWN_PATH = "unknown path"
    """A path that nobody knows."""
    UNKNOWN_METHOD = "unknown method"
    """A known path with a method that it does not have."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Args:
        method: The full name of V11's method; empty: of none.
        aspect: What it is about.
        verb: HTTP method.
        target: Path and query.
        body: Its body; None: none.
        template: The path's template.
        values: What its variables have.
    """

    method: str
    aspect: Aspect
    verb: str
    target: str
    body: str | None = None
    template: str = ""
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to one method.

    Args:
        method: The method.
        binding: The way.
        given: Values of fields from the gateway's file, by the field's name.
    """

    method: Method
    binding: Binding
    given: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.binding.verb} {self.binding.path}"

    def plain(self, values: Mapping[str, str], tag: str, wide: int = BEYOND_DOUBLE) -> Question:
        """A request as a client would send it.

        Args:
            values: For the variables of the path; those that are missing are made up.
            tag: Put into texts that are made up.
            wide: The value of integers of 64 bits.
        """
        known = {name: str(value) for name, value in self.given.items() if name in self.binding.variables}
        filled = {name: self._made_up(name, tag) for name in self.binding.variables} | dict(values) | known
        target = self.binding.filled({name: quote(value, safe="") for name, value in filled.items()})
        body = json.dumps(self._body(tag, wide)) if self.binding.body else None
        place = tuple(sorted(filled.items()))
        return Question(self.method.full_name, Aspect.PLAIN, self.binding.verb, target, body, self.binding.path, place)

    def others(self, plain: Question, tag: str, body: str = "") -> Iterator[Question]:
        """The other questions to an endpoint, after its plain one.

        Args:
            plain: The plain one that succeeded, or the last that was asked.
            tag: Put into texts that are made up.
            body: V10's answer to the plain one: its values are asked for.
        """
        if not self.binding.body:
            yield replace(
                plain, aspect=Aspect.UNKNOWN_PARAMETER, target=_with(plain.target, {f"{MADE_UP}-unknown": "1"})
            )
        for one in self._in_query():
            query = {one.json_name: self._asked_for(one, tag, body)}
            yield replace(plain, aspect=Aspect.PARAMETER, target=_with(plain.target, query))
        yield from self._wrong(plain)
        path, mark, query_text = plain.target.partition("?")
        yield replace(plain, aspect=Aspect.SLASH, target=f"{path.rstrip('/')}/{mark}{query_text}")
        if self.binding.verb == "GET":
            yield replace(plain, aspect=Aspect.HEAD, verb="HEAD")
        yield replace(plain, aspect=Aspect.OPTIONS, verb="OPTIONS", body=None)
        if any(self._field(name).type == FieldDescriptor.TYPE_STRING for name in self.binding.variables):
            yield replace(self.plain({}, f"{tag}-nobody", SMALL), aspect=Aspect.NOT_THERE)
        if self.binding.body == "*" and plain.body is not None:
            more = {**json.loads(plain.body), f"{MADE_UP}-unknown": 1}
            yield replace(plain, aspect=Aspect.UNKNOWN_KEY, body=json.dumps(more))
            yield replace(plain, aspect=Aspect.NOT_JSON, body="{not JSON")

    def next_page(self, asked: Question, body: str) -> Question | None:
        """The question for what comes after an answer; None: it does not say, or no parameter takes it.

        Args:
            asked: The question, for so many rows.
            body: V10's answer.
        """
        for one in self._in_query():
            token = next_of(one, body) if asks_for_next(one) else None
            if token and f"{one.json_name}=" not in asked.target:
                return replace(asked, aspect=Aspect.NEXT_PAGE, target=_with(asked.target, {one.json_name: token}))
        return None

    def _wrong(self, plain: Question) -> Iterator[Question]:
        """One question with a value that does not fit."""
        for one in self._in_query():
            if text := wrong(one):
                yield replace(plain, aspect=Aspect.WRONG_VALUE, target=_with(plain.target, {one.json_name: text}))
                return
        for name in self.binding.variables:
            if text := wrong(self._field(name)):
                yield replace(self.plain({name: text}, "wrong"), aspect=Aspect.WRONG_VALUE)
                return
        if self.binding.body == "*" and plain.body is not None:
            body = json.loads(plain.body)
            unfit = {one.json_name: text for one in self.method.request.fields if (text := wrong(one))}
            changed = {name: text for name, text in unfit.items() if name in body}
            if changed:
                yield replace(plain, aspect=Aspect.WRONG_VALUE, body=json.dumps({**body, **changed}))

    def _body(self, tag: str, wide: int) -> Any:
        given = {self._field(name).json_name: value for name, value in self.given.items()}
        if self.binding.body == "*":
            left_out = [name.partition(".")[0] for name in self.binding.variables]
            made = message(self.method.request, tag, wide, without=left_out)
            return {name: given.get(name, value) for name, value in made.items()}
        return made_up(self._field(self.binding.body), tag, wide)

    def _in_query(self) -> list[FieldDescriptor]:
        if self.binding.body == "*":
            return []
        elsewhere = {*(name.partition(".")[0] for name in self.binding.variables), self.binding.body}
        fields = [one for one in self.method.request.fields if one.name not in elsewhere]
        return [one for one in fields if not one.message_type]

    def _asked_for(self, one: FieldDescriptor, tag: str, body: str) -> str:
        """A value for a parameter: from the gateway's file, one that V10 has shown under that name, or made up."""
        if one.name in self.given:
            return _text(self.given[one.name])
        seen = shown_for(one, body)
        if seen is not None:
            return _text(seen)
        if one.cpp_type in INTEGERS:
            return str(PAGE)
        made = made_up(one, tag, SMALL)
        return _text(made[0] if isinstance(made, list) else made)

    def _made_up(self, name: str, tag: str) -> str:
        return _text(made_up(self._field(name), tag, SMALL))

    def _field(self, name: str) -> FieldDescriptor:
        """A field of the request, also of a message in it: `block.height`."""
        first, *rest = name.split(".")
        found = self.method.request.fields_by_name[first]
        for each in rest:
            inner = found.message_type
            if inner is None:  # protoc has refused it
                raise TypeError(name)
            found = inner.fields_by_name[each]
        return found


def of_nobody(endpoints: Sequence[Endpoint], verbs: Sequence[str]) -> Iterator[Question]:
    """A path that nobody knows, and each path with a method that it does not have.

    Args:
        endpoints: All.
        verbs: The methods that may be tried.
    """
    yield Question("", Aspect.UNKNOWN_PATH, "GET", f"/{MADE_UP}/nobody?{MADE_UP}=1")
    known: dict[str, set[str]] = {}
    for each in endpoints:
        known.setdefault(each.binding.path, set()).add(each.binding.verb)
    for each in endpoints:
        path = each.binding.path
        free = [verb for verb in verbs if verb not in known.get(path, {verb})]
        if free:
            target = each.plain({}, "nobody").target
            if not _another_knows(endpoints, free[0], target):
                yield Question("", Aspect.UNKNOWN_METHOD, free[0], target)
            del known[path]


def _another_knows(endpoints: Sequence[Endpoint], verb: str, target: str) -> bool:
    """Whether another template takes this path: /blocks/{height} takes /blocks/latest."""
    parts = target.split("/")
    return any(each.binding.verb == verb and _fits(each.binding.path.split("/"), parts) for each in endpoints)


def _fits(template: Sequence[str], parts: Sequence[str]) -> bool:
    same_length = len(template) == len(parts)
    return same_length and all("{" in one or one == other for one, other in zip(template, parts, strict=True))


def _text(value: Any) -> str:
    """A value as a path or a query has it."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _with(target: str, query: Mapping[str, str]) -> str:
    return f"{target}{'&' if '?' in target else '?'}{urlencode(query)}"
