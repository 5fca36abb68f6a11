"""The world keeps what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import OutsideError, UsageError
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLE = NewObject("aws:iam/role:Role", "", "role", {"name": "role"}, {"name": "role", "path": "/"}, {"aurops:urn": "u"})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty world."""
    made = World(tmp_path / "world.sqlite")
    yield made
    made.close()


def test_two_objects_may_be_the_same_but_for_their_number(world: World) -> None:
    """Nothing is deduplicated."""
    assert world.add(ROLE).seq != world.add(ROLE).seq
    assert len(world.find_by_tag("aurops:urn", "u")) == 2


def test_an_identifier_that_was_given_is_spent(world: World) -> None:
    """Whoever makes identifiers can see which were given and are gone."""
    made = world.add(ROLE)
    assert not world.is_spent(ROLE.type, "", "role")
    world.remove(made.seq)
    assert world.is_spent(ROLE.type, "", "role")
    assert not world.is_spent(ROLE.type, "us-east-1", "role")


def test_another_process_sees_the_same_world(world: World, tmp_path: Path) -> None:
    """What is committed is there for whoever opens the file."""
    world.add(ROLE)
    other = World(tmp_path / "world.sqlite")
    assert [found.id for found in other.objects(ROLE.type)] == ["role"]
    other.close()


def test_a_refused_change_leaves_nothing(world: World) -> None:
    """What fails inside `exclusive` did not happen."""

    def fail() -> None:
        with world.exclusive():
            world.add(ROLE)
            raise KeyError("refused")

    with pytest.raises(KeyError):
        fail()
    assert world.objects() == []


def test_tampering_changes_inputs_outputs_and_tags(world: World) -> None:
    """As a person in the console does."""
    world.add(ROLE)
    world.tamper("role", "name", "other")
    world.tamper("role", "path", "/team/")
    (found,) = world.objects()
    assert (found.inputs, found.outputs) == ({"name": "other"}, {"name": "other", "path": "/team/"})


def test_tampering_asks_which_when_an_id_is_shared(world: World) -> None:
    """A bucket and its settings share an id; the type tells them apart."""
    world.add(NewObject("aws:s3/bucket:Bucket", "r", "b", {}, {"x": 1}, {}))
    world.add(NewObject("aws:s3/bucketVersioning:BucketVersioning", "r", "b", {}, {"x": 1}, {}))
    with pytest.raises(UsageError, match="2 objects"):
        world.tamper("b", "x", 2)
    assert world.tamper("b", "x", 2, type_="aws:s3/bucket:Bucket").outputs == {"x": 2}


def test_a_file_that_is_no_world_is_refused(tmp_path: Path) -> None:
    """With the file's name, not a traceback of the database."""
    broken = tmp_path / "world.sqlite"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(OutsideError, match="cannot be opened"):
        World(broken)
