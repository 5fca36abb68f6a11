"""Inventories in the store: the last one counts, and none is ever overwritten."""

from __future__ import annotations

import json

import pytest

from aurops.inventories import Inventories
from aurops.inventory import SCHEMA, Inventory, InventoryError
from aurops.store import open_store


def named(stack: str, home: str = "us-east-1") -> Inventory:
    """An inventory with nothing in it."""
    return Inventory(schema=1, aurops="0", stack=stack, cloud="aws", region="us-east-1", home=home)


def test_the_last_recorded_inventory_counts_and_an_equal_one_is_not_written_again() -> None:
    """A second `up` that changes nothing leaves the store as it is."""
    store = open_store("memory://")
    inventories = Inventories(store)
    assert inventories.latest("a") is None
    first = inventories.record(named("a"))
    assert inventories.record(named("a")) == first
    second = inventories.record(named("a", home="eu-west-1"))
    assert store.keys("inventory") == [first, second]
    assert inventories.latest("a") == named("a", home="eu-west-1")


def test_stacks_with_a_common_beginning_are_told_apart() -> None:
    """`aws-eu` and `aws-eu-west-1` do not see each other's."""
    inventories = Inventories(open_store("memory://"))
    inventories.record(named("aws-eu-west-1"))
    assert inventories.latest("aws-eu") is None
    inventories.forget("aws-eu")
    assert inventories.latest("aws-eu-west-1") is not None


def test_the_labs_inventories_never_stand_in_for_a_clouds() -> None:
    """A failover of the real fleet does not read what the lab has recorded."""
    store = open_store("memory://")
    Inventories(store, is_lab=True).record(named("a"))
    assert Inventories(store).latest("a") is None


def test_what_a_newer_aurops_recorded_says_what_to_install() -> None:
    """The store outlives versions: an older aurops names the file, and the version that wrote it."""
    store = open_store("memory://")
    newer = {"schema": SCHEMA + 1, "aurops": "9.1.0", "stack": "a"}
    store.create("inventory/a/000001", json.dumps(newer).encode())
    with pytest.raises(InventoryError) as caught:
        Inventories(store).latest("a")
    assert (caught.value.where or "").endswith("inventory/a/000001")
    assert caught.value.next_step == "install aurops 9.1.0 or newer, which wrote it"


def test_a_forgotten_stack_has_no_inventory() -> None:
    """After its destruction nothing can be failed over to it."""
    inventories = Inventories(open_store("memory://"))
    for home in ("us-east-1", "eu-west-1"):
        inventories.record(named("a", home=home))
    inventories.forget("a")
    assert inventories.latest("a") is None
