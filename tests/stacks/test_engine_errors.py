"""The engine's failures tell a person what is wrong, where, and what to do next."""

from __future__ import annotations

import pytest
from pulumi.automation import CommandError, ConcurrentUpdateError
from pulumi.automation._cmd import CommandResult
from pulumi.runtime import invoke

from aurops.errors import ExitCode
from stacks.engine_errors import Holder, ProgramError, StackLockedError, explain

LOCKED = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
    "lock file with `pulumi cancel`.\n  file:///state/.pulumi/locks/organization/aurops/dev/1.json: created by "
    "kim@desk (pid 4711) at 2026-11-24T14:00:00Z"
)


def failed(stderr: str, code: int = 255) -> CommandError:
    """What the Automation API raises for a CLI that ends with this on standard error."""
    return CommandError(CommandResult(stdout="", stderr=stderr, code=code))


@pytest.mark.parametrize(
    ("stderr", "reported", "what", "step"),
    [
        ("error: incorrect passphrase", [], "passphrase is wrong", "PULUMI_CONFIG_PASSPHRASE"),
        ("error: update failed", ["vpc: ExpiredToken: The token has expired"], "credentials have expired", "log in"),
        ("error: update failed", ["group: ExpiredAuthenticationToken: The access token"], "have expired", "az login"),
        ("error: update failed", ["No valid credential sources found"], "no cloud credentials", "AWS_PROFILE"),
        ("error: update failed", ["rpc error: transport is closing"], "provider died", "same command again"),
        ("error: failed to load checkpoint: EOF", [], "side file", ".attrs"),
        ("error: PULUMI_ACCESS_TOKEN must be set for login", [], "no state backend", "pulumi login"),
    ],
)
def test_a_known_failure_has_a_next_action(stderr: str, reported: list[str], what: str, step: str) -> None:
    """Wrong passphrase, expired or missing credentials, a dead provider, no backend: exit 3, and what to do."""
    error = explain(failed(stderr), "aws-us-east-1", reported)
    assert error.exit_code is ExitCode.ENVIRONMENT
    assert error.where == "stack aws-us-east-1"
    assert what in error.what
    assert step in (error.next_step or "")


def test_any_other_failure_shows_what_the_engine_said_and_no_stream_dump() -> None:
    """The engine's own error lines, each once, five at most."""
    error = explain(failed("error: x"), "aws-us-east-1", ["vpc: no", "vpc: no", *(f"r{n}: no" for n in range(6))])
    assert error.what.splitlines() == ["vpc: no", "  r0: no", "  r1: no", "  r2: no", "  r3: no", "  and 2 more"]
    assert explain(failed("error: it broke"), "aws-us-east-1", []).what == "it broke"


@pytest.mark.parametrize(
    ("reported", "blames_program", "code"),
    [
        ("KeyError: 'x' (components/archive/aws.py, line 39)", True, ExitCode.USAGE),
        ("bucket: aws:s3/bucket:Bucket resource 'bucket' has a problem: expected a string", False, ExitCode.USAGE),
        ("pulumi:providers:aws resource 'p' has a problem: cannot reach the account", False, ExitCode.ENVIRONMENT),
        ("KeyError: 'x' (components/a.py, line 3)\nrpc error: transport is closing", True, ExitCode.ENVIRONMENT),
        ("creating: AccessDenied", False, ExitCode.ENVIRONMENT),
    ],
)
def test_what_the_change_is_to_blame_for_is_no_fault_of_the_surroundings(
    reported: str,
    blames_program: bool,  # noqa: FBT001 (a column of the table)
    code: ExitCode,
) -> None:
    """An exception of the program, a property that no provider takes: exit 2. A provider's own settings: 3."""
    error = explain(failed("error: x"), "aws-us-east-1", [reported], blames_program=blames_program)
    assert error.exit_code is code


def test_a_programs_own_exception_is_told_from_an_answer_that_it_did_not_get() -> None:
    """A backend that refuses to be read raises in the program, too, and is not the change's fault."""
    try:
        int("x")
    except ValueError as error:
        found = ProgramError.of(error, "dev")
    assert found is not None
    assert found.what == "the program failed: ValueError: invalid literal for int() with base 10: 'x'"
    assert (found.where or "").startswith("stack dev, tests/stacks/test_engine_errors.py, line ")
    with pytest.raises(Exception, match="Invoke") as caught:
        invoke("pulumi:pulumi:readStackOutputs", {"name": "a"})  # there is no engine
    assert ProgramError.of(caught.value, "dev") is None


def test_a_locked_stack_names_who_holds_it() -> None:
    """User, host, process and since when, as the backend's lock file says."""
    locked = ConcurrentUpdateError(CommandResult(stdout="", stderr=LOCKED, code=255))
    error = explain(locked, "dev", [])
    assert ": pulumi cancel --stack dev" in (error.next_step or "")
    assert ": aurops lab run -- pulumi cancel --stack dev" in (explain(locked, "dev", [], is_lab=True).next_step or "")
    assert isinstance(error, StackLockedError)
    assert error.holders == (Holder("kim", "desk", 4711, "2026-11-24T14:00:00Z"),)
    assert "kim@desk, pid 4711" in error.what
    assert "pulumi cancel --stack dev" in (error.next_step or "")


def test_a_killed_engine_is_named_as_such() -> None:
    """Ended by a signal, without a word of its own."""
    error = explain(failed("", code=-9), "dev", [])
    assert error.what == "the engine was killed"
    assert "recovered first" in (error.next_step or "")


def test_a_missing_cli_says_where_to_get_it() -> None:
    """No `pulumi` on PATH is exit 3 with the page that has it."""
    error = explain(FileNotFoundError("[Errno 2] No such file or directory: 'pulumi'"), "dev", [])
    assert "no Pulumi CLI" in error.what
    assert "install" in (error.next_step or "")
