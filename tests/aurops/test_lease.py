"""The rules of the lease, one by one (aurops/lease.py says why they are safe together)."""

from __future__ import annotations

import pytest

from aurops.errors import ExitCode
from aurops.lease import HeldByAnotherError, Lease, LeaseLostError
from aurops.lease_record import LeaseKind, LeaseVersionError
from aurops.store import Store, StoreUnreachableError
from tests.aurops.contenders import TTL_S, Hooked, Scene, holder


def test_take_renew_release_on_every_store(store: Store) -> None:
    """The life of a lease leaves its records in order, on every kind of store."""
    scene = Scene(store)
    first = scene.lease("a")
    first.take("run-1")
    first.renew()
    first.check(1.0)
    first.release()
    assert scene.kinds() == [LeaseKind.TAKE, LeaseKind.RENEW, LeaseKind.RELEASE]
    second = scene.lease("b")
    second.take("run-2")
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.previous is not None
    assert second.previous.run == "run-1"


def test_rule_1_a_record_that_the_list_does_not_show_yet_is_probed(scene: Scene) -> None:
    """A list that lags behind does not hide the tail."""
    scene.lease("a").take("run-1")

    class Lagging(Hooked):
        def keys(self, prefix: str) -> list[str]:
            return self.inner.keys(prefix)[:-1]

    late: Store = Lagging(scene.store)  # type: ignore[assignment]
    with pytest.raises(HeldByAnotherError):
        scene.lease("b", late).take("run-2")


def test_rule_2_of_two_who_saw_the_same_tail_one_wins(scene: Scene, hooked: Hooked) -> None:
    """When another takes between our look and our create, we learn who it is and hold nothing."""
    rival, mine = scene.lease("a"), scene.lease("b", hooked)  # type: ignore[arg-type]

    def quicker() -> None:
        hooked.before = lambda: None
        rival.take("run-1")

    hooked.before = quicker
    with pytest.raises(HeldByAnotherError, match="run-1"):
        mine.take("run-2")
    rival.check(1.0)
    with pytest.raises(LeaseLostError):
        mine.check(0.0)


def test_rule_3_a_held_lease_names_its_holder_and_the_ways_on(scene: Scene) -> None:
    """Who is refused learns host, pid, run, since when, and about --take-over."""
    scene.lease("a").take("run-1")
    with pytest.raises(HeldByAnotherError) as caught:
        scene.lease("b").take("run-2")
    text = str(caught.value)
    for part in ("run-1", "host a", "pid 1", "2026-01-01T00:00:00", "--take-over", "lease/ledger"):
        assert part in text
    assert caught.value.exit_code == ExitCode.DECLINED
    assert caught.value.free_in_s == pytest.approx(1.1 * TTL_S)


def test_rule_3_a_silent_holder_is_outwaited_from_when_we_first_saw_it(scene: Scene) -> None:
    """The wait of 1.1 ttl starts at our first look, not at what the record says."""
    scene.lease("a").take("run-1")
    scene.clock.advance(5 * TTL_S)
    mine = scene.lease("b")
    with pytest.raises(HeldByAnotherError):
        mine.take("run-2")
    scene.clock.advance(1.1 * TTL_S - 0.01)
    with pytest.raises(HeldByAnotherError):
        mine.take("run-2")
    scene.clock.advance(0.02)
    mine.take("run-2")
    assert mine.epoch == 2


def test_rule_3_each_renewal_starts_the_wait_anew(scene: Scene) -> None:
    """A holder that renews is never outwaited."""
    held, mine = scene.lease("a"), scene.lease("b")
    held.take("run-1")
    for _ in range(10):
        with pytest.raises(HeldByAnotherError):
            mine.take("run-2")
        scene.clock.advance(TTL_S / 2)
        held.renew()
    held.check(1.0)


def test_rule_3_the_holders_ttl_counts_not_ours(scene: Scene) -> None:
    """A contender with a short ttl still waits for a holder with a long one."""
    Lease(scene.store, "ledger", scene.clock, 100.0, me=holder("a")).take("run-1")
    with pytest.raises(HeldByAnotherError):
        scene.lease("b").take("run-2", wait_s=5 * TTL_S)


def test_rule_3_take_can_wait_for_a_silent_holder(scene: Scene) -> None:
    """With patience of 1.2 ttl a lease of a vanished machine is taken."""
    scene.lease("a").take("run-1")
    before_s = scene.clock.now_s()
    scene.lease("b").take("run-2", wait_s=1.2 * TTL_S)
    assert 1.1 * TTL_S <= scene.clock.now_s() - before_s <= 1.3 * TTL_S


