"""Complete an object's outputs: every property that its type has, of the right form, the same from run to run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbeds.lab.changes import is_write_only
from testbeds.lab.shapes import Kind
from testbeds.lab.wire import DEFAULTS, UNKNOWN, Json, Object, child, has_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbeds.lab.shapes import Field, Shape

MOMENT = "2026-01-01T00:00:00Z"
"""Every time stamp in the lab: a real one would differ from run to run."""

_ZERO: Mapping[Kind, Json] = {Kind.INTEGER: 0, Kind.NUMBER: 0, Kind.BOOLEAN: False}


@dataclass(frozen=True)
class Filler:
    """Fills what was not asked for.

    Args:
        seed: What makes this object's made-up values its own: its id.
        known: Realistic values by name, for top-level outputs.
        region: Where the object lives.
        account: The account that owns it.
    """

    seed: str
    known: Object
    region: str
    account: str

    def complete(self, asked: Object, before: Object, fields: Mapping[str, Field]) -> Object:
        """All outputs: what was asked, else what is known, else what was there before, else made up."""
        return {name: self._top(name, field, asked, before) for name, field in fields.items() if name != DEFAULTS} | {
            name: None for name in asked if is_write_only(name, fields)
        }

    def _top(self, name: str, field: Field, asked: Object, before: Object) -> Json:
        if asked.get(name) is not None:
            return self._within(asked[name], field.shape, name)
        if name in self.known:
            return self.known[name]
        if not field.required:
            return None
        return before[name] if before.get(name) is not None else self._make(name, field.shape, name)

    def _within(self, value: Json, shape: Shape, path: str) -> Json:
        if isinstance(value, dict) and shape.cls is not None:
            missing = {n: f for n, f in shape.fields.items() if f.required and value.get(n) is None}
            given = {
                n: self._within(v, shape.fields[n].shape, f"{path}.{n}") if n in shape.fields else v
                for n, v in value.items()
            }
            return given | {n: self._make(n, f.shape, f"{path}.{n}") for n, f in missing.items()}
        if isinstance(value, list) and shape.item is not None:
            return [self._within(item, shape.item, f"{path}[{i}]") for i, item in enumerate(value)]
        return value

    def _make(self, name: str, shape: Shape, path: str) -> Json:
        if Kind.STRING in shape.kinds:
            return self._text(name, path)
        if shape.cls is not None:
            return {n: self._make(n, f.shape, f"{path}.{n}") for n, f in shape.fields.items() if f.required}
        if Kind.LIST in shape.kinds:
            return []
        return _ZERO.get(shape.kinds[0], {})

    def _text(self, name: str, path: str) -> str:
        fixed = {"region": self.region, "ownerId": self.account, "accountId": self.account, "id": self.seed}
        if name in fixed:
            return fixed[name]
        if name.lower().endswith("prefix"):
            return ""
        if re.search(r"(At|Date|Till|Time|After|Before)$", name):
            return MOMENT
        if re.search(r"(endpoint|dns|domain|hostname)", name, re.IGNORECASE):
            return f"{digest(self.seed, path)}.{self.region or 'global'}.lab.invalid"
        return {"status": "ACTIVE", "state": "available"}.get(name) or f"{name.lower()}-{digest(self.seed, path)}"


def digest(*parts: str, length: int = 17) -> str:
    """Hexadecimal digits that depend on `parts` alone (17, as an EC2 identifier has)."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def uuid_of(seed: str) -> str:
    """A UUID that depends on the seed alone."""
    digits = digest(seed, "uuid", length=32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def preview(asked: Object, before: Object, fields: Mapping[str, Field], computed: Sequence[str] = ()) -> Object:
    """Outputs as far as they are known before the change is made: what only the cloud can say is unknown.

    Args:
        asked: What the program asks for.
        before: Outputs of the object that is there; empty for a new one.
        fields: The type's outputs.
        computed: Paths within a block that the program may give in part, which the cloud fills.
    """
    found: Object = {}
    for name, field in fields.items():
        if is_write_only(name, fields):
            found[name] = None
        elif asked.get(name) is not None:
            found[name] = _preview_within(asked[name], field.shape)
        elif before:
            found[name] = before.get(name)
        else:
            found[name] = UNKNOWN if field.required else None
    for path in computed:
        if asked.get(path.partition(".")[0]) is not None:
            _leave_open(found, before, path)
    return found


def _leave_open(found: Object, before: Object, path: str) -> None:
    """Put what is there already, else an unknown, where the block has nothing."""
    *blocks, name = path.split(".")
    for block in blocks:
        inner = found.get(block)
        if not isinstance(inner, dict):
            return
        found, before = inner, child(before, block)
    if found.get(name) is None:
        found[name] = before.get(name, UNKNOWN)


def _preview_within(value: Json, shape: Shape) -> Json:
    if isinstance(value, dict) and shape.cls is not None:
        missing: Object = {n: UNKNOWN for n, f in shape.fields.items() if f.required and value.get(n) is None}
        return {
            n: _preview_within(v, shape.fields[n].shape) if n in shape.fields else v for n, v in value.items()
        } | missing
    if isinstance(value, list) and Kind.MAP in shape.kinds:
        # The identities of an object on Azure: a list when asked for, a mapping in the answer.
        return UNKNOWN if has_unknown(value) else {str(key): UNKNOWN for key in value}
    if isinstance(value, list) and shape.item is not None:
        return [_preview_within(item, shape.item) for item in value]
    return value
