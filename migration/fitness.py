"""Whether V10 is fit to go back to: asked before each rollback by hand, unless with `--force`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.calls import CallPool
from migration.model import NEW, OLD
from migration.rollback import Back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migration.rollback import Ready
    from traffic.driver import Driver


def worse(made: Ready, drivers: Mapping[str, Driver]) -> list[Back]:
    """The proxies at which going back would make things worse, each with the reason.

    V10 takes no writes any more: all of them. Of V10 nobody is well, and of V11 somebody is: those that see it so.
    Where a proxy does not look itself (NGINX) the backends are asked from its host: V11 only when no V10 has answered.
    A side takes milliseconds when one answers, and at most about `FAILURES` x `ANSWER_S` (`traffic.health`).
    """
    if made.over:
        return [_refused(name, f"past the point of no return: {made.over}") for name in drivers]
    if not drivers:
        return []
    with CallPool(len(drivers), "health") as pool:
        looks = {name: pool.submit(_is_worse, driver) for name, driver in drivers.items()}
    why = "no backend of V10 answers its health checks: it is cold or dead, and V11 is not"
    return [_refused(name, why) for name, look in looks.items() if look.result()]


def _refused(proxy: str, why: str) -> Back:
    step = f"bring V10 up there; or, knowing that V11 is worse: the same with --force --proxy {proxy}"
    return Back(proxy, ok=False, took_s=0.0, why=why, refused=True, next_step=step)


def _is_worse(driver: Driver) -> bool:
    try:
        return driver.well(OLD) == 0 and driver.well(NEW) != 0
    except Exception:  # noqa: BLE001 (a proxy that cannot be asked speaks against nothing)
        return False
