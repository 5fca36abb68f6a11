"""`aurops watch`: watches one service for ever, and fails it over when its policy says so.

While nothing happens it holds no lease of the service: whoever wants to act can. Every change is told once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from aurops.errors import AuropsError, HeldError, UsageError
from aurops.lease import HeldByAnotherError
from failover.policy import Action, Loss, Mode, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from failover.model import World
    from failover.policy import Finding, Policy
    from failover.standing import Desk, Standing
    from failover.watching import Watching

SCHEMA = 1


class Change(StrEnum):
    """What an event is about."""

    FOUND = "found"
    """The state of the region in force, or what follows from it, is another."""
    FAILED_OVER = "failed over"
    """The watch began a failover, and it ended: `why` says how."""
    MOVED = "moved"
    """Somebody else moved clients to another region."""
    HANDS_OFF = "hands off"
    """A person holds the watch, or the store is lost: it goes on watching and calls a person instead of acting."""
    HANDS_ON = "hands on"


class Event(BaseModel):
    """One change, as a webhook gets it.

    Args:
        at: Time of day in UTC, ISO 8601.
        service: The service.
        change: What it is about.
        region: The region in force.
        state: What is known of it.
        action: What follows: nothing, fail over, call a person.
        loss: How much is lost; None unless it is.
        why: For people.
        evidence: Every vantage point's vote.
        run: The failover's run, when there was one.
        text: All of it in one line, as chat services show it.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    at: str
    service: str
    change: Change
    region: str
    state: State | None = None
    action: Action | None = None
    loss: Loss | None = None
    why: str
    evidence: str = ""
    run: str | None = None
    text: str


@dataclass(frozen=True, slots=True)
class Acted:
    """How a failover of the watch ended.

    Args:
        run: Its run.
        serving: The region in force after it.
        said: How it ended, what protects nothing now, and the commands that go on; for people.
        is_done: Whether it reached its goal.
    """

    run: str
    serving: str
    said: str
    is_done: bool


class Watch:
    """The watch over one service.

    Args:
        service: Its name.
        watching: Judges the region in force.
        desk: Knows what the store says.
        clock: Time.
        act: Fails the service over; raises what `failover.execute.execute` raises.
        tell: Told every event; it must not block.
        aim: Has the vantage points watch another region.
        looked: Called after each judgement, for metrics.
    """

    def __init__(  # noqa: PLR0913 (what a daemon is made of)
        self,
        service: str,
        watching: Watching,
        desk: Desk,
        clock: Clock,
        *,
        act: Callable[[Finding], Acted],
        tell: Callable[[Event], None],
        aim: Callable[[str], None],
        looked: Callable[[Finding], None] = lambda _: None,
    ) -> None:
        self._service = service
        self._watching = watching
        self._desk = desk
        self._clock = clock
        self._act = act
        self._tell = tell
        self._aim = aim
        self._looked = looked
        self._before: Finding | None = None
        self._hands_off = ""

    def run(self) -> None:
        """Watch until somebody stops this process.

        Raises:
            HeldError: Another watch took this service over, or the service is gone.
        """
        while True:
            self.turn()
            self._watching.wait()

    def turn(self) -> None:
        """Judge once, tell what has changed, act if that follows."""
        standing = self._desk.standing
        if standing.over:
            raise HeldError("the watch ended", where=self._service, next_step=standing.over)
        self._tell_hands(standing)
        found = self._watching.look()
        self._looked(found)
        if not found.like(self._before):
            self._say(Change.FOUND, found.why, found)
        self._before = found
        if found.action is Action.FAIL_OVER:
            self._fail_over(found)
        elif not standing.busy:
            self._follow()

    def _fail_over(self, found: Finding) -> None:
        """Once; whatever comes of it, the next one waits for the cool-down or a person."""
        try:
            acted = self._act(found)
        except HeldByAnotherError:
            self._desk.read()  # somebody was quicker: from now on the desk knows
            return
        except AuropsError as error:
            self._desk.read()
            if not self._desk.standing.lost:  # with a lost store it is tried again as soon as the store is back
                self._turn_to(found.region)
            self._say(Change.FAILED_OVER, f"the failover could not be made: {error}", found)
            return
        self._turn_to(acted.serving)
        self._say(Change.FAILED_OVER, acted.said, run=acted.run)

    def _follow(self) -> None:
        """Somebody else has moved clients to one other region: watch that one."""
        world = self._watching.world
        serving = world.serving() if world else ()
        if len(serving) == 1 and serving[0] != self._watching.region:
            self._turn_to(serving[0])
            self._say(Change.MOVED, f"clients are sent to {serving[0]} now")

    def _turn_to(self, region: str) -> None:
        self._watching.turn_to(region)
        self._aim(region)
        self._before = None

    def _tell_hands(self, standing: Standing) -> None:
        if bool(standing.hands_off) != bool(self._hands_off):
            change = Change.HANDS_OFF if standing.hands_off else Change.HANDS_ON
            self._say(change, standing.hands_off or f"no more: {self._hands_off}")
        self._hands_off = standing.hands_off

    def _say(self, change: Change, why: str, found: Finding | None = None, *, run: str | None = None) -> None:
        region = self._watching.region
        what = f"{region} is {found.state.value}" if found else change.value
        action = f" [{found.action.value}]" if found and found.action is not Action.NOTHING else ""
        self._tell(
            Event(
                at=self._clock.wall().isoformat(timespec="milliseconds"),
                service=self._service,
                change=change,
                region=region,
                state=found.state if found else None,
                action=found.action if found else None,
                loss=found.loss if found else None,
                why=why,
                evidence=found.evidence if found else "",
                run=run,
                text=f"{self._service}: {what}{action}: {why}",
            )
        )


def region_in_force(world: World) -> str:
    """The one region that clients are sent to.

    Raises:
        UsageError: There is not exactly one, or the traffic layer does not say.
    """
    serving = world.serving()
    if len(serving) != 1:
        said = ", ".join(serving) or ("none" if world.edge.value else "the traffic layer does not answer")
        raise UsageError(
            "there is not one region that serves", where=said, allowed="one", next_step="aurops local status"
        )
    return serving[0]


def check_policy(policy: Policy, vantages: int, where: str) -> None:
    """Refuse a policy under which nothing could ever follow.

    Args:
        policy: The policy.
        vantages: How many vantage points there are.
        where: How errors call it.

    Raises:
        UsageError: Why it could never fire.
    """
    if all(policy.mode_for(loss) is Mode.NEVER for loss in Loss):
        raise UsageError(
            "this policy could never fire: every kind of loss is `never`",
            where=f"{where}: mode, losses",
            allowed=f"`{Mode.AUTOMATIC}` or `{Mode.ASK}` for one of {', '.join(Loss)}",
        )
    if policy.quorum > vantages:
        raise UsageError(
            f"this policy could never fire: {policy.quorum} vantage points must agree, and there are {vantages}",
            where=f"{where}: quorum",
            allowed=f"2 to {vantages}",
        )
