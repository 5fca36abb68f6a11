"""What is known of a stack's graph, as it goes between processes and into the cache: JSON. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aurops.errors import AuropsError, ExitCode, OutsideError, UsageError
from aurops.tracebacks import raised_at
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Known:
    """A resource of a recorded graph, as far as it matters later.

    Args:
        urn: The engine's name of it.
        type: Type token.
        protect: Whether the engine refuses its deletion.
    """

    urn: str
    type: str
    protect: bool


@dataclass(frozen=True)
class StackRecord:
    """What a recording has found.

    Args:
        digest: Equal if, and only if, two graphs are.
        exports: What the stack exports.
        reads: The stacks that its program read.
        opaque: Why the graph does not say all; empty: it does.
        resources: The resources that a provider makes.
    """

    digest: str
    exports: Mapping[str, Any]
    reads: tuple[str, ...] = ()
    opaque: str = ""
    resources: tuple[Known, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        resources = tuple(Known(**each) for each in given["resources"])
        return cls(given["digest"], given["exports"], tuple(given["reads"]), given["opaque"], resources)


@dataclass(frozen=True)
class Failure:
    """Why something did not work, from a process whose exceptions we cannot take.

    Args:
        what: What is wrong.
        where: Where.
        allowed: What is allowed.
        next_step: What to do.
        exit_code: Of the error; that of a bug where it was none of ours.
    """

    what: str
    where: str | None = None
    allowed: str | None = None
    next_step: str | None = None
    exit_code: int = int(ExitCode.ENVIRONMENT)

    @classmethod
    def of(cls, error: BaseException, root: Path | None = None) -> Self:
        """What an error says, ours or that of another version of aurops: by its attributes, not by its class.

        Args:
            error: The error.
            root: The tree whose program raised it: any exception is then a fault of the program's, with file and line.
        """
        code: Any = getattr(error, "exit_code", None)
        if code is None or not hasattr(error, "what"):
            said = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
            if root is None:
                return cls(said, exit_code=int(ExitCode.BUG))
            return cls(masked(said), raised_at(error, root) or None, exit_code=int(ExitCode.USAGE))
        where, allowed, step = (getattr(error, key, None) for key in ("where", "allowed", "next_step"))
        return cls(str(error.what), where, allowed, step, int(code))

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        return cls(**given)

    def error(self) -> AuropsError:
        """As an error of ours."""
        kind = UsageError if self.exit_code == ExitCode.USAGE else OutsideError
        return kind(self.what, where=self.where, allowed=self.allowed, next_step=self.next_step)


@dataclass(frozen=True)
class Task:
    """A stack that a child is to record.

    Args:
        stack: Which.
        exports: What other stacks export.
        absent: Stacks that are answered as if they were not there.
        settle: Whether the program makes what only now can be made.
    """

    stack: str
    exports: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    settle: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        return cls(given["stack"], given["exports"], tuple(given["absent"]), given["settle"])
