"""What was read of an SDK's types, remembered from one session to the next.

To import a cloud's SDK and to read its hints takes a provider server one to two seconds of CPU time, and the answer is
the same as long as the SDK is. It lies in this user's cache, in a folder that is named after everything it follows
from; what is not there, or cannot be read, is read from the SDK and written.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aurops.caches import cache_home
from testbeds.lab import shapes
from testbeds.lab.shapes import Field, Kind, ResourceType, Sdk, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.shapes import HasFields

    Document = dict[str, Any]


class RememberedSdk:
    """The types of one installed Pulumi SDK, as `shapes.Sdk` tells them; the SDK is imported when it must be.

    Args:
        package: Its Python package, such as `pulumi_aws`.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._lock = threading.RLock()
        self.resource = functools.cache(self._resource)
        self.result = functools.cache(self._result)
        self.source = functools.cache(self._source)

    @functools.cached_property
    def _sdk(self) -> Sdk:
        return Sdk(self._package)

    @functools.cached_property
    def _folder(self) -> Path:
        """Where it lies.

        Raises:
            OSError: This user has no home.
        """
        reader = hashlib.sha256(b"".join(Path(str(each)).read_bytes() for each in (shapes.__file__, __file__)))
        release = version(self._package.replace("_", "-"))
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        try:
            home = cache_home()
        except RuntimeError as error:  # as `expanduser` calls it
            raise OSError(str(error)) from error
        return home / "lab-types" / f"{self._package}-{release}-{python}-{reader.hexdigest()[:12]}"

    @functools.cached_property
    def version(self) -> str:
        """Version of the SDK."""
        return str(self._told("version", lambda: self._sdk.version))

    def _resource(self, token: str) -> ResourceType:
        def read() -> Document:
            found = self._sdk.resource(token)
            return dump({"inputs": found.inputs, "outputs": found.outputs})

        told = load(self._told(f"resource {token}", read))
        return ResourceType(token, told["inputs"], told["outputs"])

    def _result(self, token: str) -> Mapping[str, Field]:
        return load(self._told(f"result {token}", lambda: dump({"fields": self._sdk.result(token)})))["fields"]

    def _source(self, token: str) -> str:
        return str(self._told(f"source {token}", lambda: self._sdk.source(token)))

    def _told(self, what: str, read: Callable[[], Any]) -> Any:
        name = f"{quote(what, safe='')}.json"
        with self._lock:
            with suppress(OSError, ValueError):
                return json.loads((self._folder / name).read_text(encoding="utf-8"))
            told = read()
            with suppress(OSError):  # a cache that cannot be written is none
                _write(self._folder / name, json.dumps(told))
            return told


def _write(file: Path, text: str) -> None:
    """In one move: another session may be reading."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{os.getpid()}-{threading.get_ident()}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


@dataclass
class Remembered:
    """An SDK class of which only name and fields are known. It may contain itself."""

    name: str
    fields: Mapping[str, Field] = field(default_factory=dict)


def _name(cls: type | HasFields) -> str:
    return f"{cls.__module__}.{cls.__qualname__}" if isinstance(cls, type) else getattr(cls, "name", "")


def dump(parts: Mapping[str, Mapping[str, Field]]) -> Document:
    """Fields of several things as a document, with the fields of every class that is met on the way."""
    types: dict[str, Document] = {}

    def of_fields(fields: Mapping[str, Field]) -> Document:
        return {name: [each.required, of_shape(each.shape)] for name, each in fields.items()}

    def of_shape(shape: Shape) -> list[Any]:
        key = None
        if shape.cls is not None:
            key = _name(shape.cls)
            if key not in types:
                types[key] = {}  # known from here on, as it may contain itself
                types[key].update(of_fields(shape.fields))
        item = None if shape.item is None else of_shape(shape.item)
        return [list(shape.kinds), item, key, list(shape.allowed), list(shape.listed)]

    return {"parts": {name: of_fields(fields) for name, fields in parts.items()}, "types": types}


def load(document: Document) -> dict[str, Mapping[str, Field]]:
    """What `dump` wrote."""
    types = {key: Remembered(key) for key in document["types"]}

    def of_fields(fields: Document) -> dict[str, Field]:
        return {name: Field(of_shape(shape), required=required) for name, (required, shape) in fields.items()}

    def of_shape(told: list[Any]) -> Shape:
        kinds, item, key, allowed, listed = told
        return Shape(
            tuple(Kind(kind) for kind in kinds),
            None if item is None else of_shape(item),
            None if key is None else types[key],
            tuple(allowed),
            tuple(listed),
        )

    for key, fields in document["types"].items():
        types[key].fields = of_fields(fields)
    return {name: of_fields(fields) for name, fields in document["parts"].items()}
