"""What the store says about a service while a watch is on it, read by a thread of its own.

A store that hangs holds up no verdict: the watch goes on with what was read last. One watch for each service: its lease
`watch-<service>` keeps a second one out, and is no lease of the service, so that whoever wants to act can.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aurops.errors import AuropsError, HeldError
from aurops.holder import Holder
from aurops.lease import DEFAULT_TTL_S, HeldByAnotherError, Lease, LeaseLostError
from aurops.requests import BrokenRequestError, halted, held
from aurops.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from aurops.requests import Halt
    from aurops.store import Store

_EVERY_S = 1.0
_CHORES_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """As last read; every text is empty when there is nothing to say.

    Args:
        busy: Who acts on the service.
        held: Who wants nothing done by itself, and why.
        lost: Why the store cannot be read or written.
        over: Why this watch must end.
    """

    busy: str = ""
    held: str = ""
    lost: str = ""
    over: str = ""

    @property
    def hands_off(self) -> str:
        """Why nothing is to be done by itself; empty: it may."""
        if self.lost:
            return f"the store is lost, so no lease can be taken; --break-glass goes on without it ({self.lost})"
        return self.held


class Desk:
    """Reads and renews; a context manager.

    Args:
        store: Where.
        service: Whose watch this is.
        clock: Time.
        chores: Done now and then; an `AuropsError` of it ends the watch.

    Raises:
        HeldError: On entering: another watch is on this service.
    """

    def __init__(self, store: Store, service: str, clock: Clock, *, chores: Callable[[], None] = lambda: None) -> None:
        self.standing = Standing()
        self._store = store
        self._service = service
        self._clock = clock
        self._chores = chores
        self._chores_s = float("-inf")
        self._me = Holder.this_process()
        self._watch = self._new_watch()
        self._taken = False
        self._renewed_s = float("-inf")
        self._lock = threading.Lock()
        self._lease = Lease(store, service, clock)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="standing", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._watch.take("watch")
        except HeldByAnotherError as error:
            raise _two_watches(error) from error
        self._taken, self._renewed_s = True, self._clock.now_s()
        self.read()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(_EVERY_S)  # a store that hangs holds up no end: the thread is a daemon
        if not self.standing.lost:
            with suppress(AuropsError):
                self._watch.release()

    def lend_lease(self) -> Lease:
        """The service's lease, not taken, which has seen for how long its holder has been silent; once."""
        with self._lock:
            lent, self._lease = self._lease, Lease(self._store, self._service, self._clock)
        return lent

    def read(self) -> None:
        """Read once, and renew what must be."""
        try:
            self._renew()
            stopped = halted(self._store) or held(self._store, self._service)
            self.standing = Standing(busy=self._busy(), held=_words(stopped))
        except HeldError as error:
            self.standing = Standing(over=str(error))
        except StoreError as error:
            self.standing = Standing(lost=error.what)
        except BrokenRequestError as error:
            self.standing = Standing(held=str(error))

    def _keep(self) -> None:
        while not self._closing.wait(_EVERY_S):
            self.read()
            if self._clock.now_s() - self._chores_s >= _CHORES_EVERY_S:
                try:
                    self._chores()
                    self._chores_s = self._clock.now_s()
                except AuropsError as error:
                    self.standing = Standing(over=str(error))
            if self.standing.over:
                return

    def _busy(self) -> str:
        with self._lock:
            acting = self._lease.acting()
        return f"run {acting.run} (pid {acting.holder.pid} on {acting.holder.host})" if acting else ""

    def _renew(self) -> None:
        """Keep the watch's own lease; one that ran out while the store was lost is taken again."""
        if self._taken:
            if self._clock.now_s() - self._renewed_s < DEFAULT_TTL_S / 3:
                return
            try:
                self._watch.renew()
            except LeaseLostError:
                self._watch, self._taken = self._new_watch(), False
        if not self._taken:
            try:
                self._watch.take("watch")
            except HeldByAnotherError as error:
                if error.owner.holder != self._me:
                    raise _two_watches(error) from error
                return  # our own record, from before the store was lost: free when it is old enough
        self._taken, self._renewed_s = True, self._clock.now_s()

    def _new_watch(self) -> Lease:
        return Lease(self._store, watch_of(self._service), self._clock, me=self._me)


def watch_of(service: str) -> str:
    """What the lease of a service's watch is called."""
    return f"watch-{service}"


def _two_watches(error: HeldByAnotherError) -> HeldError:
    holder = error.owner.holder
    return HeldError(
        f"another watch is on this service: pid {holder.pid} on {holder.host}",
        where=error.where,
        allowed="one watch for each service; it acts for everybody",
        next_step=f"stop that process first; if its machine is gone, its lease is free in {error.free_in_s:.0f} s",
    )


def _words(stopped: Halt | None) -> str:
    return f"{stopped.who} holds it since {stopped.at[:19]}: {stopped.reason}" if stopped else ""
