"""Many drills, and what they prove together."""

import json
import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from aurops.report import Verdict
from failover.campaign import CampaignReport, Trial, draw, scores
from failover.campaign_output import html, junit, repeat

PLACES = {"kill": ["north", "south"], "freeze": ["north"], "blind": ["north"]}


def trial(seed: int, *, verdict: Verdict = Verdict.PASSED, fault: str = "kill", rto_s: float | None = 1.0) -> Trial:
    """One that went so."""
    return Trial(
        seed=seed,
        fault=fault,
        region="north",
        rate_per_s=60,
        verdict=verdict,
        because="because <it> did",
        rto_s=rto_s,
        acknowledged=300,
        lost=0,
        took_s=12.5,
    )


def campaign(*trials: Trial, asked: int | None = None, stopped: str = "") -> CampaignReport:
    """A campaign of these."""
    past = [(f"2026-11-{n:02}", f"run-{n}", each.verdict) for n, each in enumerate(trials, 1)]
    return CampaignReport(
        seed=7,
        asked=len(trials) if asked is None else asked,
        trials=trials,
        skipped={"disk-full": "needs <the right> to mount"},
        rto_limit_s=3.0,
        scores=scores(past),
        stopped=stopped,
    )


@given(st.integers(0, 10**9), st.integers(0, 1000))
def test_a_drill_of_a_campaign_is_the_first_of_another(seed: int, number: int) -> None:
    """Seed and number are one: whoever repeats it alone gets the same fault, region, load and moment."""
    drawn = draw(seed, number, PLACES)
    assert drawn == draw(drawn.seed, 0, PLACES)
    assert drawn.region in PLACES[drawn.fault]
    assert 30 <= drawn.rate_per_s <= 120
    assert 2 <= drawn.steady_s <= 4


def test_every_fault_and_region_comes_up() -> None:
    """In a hundred draws, each of them."""
    drawn = {(one.fault, one.region) for one in (draw(1, n, PLACES) for n in range(100))}
    assert drawn == {("kill", "north"), ("kill", "south"), ("freeze", "north"), ("blind", "north")}


def test_one_failure_fails_a_campaign_and_is_named() -> None:
    """The first one, with the command that does it alone; an inconclusive drill proves nothing either way."""
    failed = trial(9, verdict=Verdict.FAILED)
    report = campaign(trial(7), trial(8, verdict=Verdict.INCONCLUSIVE), failed, trial(10, verdict=Verdict.FAILED))
    assert report.verdict is Verdict.FAILED
    assert report.first_failing == failed
    assert repeat(failed) == "aurops failover-test --runs 1 --seed 9"
    assert report.because.startswith("2 of 3 drills failed")
    assert "1 more proved nothing" in report.because
    assert campaign(trial(8, verdict=Verdict.INCONCLUSIVE)).verdict is Verdict.INCONCLUSIVE
    assert campaign().verdict is Verdict.INCONCLUSIVE


def test_what_must_not_happen_is_counted_with_its_bound() -> None:
    """Over the drills that proved something; leftovers over all; RTO over those that had one."""
    trials = [trial(n) for n in range(58)]
    odd = Trial(
        **{**trial(58, rto_s=3.5).model_dump(), "lost": 2, "older_epoch": 1, "needless": True, "leftovers": ("x",)}
    )
    report = campaign(*trials, odd, trial(59, rto_s=None), trial(60, verdict=Verdict.INCONCLUSIVE))
    counted = {name: (bound.times, bound.trials) for name, bound in report.bounds.items()}
    assert counted == {
        "failed": (0, 60),
        "lost an acknowledged write": (1, 60),
        "accepted a write of an older epoch": (1, 60),
        "failed over needlessly": (1, 60),
        "left something behind": (1, 61),
        "took longer than 3 s": (1, 59),
    }
    assert 0.048 < report.bounds["failed"].at_most < 0.049 < report.bounds["failed"].at_most_anytime
    assert all(bound.at_most == 1.0 for bound in campaign().bounds.values())


def test_a_campaign_that_was_stopped_says_so() -> None:
    """What was done by then counts."""
    report = campaign(trial(7), asked=100, stopped="SIGINT")
    assert report.verdict is Verdict.PASSED
    assert report.because.endswith("ended after 1 of 100: SIGINT")


def test_the_score_rises_with_proof_and_falls_with_failures() -> None:
    """Three lucky drills score low; a failure among fifty costs; an inconclusive one changes nothing."""
    good, bad, unsure = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE
    last = [
        scores([("t", "r", each) for each in past])[-1].score for past in ([good] * 3, [good] * 50, [*[good] * 49, bad])
    ]
    assert last[0] < 40
    assert 90 < last[2] < last[1] < 95
    assert scores([("t", "r", good), ("t", "r", unsure)]) == scores([("t", "r", good)])


def test_junit_has_a_case_for_each_drill() -> None:
    """Failures with the command that repeats them, inconclusive ones skipped; whatever the words hold."""
    report = campaign(trial(7), trial(8, verdict=Verdict.INCONCLUSIVE), trial(9, verdict=Verdict.FAILED))
    suite = ET.fromstring(junit(report))  # noqa: S314 (our own)
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "errors": "0",
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "because <it> did"
    assert failure.text == "aurops failover-test --runs 1 --seed 9"


def test_the_page_needs_nothing_but_itself_and_shows_every_drill() -> None:
    """No request leaves it; text is escaped; it has a dot for each RTO and the score's line."""
    report = campaign(*(trial(n, fault=fault) for n in range(3) for fault in ("kill", "freeze")), trial(9, rto_s=None))
    page = html(report)
    assert not re.findall(r"(?:src|href)=|url\(|@import|<script", page)
    assert "needs &lt;the right&gt; to mount" in page
    assert page.count("<svg") == 4
    assert page.count('<tr><td class="n">') == 7
    assert html(campaign()).count("<svg") == 0


def test_the_json_is_read_back_as_it_was() -> None:
    """With its schema's number."""
    report = campaign(trial(7), trial(8, verdict=Verdict.FAILED))
    text = report.model_dump_json(by_alias=True)
    assert json.loads(text)["schema"] == 1
    assert CampaignReport.model_validate_json(text) == report
