"""What a number of trials proves about a rate: bounds, not point estimates. Pure.

Zero failures in n trials do not show a rate of zero. Two upper bounds say what they do show:

- `upper_bound` (Clopper and Pearson 1934, "exact"): for a number of trials that was fixed beforehand.
- `anytime_upper_bound`: whenever somebody looks, and stops because of what they saw. It inverts the mixture martingale
  with a uniform prior (Robbins 1970; Ville's inequality): a rate is ruled out once the trials are 1/alpha times as
  likely under the mixture as under that rate.
"""

from __future__ import annotations

from math import comb, inf, lgamma, log
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONFIDENCE = 0.95
_HALVINGS = 60


def upper_bound(failures: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The highest failure rate that these trials leave possible; 0 to 1. For zero failures about 3 / trials.

    Args:
        failures: Of them; ≥ 0.
        trials: As many as were planned; ≥ failures.
        confidence: 0 to 1.

    Raises:
        ValueError: There are more failures than trials.
    """
    _check(failures, trials)
    if failures == trials:
        return 1.0
    alpha = 1 - confidence

    def possible(rate: float) -> bool:
        likely = sum(comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(failures + 1))
        return likely > alpha

    return _highest(possible)


def anytime_upper_bound(failures: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """As `upper_bound`, and valid whenever one stops: at the first failure, or when the time is over.

    Raises:
        ValueError: There are more failures than trials.
    """
    _check(failures, trials)
    if failures == trials:
        return 1.0
    passed = trials - failures
    mixture = lgamma(failures + 1) + lgamma(passed + 1) - lgamma(trials + 2)
    threshold = log(1 / (1 - confidence))

    def possible(rate: float) -> bool:
        if rate <= failures / trials:
            return True  # below the observed rate it is the lower bound that would speak
        fit = (failures * log(rate) if failures else 0.0) + (passed * log(1 - rate) if rate < 1 else -inf)
        return mixture - fit < threshold

    return _highest(possible)


def lower_bound(successes: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The lowest success rate that these trials leave possible; 0 to 1; 0 without trials."""
    return 1 - upper_bound(trials - successes, trials, confidence) if trials else 0.0


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return median(values) if values else None


def _check(failures: int, trials: int) -> None:
    if not 0 <= failures <= trials:
        raise ValueError(f"{failures} failures in {trials} trials")


def _highest(possible: Callable[[float], bool]) -> float:
    """The end of the stretch from 0 on that is possible, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        low, high = (rate, high) if possible(rate) else (low, rate)
    return high
