"""A store that can be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.store import StoreReadOnlyError, StoreUnreachableError, open_store

if TYPE_CHECKING:
    from collections.abc import Callable


class Losable:
    """A store that can be lost."""

    def __init__(self) -> None:
        self._inner = open_store("memory://")
        self.lost = False
        self.hangs: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> object:
        if name not in ("create", "read", "keys", "folders", "delete"):
            return getattr(self._inner, name)
        if self.lost and self.hangs is not None:
            return self._hang
        if self.lost:
            raise StoreReadOnlyError("the store is gone", where="the test")
        return getattr(self._inner, name)

    def _hang(self, key: str, *_: object) -> None:
        assert self.hangs is not None
        self.hangs()
        raise StoreUnreachableError("timed out", where=key, may_have_landed=True)
