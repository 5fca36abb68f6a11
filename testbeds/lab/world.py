"""The lab's world: every object that the stand-in providers made, in one SQLite file.

The world knows nothing of URNs, stacks or programs: like a cloud it holds objects, and the same request made twice
makes two of them. Both provider servers and the session that started them open the same file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from testbeds.lab.paths import put

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from testbeds.lab.wire import Json, Object

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL,
    inputs TEXT NOT NULL, outputs TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_id ON objects (type, id);
CREATE TABLE IF NOT EXISTS spent (type TEXT, region TEXT, id TEXT, PRIMARY KEY (type, region, id));
"""
_COLUMNS = "seq, type, region, id, inputs, outputs, tags"


@dataclass(frozen=True)
class NewObject:
    """What a provider puts into the world.

    Args:
        type: Pulumi type token.
        region: Where it lives; empty for a global service; a cluster's identity for Kubernetes objects.
        id: The cloud's identifier.
        inputs: What was asked for.
        outputs: Every property of the object.
        tags: Its tags (labels), provider defaults included.
    """

    type: str
    region: str
    id: str
    inputs: Object
    outputs: Object
    tags: Mapping[str, str]


@dataclass(frozen=True)
class WorldObject(NewObject):
    """An object that exists.

    Args:
        seq: Number in order of creation; two objects may share an id, never this.
    """

    seq: int


class World:
    """The objects of one lab.

    Args:
        path: The SQLite file; made when it does not exist. Its folder must exist.

    Raises:
        OutsideError: The file cannot be opened, or is no lab world.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing: a commit is in the kernel's hands. Only power loss could lose the tail.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OutsideError(f"the lab's world cannot be opened: {error}", where=str(path)) from error

    def copy(self, path: Path) -> None:
        """Write all of it, as it is now, into a new file."""
        with self._lock:
            self._db.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Close the file; the world stays."""
        self._db.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Look and change as one: nobody else, in this process or another, changes the world meanwhile."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def add(self, new: NewObject) -> WorldObject:
        """Make an object. Never looks whether there is one already: that is for the cloud's rules to say."""
        with self.exclusive():
            cursor = self._db.execute(
                "INSERT INTO objects (type, region, id, inputs, outputs, tags) VALUES (?, ?, ?, ?, ?, ?)",
                (new.type, new.region, new.id, _dump(new.inputs), _dump(new.outputs), _dump(dict(new.tags))),
            )
        return WorldObject(new.type, new.region, new.id, new.inputs, new.outputs, new.tags, seq=cursor.lastrowid or 0)

    def change(self, seq: int, inputs: Object, outputs: Object, tags: Mapping[str, str]) -> None:
        """Give an object other properties."""
        with self.exclusive():
            self._db.execute(
                "UPDATE objects SET inputs = ?, outputs = ?, tags = ? WHERE seq = ?",
                (_dump(inputs), _dump(outputs), _dump(dict(tags)), seq),
            )

    def remove(self, seq: int) -> None:
        """Delete an object; nothing happens when it is gone already."""
        with self.exclusive():
            self._db.execute(
                "INSERT OR IGNORE INTO spent (type, region, id) SELECT type, region, id FROM objects WHERE seq = ?",
                (seq,),
            )
            self._db.execute("DELETE FROM objects WHERE seq = ?", (seq,))

    def spend(self, type_: str, region: str, id_: str) -> None:
        """Note an identifier that nothing may get again, though no object of the world has it."""
        with self.exclusive():
            self._db.execute("INSERT OR IGNORE INTO spent (type, region, id) VALUES (?, ?, ?)", (type_, region, id_))

    def is_spent(self, type_: str, region: str, id_: str) -> bool:
        """Whether an object had this identifier and is gone, or it was noted as spent."""
        query = "SELECT 1 FROM spent WHERE type = ? AND region = ? AND id = ?"
        with self._lock:
            return self._db.execute(query, (type_, region, id_)).fetchone() is not None

    def objects(
        self, type_: str | None = None, *, id_: str | None = None, region: str | None = None
    ) -> list[WorldObject]:
        """Objects in order of creation, narrowed by type, identifier, region."""
        wanted = {"type": type_, "id": id_, "region": region}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given) or "1"
        query = f"SELECT {_COLUMNS} FROM objects WHERE {where} ORDER BY seq"  # noqa: S608 - columns are ours
        with self._lock:
            rows = self._db.execute(query, tuple(given.values())).fetchall()
        return [_read(row) for row in rows]

    def within(self, id_: str) -> list[WorldObject]:
        """Objects whose identifier is a path below another's, as in Azure, in order of creation."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE substr(id, 1, ?) = ? ORDER BY seq"  # noqa: S608 - columns are ours
        start = f"{id_}/"
        with self._lock:
            rows = self._db.execute(query, (len(start), start)).fetchall()
        return [_read(row) for row in rows]

    def find_by_tag(self, key: str, value: str) -> list[WorldObject]:
        """Objects that carry a tag, such as `aurops:urn`; what a cloud's tagging API answers."""
        return [found for found in self.objects() if found.tags.get(key) == value]

    def tamper(self, id_: str, path: str, value: Json, *, type_: str | None = None) -> WorldObject:
        """Change a property behind the program's back, as a person in the cloud's console does.

        Args:
            id_: Identifier of the object.
            path: Property, such as `deletionProtection` or `tags.owner` or `rules[0].status`.
            value: Its new value.
            type_: Type token, where several objects share the identifier.

        Raises:
            UsageError: No such object, more than one, or no such property.
        """
        with self.exclusive():
            found = self._one(id_, type_)
            outputs, inputs = put(found.outputs, path, value), found.inputs
            top = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
            if top in inputs:
                inputs = put(inputs, path, value)
            tags = dict(found.tags) | ({path.removeprefix("tags."): str(value)} if path.startswith("tags.") else {})
            self.change(found.seq, inputs, outputs, tags)
        return self.objects(found.type, id_=id_)[0]

    def _one(self, id_: str, type_: str | None) -> WorldObject:
        found = self.objects(type_, id_=id_)
        if not found:
            raise UsageError(f"the lab has no object {id_!r}", where=type_, next_step="aurops lab list")
        if len({(one.type, one.region) for one in found}) > 1:
            raise UsageError(
                f"{len(found)} objects of the lab have the id {id_!r}",
                allowed=", ".join(sorted({one.type for one in found})),
                next_step="name the type too",
            )
        return found[0]


def _dump(value: Mapping[str, Json] | Mapping[str, str]) -> str:
    return json.dumps(value, sort_keys=True)


def _read(row: tuple[int, str, str, str, str, str, str]) -> WorldObject:
    seq, type_, region, id_, inputs, outputs, tags = row
    return WorldObject(type_, region, id_, json.loads(inputs), json.loads(outputs), json.loads(tags), seq=seq)
