"""What every driver must do (`traffic.driver.Driver`): one suite, subclassed once per driver with its own `bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import HeldError, OutsideError, UsageError
from aurops.plan import StaleEpochError
from tests.contract.bench import (
    ADDRESSES,
    ANYBODY,
    KEYS,
    USERS,
    Bench,
    Client,
    assert_by_the_first,
    assert_the_same,
    sides,
    state,
    steering,
    until,
)
from traffic.driver import (
    TOTAL_WEIGHT,
    Capability,
    LatchedError,
    OvertakenError,
    Steering,
    TamperedError,
    UnheardError,
)

if TYPE_CHECKING:
    from tests.contract.bench import Asks
    from traffic.hold import Hold


EMPTY = ("",)


class DriverContract:
    """In this order: one proxy lives through all of it."""

    def test_it_says_what_it_can_and_why_not_the_rest(self, bench: Bench) -> None:
        """Every capability is there, or a reason why it is not; how far it was ever tried is in words."""
        said = bench.driver.capabilities()
        assert said.can.isdisjoint(said.cannot)
        assert said.can | said.cannot.keys() == set(Capability)
        assert all(said.cannot.values())
        assert said.tried

    def test_what_is_in_effect_is_read_back(self, bench: Bench) -> None:
        """Weights of all sides, the epoch, and what each side got; no latch holds."""
        active = bench.driver.observe()
        assert active.steering == steering(0, 1)
        assert set(active.flows) == {"v11", "v10", "baseline"}
        assert bench.driver.latch() is None
        assert bench.ask(ANYBODY) == "v10"

    def test_nobody_moves_back_while_the_weight_grows(self, bench: Bench) -> None:
        """By user, key or address: who is at v11 stays, nobody of the baseline moves, the share is about the weight."""
        if Capability.STICKY not in bench.driver.capabilities().can:
            pytest.skip("this driver is not sticky, and says so")
        seen: dict[Client, str] = {}
        for epoch, v11 in enumerate((100, 1_000, 2_500, 5_000, 9_000), start=2):
            active = bench.driver.shift(steering(v11, epoch, baseline=1_000))
            assert active.steering == steering(v11, epoch, baseline=1_000)
            now = sides(bench, (*USERS, *KEYS, *ADDRESSES))
            assert all(now[client] == "v11" for client, before in seen.items() if before == "v11")
            if seen:
                assert {u for u in now if now[u] == "baseline"} == {u for u in seen if seen[u] == "baseline"}
            for clients in (USERS, KEYS, ADDRESSES):
                share = sum(now[client] == "v11" for client in clients) / len(clients)
                assert abs(share - v11 / TOTAL_WEIGHT) < 0.15
            seen = now

    def test_the_user_goes_before_the_key_and_the_key_before_the_address(self, bench: Bench) -> None:
        """Whatever key a user brings, and wherever a user or a key comes from, it stays where it is."""
        bench.driver.shift(steering(5_000, 7))
        for first, second in ((USERS, KEYS), (USERS, ADDRESSES), (KEYS, ADDRESSES)):
            assert_by_the_first(bench, first[:10], second[:10])

    def test_an_address_that_a_client_says_itself_counts_for_nothing(self, bench: Bench) -> None:
        """X-Forwarded-For of a proxy that trusts no hop: nobody chooses a side with it, in one line or in two."""
        bench.driver.shift(steering(5_000, 8))
        forged = [
            Client(forwarded=lines) for lines in (("10.0.0.1",), ("10.0.0.2, 10.0.0.3",), ("10.0.0.4", "10.0.0.5"))
        ]
        forged += [Client(forwarded=(f"10.0.1.{number}",)) for number in range(20)]
        assert_by_the_first(bench, ADDRESSES[:10], forged)

    def test_a_header_that_is_empty_is_none(self, bench: Bench) -> None:
        """Those whose user is empty are no one user: the API key decides; where that is empty, too, the address."""
        bench.driver.shift(steering(5_000, 9))
        assert_the_same(bench, KEYS[:20], Client(user=EMPTY))
        for empty in (Client(user=EMPTY), Client(key=EMPTY), Client(user=EMPTY, key=EMPTY)):
            assert_the_same(bench, ADDRESSES[:20], empty)

    @pytest.mark.parametrize("lines", [("", ""), ("", "one"), ("one", ""), ("one", " ", "two"), ("one,",)])
    def test_a_header_with_an_empty_line_is_none(self, bench: Bench, lines: tuple[str, ...]) -> None:
        """Nobody can say which of them is meant; in one line with a comma it is the same header."""
        bench.driver.shift(steering(5_000, 9))
        assert_the_same(bench, KEYS[:10], Client(user=lines))
        assert_the_same(bench, ADDRESSES[:10], Client(user=lines, key=lines))

    def test_the_lines_of_a_header_count_together(self, bench: Bench) -> None:
        """They are one name: neither its first line alone nor another header decides."""
        bench.driver.shift(steering(5_000, 9))
        for first, second in (
            ([Client(user=("one", *each.user)) for each in USERS[:10]], KEYS[:5]),
            ([Client(key=("one", *each.key)) for each in KEYS[:10]], ADDRESSES[:5]),
        ):
            assert_by_the_first(bench, first, second)

    @pytest.mark.parametrize("asks", ["read", "keyed write", "socket"])
    def test_a_client_is_at_one_side_whatever_it_asks(self, bench: Bench, asks: Asks) -> None:
        """Reads, WebSockets and writes that may be sent again are where its other writes are."""
        bench.driver.shift(steering(5_000, 9))
        for clients in (USERS[:10], KEYS[:10], ADDRESSES[:10]):
            assert_the_same(bench, clients, Client(asks=asks))
        assert_the_same(bench, ADDRESSES[:10], Client(user=EMPTY, key=EMPTY, asks=asks))

    def test_the_same_once_more_changes_nothing(self, bench: Bench) -> None:
        """A step that is repeated is the same step."""
        first = bench.driver.shift(steering(5_000, 10))
        assert state(bench.driver.shift(steering(5_000, 10))) == state(first)
        assert state(bench.another().observe()) == state(first)

    def test_weights_and_sides_do_not_change_in_one_step(self, bench: Bench) -> None:
        """Other sides than the proxy has are refused, one too few and one too many, and nothing changes."""
        before = state(bench.driver.observe())
        for other in ({"v11": 5_000, "v10": 5_000}, {"v11": 0, "v10": 0, "baseline": 0, "v12": TOTAL_WEIGHT}):
            with pytest.raises(UsageError, match="other sides"):
                bench.driver.shift(Steering(other, 11))
        assert state(bench.driver.observe()) == before

    def test_an_older_epoch_is_refused(self, bench: Bench) -> None:
        """Whoever was overtaken steers nothing, and drains nothing."""
        bench.driver.shift(steering(0, 12))
        if Capability.REFUSES_OLD_EPOCHS not in bench.driver.capabilities().can:
            pytest.skip("this driver refuses no epoch, and says so")
        before = state(bench.driver.observe())
        with pytest.raises(StaleEpochError):
            bench.another().shift(steering(5_000, 11))
        with pytest.raises(StaleEpochError):
            bench.another().drain("v11", 11, spread_s=0, wait_s=0)
        assert state(bench.driver.observe()) == before

    def test_closed_refuses_every_request(self, bench: Bench) -> None:
        """All weights 0: nobody is served; opened again, all are."""
        if Capability.CLOSES not in bench.driver.capabilities().can:
            pytest.skip("this driver does not close, and says so")
        assert bench.driver.shift(Steering(dict.fromkeys(("v11", "v10", "baseline"), 0), 13)).steering.closed
        assert set(sides(bench, USERS[:5]).values()) == {"refused"}
        bench.driver.shift(steering(0, 13))
        assert set(sides(bench, USERS[:5]).values()) == {"v10"}

    def test_a_file_that_somebody_else_changed_is_refused(self, bench: Bench) -> None:
        """It is noticed at once, and held; nothing is written over it, unless who steers says so."""
        before = state(bench.driver.observe())
        assert bench.driver.changed() == ""
        bench.tamper()
        assert "Somebody else changed" in bench.driver.changed()
        until(lambda: _held(bench) is not None)
        with pytest.raises(TamperedError):
            bench.driver.shift(steering(5_000, 14))
        with pytest.raises(TamperedError):
            bench.driver.release_hold("ann")
        assert bench.driver.changed()
        assert bench.driver.hold() is not None
        assert state(bench.driver.observe()) == before
        assert bench.driver.shift(steering(0, 14), overwrite=True).steering == steering(0, 14)
        assert bench.driver.changed() == ""
        bench.driver.release_hold("ann")

    def test_a_proxy_that_is_down_is_said(self, bench: Bench) -> None:
        """Nothing is assumed and nothing is written; up again, it has what it had."""
        before = bench.driver.shift(steering(5_000, 15))
        bench.stop()
        for call in (bench.driver.observe, lambda: bench.driver.shift(steering(10_000, 16))):
            with pytest.raises(OutsideError):
                call()
        bench.start()
        assert state(bench.driver.observe()) == state(before)

    def test_nobody_moves_forward_unwatched(self, bench: Bench) -> None:
        """Without its watcher a fallback would not last: a side with one gets no more; less is no matter."""
        bench.unwatch()
        try:
            until(lambda: _refuses(bench, steering(6_000, 16)))
            assert bench.driver.unwatched()
            assert bench.driver.shift(steering(4_000, 16)).steering == steering(4_000, 16)
        finally:
            bench.watch()
        assert bench.driver.unwatched() == ""
        bench.driver.shift(steering(6_000, 16))

    def test_nothing_goes_forward_under_a_hold(self, bench: Bench) -> None:
        """Less is no matter; released by a person, more is again."""
        bench.hold("the runner is lost")
        bench.driver.shift(steering(5_000, 16))
        with pytest.raises(HeldError, match="the runner is lost"):
            bench.driver.shift(steering(6_000, 16))
        assert bench.driver.hold() is not None
        for _ in range(2):
            bench.driver.release_hold("ann")
        assert bench.driver.hold() is None
        bench.driver.shift(steering(6_000, 16))

    def test_draining_is_a_step_of_its_own(self, bench: Bench) -> None:
        """A side with weight is not drained; one without is, and what is left is counted."""
        with pytest.raises(HeldError):
            bench.driver.drain("v11", 16, spread_s=0, wait_s=0)
        with pytest.raises(UsageError):
            bench.driver.drain("v12", 16, spread_s=0, wait_s=0)
        bench.driver.shift(steering(0, 16))
        for _ in range(2):
            assert bench.driver.drain("v11", 16, spread_s=0, wait_s=5.0).left == 0

    def test_a_fallback_lasts(self, bench: Bench) -> None:
        """V11 dies at 100%: V10 serves, a rollback is latched; V11 comes back: V10 still serves."""
        if Capability.FALLS_BACK not in bench.driver.capabilities().can:
            pytest.skip("this driver does not fall back, and says so")
        bench.driver.shift(steering(TOTAL_WEIGHT, 20))
        assert bench.ask(ANYBODY) == "v11"
        bench.kill("v11")
        assert set(sides(bench, USERS[:5]).values()) == {"v10"}
        until(lambda: bench.driver.latch() is not None)
        until(lambda: bench.driver.observe().steering.weight("v10") == TOTAL_WEIGHT)
        bench.revive("v11")
        assert set(sides(bench, USERS[:5]).values()) == {"v10"}
        latch = bench.driver.latch()
        assert latch is not None
        assert latch.epoch > 20
        for epoch in (20, 21, 99):
            with pytest.raises((LatchedError, StaleEpochError)):
                bench.driver.shift(steering(100, epoch))

    def test_only_a_new_plan_releases_the_latch(self, bench: Bench) -> None:
        """The latch's own epoch does not; a greater one does, and then traffic goes forward and stays there."""
        if Capability.FALLS_BACK not in bench.driver.capabilities().can:
            pytest.skip("this driver does not fall back, and says so")
        latch = bench.driver.latch()
        assert latch is not None
        with pytest.raises(StaleEpochError):
            bench.driver.release("alice", latch.epoch)
        bench.driver.release("alice", 30)
        bench.driver.release("alice", 30)
        assert bench.driver.shift(steering(TOTAL_WEIGHT, 30)).steering == steering(TOTAL_WEIGHT, 30)
        assert bench.ask(ANYBODY) == "v11"

    def test_a_fallback_that_nobody_saw_is_seen_by_the_next_watcher(self, bench: Bench) -> None:
        """The watcher is dead when V11 dies and comes back: who steers is held, and the next watcher rolls back."""
        if Capability.FALLS_BACK not in bench.driver.capabilities().can:
            pytest.skip("this driver does not fall back, and says so")
        bench.unwatch()
        bench.kill("v11")
        assert bench.ask(ANYBODY) == "v10"
        bench.revive("v11")
        with pytest.raises(HeldError):
            bench.driver.shift(steering(TOTAL_WEIGHT, 31))
        assert bench.driver.latch() is None
        bench.watch()
        until(lambda: bench.driver.latch() is not None)
        until(lambda: bench.ask(ANYBODY) == "v10")
        bench.driver.release("alice", 40)

    def test_a_side_that_is_not_well_gets_nothing(self, bench: Bench) -> None:
        """Weight for a side of which no backend answers is refused before any request meets it."""
        bench.kill("v11")
        until(lambda: bench.driver.well("v11") == 0)
        with pytest.raises(HeldError, match=r"v11 is to get more.*(health checks|not well)"):
            bench.driver.shift(steering(100, 40))
        bench.revive("v11")

    def test_nothing_goes_forward_while_the_way_back_is_dead(self, bench: Bench) -> None:
        """V10 is dead already: a step to V11 is refused; once V10 is up the same step is made."""
        bench.driver.shift(steering(0, 40))
        bench.kill("v10")
        until(lambda: bench.driver.well("v10") == 0)
        with pytest.raises(HeldError, match="v10 is the way back"):
            bench.driver.shift(steering(100, 40))
        bench.revive("v10")
        until(lambda: bench.driver.well("v10") == 1)
        bench.driver.shift(steering(100, 40))
        bench.driver.shift(steering(0, 40))

    def test_a_rollback_goes_over_everything(self, bench: Bench) -> None:
        """A file that somebody changed does not stop it; once more changes nothing; everything is at V10, latched."""
        bench.driver.shift(steering(TOTAL_WEIGHT, 41))
        bench.tamper()
        first = bench.driver.roll_back("orders look wrong", "bob")
        assert first.steering.weight("v10") == TOTAL_WEIGHT
        assert first.steering.epoch > 41
        assert state(bench.driver.roll_back("the same", "carol")) == state(first)
        latch = bench.driver.latch()
        assert latch is not None
        assert (latch.reason, latch.who) == ("orders look wrong", "bob")
        assert bench.ask(ANYBODY) == "v10"
        bench.driver.release("alice", 50)
        bench.driver.release_hold("ann")  # the watcher may have seen the change before the rollback

    def test_a_rollback_in_earnest_takes_the_place_of_a_rehearsal(self, bench: Bench) -> None:
        """Who rehearsed cannot release it any more; and a rehearsal takes nobody's place."""
        bench.driver.roll_back("rehearsal 1", "alice", rehearsal=True)
        rehearsed = bench.driver.latch()
        assert rehearsed is not None
        assert rehearsed.rehearsal
        bench.driver.roll_back("orders look wrong", "bob")
        bench.driver.roll_back("rehearsal 2", "alice", rehearsal=True)
        latch = bench.driver.latch()
        assert latch is not None
        assert (latch.reason, latch.who, latch.rehearsal) == ("orders look wrong", "bob", False)
        assert latch.epoch > rehearsed.epoch
        with pytest.raises(StaleEpochError):
            bench.driver.release("alice", rehearsed.epoch + 1)
        bench.driver.release("alice", latch.epoch + 1)
        assert bench.driver.latch() is None

    def test_a_rehearsal_moves_no_traffic(self, bench: Bench) -> None:
        """Where any side but the way back has weight it is refused, says which and what to do, and latches nothing."""
        epoch = bench.driver.observe().steering.epoch
        for weights in (steering(500, epoch), steering(0, epoch, baseline=300)):
            before = state(bench.driver.shift(weights))
            with pytest.raises(HeldError, match=r"v11 500|baseline 300") as refused:
                bench.driver.roll_back("rehearsal 3", "alice", rehearsal=True)
            assert "Rehearse before the first step" in str(refused.value.next_step)
            assert bench.driver.latch() is None
            assert state(bench.driver.observe()) == before
        bench.driver.shift(steering(0, epoch))
        bench.driver.roll_back("rehearsal 3", "alice", rehearsal=True)
        latch = bench.driver.latch()
        assert latch is not None
        bench.driver.release("alice", latch.epoch + 1)

    def test_the_way_back_is_checked_and_changes_nothing(self, bench: Bench) -> None:
        """What steers finds it right; nothing is in effect that was not before."""
        before = state(bench.driver.observe())
        assert bench.driver.lay_way_back()
        assert state(bench.driver.observe()) == before

    def test_each_persons_rollback_has_an_epoch_of_its_own(self, bench: Bench) -> None:
        """A release approved for the first leaves the second; the watcher, who says it again and again, keeps one."""
        bench.driver.roll_back("orders look wrong", "bob", anew=True)
        first = bench.driver.latch()
        bench.driver.roll_back("a latch holds", "the watcher")
        assert bench.driver.latch() == first
        bench.driver.roll_back("blocks look wrong, too", "carol", anew=True)
        second = bench.driver.latch()
        assert first is not None
        assert second is not None
        assert (second.reason, second.who) == ("blocks look wrong, too", "carol")
        assert second.epoch > first.epoch
        with pytest.raises(StaleEpochError):
            bench.driver.release("alice", first.epoch + 1)
        assert bench.driver.latch() == second
        bench.driver.release("alice", second.epoch + 1)

    def test_whoever_stood_still_while_a_rollback_came_undoes_nothing(self, bench: Bench) -> None:
        """A step forward is stopped before it writes; a rollback does not wait for it; it goes on, and gives way."""
        epoch = bench.driver.observe().steering.epoch
        bench.driver.shift(steering(5_000, epoch))
        late = bench.another()
        bench.stands_still(late, lambda: bench.driver.roll_back("orders look wrong", "bob", anew=True))
        with pytest.raises(LatchedError, match="orders look wrong"):
            late.shift(steering(6_000, epoch))
        assert bench.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
        assert bench.ask(ANYBODY) == "v10"
        latch = bench.driver.latch()
        assert latch is not None
        bench.driver.release("alice", latch.epoch + 1)

    def test_what_was_decided_on_before_a_release_does_not_undo_it(self, bench: Bench) -> None:
        """Whoever looked before a person let go rolls nothing back with that; who looks again does."""
        looked = [bench.driver.standing()]
        bench.driver.roll_back("orders look wrong", "bob", anew=True)
        latch = bench.driver.latch()
        assert latch is not None
        looked.append(bench.driver.standing())
        bench.driver.release("alice", latch.epoch + 1)
        before = state(bench.driver.observe())
        for standing in looked:
            with pytest.raises(OvertakenError):
                bench.driver.roll_back("a latch holds", "the watcher", standing=standing)
        assert bench.driver.latch() is None
        assert state(bench.driver.observe()) == before
        bench.driver.roll_back("v11 fell back", "the watcher", standing=bench.driver.standing())
        again = bench.driver.latch()
        assert again is not None
        assert again.reason == "v11 fell back"
        bench.driver.release("alice", again.epoch + 1)

    def test_a_rollback_of_a_proxy_that_is_down_holds_when_it_comes_up(self, bench: Bench) -> None:
        """Nobody says that it is in effect; it is latched and written, and is what the proxy starts with."""
        bench.driver.shift(steering(TOTAL_WEIGHT, 91))
        bench.stop()
        with pytest.raises(UnheardError):
            bench.driver.roll_back("the proxy burns", "bob")
        assert bench.driver.latch() is not None
        bench.start()
        assert bench.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
        assert bench.ask(ANYBODY) == "v10"


def _held(bench: Bench) -> Hold | None:
    """The hold, after the watcher has looked."""
    bench.ask(ANYBODY)
    return bench.driver.hold()


def _refuses(bench: Bench, wanted: Steering) -> bool:
    try:
        bench.driver.shift(wanted)
    except HeldError as error:
        return "watches" in str(error)
    bench.driver.shift(steering(5_000, wanted.epoch))
    return False
