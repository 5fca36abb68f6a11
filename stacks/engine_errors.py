"""The engine's failures as errors for people: what is wrong, in which stack, what to do next."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.automation import CommandError, ConcurrentUpdateError, StackNotFoundError

from aurops.errors import AuropsError, OutsideError, UsageError
from aurops.tracebacks import after_frames, raised_at, told_at
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOLDER = re.compile(r"created by (?P<user>[^@\s]+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")
_SHOWN = 5
_AGAIN = "run the same command again: what was begun is recovered first"
_KNOWN = (
    (
        re.compile(r"incorrect passphrase|passphrase must be set|get encryption passphrase", re.IGNORECASE),
        "the state cannot be decrypted: the passphrase is wrong or missing",
        "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE",
    ),
    (
        re.compile(
            r"Expired(Authentication)?Token|security token .* expired|token has expired|credentials? .*expired",
            re.IGNORECASE,
        ),
        "the cloud credentials have expired",
        "log in again (aws sso login, az login), then run the same command",
    ),
    (
        re.compile(
            r"no valid credential sources|NoCredentialProviders|failed to refresh cached credentials", re.IGNORECASE
        ),
        "there are no cloud credentials",
        "log in (aws sso login) or set AWS_PROFILE, then run the same command",
    ),
    (
        re.compile(r"PULUMI_ACCESS_TOKEN must be set|not logged in", re.IGNORECASE),
        "there is no state backend",
        "pulumi login s3://your-bucket, or set PULUMI_BACKEND_URL",
    ),
    (
        re.compile(r"failed to load checkpoint: EOF"),
        "an engine was killed while it wrote the state's side file (.attrs), which is empty now; the state is whole",
        "delete STACK.json.attrs beside the state; with ?metadata=skip in a file:// backend URL there is none",
    ),
    (
        re.compile(
            r"transport is closing|error reading from server|connection reset by peer|plugin .*(exited|crashed)"
            r"|could not read plugin|connect: connection refused|resource monitor shut down",
            re.IGNORECASE,
        ),
        "a provider died while the engine was using it",
        _AGAIN,
    ),
    (re.compile(r"^\s*code: -\d+$", re.MULTILINE), "the engine was killed", _AGAIN),
)
_TRACEBACK = "\nTraceback (most recent call last)"
_WRAPPED = re.compile(r"^((an unhandled error occurred|python inline source runtime error): )+")
"""What the engine and its SDK put before the words of a program."""
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?=:|$)", re.MULTILINE)
_ROOT = Path(__file__).resolve().parents[1]
_REFUSED = re.compile(r"^(?!.*pulumi:providers:).* has a problem: ", re.MULTILINE)
"""What the engine says of a property that a provider does not take; a provider's own may be the credentials."""
_ASKING = re.compile(r"/pulumi/runtime/(invoke|settings)\.py|/grpc/")
"""Code that asks the engine: what it raises is the engine's answer, or that there is none."""
_NO_CLI = re.compile(r"pulumi.*(not found|No such file)|No such file or directory: '?pulumi", re.IGNORECASE)


class EngineError(OutsideError):
    """The engine stopped; what it had done until then is in the stack's state."""


class ProgramError(UsageError):
    """The program of a stack failed, or asked for what a provider refuses: the change itself is wrong."""

    @classmethod
    def of(cls, error: BaseException, stack: str) -> ProgramError | None:
        """What a program raised; None where the fault is not its own: the engine did not answer it."""
        if any(_ASKING.search(each.filename) for each in traceback.extract_tb(error.__traceback__)):
            return None
        place = raised_at(error, _ROOT)
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        return cls(
            masked(f"the program failed: {type(error).__name__}: {what}"),
            where=", ".join(filter(None, (f"stack {stack}", place))),
            next_step="mend that line, then run again",
        )


class StackMissingError(OutsideError):
    """The backend has no stack of this name."""


@dataclass(frozen=True)
class Holder:
    """Who holds a stack's lock, as a self-managed backend tells it.

    Args:
        user: Login name.
        host: Its machine.
        pid: Its process there.
        at: When it took the lock, RFC 3339.
    """

    user: str
    host: str
    pid: int
    at: str


