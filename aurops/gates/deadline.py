"""One deadline for every look at a check: whoever waits at a gate hears of it, whatever the one that is asked does.

The time-outs of the libraries are for each read (httpx), or for connecting (libpq): who sends a byte now and then, or
stands still, keeps them for as long as he likes. So each look has a thread of its own, for which the caller waits no
longer than it may take. A thread that is late is left behind; until it comes back the same check is not
asked again, so that no more than one stands there for each look that was under way at once.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aurops.gates.spec import Check

MARGIN_S = 2.0
"""So much longer than `timeout_s` a look may take that ends by itself: it says best why."""

_lock = threading.Lock()
_late: dict[Future[Finding], tuple[Check, datetime]] = {}
"""Of this process, not of a keeper: one is made anew whenever a run is taken up."""


def within(check: Check, look: Callable[[], Finding], now: datetime) -> Finding:
    """What a look finds; unknown when it does not come back in time, or the last one has not yet.

    Args:
        check: What is asked; its `timeout_s` counts.
        look: Asks.
        now: The time of day.

    Raises:
        Exception: Whatever `look` raises.
    """
    with _lock:
        since = next((at for other, at in _late.values() if other == check), None)
    if since is not None:
        return found(check, State.UNKNOWN, f"the look of {since:%H:%M:%S} UTC has not come back yet", now, {})
    made: Future[Finding] = Future()
    threading.Thread(target=_make, args=(made, look), name=f"look at {check.name}", daemon=True).start()
    try:
        return made.result(check.timeout_s + MARGIN_S)
    except TimeoutError:
        with _lock:
            if made.done():  # now, or by a time-out of its own
                return made.result()
            _late[made] = (check, now)
    return found(check, State.UNKNOWN, f"the look has not come back within {check.timeout_s + MARGIN_S:g} s", now, {})


def _make(made: Future[Finding], look: Callable[[], Finding]) -> None:
    try:
        made.set_result(look())
    except BaseException as error:  # noqa: BLE001 (it is raised where the look is waited for)
        made.set_exception(error)
    finally:
        with _lock:
            _late.pop(made, None)