def test_rule_3_a_provably_dead_holder_is_not_waited_for(scene: Scene) -> None:
    """Whoever died on this machine holds nothing."""
    scene.lease("a").take("run-1")
    scene.lease("b", is_dead=lambda other, _me: other.uuid == "a").take("run-2")


def test_rule_3_a_person_can_take_over_once(scene: Scene) -> None:
    """--take-over overrules the holder at once; it loses with its next renewal, and cannot be overruled by mistake."""
    old, new = scene.lease("a"), scene.lease("b")
    old.take("run-1")
    new.take("run-2", take_over=True)
    assert new.epoch == 2
    with pytest.raises(LeaseLostError, match="run-2"):
        old.renew()
    with pytest.raises(LeaseLostError):
        old.check(0.0)


def test_rule_3_two_take_overs_at_once_do_not_overrule_each_other(scene: Scene, hooked: Hooked) -> None:
    """The person spoke of the holder they saw, not of the one who was quicker."""
    scene.lease("a").take("run-1")
    quick, slow = scene.lease("b"), scene.lease("c", hooked)  # type: ignore[arg-type]

    def quicker() -> None:
        hooked.before = lambda: None
        quick.take("run-2", take_over=True)

    hooked.before = quicker
    with pytest.raises(HeldByAnotherError, match="run-2"):
        slow.take("run-3", take_over=True)


def test_rule_3_a_new_epoch_is_above_all_that_targets_report(scene: Scene) -> None:
    """A store that was lost and made anew does not start with epochs that targets refuse."""
    lease = scene.lease("a")
    lease.take("run-1", reported_epochs=(3, 41, 7))
    assert lease.epoch == 42


@pytest.mark.parametrize("lands", [True, False])
def test_rule_4_without_an_answer_we_find_out(scene: Scene, hooked: Hooked, *, lands: bool) -> None:
    """A time-out is resolved by reading: what landed is ours, what did not is sent again."""
    lost = StoreUnreachableError("no answer", where="", may_have_landed=True)

    def fail() -> None:
        hooked.before = hooked.after = lambda: None
        raise lost

    lease = scene.lease("a", hooked)  # type: ignore[arg-type]
    hooked.after, hooked.before = (fail, hooked.before) if lands else (hooked.after, fail)
    lease.take("run-1")
    hooked.after, hooked.before = (fail, hooked.before) if lands else (hooked.after, fail)
    lease.renew()
    lease.check(1.0)
    assert scene.kinds() == [LeaseKind.TAKE, LeaseKind.RENEW]


def test_rule_4_a_put_that_the_library_sent_twice_is_ours(scene: Scene) -> None:
    """`AlreadyExists` with our nonce is our own create."""

    class Twice(Hooked):
        def create(self, key: str, data: bytes) -> None:
            self.inner.create(key, data)
            self.inner.create(key, data)

    lease = scene.lease("a", Twice(scene.store))  # type: ignore[arg-type]
    lease.take("run-1")
    lease.renew()
    assert scene.kinds() == [LeaseKind.TAKE, LeaseKind.RENEW]


def test_rule_4_a_store_that_stays_silent_costs_the_lease_at_the_deadline(scene: Scene, hooked: Hooked) -> None:
    """A renewal tries until the deadline, and then the lease is lost for ever."""

    def fail() -> None:
        raise StoreUnreachableError("no answer", where="", may_have_landed=True)

    lease = scene.lease("a", hooked)  # type: ignore[arg-type]
    lease.take("run-1")
    hooked.before = fail
    with pytest.raises(LeaseLostError, match="no answer"):
        lease.renew()
    assert scene.clock.now_s() >= lease.deadline_s
    hooked.before = lambda: None
    with pytest.raises(LeaseLostError):
        lease.renew()
    hooked.before = fail
    with pytest.raises(StoreUnreachableError):
        scene.lease("b", hooked).take("run-2", take_over=True)  # type: ignore[arg-type]


def test_rule_5_the_deadline_counts_from_before_the_create(scene: Scene, hooked: Hooked) -> None:
    """A create that took 4 s leaves 6 s of a ttl of 10."""
    hooked.after = lambda: scene.clock.advance(4.0)
    lease = scene.lease("a", hooked)  # type: ignore[arg-type]
    start_s = scene.clock.now_s()
    lease.take("run-1")
    assert lease.deadline_s == start_s + TTL_S
    lease.check(5.9)
    with pytest.raises(LeaseLostError, match="may last"):
        lease.check(6.0)


def test_rule_5_the_deadline_counts_from_the_first_sending_of_a_retried_create(scene: Scene, hooked: Hooked) -> None:
    """When the first try had landed, others wait from then."""

    def lost_answer() -> None:
        hooked.after = lambda: None
        scene.clock.advance(3.0)
        raise StoreUnreachableError("no answer", where="", may_have_landed=True)

    hooked.after = lost_answer
    lease = scene.lease("a", hooked)  # type: ignore[arg-type]
    start_s = scene.clock.now_s()
    lease.take("run-1")
    assert lease.deadline_s == start_s + TTL_S


