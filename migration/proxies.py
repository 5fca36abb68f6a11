"""The proxies of a cutover, steered by their drivers (`traffic`): what `migration.model.Target` asks of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aurops.calls import CallPool
from aurops.errors import AuropsError, HeldError, OutsideError, UsageError
from aurops.plan import Answer, CallUnknownError, Observation, StaleEpochError
from migration.model import NEW, OLD, TOTAL_WEIGHT, Held, Latched, ProxyState
from traffic import draining, heartbeat
from traffic.driver import Capability, Steering
from traffic.folder import epoch_of
from traffic.hold import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aurops.clock import Clock
    from aurops.plan import Json
    from traffic.driver import Active, Driver
    from traffic.folder import Latch

NEEDED = (Capability.ZERO_LOSS, Capability.FALLS_BACK, Capability.REFUSES_OLD_EPOCHS)
"""Without these a step would lose requests, or nobody would come back from a dead V11."""
_LOOK_S = 5.0
_WATCHED_S = heartbeat.PATIENCE_S + 2.0
"""What is kept of the time of `prepare` for its end: a watcher is waited for."""


class Proxies:
    """A `migration.model.Target` of real proxies.

    Args:
        drivers: Each proxy's driver, by name.
        clock: Time.
        who: Who steers, for latches.
        drain_s: WebSockets that are left on the old side are closed over so many seconds.
        lay_ready: Puts what a rollback needs beside a proxy and elsewhere, within so many seconds; raises when it
            cannot.
        elsewhere: Has an operator's host rehearse a rollback of a proxy, for a reason; which one, empty: none did.
        stand_down: Has it say that there is no way back any more, and why; empty: that there is.
        changed: Why what was laid for a proxy's watcher is not there as it was laid; empty: it is.
        cut_off: Why, within so many seconds, not every operators' host could roll back; empty: each could.
    """

    def __init__(  # noqa: PLR0913 (in what hosts and beds differ)
        self,
        drivers: Mapping[str, Driver],
        clock: Clock,
        *,
        who: str,
        drain_s: float,
        lay_ready: Callable[[str, float], Mapping[str, str]] = lambda _proxy, _within_s: {},
        elsewhere: Callable[[str, str], str] = lambda _proxy, _reason: "",
        stand_down: Callable[[str], object] = lambda _: None,
        changed: Callable[[str], str] = lambda _: "",
        cut_off: Callable[[float], str] = lambda _: "",
    ) -> None:
        self._drivers = drivers
        self._clock = clock
        self._who = who
        self._drain_s = drain_s
        self._lay_ready = lay_ready
        self._elsewhere = elsewhere
        self._stand_down = stand_down
        self._changed = changed
        self._cut_off = cut_off

    def observe(self) -> Mapping[str, Observation[ProxyState]]:
        """Every proxy, side by side."""
        with CallPool(len(self._drivers), "observe") as pool:
            looks = {name: pool.submit(self._observe, name) for name in self._drivers}
        return {name: look.result() for name, look in looks.items()}

    def _observe(self, proxy: str) -> Observation[ProxyState]:
        at_s = self._clock.now_s()
        try:
            driver = self._drivers[proxy]
            active = driver.observe()
            unheard = _written_epoch(driver) > active.steering.epoch
            state = _state(active, driver.latch(), driver.hold(), driver.changed())
            return Observation(replace(state, unheard=unheard), at_s, proxy)
        except (AuropsError, CallUnknownError) as error:
            return Observation(None, at_s, proxy, error.what if isinstance(error, AuropsError) else str(error))

    def unwatched(self, proxy: str) -> str:
        """Whether a watcher looks, and what was laid for it is there: what a step forward asks, too."""
        return heartbeat.patiently(self._drivers[proxy].unwatched, self._clock) or self._changed(proxy)

    def cut_off(self, timeout_s: float) -> str:
        """What the operators' hosts say themselves."""
        return self._cut_off(timeout_s)

    def prepare(self, proxy: str, epoch: int, timeout_s: float) -> Answer:
        """See that the driver can do what a cutover needs, write the way back, and lay it ready.

        The hosts are asked for no longer than what is left of `timeout_s` then: the lease was asked for that time.
        """
        driver, until_s = self._drivers[proxy], self._clock.now_s() + timeout_s - _WATCHED_S
        can = driver.capabilities()
        if lacking := [capability for capability in NEEDED if capability not in can.can]:
            why = "; ".join(
                f"{capability.value}: {can.cannot.get(capability, 'not offered')}" for capability in lacking
            )
            raise UsageError(f"{proxy} cannot take part in a cutover: {why}", where=proxy)
        self._obeys(proxy, epoch)
        checked = driver.lay_way_back()
        self._write_way_back(driver)
        return Answer({"checked": checked, "ready": dict(self._lay_ready(proxy, until_s - self._clock.now_s()))})

    def rehearse(self, proxy: str, reason: str, epoch: int, timeout_s: float) -> Answer:
        """Roll back with what lies ready, see it in effect, release the rehearsal's latch and no other."""
        driver = self._drivers[proxy]
        self._obeys(proxy, epoch)
        if driver.latch() is None:
            self._write_way_back(driver)
        began_s = self._clock.now_s()
        host = self._elsewhere(proxy, reason)
        active = driver.observe() if host else driver.roll_back(reason, self._who, rehearsal=True)
        took_s = self._clock.now_s() - began_s
        latch = driver.latch()
        if latch is None or not latch.rehearsal:
            raise HeldError(
                f"a rollback holds at {proxy}: {latch.reason if latch else 'released meanwhile'}", where=proxy
            )
        if active.steering.weight(OLD) != TOTAL_WEIGHT:
            raise OutsideError(f"the rehearsed rollback of {proxy} did not take effect", where=proxy)
        self.release(proxy, latch.epoch, epoch, timeout_s)
        return Answer({"took_s": round(took_s, 4), "epoch": latch.epoch, "from": host or "here"})

    def shift(self, proxy: str, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Give sides their weights; the proxy's others get none."""
        driver = self._drivers[proxy]
        now = driver.observe().steering
        names = now.weights
        if weights.get(NEW, 0) > now.weight(NEW) and (why := self._changed(proxy)):
            raise HeldError(
                f"the watcher of {proxy} would not obey this cutover: {why}",
                where=proxy,
                next_step="find out who changed it, and put it back; or abort, and begin a new run",
            )
        active = driver.shift(Steering({name: weights.get(name, 0) for name in names}, epoch))
        return Answer({"weights": dict(active.steering.weights), "version": active.version})

    def drain(self, proxy: str, side: str, epoch: int, timeout_s: float) -> Answer:
        """Have what is left end; how far that is."""
        drained = self._drivers[proxy].drain(side, epoch, spread_s=self._drain_s, wait_s=min(_LOOK_S, timeout_s / 2))
        counted: dict[str, Json] = {"left": drained.left, "closed": drained.closed, "reconnected": drained.reconnected}
        silent, failed = ", ".join(drained.silent), "; ".join(drained.failed)
        why = f"; asked, and no answer within {draining.ANSWER_S:g} s (it may come when all are closed): {silent}"
        waiting = f"{drained.left} are left on {side}, as the proxy counts{why if silent else ''}"
        waiting += f"; could not be asked: {failed}" if failed else ""
        data = {**counted, "asked": drained.asked, "silent": silent, "failed": failed}
        return Answer(data, waiting if drained.left else "")

    def roll_back(self, proxy: str, reason: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Latch, and send everything to the old side."""
        active = self._drivers[proxy].roll_back(reason, self._who)
        return Answer({"weights": dict(active.steering.weights), "epoch": active.steering.epoch})

    def hold(self, proxy: str, run: str, reason: str, timeout_s: float) -> Answer:  # noqa: ARG002 (a file is written)
        """Hold, unless somebody does already."""
        at = self._clock.wall().isoformat(timespec="milliseconds")
        self._drivers[proxy].put_hold(Hold(run=run, cause="the run", reason=reason, who=self._who, at=at))
        return Answer()

    def stand_down(self, reason: str) -> None:
        """What lies ready says that there is no way back."""
        self._stand_down(reason)

    def stand_by(self) -> None:
        """The same without a reason: there is one again."""
        self._stand_down("")

    def release(self, proxy: str, latch_epoch: int, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Take exactly this latch away: one that was raised meanwhile has a higher epoch, and stays."""
        driver = self._drivers[proxy]
        latch = driver.latch()
        if latch is None:
            return Answer()
        if latch.epoch != latch_epoch:
            raise HeldError(f"another rollback holds at {proxy}: {latch.reason}", where=proxy)
        if latch_epoch >= epoch:
            raise StaleEpochError(f"the latch of {proxy} has epoch {latch_epoch}")
        driver.release(self._who, latch_epoch + 1)
        return Answer({"released": latch_epoch})

    def _obeys(self, proxy: str, epoch: int) -> None:
        in_effect = self._drivers[proxy].observe().steering.epoch
        if epoch < in_effect:
            raise StaleEpochError(f"{proxy} obeys epoch {in_effect}")

    def _write_way_back(self, driver: Driver) -> None:
        """A shift to what is in effect: it changes nothing, and writes the way back as every step forward does.

        It goes over what a killed writer left in the file and the proxy has not heard of, whose epoch it keeps.
        """
        now = driver.observe().steering
        driver.shift(Steering(now.weights, max(now.epoch, _written_epoch(driver))))


def _written_epoch(driver: Driver) -> int:
    """Of the file that a proxy would start with, whatever it obeys so far."""
    return epoch_of(driver.standing().version)


def _state(active: Active, latch: Latch | None, hold: Hold | None, changed: str) -> ProxyState:
    held = None if latch is None else Latched(latch.epoch, latch.reason, latch.who, latch.at, latch.rehearsal)
    under_way = {side: flow.under_way for side, flow in active.flows.items()}
    kept = None if hold is None else Held(hold.run, hold.reason, hold.who)
    return ProxyState(active.steering.epoch, active.steering.weights, held, under_way, kept, changed or active.foreign)


def check_sides(drivers: Mapping[str, Driver]) -> None:
    """Refuse proxies that do not have both sides, or whose own binary finds the way back wrong.

    Raises:
        UsageError: One lacks a side.
        OutsideError: Some do not answer, each by its name, or the way back of one would not load.
    """
    for proxy, names in _sides(drivers).items():
        if lacking := [side for side in (OLD, NEW) if side not in names]:
            raise UsageError(
                f"{proxy} has no side {' and '.join(lacking)}", where=proxy, allowed=f"{NEW}, {OLD}, others"
            )
    for proxy, driver in drivers.items():
        try:
            driver.lay_way_back()
        except AuropsError as error:
            error.what = f"{proxy}: {error.what}"
            raise


def _sides(drivers: Mapping[str, Driver]) -> Mapping[str, Collection[str]]:
    """The sides of each proxy, as it says itself."""
    found, dark = dict[str, "Collection[str]"](), dict[str, AuropsError]()
    for proxy, driver in drivers.items():
        try:
            found[proxy] = driver.observe().steering.weights
        except OutsideError as error:
            dark[proxy] = error
    if dark:
        raise OutsideError(
            "; ".join(f"{proxy}: {error.what}" for proxy, error in dark.items()),
            where="; ".join(f"sites.{proxy}: {error.where}" for proxy, error in dark.items()),
            next_step="start it there (`aurops gateway edge SITE`, with its file in `sites`, says how), then the same "
            "command again: nothing was begun",
        )
    return found
