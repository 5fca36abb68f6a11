"""The point of no return: the writes of V10 stop, and every watcher knows that there is no way back any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.errors import AuropsError, OutsideError
from aurops.history import Outcome
from aurops.journal import RecordKind
from aurops.ports import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.journal import Record
    from aurops.plan import Answer
    from aurops.ports import FencePort
    from migration.model import Target


def stop_writes(
    target: Target, fence: FencePort, run: str, epoch: int, timeout_s: float, *, fenced_never: bool
) -> Answer:
    """Tell the watchers, then stop the writes.

    In this order: whoever dies in between leaves no watcher behind that sends traffic to a V10 without writes.

    When the fence says that it did *not* happen, V10 still takes writes and is a way back: the watchers are told so
    again. Not when it may have happened, in this try or an earlier one (`fenced_never`), nor when a newer epoch is
    obeyed: whoever has that speaks to the watchers now.

    A watcher may then roll back where the run itself may not. `History.past_no_return` stays set by the intent
    (docs/ARCHITECTURE.md, as with a promotion): it is about what the *run* does by itself, for every kind of run, and
    must hold for whoever reads the journal while a call is under way; so it takes no abort and sends nothing back. What
    lies beside the proxies is about whether V10 can serve, which the fence's own answer settles. The two differ on the
    safe side: the run does less than would be allowed. A person has `aurops rollback`, which asks what lies ready, not
    the run; a run that was rolled back so goes nowhere any more.

    Args:
        target: The proxies.
        fence: Stops the writes.
        run: The cutover's.
        epoch: Its.
        timeout_s: For the fence.
        fenced_never: No earlier try may have stopped them (`never_stopped`).

    Raises:
        CallUnknownError: They may have stopped.
        StaleEpochError: A newer epoch is obeyed.
        AuropsError: They did not stop, and why; or the watchers cannot be told.
    """
    try:
        target.stand_down(f"run {run} stops writes to V10")
        return fence.fence(Side.V10, epoch, timeout_s)
    except AuropsError as error:
        if fenced_never:
            _stand_by(target, error)
        raise


def _stand_by(target: Target, why: AuropsError) -> None:
    """Have what lies ready say again that there is a way back.

    Raises:
        OutsideError: It does not everywhere.
    """
    try:
        target.stand_by()
    except (AuropsError, OSError) as error:
        said = error.what if isinstance(error, AuropsError) else str(error)
        raise OutsideError(
            f"{why.what}; and not every watcher knows that V10 still takes writes: {said}",
            where=why.where,
            next_step=f"{why.next_step or 'find out why'}; resume, and they are told again. Until then a watcher that "
            "does not know holds instead of rolling back; `aurops rollback --force` goes back",
        ) from error


def never_stopped(records: Iterable[Record], step: str) -> bool:
    """Whether every earlier try of the step is known to have stopped nothing. Pure.

    Known is only what the call itself said (an error with an exit code). One without an answer, one that ended by a bug
    or by a newer epoch, and one that is on its way may have.

    Args:
        records: Of the run; the last intent of the step is the try under way.
        step: Its name.
    """
    ours = [record for record in records if record.data.get("step") == step]
    intents = sum(record.kind is RecordKind.INTENT for record in ours)
    results = [record.data for record in ours if record.kind is RecordKind.RESULT]
    refused = [said for said in results if said["outcome"] == Outcome.FAILED.value and "exit_code" in said]
    return len(refused) == len(results) == intents - 1