def test_rule_5_after_the_deadline_check_fails_for_ever(scene: Scene) -> None:
    """A holder that overslept does not come back, even if nobody took its place."""
    lease = scene.lease("a")
    lease.take("run-1")
    scene.clock.advance(TTL_S)
    for _ in range(2):
        with pytest.raises(LeaseLostError, match="not renewed in time"):
            lease.check(0.0)
        with pytest.raises(LeaseLostError):
            lease.renew()
    with pytest.raises(LeaseLostError):
        lease.take("run-1")
    assert scene.kinds() == [LeaseKind.TAKE]


def test_a_released_lease_is_lost_before_the_release_lands(scene: Scene, hooked: Hooked) -> None:
    """Nobody acts while somebody else may already have taken over."""
    lease = scene.lease("a", hooked)  # type: ignore[arg-type]
    lease.take("run-1")
    seen: list[bool] = []

    def look() -> None:
        with pytest.raises(LeaseLostError):
            lease.check(0.0)
        seen.append(True)

    hooked.before = look
    lease.release()
    assert seen == [True]
    lease.release()
    assert scene.kinds() == [LeaseKind.TAKE, LeaseKind.RELEASE]


def test_rule_7_a_void_tail_is_passed_over_by_contender_and_holder(scene: Scene) -> None:
    """A record torn by a crash neither frees the lease nor blocks it, and its epoch is not used again."""
    held, mine = scene.lease("a"), scene.lease("b")
    held.take("run-1")
    scene.void(2)
    with pytest.raises(HeldByAnotherError, match="run-1"):
        mine.take("run-2")
    held.renew()
    assert held.number == 3
    scene.void(4)
    held.release()
    scene.void(6)
    mine.take("run-2")
    assert mine.epoch == 3, "void number 6 may have been a take of epoch 2"
    assert scene.kinds()[3:] == [None, LeaseKind.RELEASE, None, LeaseKind.TAKE]


def test_rule_7_a_store_with_void_records_only_is_free(scene: Scene) -> None:
    """A crash in the very first take blocks nobody."""
    scene.void(1)
    lease = scene.lease("a")
    lease.take("run-1")
    assert (lease.number, lease.epoch) == (2, 2)


def test_a_record_of_a_newer_version_is_not_void(scene: Scene) -> None:
    """A lease held by a later aurops is respected, with what to install."""
    scene.store.create("lease/ledger/000000000001", b'{"schema": 2}')
    with pytest.raises(LeaseVersionError, match="schema 2"):
        scene.lease("a").take("run-1", take_over=True)


def test_rule_8_old_records_are_removed_and_never_the_tail(scene: Scene) -> None:
    """A lease held for days keeps the store small, and stays held."""
    held = scene.lease("a", kept_records=5)
    held.take("run-1")
    for _ in range(100):
        scene.clock.advance(TTL_S / 3)
        held.renew()
        numbers = [int(key[-12:]) for key in scene.store.keys("lease/ledger")]
        assert numbers[-1] == held.number
        assert len(numbers) <= 7
    assert LeaseKind.FLOOR in scene.kinds()
    with pytest.raises(HeldByAnotherError):
        scene.lease("b").take("run-2")


def test_rule_8_a_number_freed_by_clean_up_wins_nothing(scene: Scene, hooked: Hooked) -> None:
    """Who slept between look and create, while others went on and cleaned up, does not win an old number."""
    sleeper, active = scene.lease("a", hooked), scene.lease("b", kept_records=3)  # type: ignore[arg-type]

    def sleep() -> None:
        hooked.before = lambda: None
        active.take("run-2")
        for _ in range(12):
            active.renew()
        assert scene.store.read("lease/ledger/000000000001") is None

    hooked.before = sleep
    with pytest.raises(LeaseLostError, match="later record"):
        sleeper.take("run-1")
    active.renew()
    active.check(1.0)
    with pytest.raises(HeldByAnotherError, match="run-2"):
        scene.lease("c").take("run-3")


def test_who_acts_for_a_run_is_told_until_it_ended(scene: Scene) -> None:
    """The holder's record while it may act; nobody after a release, for another run, or when it provably died."""
    first, asking = scene.lease("a"), scene.lease("b")
    assert asking.acting("run-1") is None
    first.take("run-1")
    found = asking.acting("run-1")
    assert found is not None
    assert found.holder.host == "a"
    assert asking.acting("run-2") is None
    assert scene.lease("b", is_dead=lambda other, _: other.host == "a").acting("run-1") is None
    first.release()
    assert asking.acting("run-1") is None
