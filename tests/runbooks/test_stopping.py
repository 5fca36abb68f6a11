"""Signals and clean-up; with real drills: tests/e2e/test_stopped.py."""

import signal
from collections.abc import Iterator

import pytest

from runbooks.stopping import SIGNALS, Stopped, announced, shielded, stoppable


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does, the handlers are as before."""
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_stops_and_the_next_cannot_cut_the_clean_up_short(signum: signal.Signals, code: int) -> None:
    """It is told at once, raised once, and whatever comes while that is handled does nothing."""
    told: list[str] = []
    cleaned: list[str] = []

    def command() -> None:
        try:
            signal.raise_signal(signum)
        finally:
            for later in SIGNALS:
                signal.raise_signal(later)
            cleaned.append("all")

    with pytest.raises(Stopped) as stopped, stoppable(), announced(told.append):
        command()
    assert stopped.value.exit_code == code
    assert cleaned == ["all"]
    assert told == [f"{signum.name}: ending what is under way, then cleaning up"]


def test_a_signal_during_clean_up_is_raised_at_its_end() -> None:
    """A command that is just cleaning up finishes that first, and then stops."""
    cleaned: list[str] = []

    def command() -> None:
        with shielded():
            signal.raise_signal(signal.SIGTERM)
            cleaned.append("all")
        cleaned.append("went on")

    with pytest.raises(Stopped, match="SIGTERM"), stoppable():
        command()
    assert cleaned == ["all"]


def test_handlers_are_given_back_and_an_ignored_signal_stays_ignored() -> None:
    """`nohup aurops …` outlives its terminal; after a command everything is as before."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = [signal.getsignal(signum) for signum in SIGNALS]
    with stoppable():
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(signum) for signum in SIGNALS] == before
