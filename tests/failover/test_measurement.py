"""RTO, RPO and what else a ledger proves."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failover.ledger import Entry, Ledger, Outcome
from failover.measurement import Measurement, Objective, Recovery, measure, recovery_by, well_before

GAP_S = 1 / 64  # exact in binary, so that expected times can be compared with ==
T0_S = 104.0
OBJECTIVE = Objective()


def load(*bad: tuple[float, float], until_s: float = 112.0, outcome: Outcome = Outcome.FAIL) -> list[Entry]:
    """A request every 1/64 s from 100 s on, answered in 1/128 s; those intended in a stretch of `bad` end otherwise."""
    entries = []
    for number in range(int((until_s - 100) / GAP_S)):
        at_s = 100 + number * GAP_S
        ended = outcome if any(start <= at_s < end for start, end in bad) else Outcome.OK
        entries.append(Entry(f"r-{number}", at_s, at_s, at_s + GAP_S / 2, ended, epoch=1, cached=True))
    return entries


def measured(entries: list[Entry], readable: set[str] | None = None, cached: set[str] | None = None) -> Measurement:
    """Measure with t0 = 104 s; unless told, all that was acknowledged is readable."""
    acked = {entry.id for entry in entries if entry.is_ok}
    return measure(Ledger(tuple(entries)), T0_S, acked if readable is None else readable, cached, OBJECTIVE)


def test_rto_runs_from_the_signal_to_the_first_good_window() -> None:
    """RTO counts from the first signal, not from the first failure that clients saw."""
    result = measured(load((104.25, 105.5)))
    assert result.recovery is Recovery.RECOVERED
    assert result.bit_at_s == 104.25
    assert result.rto_s == 1.5
    assert result.rto_resolution_s == GAP_S
    assert result.bad_time_s == 1.5
    assert result.relapses == ()


def test_a_fault_that_bites_late_is_not_recovered_before_it_bit() -> None:
    """Good seconds between the signal and its effect are no recovery."""
    result = measured(load((106.5, 107.0)))
    assert (result.bit_at_s, result.rto_s) == (106.5, 3.0)


def test_a_relapse_is_added_to_the_bad_time_and_leaves_the_rto() -> None:
    """A service that fails again after it came back is shown with both figures."""
    result = measured(load((104.0, 105.0), (107.0, 107.5)))
    assert result.rto_s == 1.0
    assert [(outage.start_s, outage.end_s) for outage in result.relapses] == [(107.0, 107.5)]
    assert result.bad_time_s == 1.5


def test_a_relapse_that_does_not_end_counts_to_the_last_request() -> None:
    """The bad time is then a lower bound, and the open end shows it."""
    result = measured(load((104.0, 105.0), (108.0, 200.0)))
    assert result.relapses[0].end_s is None
    assert result.bad_time_s == 1.0 + (112.0 - GAP_S - 108.0)


def test_slow_answers_miss_the_objective_like_failures() -> None:
    """The 99th percentile counts from the intended send time."""
    slow = [
        replace(entry, end_s=entry.intended_s + 0.5) if 104 <= entry.intended_s < 106 else entry for entry in load()
    ]
    assert measured(slow).rto_s == 2.0


def test_waiting_in_the_client_counts_as_latency() -> None:
    """A client that was held up cannot hide it: the delay is in the latency and stands apart."""
    held = [replace(entry, sent_s=106.0, end_s=106.01) if 104 <= entry.intended_s < 105 else entry for entry in load()]
    result = measured(held)
    assert result.rto_s == 1.0
    assert result.send_delay_max_s == 2.0


def test_never_well_again_is_not_recovered_within_the_observation() -> None:
    """No figure is made up: RTO is None and the time observed is stated."""
    result = measured(load((104.0, 200.0)))
    assert result.recovery is Recovery.NOT_RECOVERED
    assert result.rto_s is None
    assert result.bad_time_s == result.observed_after_s == 8.0 - GAP_S
    assert result.client_gap_s is None


def test_a_recovery_shorter_than_a_window_at_the_end_is_not_claimed() -> None:
    """The first good window must lie wholly inside the observation."""
    assert measured(load((104.0, 111.5))).recovery is Recovery.NOT_RECOVERED


def test_a_fault_that_nobody_noticed_is_no_effect_and_has_no_rto() -> None:
    """An RTO of zero would praise a fault that did nothing."""
    result = measured(load())
    assert result.recovery is Recovery.NO_EFFECT
    assert (result.rto_s, result.bad_time_s) == (None, 0.0)


def test_a_fault_before_any_trouble_ignores_trouble_that_had_ended() -> None:
    """What failed before t0 is not the fault's doing, but the steady state was not steady."""
    result = measured(load((101.0, 101.5)))
    assert result.recovery is Recovery.NO_EFFECT
    assert result.steady_before is False
    assert measured(load((104.0, 105.0))).steady_before is True


