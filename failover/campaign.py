"""A campaign: many drills with a random fault, region, load and moment each, and what they prove together. Pure.

Drill k of a campaign with seed S is the first one of a campaign with seed S + k: a drill that failed is repeated alone,
and so is everything after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from aurops.report import Verdict
from failover import statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA = 1
_RATES_PER_S = (30.0, 120.0)
_STEADY_S = (2.0, 4.0)
SCORE_OF = 50
"""The resilience score looks at so many drills."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One drill of a campaign.

    Args:
        seed: Gives this drill alone: `--runs 1 --seed SEED`.
        fault: Name of the fault.
        region: Where.
        rate_per_s: Client writes per second.
        steady_s: Seconds of load before the fault: its moment.
    """

    seed: int
    fault: str
    region: str
    rate_per_s: float
    steady_s: float


def draw(seed: int, number: int, places: Mapping[str, Sequence[str]]) -> Draw:
    """The drill with this number, from 0; the same whenever the same may be drawn.

    Args:
        seed: The campaign's.
        number: Of the drill.
        places: For each fault that may be drawn the regions where it makes sense, at least one.
    """
    own = seed + number
    random = Random(own)  # noqa: S311 (drills that can be repeated, no secret)
    fault = random.choice(sorted(places))
    region = random.choice(sorted(places[fault]))
    rate_per_s = round(random.uniform(*_RATES_PER_S))
    return Draw(own, fault, region, float(rate_per_s), round(random.uniform(*_STEADY_S), 2))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Trial(_Model):
    """How one drill of a campaign went.

    Args:
        seed: Repeats it alone.
        fault: Name of the fault.
        region: Where.
        rate_per_s: Client writes per second.
        run: Its run; empty: it never got one.
        verdict: What it proved.
        because: Why.
        rto_s: Time to recover in seconds; None: none was due, or it did not recover.
        acknowledged: Writes that were acknowledged.
        lost: Of these, not readable at the end; None: not read back.
        older_epoch: Acknowledged under an older epoch after a newer one.
        needless: A failover was decided that the fault did not deserve.
        leftovers: What was left of its bed: processes, folders.
        took_s: Wall time of all of it, the bed included, in seconds.
    """

    seed: int
    fault: str
    region: str
    rate_per_s: float
    run: str = ""
    verdict: Verdict
    because: str
    rto_s: float | None = None
    acknowledged: int = 0
    lost: int | None = None
    older_epoch: int = 0
    needless: bool = False
    leftovers: tuple[str, ...] = ()
    took_s: float = 0.0


class Bound(_Model):
    """How often something happened, and how often it may happen at most, with 95% confidence.

    Args:
        times: It happened.
        trials: Of so many.
        at_most: Upper bound of its rate when the number of trials was fixed beforehand.
        at_most_anytime: The same, valid however it came that there were just so many.
    """

    times: int
    trials: int
    at_most: float
    at_most_anytime: float


class FaultRow(_Model):
    """One fault's drills; RTO in seconds, of those that proved something."""

    fault: str
    drills: int
    passed: int
    failed: int
    inconclusive: int
    rto_median_s: float | None
    rto_max_s: float | None
    rtos_s: tuple[float, ...]


class ScorePoint(_Model):
    """The resilience score after one drill: 0 to 100."""

    at: str
    run: str
    score: float


