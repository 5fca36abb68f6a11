from __future__ import annotations

from typing import Any

import pytest

from aurops.inventory import SCHEMA, InventoryError, document, read, upgraded

FACTS: dict[str, Any] = {"stack": "aws-eu-west-1", "cloud": "aws", "region": "eu-west-1", "home": "us-east-1"}


def test_what_is_written_can_be_read() -> None:
    """A document of the present schema comes back as the typed inventory; numbers may be the engine's floats."""
    given = document(**FACTS, cache={"global_group": "g", "group": "m", "endpoint": "e", "port": 6379.0})
    read_back = read({**given, "schema": float(SCHEMA)}, "x")
    assert read_back.cache is not None
    assert (read_back.stack, read_back.cache.port) == ("aws-eu-west-1", 6379)


def test_a_newer_schema_is_refused_naming_the_version_to_install() -> None:
    """N + 1 is not guessed at; the version that wrote it is named."""
    with pytest.raises(InventoryError) as caught:
        read({**document(**FACTS), "schema": SCHEMA + 1, "aurops": "9.1.0"}, "stack aws-eu-west-1")
    assert "install aurops 9.1.0 or newer" in (caught.value.next_step or "")
    assert caught.value.where == "stack aws-eu-west-1"


def test_the_schema_before_is_accepted_and_upgraded() -> None:
    """N - 1 passes through its upgrade; N - 2 does not."""
    upgrades = {4: lambda old: {**old, "renamed": old["name"]}}
    assert upgraded({"schema": 4, "name": "x"}, "x", 5, upgrades) == {"schema": 5, "name": "x", "renamed": "x"}
    with pytest.raises(InventoryError, match="schema 3; this aurops reads 5 and the one before"):
        upgraded({"schema": 3}, "x", 5, upgrades)


@pytest.mark.parametrize("given", [{}, {"schema": "one"}, {"schema": SCHEMA, "stack": 3}])
def test_damage_is_said_and_not_passed_on(given: dict[str, Any]) -> None:
    """Anything else is an error with the place, never a half-filled inventory."""
    with pytest.raises(InventoryError):
        read(given, "x")
