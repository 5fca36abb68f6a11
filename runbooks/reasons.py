"""Reasons that people give on the command line, for others to read."""

from __future__ import annotations

from aurops.errors import UsageError


def refuse_silence(reason: str, who_sees: str) -> None:
    """Whoever finds what was done has nothing else to go by.

    Args:
        reason: What was given.
        who_sees: Where it is said, as the end of "why, in words: …".

    Raises:
        UsageError: It is empty.
    """
    if not reason.strip():
        raise UsageError("no reason is given", where="--reason", allowed=f"why, in words: {who_sees}")
