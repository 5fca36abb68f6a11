"""What a person may rely on when asking a running run for something."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock
from aurops.errors import UsageError
from aurops.requests import BrokenRequestError, RequestKind, ask, halt, halted, pending

if TYPE_CHECKING:
    from aurops.store import Store

CLOCK = ManualClock()


def test_requests_arrive_in_order_and_once(store: Store) -> None:
    """A run sees each request after the last one it handled."""
    ask(store, "r1", RequestKind.PAUSE, who="ada", reason="look first", clock=CLOCK)
    number = ask(store, "r1", RequestKind.SKIP, who="ada", reason="cache is gone", clock=CLOCK, step="promote-cache")
    assert number == 2
    ask(store, "r2", RequestKind.ABORT, who="ada", reason="other run", clock=CLOCK)
    assert [(r.n, r.kind, r.step) for r in pending(store, "r1")] == [
        (1, RequestKind.PAUSE, None),
        (2, RequestKind.SKIP, "promote-cache"),
    ]
    assert [r.kind for r in pending(store, "r1", after_n=1)] == [RequestKind.SKIP]
    assert pending(store, "r1", after_n=2) == ()


def test_requests_made_at_once_are_all_kept(store: Store) -> None:
    """Of several people who ask at the same moment nobody is lost."""
    threads = [
        threading.Thread(
            target=ask, args=(store, "r", RequestKind.PAUSE), kwargs={"who": w, "reason": "", "clock": CLOCK}
        )
        for w in "abcde"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(request.who for request in pending(store, "r")) == list("abcde")


@pytest.mark.parametrize(("kind", "step"), [(RequestKind.SKIP, None), (RequestKind.PAUSE, "x")])
def test_only_skip_names_a_step(store: Store, kind: RequestKind, step: str | None) -> None:
    """A request that means nothing is refused before it is written."""
    with pytest.raises(UsageError):
        ask(store, "r", kind, who="ada", reason="", clock=CLOCK, step=step)
    assert pending(store, "r") == ()


def test_the_halt_switch_holds_until_it_is_turned_off(store: Store) -> None:
    """The latest turn counts, and says who and why."""
    assert halted(store) is None
    halt(store, on=True, reason="wrong region", who="ada", clock=CLOCK)
    found = halted(store)
    assert found is not None
    assert (found.n, found.reason, found.who) == (1, "wrong region", "ada")
    halt(store, on=False, reason="clear", who="ada", clock=CLOCK)
    assert halted(store) is None


def test_an_unreadable_halt_is_an_error_not_a_no(store: Store) -> None:
    """A switch that cannot be read never lets a run go on."""
    store.create("halt/000001", b"")
    with pytest.raises(BrokenRequestError, match="halt/000001"):
        halted(store)
