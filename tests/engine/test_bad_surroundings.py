"""When what surrounds the engine is missing, broken or in the way: exit 3, and what to do next."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.errors import ExitCode, OutsideError
from stacks.engine import EngineStack, Operation
from stacks.engine_errors import Holder, StackLockedError
from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session
from tests.engine.processes import server_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOME = "aws-us-east-1"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def lab() -> Iterator[LabSession]:
    """A lab of its own."""
    with lab_session(ROOT) as session:
        yield session


def site(lab: LabSession, **env: str) -> Site:
    """The lab as the engine's place of work, with some of its environment changed."""
    return Site(lab.work_dir, {**lab.env, **env}, is_lab=True)


def refused(at: Site, operation: Operation = Operation.PREVIEW) -> OutsideError:
    """The error of an operation that cannot succeed."""
    with pytest.raises(OutsideError) as caught:
        EngineStack(at, HOME).run(operation)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert "Traceback" not in str(caught.value)
    return caught.value


def test_without_a_pulumi_cli_the_error_says_where_to_get_one(lab: LabSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `pulumi` on PATH."""
    monkeypatch.setenv("PATH", "/nowhere")
    error = refused(site(lab, PATH="/nowhere"))
    assert error.what == "there is no Pulumi CLI"
    assert "pulumi.com/docs/install" in (error.next_step or "")


def test_a_wrong_passphrase_names_the_variable(lab: LabSession) -> None:
    """The state was encrypted with another passphrase: nothing is changed, and the variable is named."""
    EngineStack(site(lab), HOME).state()
    error = refused(site(lab, PULUMI_CONFIG_PASSPHRASE="wrong"))  # noqa: S106 (it is wrong)
    assert "passphrase is wrong" in error.what
    assert "PULUMI_CONFIG_PASSPHRASE" in (error.next_step or "")


def test_a_locked_stack_names_who_holds_it_and_stays_locked(lab: LabSession) -> None:
    """User, host, process and since when; the lock is not ours to take away."""
    EngineStack(site(lab), HOME)
    held = {"pid": 4711, "username": "kim", "hostname": "desk", "timestamp": "2026-11-24T14:00:00Z"}
    lock = lab.folder / "state" / ".pulumi" / "locks" / "organization" / "aurops" / HOME / "a-lock.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps(held))
    error = refused(site(lab), Operation.UP)
    assert isinstance(error, StackLockedError)
    assert error.holders == (Holder("kim", "desk", 4711, "2026-11-24T14:00:00Z"),)
    assert "pulumi cancel" in (error.next_step or "")
    assert lock.exists()
    assert lab.world.objects() == []


def test_expired_credentials_ask_for_a_new_login() -> None:
    """The cloud's `ExpiredToken` is told as what it is, not as a failed resource."""
    with lab_session(ROOT, expired=True) as lab:
        error = refused(site(lab), Operation.UP)
        assert error.what == "the cloud credentials have expired"
        assert "log in again" in (error.next_step or "")
        assert lab.world.objects() == []


def test_a_provider_that_dies_in_the_middle_is_told_from_a_failed_resource(lab: LabSession) -> None:
    """Killed while it makes things, it ends the operation soon, and the same command may be run again."""
    stack = EngineStack(site(lab), HOME)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.run, Operation.UP)
        wait_until(lambda: len(lab.world.objects()) >= 5, within_s=120)
        server = server_of(lab.folder, "aws")
        os.kill(server, signal.SIGKILL)
        error = running.exception(timeout=120)
    assert isinstance(error, OutsideError)
    assert error.what == "a provider died while the engine was using it"
    assert "same command again" in (error.next_step or "")


def test_a_backend_that_cannot_be_reached_is_named(lab: LabSession) -> None:
    """A state folder that does not exist: the error says which, and nothing is made elsewhere instead."""
    gone = lab.folder / "no-such-folder"
    error = refused(replace(site(lab), env={**lab.env, "PULUMI_BACKEND_URL": f"file://{gone}"}))
    assert str(gone) in str(error)
    assert not gone.exists()
