"""Faults of the network: links that are cut (testbeds/local/links.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from aurops.errors import OutsideError
from testbeds.local.layout import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbeds.local.layout import Layout, Link
    from testbeds.local.links import Way

_CONTROL_S = 5.0
_SILENT_S = 0.25
"""Whoever has not answered by then is silent; on loopback an answer takes a few milliseconds."""
_ANSWERS_S = 2.0


@dataclass(frozen=True, slots=True)
class Witness:
    """What shows that a link is cut: asked by the link it is silent, asked directly it answers.

    Args:
        link: The link, which leads to something that speaks HTTP.
        path: Answers whatever its state is.
    """

    link: Link
    path: str


class Cut:
    """Links that are cut.

    Args:
        place: The bed.
        links: Which.
        way: In which direction.
        witnesses: What shows it.
    """

    def __init__(self, place: Layout, links: Sequence[Link], way: Way, witnesses: Sequence[Witness]) -> None:
        self._place = place
        self._links = links
        self._way = way
        self._witnesses = witnesses

    def ready(self) -> None:
        """The bed has links, and they are served."""
        self._control({"cuts": []})

    def inject(self) -> int:
        """Cut them."""
        self._control({"cuts": [{"port": link.port, "way": self._way} for link in self._links]})
        return len(self._links)

    def proved(self) -> bool:
        """Every witness is silent by its link, and answers when it is asked directly."""
        return all(
            _answers(witness.link.to_port, witness.path, _ANSWERS_S)
            and not _answers(witness.link.port, witness.path, _SILENT_S)
            for witness in self._witnesses
        )

    def undo(self) -> None:
        """Heal every link."""
        self._control({"cuts": []})

    def _control(self, body: dict[str, object]) -> None:
        if self._place.wiring is None:
            raise OutsideError("this bed was brought up without links", where=self._place.folder)
        url = f"http://{LOOPBACK}:{self._place.wiring.control_port}/cut"
        try:
            httpx.post(url, json=body, timeout=_CONTROL_S, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise OutsideError(f"the links of the bed do not obey: {error}", where=url) from error


def _answers(port: int, path: str, within_s: float) -> bool:
    """Whether anything is answered, whatever it says."""
    try:
        httpx.get(f"http://{LOOPBACK}:{port}{path}", timeout=within_s, trust_env=False)
    except httpx.HTTPError:
        return False
    return True
