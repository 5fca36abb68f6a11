"""Renewing in the background."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.lease import Lease, LeaseLostError
from aurops.store import StoreFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.aurops.contenders import Hooked, Scene


def wait_for(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Until it holds."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        threading.Event().wait(0.005)


def test_keep_renews_in_the_background_and_stops(scene: Scene) -> None:
    """While the block lasts the lease is renewed; after it no thread is left."""
    lease = Lease(scene.store, "ledger", RealClock(), 0.6)
    lease.take("run-1")
    with lease.keep():
        first_s = lease.deadline_s
        wait_for(lambda: lease.deadline_s > first_s + 0.3)
        lease.check(0.1)
    assert not any(thread.name.startswith("renew") for thread in threading.enumerate())
    lease.release()


def test_keep_outlives_a_store_that_is_full_for_a_while(hooked: Hooked) -> None:
    """A store that refuses does not cost the lease before its deadline."""
    lease = Lease(hooked, "ledger", RealClock(), 1.0)  # type: ignore[arg-type]
    lease.take("run-1")
    refused: list[int] = []

    def full() -> None:
        refused.append(1)
        if len(refused) == 2:
            hooked.before = lambda: None
        raise StoreFullError("full", where="")

    hooked.before = full
    with lease.keep():
        first_s = lease.deadline_s
        wait_for(lambda: lease.deadline_s > first_s)
    assert len(refused) == 2
    lease.check(0.0)


def test_keep_ends_when_the_lease_is_lost(scene: Scene) -> None:
    """A holder that was overruled learns it from its next check after a renewal."""
    lease = Lease(scene.store, "ledger", RealClock(), 0.6)
    lease.take("run-1")
    with lease.keep():
        scene.lease("b").take("run-2", take_over=True)
        wait_for(lambda: lease._end != "", timeout_s=5.0)
        with pytest.raises(LeaseLostError, match="run-2"):
            lease.check(0.0)
