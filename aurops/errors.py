"""What can go wrong, said to a person: what, where, what is allowed, what to do next.

Every error that a user may meet derives from `AuropsError` and carries its exit code; `runbooks.cli` is the one
place that prints them. Anything else that reaches the command line is a bug in aurops (exit code 70).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable


class ExitCode(IntEnum):
    """Exit codes of every aurops command. One that signal n stopped exits 128 + n (runbooks/stopping.py)."""

    DONE = 0
    NO = 1
    """The answer is no: a drill failed, a policy denied, drift was found."""
    USAGE = 2
    """Wrong usage or configuration."""
    ENVIRONMENT = 3
    """Something outside aurops is missing, broken or in the way."""
    DECLINED = 4
    """Declined, held or aborted."""
    BUG = 70
    """A bug in aurops (EX_SOFTWARE of sysexits.h)."""


class AuropsError(Exception):
    """An error for people.

    Args:
        what: One sentence: what is wrong.
        where: File and key, stack, region, run: whatever lets a person find the place.
        allowed: What would have been accepted, if that can be said.
        next_step: What to do now: a command or an action.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.ENVIRONMENT

    def __init__(
        self, what: str, *, where: str | None = None, allowed: str | None = None, next_step: str | None = None
    ) -> None:
        self.what = what
        self.where = where
        self.allowed = allowed
        self.next_step = next_step
        super().__init__(what)

    def __reduce__(self) -> tuple[Callable[..., AuropsError], tuple[type[AuropsError]], dict[str, Any]]:
        # A subclass may take other arguments than its base; what it made of them is all there is to carry over.
        return _blank, (type(self),), self.__dict__

    def __str__(self) -> str:
        parts = [self.what]
        parts += [f"{label}: {text}" for label, text in self._details() if text]
        return "\n  ".join(parts)

    def _details(self) -> tuple[tuple[str, str | None], ...]:
        return (("where", self.where), ("allowed", self.allowed), ("next", self.next_step))


def _blank(kind: type[AuropsError]) -> AuropsError:
    return kind.__new__(kind)


class AnswerIsNoError(AuropsError):
    """The question was answered, and the answer is no."""

    exit_code = ExitCode.NO


class UsageError(AuropsError):
    """The command, an argument or a configuration file is wrong; nothing was changed."""

    exit_code = ExitCode.USAGE


class OutsideError(AuropsError):
    """Something outside aurops is missing, broken or in the way."""

    exit_code = ExitCode.ENVIRONMENT


class HeldError(AuropsError):
    """A person or a gate holds, declined or aborted what was asked."""

    exit_code = ExitCode.DECLINED
