"""Has what is left on a side end: a side without weight, whose WebSockets stay until somebody closes them.

No proxy does that well. Envoy keeps an open WebSocket whatever is taken away: its endpoint, its cluster, its health,
its listener (each tried). NGINX ends all of them with a worker, at once and without a close frame. Neither can put a
frame between two messages of an application. So whoever wrote the last frame, the application, writes the close frame,
1012 Service Restart, when it is asked; the proxy counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from aurops.calls import CallPool
from aurops.errors import OutsideError
from aurops.files import write_durably
from traffic.driver import Drained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aurops.clock import Clock
    from traffic.driver import Active, Steering
    from traffic.site import Site

ANSWER_S = 2.0
"""No application is waited for any longer."""
GRACE_S = 5.0
"""After the spread; then all are asked anew, if something is left."""
_AT_ONCE = 16
_POLL_S = 0.02


@dataclass(frozen=True)
class _Said:
    """What an application says to being asked.

    Args:
        url: Which.
        silent: It was asked, and has not answered in time.
        failed: Why it could not be asked, or that it refuses; empty: it was.
    """

    url: str
    silent: bool = False
    failed: str = ""


class _Begun(BaseModel):
    """A drain that was begun.

    Args:
        at_s: When, in seconds of this boot; after a reboot no socket of before is left.
        under_way: What was under way there.
        sockets: WebSockets that had come about at the other sides.
        asked: The URLs that were asked.
        silent: Those of them that did not answer.
    """

    at_s: float
    under_way: int
    sockets: int
    asked: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def forget(site: Site, wanted: Steering) -> None:
    """The drains of sides that get weight are over: the next one begins anew."""
    for side in site.names:
        if wanted.weight(side):
            _file(site, side).unlink(missing_ok=True)


def _file(site: Site, side: str) -> Path:
    return site.folder / f"drain-{side}.json"


class Draining:
    """A drain of one side, which goes on from call to call and from process to process.

    Args:
        site: The proxy.
        side: The side; it has no weight.
        clock: For deadlines.
    """

    def __init__(self, site: Site, side: str, clock: Clock) -> None:
        self._site = site
        self._side = side
        self._clock = clock
        self._file = _file(site, side)

    def drain(self, observe: Callable[[], Active], spread_s: float, wait_s: float) -> Drained:
        """Ask whoever was not asked yet, then look until nothing is left or the wait is over."""
        until_s = self._clock.now_s() + wait_s
        now = observe()
        begun = self._begun(now, spread_s)
        failed: tuple[str, ...] = ()
        if now.flows[self._side].under_way:
            begun, failed = self._ask(begun, spread_s)
        while (now := observe()).flows[self._side].under_way and self._clock.now_s() < until_s:
            self._clock.sleep(_POLL_S)
        left = now.flows[self._side].under_way
        return Drained(
            left=left,
            closed=max(0, begun.under_way - left),
            reconnected=max(0, self._sockets(now) - begun.sockets),
            asked=len(begun.asked),
            silent=begun.silent,
            failed=failed,
        )

    def _begun(self, now: Active, spread_s: float) -> _Begun:
        """What was begun since the side lost its weight; whoever should be done by now counts as not asked yet."""
        try:
            begun = _Begun.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            under_way = now.flows[self._side].under_way
            begun = _Begun(at_s=self._clock.now_s(), under_way=under_way, sockets=self._sockets(now))
            if self._site.side(self._side).drain_urls:  # else there is nothing to go on with
                write_durably(self._file, begun.model_dump_json())
        if 0 <= self._clock.now_s() - begun.at_s <= spread_s + GRACE_S:
            return begun
        return begun.model_copy(update={"at_s": self._clock.now_s(), "asked": (), "silent": ()})

    def _sockets(self, now: Active) -> int:
        return sum(flow.sockets for name, flow in now.flows.items() if name != self._side)

    def _ask(self, begun: _Begun, spread_s: float) -> tuple[_Begun, tuple[str, ...]]:
        """Ask all who were not asked yet, at once: one that is down keeps none of the others from closing.

        Returns:
            Who was asked by now, and who could not be, with the reason; the next call asks those again.

        Raises:
            OutsideError: Nobody could be asked.
        """
        urls = [url for url in self._site.side(self._side).drain_urls if url not in begun.asked]
        if not urls:
            return begun, ()
        with CallPool(min(len(urls), _AT_ONCE), "drain") as pool:
            said = list(pool.map(partial(_post, spread_s=spread_s), urls))
        failed = tuple(f"{each.url}: {each.failed}" for each in said if each.failed)
        asked = (*begun.asked, *(each.url for each in said if not each.failed))
        if not asked:
            raise OutsideError(
                f"No application of {self._side} can be asked to close its WebSockets: {'; '.join(failed)}.",
                where=", ".join(urls),
                next_step="Drain again when one answers.",
            )
        silent = (*begun.silent, *(each.url for each in said if each.silent))
        begun = begun.model_copy(update={"asked": asked, "silent": silent})
        write_durably(self._file, begun.model_dump_json())
        return begun, failed


def _post(url: str, *, spread_s: float) -> _Said:
    """Ask one; it may answer when it has closed all of them, and is not waited for."""
    import httpx  # noqa: PLC0415 (a rollback must not wait for it: half of all that its command would import)

    try:
        httpx.post(url, json={"over_s": spread_s}, timeout=ANSWER_S, trust_env=False).raise_for_status()
    except httpx.ReadTimeout:
        return _Said(url, silent=True)
    except httpx.HTTPStatusError as error:
        return _Said(url, failed=f"it answers {error.response.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _Said(url, failed=repr(error))
    return _Said(url)
