"""What a region had alone when it was left by force, for `aurops runs lost`: read from journals, merged by nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurops.history import History
from aurops.journal import readable
from failover.execute import service_of
from failover.goal import FAILOVERS

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.journal import Journal
    from aurops.store import Store


@dataclass(frozen=True)
class Lost:
    """What a failover left behind.

    Args:
        region: The region that was left.
        voters: What was decided about its voters: whether any of these writes can have been acknowledged.
        run: The run that brought it back; None: none has.
        count: How many transactions only it had; None: not known.
        transactions: The first of them, as its agent listed them.
        evidence: Folder with its log from the fork on, and the whole list; None when there is none.
    """

    region: str
    voters: str
    run: str | None = None
    count: int | None = None
    transactions: tuple[dict[str, Any], ...] = ()
    evidence: str | None = None


def lost(journal: Journal, store: Store, clock: Clock) -> Lost | None:
    """What the region that a failover left had alone: in its own journal, or in that of the run that brought it back.

    Args:
        journal: The failover.
        store: Where later runs are looked for.
        clock: Time.

    Returns:
        None when the run is no failover, or promoted nothing.
    """
    history = History(journal.records)
    if history.kind not in FAILOVERS or not history.past_no_return:
        return None
    region = str(history.arguments["lost"])
    left = Lost(region, history.reasons["standbys"])
    service = service_of(journal)
    later = [one for one in readable(store, clock) if one.run > journal.run and service_of(one) == service]
    for one in (journal, *reversed(later)):
        seen = History(one.records)
        for step, data in seen.results.items():
            if step.startswith(f"repoint {region} to ") and "method" in data:
                again = seen.tries[step].intents > 1  # an earlier call may have rewound it, and its answer is lost
                count = data.get("diverged_commits", None if again else 0)
                return Lost(region, left.voters, one.run, count, tuple(data.get("only_here", ())), data.get("evidence"))
    return left
