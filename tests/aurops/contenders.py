"""Contenders for one lease, for tests of single rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aurops.clock import ManualClock
from aurops.holder import Holder
from aurops.lease import Lease
from aurops.lease_record import LeaseKind, parsed
from aurops.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

TTL_S = 10.0


@dataclass
class Scene:
    """One store, and what happens before and after each create there."""

    store: Store = field(default_factory=lambda: open_store("memory://"))
    clock: ManualClock = field(default_factory=ManualClock)

    def lease(self, name: str, store: Store | None = None, **options: object) -> Lease:
        """A contender on another machine, which nobody can prove dead."""
        return Lease(store or self.store, "ledger", self.clock, TTL_S, me=holder(name), **options)  # type: ignore[arg-type]

    def kinds(self) -> list[LeaseKind | None]:
        """What the records say; None for a void one."""
        found = [parsed(self.store.read(key) or b"") for key in self.store.keys("lease/ledger")]
        return [record.kind if record else None for record in found]

    def void(self, number: int) -> None:
        """What a crash in the middle of a write leaves."""
        self.store.create(f"lease/ledger/{number:012}", b"")


def holder(name: str, pid: int = 1) -> Holder:
    """A process on a machine of its own."""
    return Holder(uuid=name, host=name, boot_id=name, pid_ns=name, pid=pid, start_ticks=1)


class Hooked:
    """A store with a hook around each create."""

    timeout_s = 1.0
    url = "hooked"

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def create(self, key: str, data: bytes) -> None:
        self.before()
        self.inner.create(key, data)
        self.after()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)
