"""`aurops recover` edits a stack's state, and is alone with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.lease import Lease
from aurops.store import Store, open_store
from runbooks import deployments
from stacks import config, recovery
from tests.needs import needs_pulumi
from tests.runbooks.here import here

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.journal import Journal

pytestmark = needs_pulumi
ROOT = Path(__file__).parents[2]
STACK, FLEET = "aws-us-east-1", "payments"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the command uses, in the repository's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def deployment(store: Store) -> Journal:
    """A deployment of the fleet that has begun."""
    return begin(store, RealClock(), "up", {"fleet": FLEET, "lab": False})


def recover(*arguments: str) -> int:
    """Recover the stack; the exit code."""
    return here("recover", STACK, *arguments)


def lease_of(store: Store) -> Lease:
    """The lease of the repository's fleet."""
    return Lease(store, deployments.service(FLEET, is_lab=False), RealClock(), 60.0)


def test_while_somebody_deploys_the_state_is_left_alone(
    store: Store, deployment: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4 naming run, host and process of the holder; neither engine nor state is touched."""
    monkeypatch.setattr(recovery, "recover", lambda *_, **__: pytest.fail("the state was edited"))
    holder = lease_of(store)
    holder.take(deployment.run)
    assert recover() == 4
    told = capsys.readouterr().err
    assert deployment.run in told
    assert f"pid {os.getpid()}" in told
    holder.release()


def test_it_holds_the_lease_of_the_fleet_for_the_interrupted_run_and_gives_it_back(
    store: Store, deployment: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Meanwhile whoever looks sees a process acting on that run; afterwards nobody does. `--json` says what it did."""
    assert config.load(ROOT / "stacks").stacks[STACK].fleet == FLEET
    seen = []

    def act(*_: object, tell: Callable[[str], None], **__: object) -> None:
        seen.append(lease_of(store).acting(deployment.run))
        tell("vpc: adopted vpc-1")

    monkeypatch.setattr(recovery, "recover", act)
    assert recover("--json") == 0
    assert json.loads(capsys.readouterr().out) == {"stack": STACK, "mended": ["vpc: adopted vpc-1"]}
    assert seen[0] is not None
    assert lease_of(store).acting(deployment.run) is None


def test_it_works_without_any_deployment_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain `pulumi up` was killed, and the store knows nothing: the lease is taken all the same, and given back."""
    monkeypatch.setattr(recovery, "recover", lambda *_, **__: None)
    assert recover() == 0
    lease = lease_of(store)
    lease.take("next")
    assert lease.epoch == 2
    lease.release()


def test_when_the_lease_ran_out_no_further_step_is_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4 before the next change of the state, not after the last one."""
    went_on = []

    def act(*_: object, check: Callable[[], None], **__: object) -> None:
        check()
        monkeypatch.setattr(RealClock, "now_s", lambda _: float("inf"))  # as if this process had been frozen meanwhile
        check()
        went_on.append(True)

    monkeypatch.setattr(recovery, "recover", act)
    assert recover() == 4
    assert went_on == []
    assert f"{store.url}: lease/" in capsys.readouterr().err
