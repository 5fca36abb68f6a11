"""What a resource type takes and gives, read from the type hints of the Pulumi SDK that is installed.

The SDKs are generated from the providers' own schemas, so their hints are the one description of shape that is always
of the same version as the program under test. Reading them costs one import of the type's module and about 3 ms a
type; both are paid once, on first use.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
import threading
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from importlib import import_module
from typing import Any, ClassVar, Protocol, TypeVar

import pulumi
from pulumi import _types as sdk_types


class Kind(StrEnum):
    """JSON kinds of a property."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    MAP = "map"
    OBJECT = "object"
    ANY = "any"


_SCALARS = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}


class HasFields(Protocol):
    """An object's type that knows its own fields."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """Fields by wire name."""
        ...


@dataclass(frozen=True)
class Shape:
    """The form of one value.

    Args:
        kinds: Kinds that are accepted; more than one for an int-or-string.
        item: Form of the elements of a list or a map.
        cls: SDK class of an object, or what is remembered of it; `fields` reads it when asked, because some types
            contain themselves.
        allowed: Values of a *closed* enumeration. An open one (`Union[str, Enum]`) allows any string.
        listed: Values that the SDK lists for an open enumeration.
    """

    kinds: tuple[Kind, ...]
    item: Shape | None = None
    cls: type | HasFields | None = None
    allowed: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    @property
    def fields(self) -> Mapping[str, Field]:
        """Fields of an object by wire name; empty for every other kind."""
        if self.cls is None:
            return {}
        return fields_of(self.cls) if isinstance(self.cls, type) else self.cls.fields


@dataclass(frozen=True)
class Field:
    """One property: its form, and whether the SDK requires it (inputs) or always fills it (outputs)."""

    shape: Shape
    required: bool


ANYTHING = Shape((Kind.ANY,))


@dataclass(frozen=True)
class ResourceType:
    """Inputs and outputs of a resource type by wire name."""

    token: str
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]


class UnknownTypeError(LookupError):
    """The SDK has no such resource or function."""


class Sdk:
    """The types of one installed Pulumi SDK.

    Args:
        package: Its Python package, such as `pulumi_aws`.
    """

    # The SDK loads its modules lazily, and one that another thread is still loading lacks its classes.
    _loading: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, package: str) -> None:
        self._package = import_module(package)
        self.version: str = self._package._utilities.get_version()  # noqa: SLF001 - where the SDK itself reads it
        self._resource = functools.cache(self._read_resource)
        self._result = functools.cache(self._read_result)

    @functools.cached_property
    def classes(self) -> Mapping[str, tuple[str, str]]:
        """Module and class name by type token, from the table that the SDK registers when imported."""
        source = inspect.getsource(self._package)
        table = re.search(r'resource_modules="""(.*?)"""', source, re.DOTALL)
        entries = json.loads(table[1]) if table else []
        return {token: (entry["fqn"], name) for entry in entries for token, name in entry["classes"].items()}

    def resource(self, token: str) -> ResourceType:
        """The shape of a resource type.

        Raises:
            UnknownTypeError: This SDK has no such type.
        """
        with self._loading:
            return self._resource(token)

    def _read_resource(self, token: str) -> ResourceType:
        return ResourceType(token, fields_of(self.args_class(token)), fields_of(self._class(token)))

    def _class(self, token: str) -> type:
        if token not in self.classes:
            raise UnknownTypeError(token)
        module_name, name = self.classes[token]
        cls: type = getattr(import_module(module_name), name)
        return cls

    def args_class(self, token: str) -> type:
        """The class of a resource type's inputs, from the type's own module: a package may re-export another's.

        Raises:
            UnknownTypeError: This SDK has no such type.
        """
        cls = self._class(token)
        module = sys.modules[cls.__module__]
        args: type = getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, f"{cls.__name__}Args")
        return args

    def source(self, token: str) -> str:
        """Source text of the module that holds a resource type: its documentation has what the hints lack.

        Raises:
            UnknownTypeError: This SDK has no such type.
        """
        with self._loading:
            return inspect.getsource(sys.modules[self._class(token).__module__])

    @staticmethod
    def properties(of: type) -> tuple[tuple[str, property], ...]:
        """Wire names and getters of an SDK class."""
        return tuple((wire, getter) for _, wire, getter in sdk_types._py_properties(of))  # noqa: SLF001

    def result(self, token: str) -> Mapping[str, Field]:
        """Fields of what a function such as `aws:index/getRegion:getRegion` returns.

        Raises:
            UnknownTypeError: This SDK has no such function.
        """
        with self._loading:
            return self._result(token)

    def _read_result(self, token: str) -> Mapping[str, Field]:
        _, module_path, name = token.split(":")
        module_name = module_path.split("/")[0]
        package = self._package.__name__
        home = package if module_name == "index" else f"{package}.{module_name}"
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
        try:
            function = getattr(import_module(home), snake)
        except (ImportError, AttributeError) as error:
            raise UnknownTypeError(token) from error
        result = f"{name[0].upper()}{name[1:]}Result"
        return fields_of(getattr(sys.modules[function.__module__], result))


@functools.cache
def fields_of(cls: type) -> Mapping[str, Field]:
    """Fields of an SDK class by wire name: an input class, an output class or a resource."""
    # The SDK offers no public way to its wire names (_py_properties) or to its raw getters.
    if sdk_types.is_input_type(cls):
        return _input_fields(cls)
    found = {}
    for _, wire, getter in sdk_types._py_properties(cls):  # noqa: SLF001
        hint = typing.get_type_hints(getter.fget, globalns=_namespace(cls), localns=_locals()).get("return", Any)
        inner = typing.get_args(hint)[0] if typing.get_origin(hint) is pulumi.Output else hint
        found[wire] = Field(read(inner), required=type(None) not in _members(inner))
    return found


def _input_fields(cls: type) -> Mapping[str, Field]:
    init = cls.__init__  # type: ignore[misc] # get_type_hints needs the function itself
    hints = typing.get_type_hints(init, globalns=_namespace(cls), localns=_locals())
    optional = init.__kwdefaults__ or {}
    found = {}
    for python, wire, _ in sdk_types._py_properties(cls):  # noqa: SLF001
        if python in hints:
            found[wire] = Field(read(hints[python]), required=python not in optional)
    return found


def _namespace(cls: type) -> dict[str, Any]:
    return dict(vars(sys.modules[cls.__module__]))


def _locals() -> dict[str, Any]:
    # A fresh dict each time: get_type_hints writes into it, and a shared one leaks a name of one module into another.
    return {"Output": pulumi.Output, "T": TypeVar("T")}


def _members(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(hint) for member in _members(part))
    return (hint,)


def _is_wrapper(hint: Any) -> bool:
    # Input[T] is Union[T, Awaitable[T], Output[T]]; what arrives on the wire is always the T.
    origin = typing.get_origin(hint) or hint
    return hint is type(None) or origin in (pulumi.Output, Awaitable) or isinstance(hint, TypeVar)


def read(hint: Any) -> Shape:
    """The shape that a type hint of the SDK describes."""
    members = [member for member in _members(hint) if not _is_wrapper(member)]
    enums = [m for m in members if isinstance(m, type) and issubclass(m, Enum)]
    others = [m for m in members if m not in enums]
    if enums and not others:
        return Shape((Kind.STRING,), allowed=_values(enums[0]))
    if enums and others == [str]:
        return Shape((Kind.STRING,), listed=_values(enums[0]))
    if len(others) == 1:
        return _read_one(others[0])
    scalars = {_SCALARS[m] for m in others if m in _SCALARS}
    return Shape(tuple(sorted(scalars))) if scalars and len(scalars) == len(others) else ANYTHING


def _values(enum: type[Enum]) -> tuple[str, ...]:
    return tuple(str(value.value) for value in enum)


def _read_one(hint: Any) -> Shape:
    if hint in _SCALARS:
        return Shape((_SCALARS[hint],))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, Sequence):
        return Shape((Kind.LIST,), item=read(args[0]))
    if origin in (dict, Mapping):
        return Shape((Kind.MAP,), item=read(args[1]))
    if isinstance(hint, type) and (sdk_types.is_input_type(hint) or sdk_types.is_output_type(hint)):
        return Shape((Kind.OBJECT,), cls=hint)
    return ANYTHING
