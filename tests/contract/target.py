"""What every target must do (`failover.model.Target`): one suite, subclassed once per target with its own `service`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import pytest

from aurops.errors import AuropsError
from aurops.plan import CallUnknownError, StaleEpochError
from failover.model import Capability, DatabaseRole, Target, World
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.plan import Answer

OLD, NOW, HANDED = 19, 20, 30
"""Epochs; the service was born under one that is lower than both."""
CALL_S = 10.0


class Service(Protocol):
    """A service of three regions, north primary, that was just born."""

    target: Target

    def freeze(self, region: str) -> None:
        """The region stops answering; nothing of it ends."""

    def thaw(self, region: str) -> None:
        """It answers again."""


def look(service: Service, *silent: str) -> World:
    """The world, once everything but the silent regions has answered: a busy machine's agents may take their time."""
    deadline_s = time.monotonic() + CALL_S
    while True:
        world = service.target.observe()
        known = [region for region in world.regions if world.state(region) is not None or region in silent]
        if len(known) == len(world.regions) and world.edge.value is not None:
            return world
        assert time.monotonic() < deadline_s, world


class TargetContract:
    """In this order: one service lives through all of it."""

    def test_everything_that_is_seen_says_who_saw_it(self, service: Service) -> None:
        """Each region and the edge, with an observer; the primary is the one writer, and has all the traffic."""
        world = look(service)
        assert set(world.regions) == {"north", "south", "west"}
        assert all(seen.value is not None and seen.observer for seen in (*world.regions.values(), world.edge))
        assert world.writers() == ("north",)
        assert (world.weight("north"), world.weight("south"), world.weight("west")) == (TOTAL_WEIGHT, 0, 0)
        assert 0 < world.highest_epoch() < OLD
        assert world.unprotected("north") == {}

    def test_it_says_what_it_can_and_which_regions_could_be_promoted(self, service: Service) -> None:
        """Each region with yes or no and why; how far it was ever tried is in words."""
        wanted, deadline_s = {"north": False, "south": True, "west": True}, time.monotonic() + CALL_S
        while True:  # a region that has not answered in time cannot be promoted, and a busy machine's may take theirs
            can = service.target.capabilities()
            found = {region: yes for region, (yes, _) in can.promotable.items()}
            if found == wanted or time.monotonic() > deadline_s:
                break
        assert found == wanted, can.promotable
        assert can.can <= set(Capability)
        assert all(why for _, why in can.promotable.values())
        assert can.tried

    def test_a_detached_standby_follows_nobody_and_says_what_it_holds(self, service: Service) -> None:
        """Quorum denial: with both detached no region can acknowledge a write; detached again, nothing changes."""
        for region in ("south", "west", "south"):
            position = service.target.detach(region, NOW, CALL_S).data["flush_lsn"]
            assert isinstance(position, int)
            database = look(service).database(region)
            assert database is not None
            assert (database.role, database.attached, database.following) == (DatabaseRole.STANDBY, False, None)
            assert (database.flush_lsn or 0) >= position > 0
        assert look(service).writers() == ()

    def test_a_promoted_region_writes_under_the_epoch(self, service: Service) -> None:
        """Promoted, joined by a voter, verified by a write, opened; each once more changes nothing."""
        target = service.target
        for _ in range(2):
            target.promote_database("south", ("north", "west"), NOW, CALL_S)
            target.promote_cache("south", NOW, CALL_S)
            target.reprotect("west", "south", NOW, CALL_S)
            target.verify_write("south", NOW, CALL_S)
            target.shift({"south": TOTAL_WEIGHT}, NOW, CALL_S)
        world = look(service)
        database = world.database("south")
        assert database is not None
        assert (database.role, database.writable, database.fence_epoch) == (DatabaseRole.PRIMARY, True, NOW)
        assert "south" in world.writers()
        assert (world.weight("north"), world.weight("south")) == (0, TOTAL_WEIGHT)
        assert world.edge.value is not None
        assert world.edge.value.stamp_epoch == NOW

    def test_every_command_of_an_older_epoch_is_refused(self, service: Service) -> None:
        """Whoever was overtaken changes nothing."""
        target = service.target
        if Capability.REFUSES_OLD_EPOCHS not in target.capabilities().can:
            pytest.skip("this target refuses no epoch, and says so")
        commands: list[Callable[[], Answer]] = [
            lambda: target.fence("south", OLD, CALL_S),
            lambda: target.detach("west", OLD, CALL_S),
            lambda: target.hold("west", OLD, CALL_S),
            lambda: target.release("west", OLD, CALL_S),
            lambda: target.drain("west", OLD, CALL_S),
            lambda: target.demote("south", OLD, CALL_S),
            lambda: target.promote_database("west", ("north", "south"), OLD, CALL_S),
            lambda: target.promote_cache("west", OLD, CALL_S),
            lambda: target.reprotect("west", "north", OLD, CALL_S),
            lambda: target.verify_write("south", OLD, CALL_S),
            lambda: target.shift({"north": TOTAL_WEIGHT}, OLD, CALL_S),
        ]
        before = _shape(look(service))
        for command in commands:
            with pytest.raises(StaleEpochError):
                command()
        assert _shape(look(service)) == before

    def test_a_fenced_region_cannot_write_until_it_is_reprotected(self, service: Service) -> None:
        """The old primary is stopped, then becomes a standby; nothing is unprotected after that."""
        target = service.target
        for _ in range(2):
            target.fence("north", NOW, CALL_S)
        state = look(service).state("north")
        assert state is not None
        assert state.fenced
        assert "north" not in look(service).writers()
        assert "fenced until it is re-protected" in look(service).unprotected("south")["north"]
        target.reprotect("north", "south", NOW, CALL_S)
        world = look(service)
        assert world.unprotected("south") == {}, world
        assert world.writers() == ("south",)

    def test_a_region_hands_over_to_another_that_holds_requests(self, service: Service) -> None:
        """Held, shifted, drained, demoted, promoted, each twice: the demoted one says where its log ends."""
        target = service.target
        if Capability.HOLDS_REQUESTS not in target.capabilities().can:
            pytest.skip("this target holds no requests, and says so")
        for _ in range(2):
            target.hold("north", HANDED, CALL_S)
        state = look(service).state("north")
        assert state is not None
        assert set(state.held_epochs) == {HANDED}
        for _ in range(2):
            target.shift({"north": TOTAL_WEIGHT}, HANDED, CALL_S)
            assert not target.drain("south", HANDED, CALL_S).waiting
            position = target.demote("south", HANDED, CALL_S).data["flush_lsn"]
        world = look(service)
        south, north = world.state("south"), world.database("north")
        assert south is not None
        assert north is not None
        assert (south.database.role, south.database.attached) == (DatabaseRole.STANDBY, False)
        assert south.database.flush_lsn == position == north.flush_lsn
        assert not any(south.node_epochs)
        assert world.writers() == ()
        assert world.edge.value is not None
        assert not world.edge.value.under_way.get("south")
        target.promote_database("north", ("south", "west"), HANDED, CALL_S)
        methods = [target.reprotect(region, "north", HANDED, CALL_S).data["method"] for region in ("south", "west")]
        assert methods == ["repoint", "repoint"]
        target.verify_write("north", HANDED, CALL_S)
        world = look(service)
        state = world.state("north")
        assert state is not None
        assert (set(state.node_epochs), set(state.held_epochs)) == ({HANDED}, {None})
        assert world.writers() == ("north",)
        assert world.unprotected("north") == {}

    def test_what_is_held_can_be_let_go(self, service: Service) -> None:
        """A hold that is released is over; the region that serves goes on serving while it holds for another epoch."""
        target = service.target
        if Capability.HOLDS_REQUESTS not in target.capabilities().can:
            pytest.skip("this target holds no requests, and says so")
        target.hold("north", HANDED + 1, CALL_S)
        state = look(service).state("north")
        assert state is not None
        assert (set(state.node_epochs), set(state.held_epochs)) == ({HANDED}, {HANDED + 1})
        for _ in range(2):
            target.release("north", HANDED + 1, CALL_S)
        state = look(service).state("north")
        assert state is not None
        assert (set(state.node_epochs), set(state.held_epochs)) == ({HANDED}, {None})

    def test_a_silent_region_is_unknown_and_nobody_waits_for_it(self, service: Service) -> None:
        """Unknown with the reason, never "down"; a call to it ends in time, and does not say that it was done."""
        target = service.target
        service.freeze("west")
        try:
            look(service, "west")
            began_s = time.monotonic()
            world = target.observe()
            assert time.monotonic() - began_s < 1.0
            world = look(service, "west")
            assert world.state("west") is None
            assert world.regions["west"].why_unknown
            with pytest.raises((CallUnknownError, AuropsError)):
                target.detach("west", HANDED + 1, 0.3)
        finally:
            service.thaw("west")


def _shape(world: World) -> object:
    """Everything but positions, which move by themselves."""
    databases = [
        (r, d and (d.role, d.attached, d.following, d.fence_epoch)) for r in world.regions for d in [world.database(r)]
    ]
    return databases, world.edge.value, world.highest_epoch()
