"""The inventories in the store: numbered, never overwritten; the highest number of a stack counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aurops import inventory
from aurops.store_errors import KeyTakenError

if TYPE_CHECKING:
    from aurops.inventory import Inventory
    from aurops.store import Store

_TRIES = 5


class Inventories:
    """The inventories of a fleet.

    Args:
        store: Where.
        is_lab: Whether they are the lab's; those never stand in for a cloud's.
    """

    def __init__(self, store: Store, *, is_lab: bool = False) -> None:
        self._store = store
        self._prefix = "lab/inventory" if is_lab else "inventory"

    def record(self, found: Inventory) -> str:
        """Keep a stack's inventory; nothing is written when the last one says the same.

        Returns:
            The key under which it stands.

        Raises:
            StoreError: The store cannot be written.
        """
        document = found.model_dump_json(by_alias=True, exclude_none=True).encode()
        for _ in range(_TRIES):
            last = self._last_key(found.stack)
            if last is not None and self._store.read(last) == document:
                return last
            key = f"{self._folder(found.stack)}/{_number(last) + 1:06d}"
            try:
                self._store.create(key, document)
            except KeyTakenError:
                continue  # somebody else recorded it meanwhile
            return key
        raise KeyTakenError(f"{_TRIES} others recorded {found.stack} at the same time", where=self._store.url)

    def latest(self, stack: str) -> Inventory | None:
        """The last inventory of a stack; None when it has none.

        Raises:
            InventoryError: It cannot be read.
        """
        key = self._last_key(stack)
        data = None if key is None else self._store.read(key)
        return None if data is None else inventory.read(json.loads(data), f"{self._store.url}/{key}")

    def forget(self, stack: str) -> None:
        """Remove all that is known of a stack: it is gone.

        The oldest goes first: interrupted, this never makes an older inventory the last.
        """
        for key in sorted(self._store.keys(self._folder(stack))):
            self._store.delete(key)

    def _folder(self, stack: str) -> str:
        return f"{self._prefix}/{stack}"

    def _last_key(self, stack: str) -> str | None:
        return max(self._store.keys(self._folder(stack)), default=None)


def _number(key: str | None) -> int:
    return 0 if key is None else int(key.rsplit("/", 1)[-1])
