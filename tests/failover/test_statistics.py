"""Bounds that trials leave."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.statistics import anytime_upper_bound, lower_bound, upper_bound

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_zero_failures_leave_three_in_n() -> None:
    """The rule of three, and 59 passes for a rate below 5% (Clopper and Pearson's closed form)."""
    for trials in (10, 59, 100, 1000):
        assert upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), abs=1e-9)
    assert upper_bound(0, 59) < 0.05 < upper_bound(0, 58)


def test_known_values() -> None:
    """One-sided 95%: 1 of 10 is at most 39.4% (Clopper and Pearson 1934, as tabulated)."""
    assert upper_bound(1, 10) == pytest.approx(0.3942, abs=1e-4)
    assert lower_bound(9, 10) == pytest.approx(0.6058, abs=1e-4)
    assert lower_bound(0, 0) == 0.0


@given(COUNTS)
def test_looking_at_any_time_costs_some_sharpness(count: tuple[int, int]) -> None:
    """Both bounds lie above what was observed, and the one that may be looked at any time above the other."""
    failures, trials = count
    assert (
        failures / trials <= upper_bound(failures, trials) <= anytime_upper_bound(failures, trials) + 1e-9 <= 1 + 1e-9
    )


@given(COUNTS)
def test_one_more_failure_never_lowers_a_bound(count: tuple[int, int]) -> None:
    """And one more pass never raises it."""
    failures, trials = count
    for bound in (upper_bound, anytime_upper_bound):
        assert bound(failures, trials + 1) <= bound(failures, trials) + 1e-9
        assert bound(failures + 1, trials + 1) >= bound(failures, trials) - 1e-9


def test_whoever_stops_at_the_worst_moment_is_still_right() -> None:
    """Of 400 sequences with a rate of 10%, the bound excludes the truth at any moment in fewer than 5%."""
    draw, wrong = Random(7), 0
    for _ in range(400):
        failures, excluded = 0, False
        for trials in range(1, 81):
            failures += draw.random() < 0.1
            excluded = excluded or anytime_upper_bound(failures, trials) < 0.1
        wrong += excluded
    assert wrong < 20


def test_more_failures_than_trials_are_refused() -> None:
    """Whoever counts so has a bug."""
    with pytest.raises(ValueError, match="2 failures in 1 trials"):
        upper_bound(2, 1)