class StackLockedError(OutsideError):
    """Somebody else's operation holds the stack."""

    def __init__(self, stack: str, holders: Sequence[Holder], raw: str, *, is_lab: bool = False) -> None:
        # Plain `pulumi` would cancel what somebody does with the real stack of the same name.
        cancel = f"{'aurops lab run -- ' if is_lab else ''}pulumi cancel --stack {stack}"
        self.holders = tuple(holders)
        named = "; ".join(f"{each.user}@{each.host}, pid {each.pid}, since {each.at}" for each in holders)
        super().__init__(
            f"stack {stack} is locked by {named or 'another operation'}",
            where=f"stack {stack}" if named else raw.strip().splitlines()[-1] if raw.strip() else f"stack {stack}",
            next_step=f"wait for it; if that process is gone for good: {cancel}",
        )


def plainly(message: str) -> str:
    """What the engine reports, without a program's traceback: of that, which error it was, and in which of our lines.

    An error that is meant for people says itself what is wrong where. The whole is in the engine's output, for --debug.
    """
    said, _, trace = message.partition(_TRACEBACK)
    what = _WRAPPED.sub("", said.strip())
    place = told_at(trace, _ROOT)
    raised = _RAISED.search(after_frames(trace)) if place else None
    if not place or (raised and raised["type"].startswith("aurops.errors.")):
        return what
    return f"{raised['type'] if raised else ''}: {what} ({place})"


def is_programs(message: str) -> bool:
    """Whether what the engine reports is a program's own exception, and not the engine's answer to it."""
    trace = message.partition(_TRACEBACK)[2]
    return bool(told_at(trace, _ROOT)) and not _ASKING.search(trace)


def explain(
    error: Exception, stack: str, reported: Sequence[str], *, is_lab: bool = False, blames_program: bool = False
) -> AuropsError:
    """The error for people.

    Args:
        error: What the Automation API raised.
        stack: The stack.
        reported: What the engine reported as errors before it stopped.
        is_lab: Whether the stack is the lab's.
        blames_program: Whether one of them is an exception of the program itself.
    """
    if isinstance(error, AuropsError):
        return error
    raw = str(error)
    if (known := _by_type(error, stack, raw, is_lab=is_lab)) is not None:
        return known
    text = "\n".join([*reported, raw])
    for pattern, what, step in _KNOWN:
        if pattern.search(text):
            return EngineError(what, where=f"stack {stack}", next_step=step)
    said = list(dict.fromkeys(reported)) or [_last_line(raw)]
    more = f"\n  and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    kind = ProgramError if blames_program or _REFUSED.search(text) else EngineError
    return kind("\n  ".join(said[:_SHOWN]) + more, where=f"stack {stack}", next_step="mend it, then run again")


def _by_type(error: Exception, stack: str, raw: str, *, is_lab: bool) -> OutsideError | None:
    """What the Automation API has an exception of its own for."""
    if isinstance(error, ConcurrentUpdateError):
        return StackLockedError(stack, [_holder(found) for found in _HOLDER.finditer(raw)], raw, is_lab=is_lab)
    if isinstance(error, StackNotFoundError):
        return StackMissingError(
            "the backend has no such stack", where=f"stack {stack}", next_step=f"aurops up {stack} makes it"
        )
    if isinstance(error, FileNotFoundError) or (not isinstance(error, CommandError) and _NO_CLI.search(raw)):
        return OutsideError(
            "there is no Pulumi CLI", where="PATH", next_step="aurops doctor, or https://www.pulumi.com/docs/install"
        )
    return None


def _holder(found: re.Match[str]) -> Holder:
    return Holder(found["user"], found["host"], int(found["pid"]), found["at"])


def _last_line(raw: str) -> str:
    """The CLI's own error line, without the exit code and the streams that the Automation API adds."""
    lines = [line.strip().removeprefix("stderr: ") for line in raw.splitlines() if line.strip()]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")]
    return (errors or lines or ["the engine stopped without a word"])[-1]
