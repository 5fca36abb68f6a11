"""What a difference between state and cloud means: the table `stacks/drift.yaml`, a team's own rows before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from aurops.documents import load
from aurops.errors import UsageError
from stacks.seen import EMPTY, canonical, related
from stacks.values import SECRET_MARK, document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.seen import Leaf

OURS = Path(__file__).parent / "drift.yaml"
TEAM = Path("ci/drift.yaml")
"""A team's own rows, in its repository; need not exist."""
ANY = "*"


class Kind(StrEnum):
    """What a row is about, and so when it fits."""

    ROLE = "role"
    """Only a promotion moves it."""
    STEERING = "steering"
    """A failover moves it; without one in the store, a person did."""
    CAPACITY = "capacity"
    """A failover moves it; without one in the store, an autoscaler did."""
    CLOUD = "cloud"
    """The cloud moves it by itself."""
    GROWS = "grows"
    """The same as for `cloud`, where it was empty or only more of it is there."""
    ORDER = "order"
    """The same elements in another order."""
    DOCUMENT = "document"
    """The same JSON document."""
    FILLED_DOCUMENT = "filled-document"
    """The same JSON document but for zeros."""
    RESOURCE_ID = "resource-id"
    """The same Azure identifier but for capitals."""
    SAME = "same"
    """The same value."""
    DEFAULT = "default"
    """The program sets nothing here, and the cloud says what it said at the last `up`."""


_BROAD = frozenset(Kind) - {Kind.ROLE, Kind.STEERING, Kind.CAPACITY, Kind.CLOUD, Kind.GROWS}
"""They look at the values; only these may be for every type and property."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Born(_Strict):
    """The value of a role while the fleet is as it was born, for a state that was written before it had any."""

    home: str
    other: str


class Writer(_Strict):
    """Which element of a list is the writer."""

    flag: str
    """The property that is true for it."""
    member: str
    """The property that names it; its region stands in the name."""


class Row(_Strict):
    """One row."""

    type: str
    """Type token; `*` and `?` as in file names."""
    properties: Annotated[tuple[str, ...], Field(min_length=1)]
    """Paths without indexes, each with all that is below it; `*` is every one."""
    kind: Kind
    reason: Annotated[str, Field(min_length=1)]
    """Why it differs though nobody changed it, or who did; a clause for a reader."""
    source: Annotated[str, Field(min_length=1)]
    """Where that stands: document, issue, file."""
    since: date
    """When the row was written."""
    born: Born | None = None
    writer: Writer | None = None

    def is_about(self, type_: str, leaf: Leaf) -> bool:
        """Whether the row is about this property of this type, and its values are what the kind says."""
        named = any(
            each == ANY or (related(each, leaf.rule) and len(each) <= len(leaf.rule)) for each in self.properties
        )
        return named and fnmatchcase(type_, self.type) and _fits(self.kind, leaf)


class _File(_Strict):
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """All rows; the first that fits counts."""

    rows: tuple[Row, ...]

    def row_for(self, type_: str, leaf: Leaf) -> Row | None:
        """The row that explains a difference; None: nothing does."""
        return next((row for row in self.rows if row.is_about(type_, leaf)), None)


def load_table(repository: Path | None = None) -> Table:
    """The table, with the rows of a repository before ours.

    Raises:
        UsageError: The repository's file is wrong.
    """
    own: tuple[Row, ...] = ()
    if repository is not None and (file := repository / TEAM).exists():
        own = load(file, _File).rows
        _refuse_broad(own, TEAM)
    return Table((*own, *load(OURS, _File).rows))


def _refuse_broad(rows: tuple[Row, ...], file: Path) -> None:
    for number, row in enumerate(rows):
        if row.kind not in _BROAD and (ANY in row.properties or row.type.strip("*?") == ""):
            raise UsageError(
                "this row would silence whatever anybody changes",
                where=f"{file}: rows.{number}",
                allowed=f"a type and properties by name; `*` only for {', '.join(sorted(_BROAD))}",
            )


def _fits(kind: Kind, leaf: Leaf) -> bool:  # noqa: PLR0911 (a kind, an answer)
    before, after = leaf.before, leaf.after
    match kind:
        case Kind.ROLE | Kind.STEERING | Kind.CAPACITY | Kind.CLOUD:
            return True
        case Kind.GROWS:
            return _only_grew(before, after)
        case Kind.SAME:
            return (before == after or (before in EMPTY and after in EMPTY)) and SECRET_MARK not in str(before)
        case Kind.ORDER:
            return isinstance(before, list) and isinstance(after, list) and canonical(before) == canonical(after)
        case Kind.DOCUMENT | Kind.FILLED_DOCUMENT:
            one, other = document(before), document(after)
            empty = (*EMPTY, 0) if kind is Kind.FILLED_DOCUMENT else EMPTY
            return one is not None and other is not None and normal(one, empty) == normal(other, empty)
        case Kind.RESOURCE_ID:
            both = isinstance(before, str) and isinstance(after, str) and before.startswith("/")
            return both and str(before).lower() == str(after).lower()
        case Kind.DEFAULT:
            return not leaf.is_asked and leaf.is_still


def _only_grew(before: Any, after: Any) -> bool:
    if before in EMPTY:
        return True
    if isinstance(before, list) and isinstance(after, list):
        return set(canonical(before)) <= set(canonical(after))
    return False


_SHORT = frozenset({"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated"})
"""Elements of a policy that may be one value or a list of any order ("Grammar of the IAM JSON policy language")."""


def normal(value: Any, empty: tuple[Any, ...]) -> Any:
    """A JSON document without what means nothing."""
    if isinstance(value, list):
        return [normal(each, empty) for each in value]
    if isinstance(value, dict):
        return _normal_object(value, empty)
    return value


def _normal_object(value: Mapping[str, Any], empty: tuple[Any, ...]) -> dict[str, Any]:
    kept = {}
    for key, each in value.items():
        if key in _SHORT:
            kept[key] = sorted(map(str, each)) if isinstance(each, list) else [str(each)]
        elif isinstance(each, bool) or each not in empty:
            kept[key] = normal(each, empty)
    return kept
