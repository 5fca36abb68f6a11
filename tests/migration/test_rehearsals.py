"""Rehearsed rollbacks: each a run of its own, of which only those that ended well count."""

from __future__ import annotations

import pytest

from aurops.errors import HeldError, OutsideError
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.plan import CallUnknownError, StaleEpochError
from aurops.runner import Ending
from aurops.testing import Fault, Faulty, SimulatedCrash
from migration.cutover_report import report
from tests.migration.cutovers import START, Scene


def rehearsals(scene: Scene) -> list[Journal]:
    """The journals of its rehearsals, in order."""
    runs = [run for run in list_runs(scene.store) if "-rehearsal-" in run]
    journals = [Journal.open(scene.store, run, scene.clock) for run in runs]
    return sorted(journals, key=lambda journal: int(History(journal.records).arguments["number"]))


def test_three_runs_stand_in_the_cutovers_journal_and_in_its_report() -> None:
    """Each names the cutover and did every proxy; the gate shows them with its evidence."""
    scene = Scene()
    assert scene.go().ending is Ending.DONE
    found = rehearsals(scene)
    assert [History(each.records).finished for each in found] == ["done"] * 3
    for number, each in enumerate(found, start=1):
        history = History(each.records)
        assert (history.arguments["after"], history.arguments["number"]) == (scene.journal.run, number)
        assert all(history.latched(f"roll back {proxy}") for proxy in scene.file.proxies)
        assert scene.history().results[f"rehearse {number}"]["rehearsal"] == each.run
    shown = report(scene.open().records, versions={}, now=START)
    (gate,) = (gate for gate in shown.gates if gate.gate == "rollback rehearsed")
    assert (gate.stage, gate.state) == ("west 5%", "open")
    assert all(each.run in gate.why for each in found)
    assert [any(each.run in note for note in shown.notes) for each in found] == [True] * 3


@pytest.mark.parametrize("how", [Fault.REFUSED, Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_a_rehearsal_that_did_not_end_well_counts_for_nothing_and_is_done_again(how: Fault) -> None:
    """Its run has failed; three others that ended well let the first percent move."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=2, how=how, methods=["rehearse"])
    while (result := scene.go()).ending is Ending.STUCK:
        assert "rehears" in result.why
    assert result.ending is Ending.DONE
    finished = [History(each.records).finished for each in rehearsals(scene)]
    assert (finished.count("failed"), finished.count("done")) == (1, 3)
    seen = scene.rehearsed(1.0).value
    assert seen is not None
    assert (len(seen.well), len(seen.not_well)) == (3, 1)


def test_a_rehearsal_whose_runner_died_in_it_is_none() -> None:
    """It never ended; who takes the run up does it anew."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=2, how=Fault.CRASH_AFTER, methods=["rehearse"])
    with pytest.raises(SimulatedCrash):
        scene.go()
    scene.target = scene.proxies
    assert scene.go().ending is Ending.DONE
    finished = [History(each.records).finished for each in rehearsals(scene)]
    assert (finished.count(""), finished.count("done")) == (1, 3)


def test_the_gate_counts_what_the_runs_own_journals_say() -> None:
    """A rehearsal of another cutover is none of this one's."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    assert len(scene.rehearsed(1.0).value.well) == 3  # type: ignore[union-attr]
    scene.journal = scene.begin()
    assert scene.rehearsed(1.0).value.well == ()  # type: ignore[union-attr]
    scene.go()
    own = scene.rehearsed(1.0).value
    assert own is not None
    assert len(own.well) == 3


@pytest.mark.parametrize(
    "error", [StaleEpochError("newer"), CallUnknownError("no answer"), HeldError("a rollback holds")]
)
def test_what_went_wrong_at_one_proxy_is_told_as_what_it_is(error: Exception) -> None:
    """A newer epoch ends the cutover's process, an unknown outcome is asked again, all else names the run."""
    scene = Scene()
    scene.proxies.prepare("west-1", 1, 1.0)

    class Target:
        """One that fails."""

        def rehearse(self, *_: object) -> None:
            raise error

    scene.target = Target()
    expected = OutsideError if isinstance(error, HeldError) else type(error)
    with pytest.raises(expected):
        scene.rehearsals().rehearse(1, "rehearsal 1 of run x", 7, 1.0)
    (own,) = rehearsals(scene)
    assert History(own.records).finished == "failed"
