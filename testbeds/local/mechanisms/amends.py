"""How what was killed is brought back: by the supervisor, or by the region's own agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from aurops.errors import OutsideError
from testbeds.local.layout import LOOPBACK

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

_LIMIT_S = 30.0


class Revive:
    """The power of a region is back: its agent is started again.

    Args:
        place: The bed.
        region: Which region.
    """

    def __init__(self, place: Layout, region: str) -> None:
        self._url = f"http://{LOOPBACK}:{place.control_port}/revive"
        self._region = region

    def __call__(self) -> None:
        """Ask the supervisor; returns when the agent answers.

        Raises:
            OutsideError: The supervisor did not revive the region.
        """
        _ask("POST", self._url, f"the supervisor did not revive {self._region}", {"region": self._region})


class Restart:
    """A part of a region died: its agent makes the region again what it was last commanded to be.

    A standby follows whom it followed; in a primary that nobody fenced the cache is started. Nothing else: a primary
    that lost its database or its nodes is no concern of an injector.

    Args:
        place: The bed.
        region: Which region.
    """

    def __init__(self, place: Layout, region: str) -> None:
        self._url = place.region(region).agent_url
        self._region = region

    def __call__(self) -> None:
        """Ask the agent, under the epoch that it obeys; whoever has a newer one acts on the region already.

        Raises:
            OutsideError: It does not answer, or refuses.
        """
        complaint = f"the agent of {self._region} did not bring back what was killed"
        view = _ask("GET", f"{self._url}/observe", complaint)
        epoch, following = view["highest_epoch"], view["database"]["following"]
        if following is not None:
            _ask("POST", f"{self._url}/follow", complaint, {"epoch": epoch, "primary": following})
        elif not view["fenced"]:
            _ask("POST", f"{self._url}/promote_cache", complaint, {"epoch": epoch})


def _ask(method: str, url: str, complaint: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        answer = httpx.request(method, url, json=body, timeout=_LIMIT_S, trust_env=False)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()
        said: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise OutsideError(f"{complaint}: {error}", where=url) from error
    return said
