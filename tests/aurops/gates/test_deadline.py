"""A look comes back in time, whatever the one that is asked does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock, RealClock
from aurops.gates import checks, deadline
from aurops.gates.finding import Finding, State
from aurops.gates.seen import found
from aurops.gates.spec import CommandCheck, HttpCheck, Limits, PrometheusCheck, SqlCheck
from tests.aurops.gates.stuck import dripping_headers, postgres, stuck
from tests.engine.processes import wait_until

if TYPE_CHECKING:
    from aurops.gates.spec import StandingCheck

NOW = ManualClock().wall()
SQL = SqlCheck(kind="sql", name="pending", dsn_env="DSN", query="select 1", value=Limits(equals=1), timeout_s=0.5)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(deadline, "MARGIN_S", 0.2)


def test_a_database_that_stands_still_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look says so within its time, nothing of it is left, and when the server goes on the gate opens."""
    pytest.importorskip("psycopg")
    with stuck(postgres) as server:
        monkeypatch.setenv("DSN", f"host=127.0.0.1 port={server.port} user=u dbname=x sslmode=disable")
        clock = RealClock()
        began_s = clock.now_s()
        said = checks.look(SQL, clock, NOW)
        assert (said.state, said.why) == (State.UNKNOWN, "no whole answer within 0.5 s")
        assert clock.now_s() - began_s < SQL.timeout_s + deadline.MARGIN_S
        assert server.hung_up.wait(5)
        server.goes_on.set()
        assert checks.look(SQL, clock, NOW).state is State.OPEN


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("kind", ["http", "prometheus"])
def test_a_server_that_drips_is_waited_for_once(kind: str) -> None:
    """A byte now and then keeps no gate: unknown in time; it is asked again when the last look has come back."""
    with stuck(dripping_headers) as server:
        url = f"http://127.0.0.1:{server.port}"
        check: StandingCheck = HttpCheck(kind="http", name="page", url=url, timeout_s=0.3)
        if kind == "prometheus":
            check = PrometheusCheck(
                kind="prometheus", name="up", url=url, query="up", value=Limits(equals=1), timeout_s=0.3
            )
        said = [checks.look(check, RealClock(), NOW) for _ in range(3)]
        assert [each.state for each in said] == [State.UNKNOWN] * 3
        assert [each.why for each in said] == [
            "the look has not come back within 0.5 s",
            *["the look of 00:00:00 UTC has not come back yet"] * 2,
        ]
        assert server.connections == 1
        server.goes_on.set()
        wait_until(lambda: "has not come back" not in checks.look(check, RealClock(), NOW).why)


@pytest.mark.usefixtures("soon")
def test_looks_that_are_late_do_not_pile_up() -> None:
    """One thread stands there for a check that never comes back; others are asked, and what fails is raised."""
    check = CommandCheck(kind="command", name="suite", argv=("true",), timeout_s=0.1)
    other = check.model_copy(update={"name": "another"})
    comes_back, asked = threading.Event(), threading.Semaphore(0)

    def look() -> Finding:
        asked.release()
        comes_back.wait(20)
        return found(check, State.OPEN, "late", NOW, {})

    assert {deadline.within(check, look, NOW).state for _ in range(5)} == {State.UNKNOWN}
    assert asked.acquire(blocking=False)
    assert not asked.acquire(blocking=False), "it was asked once"
    assert deadline.within(other, lambda: found(other, State.OPEN, "well", NOW, {}), NOW).state is State.OPEN
    comes_back.set()
    wait_until(lambda: deadline.within(check, look, NOW).state is State.OPEN)
    with pytest.raises(ZeroDivisionError):
        deadline.within(check, lambda: found(check, State.OPEN, str(1 // 0), NOW, {}), NOW)
