"""A measurement in the words of the report."""

from failover.ledger import Entry, Ledger, Outcome
from failover.measurement import Measurement, Objective, measure
from failover.summary import figures, requests, series

LEDGER = Ledger(
    tuple(
        Entry(f"r-{number}", at, at, at + 0.01, Outcome.FAIL if 10 <= at < 11 else Outcome.OK)
        for number, at in enumerate(7 + number / 32 for number in range(256))
    ),
    torn_lines=1,
)


def measured(*lost: str, readable: bool = True) -> Measurement:
    """The ledger with t0 = 10 s; all that was acknowledged is readable but these."""
    acked = {entry.id for entry in LEDGER.entries if entry.is_ok} - set(lost)
    return measure(LEDGER, 10.0, acked if readable else None, None, Objective())


def test_figures_stand_against_their_limits() -> None:
    """RTO and RPO come first, each with its limit and whether it was met."""
    rto, rpo, *others = figures(measured("r-1"), rto_limit_s=1.0, rpo_limit=0, detection_s=0.6)
    assert (rto.name, rto.measured, rto.met) == ("RTO", 1.0, True)
    assert (rpo.name, rpo.measured, rpo.met) == ("RPO", 1, False)
    assert {figure.name: figure.measured for figure in others}["Detection"] == 0.6
    assert all(figure.means for figure in (rto, rpo, *others))


def test_what_is_not_known_meets_no_limit() -> None:
    """Neither pass nor fail is claimed for data that was not read back."""
    _, rpo, *_ = figures(measured(readable=False), rto_limit_s=None, rpo_limit=0, detection_s=None)
    assert (rpo.measured, rpo.met) == (None, None)
    assert requests(measured(readable=False)).lost is None


def test_requests_are_counted_by_outcome() -> None:
    """The numbers of the ledger, torn lines included."""
    counts = requests(measured("r-1"))
    assert (counts.sent, counts.ok, counts.fail, counts.info) == (256, 224, 32, 0)
    assert (counts.lost, counts.torn_lines, counts.recovered) == (1, 1, 0)


def test_the_series_is_cut_at_t0() -> None:
    """A slice starts exactly at t0, so that nothing before it is mixed with the outage."""
    points = {point.at_s: point for point in series(LEDGER, 10.0, Objective()).points}
    assert points[-0.25].ok_ratio == 1
    assert points[0].ok_ratio == 0
    assert points[0].p99_s is None
    assert points[1.0].p99_s is not None
    assert sum(point.sent for point in points.values()) == 256


def test_a_slice_without_requests_is_not_known() -> None:
    """Silence of the client is neither success nor failure; an empty ledger has no series."""
    gap = Ledger(tuple(entry for entry in LEDGER.entries if not 8 <= entry.intended_s < 9))
    points = {point.at_s: point for point in series(gap, 10.0, Objective()).points}
    assert points[-1.5].ok_ratio is None
    assert series(Ledger(()), 10.0, Objective()).points == ()