def test_only_the_steady_time_has_to_be_well_before_the_fault() -> None:
    """Trouble while clients were starting is not held against the drill; what the fault itself hit neither."""
    entries = load((100.0, 101.0), (103.75, 105.0))
    assert well_before(entries, T0_S, 3.0, OBJECTIVE) is True
    assert well_before(entries, T0_S, 3.5, OBJECTIVE) is False
    assert well_before(entries, T0_S, 0.75, OBJECTIVE) is None


def test_an_empty_ledger_knows_nothing() -> None:
    """Without requests every judgement is unknown."""
    result = measured([])
    assert result.recovery is Recovery.UNKNOWN
    known = (result.rto_s, result.bad_time_s, result.client_gap_s, result.steady_before, result.arrival_gap_s)
    assert known == (None,) * 5
    assert result.rpo_count == 0


def test_too_few_requests_are_unknown_not_good() -> None:
    """Five good answers in a second prove no 99 %."""
    assert measured(load()[::13]).recovery is Recovery.UNKNOWN


def test_an_unknown_stretch_after_the_outage_is_not_its_end() -> None:
    """Recovery needs a window with enough requests; silence is none."""
    thin = [
        entry
        for number, entry in enumerate(load((104.0, 105.0)))
        if not 105 <= entry.intended_s < 107 or number % 16 == 0
    ]
    result = measured(thin)
    assert result.rto_s is not None
    assert result.rto_s > 2.0


def test_timeouts_only_are_an_outage_and_no_loss() -> None:
    """Nothing was acknowledged, so nothing can be lost."""
    result = measured(load((0, 200), outcome=Outcome.INFO))
    assert result.recovery is Recovery.NOT_RECOVERED
    assert (result.rpo_count, result.rpo_s, result.client_gap_s) == (0, 0.0, None)
    assert result.totals.info == result.totals.sent


def test_the_client_gap_is_from_the_last_answer_before_to_the_first_after() -> None:
    """The gap is measured at the clients, whatever the objective says."""
    assert measured(load((104.0, 105.0))).client_gap_s == 1.0 + GAP_S


def test_lost_acknowledgements_are_counted_and_spanned() -> None:
    """RPO: how many, and how far back from t0 they reach."""
    entries = load((104.0, 105.0))
    readable = {entry.id for entry in entries if entry.is_ok and not 103.5 <= entry.intended_s < 104}
    result = measured(entries, readable)
    assert result.rpo_count == 32
    assert result.rpo_s == 0.5 - GAP_S / 2


def test_an_acknowledgement_lost_after_t0_spans_from_t0() -> None:
    """Writes that a fenced-off primary acknowledged late are never reported as 0 s."""
    entries = load((104.0, 105.0))
    readable = {entry.id for entry in entries if entry.is_ok and entry.intended_s != 106.0}
    assert measured(entries, readable).rpo_s == 2.0 + GAP_S / 2


def test_data_that_could_not_be_read_back_leaves_the_rpo_unknown() -> None:
    """No reading, no claim of zero."""
    result = measure(Ledger(tuple(load())), T0_S, None, None, OBJECTIVE)
    assert (result.rpo_count, result.rpo_s, result.unexpected_ids, result.cache_lost) == (None,) * 4


def test_readable_ids_that_no_acknowledgement_explains_are_told_apart() -> None:
    """A write that "failed" or was never sent is unexpected; one with unknown outcome is recovered."""
    entries = [*load(until_s=101), Entry("f", 101, 101, 101, Outcome.FAIL), Entry("i", 101, 101, 103, Outcome.INFO)]
    acked = {entry.id for entry in entries if entry.is_ok}
    result = measured(entries, acked | {"f", "i", "never-sent"})
    assert result.unexpected_ids == ("f", "never-sent")
    assert result.recovered_ids == ("i",)


def test_an_old_epoch_that_acknowledges_after_a_newer_one_is_split_brain() -> None:
    """Two writers at once show in the epochs of the answers."""
    entries = load(until_s=101)
    entries[10] = replace(entries[10], epoch=2)
    entries[5] = replace(entries[5], end_s=100.5)  # sent before, acknowledged after
    result = measured([*entries[:11], *(replace(entry, epoch=2) for entry in entries[11:])])
    assert result.split_brain_ids == ("r-5",)


def test_cache_loss_is_reported_apart_from_the_rpo() -> None:
    """A cache may lose entries without a committed write being lost."""
    entries = load()
    result = measured(entries, cached={entry.id for entry in entries[3:]})
    assert (result.cache_lost, result.rpo_count) == (3, 0)


@settings(deadline=None)  # how long a test takes says something about the machine only
@given(st.integers(1, 300), st.integers(0, 100))
def test_a_later_recovery_never_shortens_the_rto(length: int, more: int) -> None:
    """Delaying the recovery can only lengthen RTO and bad time."""
    short = measured(load((104.0, 104 + length * GAP_S)))
    long = measured(load((104.0, 104 + (length + more) * GAP_S)))
    assert short.rto_s is not None
    assert long.rto_s is not None
    assert short.rto_s <= long.rto_s
    assert short.rto_s == short.bad_time_s


