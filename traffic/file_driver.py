"""Steers a proxy by one file on its host, and believes only what the proxy says is in effect."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aurops.clock import RealClock
from aurops.errors import HeldError, OutsideError, UsageError
from aurops.files import write_durably
from aurops.plan import CallUnknownError, StaleEpochError
from traffic import draining, forward, health, heartbeat, hold, latching
from traffic.driver import (
    PUT_RIGHT,
    TOTAL_WEIGHT,
    Active,
    Capabilities,
    Capability,
    Drained,
    LatchedError,
    OvertakenError,
    Standing,
    Steering,
    TamperedError,
    UnheardError,
)
from traffic.folder import READABLE, Latch, ProxyFolder, Rendered, epoch_of

if TYPE_CHECKING:
    from aurops.clock import Clock
    from traffic.dialect import Dialect
    from traffic.hold import Hold
    from traffic.site import Site

ACTIVE_S = 3.0
LOCK_S = 5.0
ROLL_BACK_LOCK_S = 1.0
"""A rollback waits no longer for a writer that stands still; the watcher mends what that one writes when it wakes."""
_POLL_S = 0.002
_NO_WAY_BACK = "No side of this proxy is a way back."
_ROLL_BACKS = 5
"""How often a rollback writes again what somebody else has written over."""


class FileDriver:
    """A `traffic.driver.Driver` on the proxy's own host.

    Args:
        site: The proxy.
        dialect: What it is told and says.
        clock: For deadlines; None: the machine's.
    """

    def __init__(self, site: Site, dialect: Dialect, clock: Clock | None = None) -> None:
        self.site = site
        self._dialect = dialect
        self._clock = clock or RealClock()
        self._folder = ProxyFolder(site.folder, dialect.live, dialect.version_of)

    def install(self, first: Steering) -> None:
        """Write the steering file of a proxy that has none yet; it may be started then.

        Raises:
            UsageError: It has one, or the sides are others.
        """
        self._check_names(first)
        if self._folder.live.exists():
            raise UsageError("This proxy has a steering file already.", where=str(self._folder.live))
        self._folder.make_live()
        self._folder.put(self._render(first, None))

    def capabilities(self) -> Capabilities:
        """The proxy's, less what this site lacks."""
        lacking = {}
        if self.site.way_back is None:
            lacking[Capability.FALLS_BACK] = "no side names another that serves when it dies"
        if self.site.sticky is None:
            lacking[Capability.STICKY] = "this site sends each request by itself"
        if not all(side.health_path for side in self.site.sides):
            lacking[Capability.CHECKS_HEALTH] = "not every side has a path at which its health is asked"
        if not all(side.drain_urls for side in self.site.sides):
            lacking[Capability.DRAINS] = "not every side names the applications that close its WebSockets (drain_urls)"
        can = self._dialect.can
        return Capabilities(can.can - lacking.keys(), {**lacking, **can.cannot}, can.tried)

    def observe(self) -> Active:
        """What the proxy has in effect."""
        return self._dialect.ask()

    def well(self, side: str) -> int | None:
        """As the proxy says, or else they themselves."""
        return health.seen(self.site, self.observe(), (side,)).flows[side].healthy

    def latch(self) -> Latch | None:
        """The rollback that holds."""
        return self._folder.latch()

    def standing(self) -> Standing:
        """By the version in the live file, and the latch."""
        return Standing(self._version_in_file(), latching.held(self._folder))

    def changed(self) -> str:
        """Whether the live file is as aurops wrote it."""
        return self._folder.changed()

    def lay_way_back(self) -> str:
        """Write the file of a rollback, and have the proxy's own binary check it."""
        if self.site.way_back is None:
            raise UsageError(_NO_WAY_BACK, allowed="a side that names another as `instead`")
        with self._folder.locked(self._clock, LOCK_S):
            now = self.observe()
            said = self._lay(self._all_back(now.steering.epoch + 1, now))
        self._folder.check_one_move()
        return said

    def shift(self, wanted: Steering, *, overwrite: bool = False) -> Active:
        """Move the file in place, have it read, wait until the proxy says so."""
        self._check_names(wanted)
        with self._folder.locked(self._clock, LOCK_S):
            self._check_latch()
            now = self.observe()
            if wanted.epoch < (known := self._known_epoch(now)):
                raise StaleEpochError(f"{self.site.admin} obeys epoch {known}, or is about to")
            self._check_ours(now, overwrite=overwrite)
            if forward.is_forward(self.site, now, wanted):
                hold.refuse(self.site.folder)
            seen = health.seen(self.site, now, forward.concerned(self.site, now, wanted))
            forward.check(self.site, seen, wanted, unwatched=self.unwatched())
            if self.site.way_back:
                self._keep_way_back(wanted, now)
            rendered = self._render(wanted, now)
            self._check_latch()  # once more: a rollback does not wait for this lock for long
            return self._put(rendered, None)

    def roll_back(
        self,
        reason: str,
        who: str,
        *,
        epoch: int | None = None,
        rehearsal: bool = False,
        anew: bool = False,
        standing: Standing | None = None,
    ) -> Active:
        """Raise the latch, so that nobody begins to go forward; then move the file made beforehand in place.

        With `standing` the lock comes first: whoever releases keeps it until the latch is gone.
        """
        if self.site.way_back is None:
            raise UsageError(_NO_WAY_BACK, allowed="a side that names another as `instead`")
        if rehearsal:
            return self._rehearse(reason, who, epoch or 0)
        for turn in range(_ROLL_BACKS):
            failed = None if standing else self._raise_latch(reason, who, epoch or 0, anew=anew and not turn)
            with self._folder.locked(self._clock, ROLL_BACK_LOCK_S, insist=False) as alone:
                self._check_standing(standing)
                if standing or not alone:  # whoever has the lock may be taking the latch away that was there
                    failed = self._raise_latch(reason, who, epoch or 0, higher=not alone)
                now, held = self._seen(), latching.held(self._folder)
                if held is None and failed is None:
                    continue  # it was released in between: that was before this rollback
                is_there = now is not None and now.steering.weight(self.site.way_back) == TOTAL_WEIGHT
                is_there = is_there and now is not None and now.version == self._version_in_file()
                if held and now and is_there:
                    return now
                version = self._put_back(held.epoch if held else self._known_epoch(now) + 1, now)
                try:
                    active = self._take_effect(version)
                except (StaleEpochError, CallUnknownError) as error:
                    if self._version_in_file() == version and self._known_epoch(self._seen()) <= epoch_of(version):
                        raise error if failed else UnheardError(str(error)) from error
                    continue  # whoever was going forward when the latch was raised is above it, or has written after it
            if failed:
                raise CallUnknownError(f"everything goes to {self.site.way_back}, but no latch holds it: {failed}")
            return active
        raise CallUnknownError(f"somebody writes {self._folder.live} again and again; the latch is raised")

    def _rehearse(self, reason: str, who: str, epoch: int) -> Active:
        """The lock first: no step comes between the look at the weights, the latch and the move."""
        with self._folder.locked(self._clock, LOCK_S):
            now = self.observe()
            latching.refuse_rehearsal(now.steering, str(self.site.way_back), self.site.admin)
            known = self._known_epoch(now)
            held = latching.raise_rehearsal(self._folder, self._made(reason, who, epoch, known, rehearsal=True))
            version = self._put_back(max(held.epoch, known), now)  # whose release was cut off, of a higher epoch
            self._yield_to_rollback(held)
            active = self._take_effect(version)
            self._yield_to_rollback(held)
            return active

    def release(self, who: str, epoch: int, *, overwrite: bool = False) -> None:
        """Know what fell back until now, then take the latch away."""
        with self._folder.locked(self._clock, LOCK_S):
            if (held := self.latch()) is None:
                return
            if epoch <= held.epoch:
                raise StaleEpochError(f"the latch of {held.who} has epoch {held.epoch}")
            self._check_ours(now := self.observe(), overwrite=overwrite)
            self._put(self._render(Steering(now.steering.weights, max(epoch, self._known_epoch(now))), now), held)
            self._folder.release(held, f"{who}, {self._at()}")

    def hold(self) -> Hold | None:
        """The hold that keeps it from going forward."""
        return hold.read(self.site.folder)

    def unwatched(self) -> str:
        """Why nobody watches it as it must be, by the watcher's own word."""
        return heartbeat.unwatched(self.site.folder, self._clock)

    def put_hold(self, made: Hold) -> None:
        """Hold, unless somebody does already."""
        hold.put(self.site.folder, made)

    def release_hold(self, who: str, *, overwrite: bool = False) -> None:
        """Know what fell back until now, then take the hold away; a runner that is lost owes nothing any more."""
        with self._folder.locked(self._clock, LOCK_S):
            if (held := self.hold()) is None:
                return
            self._check_ours(now := self.observe(), overwrite=overwrite)
            if (now.fallen() or overwrite) and self.latch() is None:
                self._put(self._render(now.steering, now), None)
            hold.release(self.site.folder, held, f"{who}, {self._at()}")

    def drain(self, side: str, epoch: int, *, spread_s: float, wait_s: float) -> Drained:
        """Ask the side's applications once, then wait for the proxy to say that nothing is left."""
        if side not in self.site.names:
            raise UsageError(f"There is no side {side!r}.", allowed=", ".join(self.site.names))
        if epoch < (now := self.observe()).steering.epoch:
            raise StaleEpochError(f"{self.site.admin} obeys epoch {now.steering.epoch}")
        if weight := now.steering.weight(side):
            raise HeldError(
                f"{side} still gets {weight} of {TOTAL_WEIGHT}: what is closed there would come back.",
                where=self.site.admin,
                next_step=f"Give {side} weight 0 first; draining is a step of its own.",
            )
        return draining.Draining(self.site, side, self._clock).drain(self.observe, spread_s, wait_s)

    def _check_names(self, wanted: Steering) -> None:
        if set(wanted.weights) != set(self.site.names):
            raise UsageError(
                f"These weights are of other sides: {', '.join(wanted.weights)}.",
                where=self.site.admin,
                allowed=", ".join(self.site.names),
                next_step="Weights and backend sets do not change in one step: describe another proxy.",
            )

    def _check_latch(self) -> None:
        if (held := self.latch()) is not None:
            raise LatchedError(
                f"A rollback holds: {held.reason}.",
                where=f"{self._folder.latch_file}: {held.who}, {held.at}, epoch {held.epoch}",
                next_step="Find out why; then a person releases it with a new plan.",
            )

    def _check_ours(self, now: Active, *, overwrite: bool) -> None:
        """Refuse to write over what somebody else wrote, or to take up what somebody else put in effect."""
        if overwrite:
            return
        self._folder.version()
        if now.foreign:
            raise TamperedError(now.foreign, where=self.site.admin, next_step=PUT_RIGHT)

    def _check_standing(self, decided_on: Standing | None) -> None:
        if decided_on and (now := self.standing()) != decided_on:
            raise OvertakenError(
                "Somebody has written since this rollback was decided on, so it went no further.",
                where=f"{self._folder.live}: {now.version or 'changed by somebody else'}; "
                f"{f'latch {now.latch.epoch}' if now.latch else 'no latch'}",
                next_step="Look again.",
            )

    def _seen(self) -> Active | None:
        with suppress(OutsideError):
            return self.observe()
        return None

    def _made(self, reason: str, who: str, epoch: int, known: int, *, rehearsal: bool = False) -> Latch:
        """A latch above every epoch that is known."""
        return Latch(epoch=max(epoch, known + 1), reason=reason, who=who, at=self._at(), rehearsal=rehearsal)

    def _raise_latch(
        self, reason: str, who: str, epoch: int, *, anew: bool = False, higher: bool = False
    ) -> OSError | None:
        known = self._known_epoch(self._seen())  # once: a proxy that hangs keeps a rollback waiting
        return latching.raise_latch(
            self._folder, self._made(reason, who, epoch, known), known, anew=anew, higher=higher
        )

    def _known_epoch(self, now: Active | None) -> int:
        """The highest in effect or in the file: of a writer that was killed the proxy may not have heard yet."""
        return max(epoch_of(self._version_in_file()), now.steering.epoch if now else 0)

    def _at(self) -> str:
        return self._clock.wall().isoformat(timespec="seconds")

    def _version_in_file(self) -> str:
        with suppress(OutsideError):
            return self._folder.version()
        return ""

    def _render(self, wanted: Steering, now: Active | None) -> Rendered:
        before = {side.name: 0 for side in self.site.sides if side.instead}
        if now:
            before = {name: now.flows[name].instead for name in before}
        return self._dialect.render(wanted, before)

    def _all_back(self, epoch: int, now: Active | None) -> Rendered:
        weights = {name: TOTAL_WEIGHT if name == self.site.way_back else 0 for name in self.site.names}
        return self._render(Steering(weights, epoch), now)

    def _lay(self, way_back: Rendered) -> str:
        """Have the proxy's own binary find it right, and only then lay it ready; what that one said."""
        said = self._dialect.validate(way_back.text)
        write_durably(self._folder.way_back, way_back.text, mode=READABLE)
        return said

    def _keep_way_back(self, wanted: Steering, now: Active) -> None:
        """Have it ready for this step's epoch; the same as lies there was found right when it was laid."""
        way_back = self._all_back(wanted.epoch + 1, now)
        if self._folder.has_ready(way_back):
            return
        try:
            self._lay(way_back)
        except OutsideError:
            if not forward.is_back(self.site, now, wanted):  # which goes on, with what lies there
                raise

    def _put(self, rendered: Rendered, known: Latch | None) -> Active:
        """Have this steer; with the lock held, but a rollback does not wait for it for long, and wins.

        Args:
            rendered: What is to steer.
            known: The latch that may hold meanwhile; any other is a rollback that came after the last look.

        Raises:
            LatchedError: One came: everything is back where it had put it.
        """
        self._folder.put(rendered)
        self._yield_to_rollback(known)
        active = self._take_effect(rendered.version)
        self._yield_to_rollback(known)
        return active

    def _yield_to_rollback(self, known: Latch | None) -> None:
        try:
            held = self.latch()
        except OutsideError:  # one that cannot be read holds, too
            held = Latch(epoch=0, reason="its latch cannot be read", who="somebody", at="just now")
        if held in (None, known):
            return
        now = self._seen()
        self._take_effect(self._put_back(max(held.epoch, self._known_epoch(now)), now))
        raise LatchedError(
            f"A rollback came in between, and everything is at {self.site.way_back}: {held.reason}.",
            where=f"{self._folder.latch_file}: {held.who}, {held.at}, epoch {held.epoch}",
            next_step="Find out why; then a person releases it with a new plan.",
        )

    def _put_back(self, epoch: int, now: Active | None) -> str:
        """The version put in place: what was made beforehand, if its epoch is right or nothing else can be written."""
        with suppress(OSError, ValueError):
            if self._folder.way_back_version().startswith(f"{epoch}-"):
                return self._folder.put_way_back()
        rendered = self._all_back(epoch, now)
        try:
            self._folder.put(rendered)
        except OSError as error:
            with suppress(OSError, ValueError):
                return self._folder.put_way_back()
            raise OutsideError(
                f"Nothing can be written, so traffic stays where it is: {error}.",
                where=str(self._folder.live),
                next_step="Make space, then roll back again.",
            ) from error
        return rendered.version

    def _take_effect(self, version: str) -> Active:
        """Wait until the proxy obeys.

        Raises:
            StaleEpochError: It obeys a newer epoch by now.
            CallUnknownError: It has not said so within `ACTIVE_S`.
        """
        deadline_s = self._clock.now_s() + ACTIVE_S
        try:
            self._dialect.take()
            while (seen := self._dialect.version()) != version:
                if epoch_of(seen) > epoch_of(version):
                    raise StaleEpochError(f"{self.site.admin} obeys epoch {epoch_of(seen)} by now")
                if self._version_in_file() != version:
                    raise CallUnknownError(f"somebody else has written {self._folder.live} meanwhile")
                if self._clock.now_s() > deadline_s:
                    raise CallUnknownError(f"{self.site.admin} has {seen} in effect, not yet {version}")
                self._clock.sleep(_POLL_S)
            now = self.observe()
        except OutsideError as error:
            raise CallUnknownError(f"{self._folder.live} has {version}, but: {error.what}") from error
        draining.forget(self.site, now.steering)
        return now
