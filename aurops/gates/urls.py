"""The gate that asks a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found, unseen
from aurops.plan import Observation

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.quantity import HttpNumber
    from aurops.gates.spec import HttpCheck
    from aurops.plan import Json

_MOST_BYTES = 1_000_000
"""Of a body; what is longer is not searched to its end."""


@dataclass(frozen=True)
class Answered:
    """What a URL answered.

    Args:
        status: The status code.
        body: The begin of the body.
    """

    status: int
    body: str


def look(check: HttpCheck | HttpNumber, clock: Clock) -> Observation[Answered]:
    """Ask the URL once."""
    at_s = clock.now_s()
    deadline_s = at_s + check.timeout_s
    try:
        with httpx.stream("GET", check.url, timeout=check.timeout_s, follow_redirects=False) as response:
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) >= _MOST_BYTES:
                    break
                if clock.now_s() > deadline_s:  # httpx's own limit is for each read, not for all of them
                    return Observation(None, at_s, check.url, f"no whole answer within {check.timeout_s:g} s")
            answered = Answered(response.status_code, body[:_MOST_BYTES].decode("utf-8", errors="replace"))
    except httpx.HTTPError as error:
        return Observation(None, at_s, check.url, unread(error, check.timeout_s))
    return Observation(answered, at_s, check.url)


def unread(error: httpx.HTTPError, timeout_s: float) -> str:
    """Why there is no answer, in words."""
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {timeout_s:g} s"
    return f"no answer: {str(error) or type(error).__name__}"


def judge(check: HttpCheck, seen: Observation[Answered], now: datetime) -> Finding:
    """Whether the answer opens the gate. Pure."""
    if seen.value is None:
        return unseen(check, seen, now)
    status = seen.value.status
    evidence: dict[str, Json] = {"status": status, "url": check.url}
    if status not in check.status:
        wanted = " or ".join(map(str, check.status))
        return found(check, State.CLOSED, f"{check.url} answers {status}, not {wanted}", now, evidence)
    if check.matches and not re.search(check.matches, seen.value.body):
        why = f"{check.url} answers {status}, and nothing in it matches {check.matches!r}"
        return found(check, State.CLOSED, why, now, evidence)
    return found(check, State.OPEN, f"{check.url} answers {status}", now, evidence)
