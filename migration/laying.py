"""Lays a rollback ready, for all proxies of a cutover, on every host that may need it."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.errors import AuropsError, OutsideError, UsageError
from migration import far, hosts
from migration.model import REHEARSAL
from migration.rollback import FILE, Places, digest, home, read, ready
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock
    from migration.cutover_file import Cutover
    from migration.rollback import Ready
    from traffic.driver import Driver


class Laying:
    """What a cutover lays ready.

    Args:
        cutover: Its proxies, their hosts, and the operators'.
        run: The run.
        drivers: Of each proxy, for the epoch that it obeys.
        clock: Time.
    """

    def __init__(self, cutover: Cutover, run: str, drivers: Mapping[str, Driver], clock: Clock) -> None:
        self._cutover = cutover
        self._run = run
        self._drivers = drivers
        self._clock = clock
        self._lock = threading.Lock()
        self._laid: dict[str, str] = {}

    def lay(self, within_s: float) -> Mapping[str, str]:
        """For all proxies, the first time that one asks: each file, by host, with the digest of what lies there.

        Then every operator's host reaches every proxy's, as in a rollback, but for the rollback.

        Args:
            within_s: For all of it, and for waiting for another proxy that lays.

        Raises:
            OutsideError: A host is not reached, from an operator's not every proxy is, or the time is over.
            OSError: It cannot be written here.
        """
        until_s = self._clock.now_s() + within_s
        if not self._lock.acquire(timeout=max(0.0, within_s)):
            raise _too_late(within_s)
        try:
            if not self._laid:
                made = self._ready()
                sha256 = _digest(made)
                laid = far.lay_everywhere(made, sha256, within_s=self._left_s(until_s, within_s))
                reached = far.check_from_operators(made, sha256, within_s=self._left_s(until_s, within_s))
                self._laid = laid | {f"from {host}": f"{count} proxies reached" for host, count in reached.items()}
            return self._laid
        finally:
            self._lock.release()

    def cut_off(self, within_s: float) -> str:
        """Why not every operators' host could roll back by what was laid; empty: each could. Asked anew each time.

        Args:
            within_s: A host that has not answered by then is given up, and named.
        """
        try:
            made = read(file := self._laid_here())
            if made.run != self._run:
                return f"{file} is another run's: {made.run}"
            far.check_from_operators(made, digest(file), within_s=within_s)
        except AuropsError as error:
            return error.what
        return ""

    def _laid_here(self) -> Path:
        """What was laid last lies beside the proxies; whoever laid it may be another user than this one."""
        sites = (documents.load(Path(self._cutover.sites[name]), Site) for name in self._drivers)
        own = home(self._cutover.service) / FILE
        return next((file for site in sites if _is_of(file := site.folder / FILE, self._run)), own)

    def _left_s(self, until_s: float, within_s: float) -> float:
        if (left_s := until_s - self._clock.now_s()) <= 0:
            raise _too_late(within_s)
        return left_s

    def rehearse(self, proxy: str, reason: str) -> str:
        """Have an operator's host roll a proxy back, each host in its turn; which one.

        This host, too, by the very command, with what lies ready for it. Empty: the plan names nobody, and whoever
        asks does it himself.

        Raises:
            OutsideError: It did not end well.
        """
        operators = self._cutover.operator_hosts
        number = int(reason.removeprefix(REHEARSAL).partition(" ")[0])
        if not operators:
            return ""
        name = operators[(number - 1) % len(operators)]
        far.rehearse_from(self._ready().host(name), self._cutover.service, proxy, reason)
        return name

    def stand_down(self, why: str) -> None:
        """Have it say everywhere that there is no way back any more; with an empty `why`: that there is again.

        An operator's host that is not reached when it ends is left as it is: every proxy's own host refuses.

        Raises:
            OutsideError: A proxy's host is not reached, or it cannot be written here; or an operator's host is not
                reached, which would go on refusing.
        """
        made = self._ready().model_copy(update={"over": why})
        try:
            far.lay_everywhere(made, _digest(made), operators_too=not why)
        except OSError as error:
            raise OutsideError(f"what lies ready cannot be written here: {error}", next_step="make room") from error

    def _ready(self) -> Ready:
        plan = self._cutover
        shared = bool(plan.operator_hosts)  # on another host "here" would be somewhere else
        of = {name: plan.proxy_hosts.get(name, hosts.here() if shared else "") for name in plan.sites}
        places = Places(of, plan.hosts, plan.operator_hosts)
        epochs = {name: driver.observe().steering.epoch for name, driver in self._drivers.items()}
        return ready(plan.service, self._run, plan.sites, self._clock, places, epochs)


def _too_late(within_s: float) -> OutsideError:
    return OutsideError(
        f"{max(0.0, within_s):.1f} s were left to lay the rollback ready on all hosts, and they are over",
        next_step="see which host or proxy is slow (aurops rollback --check), then aurops runs resume",
    )


def _is_of(file: Path, run: str) -> bool:
    with suppress(UsageError):
        return read(file).run == run
    return False


def _digest(made: Ready) -> str:
    return hashlib.sha256(made.text().encode()).hexdigest()
