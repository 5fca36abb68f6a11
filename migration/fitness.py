"""Whether V10 is fit to go back to: asked before each rollback by hand, unless with `--force`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration.model import NEW, OLD
from migration.rollback import Back

if TYPE_CHECKING:
    from migration.rollback import Ready
    from traffic.driver import Driver


def refusal(made: Ready, name: str, driver: Driver) -> Back | None:
    """Why going back would make things worse at a proxy; None: nothing says that it would.

    V10 takes no writes any more: at all of them. Of V10 nobody is well, and of V11 somebody is: where that is seen.
    Where a proxy does not look itself (NGINX) the backends are asked from its host: V11 only when no V10 has answered.
    A side takes milliseconds when one answers, and at most about `FAILURES` x `ANSWER_S` (`traffic.health`).
    """
    if made.over:
        return _refused(name, past(made), "first have V10 take writes again, by the platform's own means; then")
    if _is_worse(driver):
        why = "no backend of V10 answers its health checks: it is cold or dead, and V11 is not"
        return _refused(name, why, "bring V10 up there; or")
    return None


def past(made: Ready) -> str:
    """Why only `--force` goes back to a V10 that takes no writes any more; empty: there is a way back."""
    return f"past the point of no return: {made.over}" if made.over else ""


def _refused(proxy: str, why: str, mend: str) -> Back:
    step = f"{mend}, knowing that V11 is worse: the same with --force --proxy {proxy}"
    return Back(proxy, ok=False, took_s=0.0, why=why, refused=True, next_step=step)


def _is_worse(driver: Driver) -> bool:
    try:
        return driver.well(OLD) == 0 and driver.well(NEW) != 0
    except Exception:  # noqa: BLE001 (a proxy that cannot be asked speaks against nothing)
        return False