class CampaignReport(_Model):
    """What a campaign proves.

    Args:
        seed: The campaign's.
        asked: Drills asked for.
        trials: Every drill that ended, in order.
        skipped: Faults that could not be drawn, and why.
        rto_limit_s: The objective.
        scores: The resilience score over time, from past runs in the store, the newest last.
        versions: Version by component.
        stopped: Why it ended before all were done; empty: it did not.
    """

    schema_: int = Field(default=SCHEMA, alias="schema")
    seed: int
    asked: int
    trials: tuple[Trial, ...]
    skipped: dict[str, str] = Field(default_factory=dict)
    rto_limit_s: float
    scores: tuple[ScorePoint, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    stopped: str = ""

    @property
    def conclusive(self) -> tuple[Trial, ...]:
        """The drills that proved something."""
        return tuple(trial for trial in self.trials if trial.verdict is not Verdict.INCONCLUSIVE)

    @property
    def first_failing(self) -> Trial | None:
        """The first drill that failed."""
        return next((trial for trial in self.trials if trial.verdict is Verdict.FAILED), None)

    @property
    def verdict(self) -> Verdict:
        """Failed when one drill failed; inconclusive when nothing was proved."""
        if self.first_failing is not None:
            return Verdict.FAILED
        return Verdict.PASSED if self.conclusive else Verdict.INCONCLUSIVE

    @property
    def because(self) -> str:
        """The verdict in one sentence."""
        done, failed = len(self.trials), sum(trial.verdict is Verdict.FAILED for trial in self.trials)
        unsure = done - len(self.conclusive)
        bound = self.bounds["failed"]
        at_most = bound.at_most_anytime if self.stopped else bound.at_most  # who stops early chose the number
        text = f"{failed} of {len(self.conclusive)} drills failed: at most {at_most:.1%} do (95% confidence)"
        text += f"; {unsure} more proved nothing" if unsure else ""
        return f"{text}; ended after {done} of {self.asked}: {self.stopped}" if self.stopped else text

    @property
    def bounds(self) -> dict[str, Bound]:
        """What must not happen, how often it did, and the bound that follows."""
        sure = self.conclusive
        timed = [trial for trial in sure if trial.rto_s is not None]
        counts = {
            "failed": (sum(trial.verdict is Verdict.FAILED for trial in sure), len(sure)),
            "lost an acknowledged write": (sum(bool(trial.lost) for trial in sure), len(sure)),
            "accepted a write of an older epoch": (sum(trial.older_epoch > 0 for trial in sure), len(sure)),
            "failed over needlessly": (sum(trial.needless for trial in sure), len(sure)),
            "left something behind": (sum(bool(trial.leftovers) for trial in self.trials), len(self.trials)),
            f"took longer than {self.rto_limit_s:g} s": (
                sum((trial.rto_s or 0) > self.rto_limit_s for trial in timed),
                len(timed),
            ),
        }
        return {name: _bound(*count) for name, count in counts.items()}

    @property
    def rows(self) -> tuple[FaultRow, ...]:
        """By fault, in alphabetical order."""
        faults = sorted({trial.fault for trial in self.trials})
        return tuple(_row(fault, [trial for trial in self.trials if trial.fault == fault]) for fault in faults)


def _bound(times: int, trials: int) -> Bound:
    if not trials:
        return Bound(times=times, trials=trials, at_most=1.0, at_most_anytime=1.0)
    anytime = statistics.anytime_upper_bound(times, trials)
    return Bound(times=times, trials=trials, at_most=statistics.upper_bound(times, trials), at_most_anytime=anytime)


def _row(fault: str, trials: Sequence[Trial]) -> FaultRow:
    sure = [trial for trial in trials if trial.verdict is not Verdict.INCONCLUSIVE]
    rtos_s = tuple(sorted(trial.rto_s for trial in sure if trial.rto_s is not None))
    counts = {verdict: sum(trial.verdict is verdict for trial in trials) for verdict in Verdict}
    return FaultRow(
        fault=fault,
        drills=len(trials),
        passed=counts[Verdict.PASSED],
        failed=counts[Verdict.FAILED],
        inconclusive=counts[Verdict.INCONCLUSIVE],
        rto_median_s=statistics.middle(rtos_s),
        rto_max_s=max(rtos_s, default=None),
        rtos_s=rtos_s,
    )


def scores(past: Iterable[tuple[str, str, Verdict]]) -> tuple[ScorePoint, ...]:
    """The resilience score after each drill: 100 times the lowest pass rate that the last drills leave possible.

    A bound and not a rate, so that three lucky drills score low and fifty good ones high; an inconclusive drill counts
    for nothing.

    Args:
        past: When, run and verdict of each drill, oldest first.
    """
    verdicts: list[bool] = []
    points = []
    for at, run, verdict in past:
        if verdict is Verdict.INCONCLUSIVE:
            continue
        verdicts.append(verdict is Verdict.PASSED)
        last = verdicts[-SCORE_OF:]
        score = 100 * statistics.lower_bound(sum(last), len(last))
        points.append(ScorePoint(at=at, run=run, score=round(score, 1)))
    return tuple(points)