@settings(deadline=None)
@given(st.data())
def test_what_was_known_of_a_recovery_stays_true(data: st.DataObject) -> None:
    """Seen in a ledger that is still written, up to where every request has its outcome, it is seen in the whole, too.

    And nothing that ends later can take it away, or bring it about.
    """
    now_s = data.draw(st.integers(104 * 4, 116 * 4)) / 4
    entries = load((104.0, data.draw(st.integers(104 * 8, 112 * 8)) / 8), until_s=116.0)
    for number in data.draw(st.lists(st.integers(256, len(entries) - 1), max_size=8)):
        latency_s = data.draw(st.sampled_from([0.4, 0.6, 2.0]))
        entries[number] = replace(entries[number], end_s=entries[number].intended_s + latency_s)
    live = Ledger(tuple(entry for entry in entries if entry.end_s <= now_s))
    whole = Ledger(tuple(entries))
    if recovery_by(live, T0_S, now_s - 2.0, OBJECTIVE) is Recovery.RECOVERED:
        assert recovery_by(whole, T0_S, now_s, OBJECTIVE) is Recovery.RECOVERED
    if recovery_by(whole, T0_S, now_s, OBJECTIVE) is Recovery.RECOVERED:
        for later in (Outcome.OK, Outcome.INFO):
            ends = [replace(entry, outcome=later) if entry.end_s > now_s else entry for entry in entries]
            assert recovery_by(Ledger(tuple(ends)), T0_S, now_s, OBJECTIVE) is Recovery.RECOVERED
            rto_s = measured(ends).rto_s
            assert rto_s is None or T0_S + rto_s + OBJECTIVE.window_s <= now_s + OBJECTIVE.p99_s


def test_a_request_under_way_is_no_answer_yet() -> None:
    """A second in which one request still waits is not good until then, whenever its answer came."""
    entries = load((104.0, 105.0))
    slow = [replace(entry, end_s=entry.intended_s + 0.4) if entry.intended_s == 105.75 else entry for entry in entries]
    for by_s, found in ((105.9, Recovery.NOT_RECOVERED), (106.1, Recovery.NOT_RECOVERED), (106.2, Recovery.RECOVERED)):
        assert recovery_by(Ledger(tuple(slow)), T0_S, by_s, OBJECTIVE) is found, by_s
    assert recovery_by(Ledger(tuple(entries)), T0_S, 106.1, OBJECTIVE) is Recovery.RECOVERED
    assert recovery_by(Ledger(tuple(entries)), T0_S, 104.9, OBJECTIVE) is Recovery.UNKNOWN


@given(st.data())
def test_figures_agree_with_a_naive_recount(data: st.DataObject) -> None:
    """Counts equal plain set arithmetic, and the judged windows equal a judgement one by one."""
    numbers = st.integers(0, 400)
    outcomes = st.sampled_from(list(Outcome))
    entries = [
        Entry(f"r-{index}", at / 64, at / 64, at / 64 + data.draw(st.sampled_from([0.01, 0.6])), data.draw(outcomes))
        for index, at in enumerate(data.draw(st.lists(numbers, max_size=40)))
    ]
    ids = [entry.id for entry in entries]
    readable = set(data.draw(st.lists(st.sampled_from([*ids, "x", "y"]))))
    objective = Objective(success_ratio=data.draw(st.sampled_from([0.5, 0.99])), min_requests=2)
    result = measure(Ledger(tuple(entries)), 2.0, readable, None, objective)
    of = {outcome: {entry.id for entry in entries if entry.outcome is outcome} for outcome in Outcome}
    assert set(result.lost_ids or ()) == of[Outcome.OK] - readable
    assert set(result.unexpected_ids or ()) == readable - of[Outcome.OK] - of[Outcome.INFO]
    assert set(result.recovered_ids or ()) == readable & of[Outcome.INFO]
    assert result.rto_s == pytest.approx(naive_rto_s(entries, objective))


def naive_rto_s(entries: list[Entry], objective: Objective) -> float | None:
    """The definition, word by word: every window, every request, no sums."""
    last_s = max((entry.intended_s for entry in entries), default=0.0)
    bit_s: float | None = None
    for start_s in sorted({entry.intended_s for entry in entries if entry.intended_s >= 2.0}):
        window = sorted(
            (entry for entry in entries if start_s <= entry.intended_s < start_s + 1),
            key=lambda entry: entry.intended_s,
        )
        if start_s + 1 > last_s or len(window) < objective.min_requests:
            continue
        fine = [entry for entry in window if entry.is_ok]
        fast = [entry for entry in fine if entry.latency_s < objective.p99_s]
        good = len(fine) >= objective.success_ratio * len(window) and len(fast) >= 0.99 * len(fine) > 0
        if bit_s is None and not good:
            bit_s = next(entry.intended_s for entry in window if entry not in fast)
        elif bit_s is not None and good and start_s > bit_s:
            return start_s - 2.0
    return None
