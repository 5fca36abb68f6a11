"""What the contract of drivers asks of a proxy, and of whoever comes to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, Protocol

from traffic.driver import TOTAL_WEIGHT, Active, Driver, Steering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LIMIT_S = 20.0
Asks = Literal["write", "keyed write", "read", "socket"]


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Args:
        user: The lines of the user's header.
        key: The same of the API key's.
        source: The address that the connection comes from, of 127.0.0.0/8.
        forwarded: The lines of X-Forwarded-For.
        asks: For what.
    """

    user: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    source: str = "127.0.0.1"
    forwarded: tuple[str, ...] = ()
    asks: Asks = "write"

    def besides(self, other: Client) -> Client:
        """The same, and whatever the other one says that this one does not."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value != getattr(Client(), name)})


ANYBODY = Client(user=("anybody",))
USERS = tuple(Client(user=(f"user-{number}",)) for number in range(80))
KEYS = tuple(Client(key=(f"key-{number}",)) for number in range(80))
ADDRESSES = tuple(Client(source=f"127.0.{number // 8}.{number + 2}") for number in range(80))


class Bench(Protocol):
    """A proxy with the sides v11, v10 and baseline, all traffic at v10 under epoch 1, watched; it trusts no hop."""

    driver: Driver

    def ask(self, client: Client) -> str:
        """What this client asks: the side that served it, or `refused`."""

    def tamper(self) -> None:
        """Somebody else changes what steers the proxy."""

    def kill(self, side: str) -> None:
        """All backends of the side die."""

    def revive(self, side: str) -> None:
        """They come up again; returns when the proxy sees it, if it looks."""

    def stop(self) -> None:
        """The proxy dies."""

    def start(self) -> None:
        """It comes up again."""

    def unwatch(self) -> None:
        """The watcher dies."""

    def watch(self) -> None:
        """It comes up again."""

    def hold(self, reason: str) -> None:
        """The watcher holds it."""

    def another(self) -> Driver:
        """A driver as another process has it."""

    def stands_still(self, driver: Driver, meanwhile: Callable[[], object]) -> None:
        """The driver stands still once after its last look, before it writes; this happens meanwhile."""


def steering(v11: int, epoch: int, baseline: int = 0) -> Steering:
    """The rest goes to v10."""
    return Steering({"v11": v11, "v10": TOTAL_WEIGHT - v11 - baseline, "baseline": baseline}, epoch)


def until(holds: Callable[[], bool]) -> None:
    """Return when a condition holds."""
    deadline_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        time.sleep(0.01)


def sides(bench: Bench, clients: Iterable[Client] = USERS) -> dict[Client, str]:
    """Who is served where."""
    return {client: bench.ask(client) for client in clients}


def assert_by_the_first(bench: Bench, first: Iterable[Client], second: Iterable[Client]) -> None:
    """Each of the first keeps its side whichever of the second it is besides; there are some at either side."""
    alone = sides(bench, first)
    assert set(alone.values()) == {"v10", "v11"}
    for client, side in alone.items():
        assert set(sides(bench, [client.besides(other) for other in second]).values()) == {side}, client


def assert_the_same(bench: Bench, clients: Iterable[Client], also: Client) -> None:
    """Each client keeps its side with this besides; there are some at either side."""
    alone = sides(bench, clients)
    assert set(alone.values()) == {"v10", "v11"}
    assert {client: bench.ask(also.besides(client)) for client in alone} == alone


def state(active: Active) -> object:
    """What was decided."""
    return active.steering, active.version
