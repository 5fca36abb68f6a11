"""When a critical gate sends traffic back, when it holds, and when it does neither."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurops.clock import RealClock
from aurops.gates.finding import Finding, State
from aurops.gates.spec import CommandCheck, Limits, SqlCheck
from tests.aurops.gates.stuck import postgres, stuck
from tests.engine.processes import wait_until
from traffic.critical import Asking, Spell, follow, judge
from traffic.watching import Critical

CHECK = CommandCheck(kind="command", name="orders", argv=("true",), timeout_s=1)
CRITICAL = Critical(check=CHECK, for_s=10, every_s=1)
SILENT_S = 60.0


def found(state: State) -> Finding:
    """A look that found this."""
    return Finding(
        "orders", "command", state, "7 of 9 orders failed", "2026-01-01T00:00:00+00:00", evidence={"code": 1}
    )


def after(looks: list[tuple[float, State]], start_s: float = 0.0) -> Spell:
    """How it is after looks, each so many seconds after the one before."""
    spell, now_s = Spell(start_s), start_s
    for pause_s, state in looks:
        now_s += pause_s
        spell = follow(spell, found(state), now_s, CRITICAL)
    return spell


NO, YES, UNKNOWN = State.CLOSED, State.OPEN, State.UNKNOWN


@pytest.mark.parametrize(
    ("looks", "back"),
    [
        ([(1, NO)] * 11, True),
        ([(1, NO)] * 10, False),
        ([(1, NO)] * 9 + [(1, YES), (1, NO), (1, NO)], False),
        ([(1, NO)] * 6 + [(1, UNKNOWN)] * 2 + [(1, NO)] * 3, True),
        ([(1, NO)] * 11 + [(1, UNKNOWN)], False),
        ([(1, NO), (20, NO)], False),
        ([(1, UNKNOWN)] * 50, False),
    ],
)
def test_only_a_no_that_lasts_sends_traffic_back(looks: list[tuple[float, State]], *, back: bool) -> None:
    """At every look for the stated time; unknown neither ends it nor is it one; after a long pause it begins anew."""
    said = judge([(CRITICAL, after(looks))], sum(pause for pause, _ in looks), SILENT_S)
    assert (said is not None and said.back) == back
    if back:
        assert said is not None
        assert said.reason.startswith(
            "the critical gate `orders` has said no for 10.0 s: 7 of 9 orders failed (at 2026"
        )
        assert '"code": 1' in said.reason


def test_what_does_not_answer_for_long_holds_and_never_sends_back() -> None:
    """However often it is asked in vain; also when no look has ended; a gate that says no comes first."""
    dark = after([(1, YES), *[(1, UNKNOWN)] * 70])
    assert judge([(CRITICAL, dark)], 60.0, SILENT_S) is None
    said = judge([(CRITICAL, dark)], 61.0, SILENT_S)
    assert said is not None
    assert (said.back, said.cause) == (False, "blind orders")
    assert "has not answered for 60 s" in said.reason
    never = judge([(CRITICAL, Spell(0.0))], 60.0, SILENT_S)
    assert never is not None
    assert "no look has ended yet" in never.reason
    both = judge([(CRITICAL, dark), (CRITICAL, after([(1, NO)] * 11, 50.0))], 61.0, SILENT_S)
    assert both is not None
    assert both.back


@given(st.lists(st.tuples(st.floats(0.1, 20), st.sampled_from(list(State))), max_size=40))
def test_a_no_is_never_longer_than_the_looks_that_said_it(looks: list[tuple[float, State]]) -> None:
    """Traffic goes back exactly if some no of ten seconds ago was followed by noes without a yes, 4 s apart at most."""
    spell, now_s, seen = Spell(0.0), 0.0, list[tuple[float, State]]()
    for pause_s, state in looks:
        now_s += pause_s
        seen.append((now_s, state))
        spell = follow(spell, found(state), now_s, CRITICAL)
        said = judge([(CRITICAL, spell)], now_s, 1e9)
        assert (said is not None) == any(lasts_from(place, seen) for place in range(len(seen)))


def lasts_from(place: int, seen: list[tuple[float, State]]) -> bool:
    """Whether a look and those after it are noes for ten seconds to the last, without a yes, and 4 s apart at most."""
    row = seen[place:]
    noes = [at_s for at_s, state in row if state is NO]
    ends_in_noes = row[0][1] is NO and row[-1][1] is NO and all(state is not YES for _, state in row)
    return ends_in_noes and noes[-1] - noes[0] >= 10 and all(after - before <= 4 for before, after in pairwise(noes))


def test_a_database_that_stood_still_is_known_again_when_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile every look says that it is not, and no look is the last one."""
    pytest.importorskip("psycopg")
    check = SqlCheck(kind="sql", name="pending", dsn_env="DSN", query="select 1", value=Limits(equals=1), timeout_s=0.3)
    with stuck(postgres) as server:
        monkeypatch.setenv("DSN", f"host=127.0.0.1 port={server.port} user=u dbname=x sslmode=disable")
        asking = Asking((Critical(check=check, for_s=1, every_s=0.1),), RealClock()).start()
        asking.turn(on=True)
        try:
            wait_until(lambda: server.connections > 1)
            assert state(asking) is State.UNKNOWN
            server.goes_on.set()
            wait_until(lambda: state(asking) is State.OPEN)
        finally:
            asking.end()


def state(asking: Asking) -> State | None:
    """What the last look found."""
    ((_, spell),) = asking.spells()
    return spell.found.state if spell.found else None
