"""Takes approvals from the store to whose they are, and says before one is left whether it will count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.errors import HeldError
from aurops.gates import approval, signing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aurops.gates.approval import Approval, Binding, Checked
    from aurops.gates.finding import Finding
    from aurops.gates.signing import Signers
    from aurops.gates.spec import ApprovalGate


def checked(
    given: Iterable[Approval], stage: str, people: tuple[str, ...], signers: Signers, now: datetime
) -> list[Checked]:
    """Whose the approvals of a stage are; those of other stages are left out.

    Args:
        given: From the store.
        stage: Which stage.
        people: Who is asked.
        signers: Who may sign.
        now: The moment at which a key must be valid.

    Raises:
        OutsideError: There is no ssh-keygen.
    """
    return [
        approval.Checked(
            each.n, each.statement, signing.verify(each.statement.text(), each.signature, signers, people, now)
        )
        for each in given
        if each.statement.binding.stage == stage
    ]


@dataclass(frozen=True)
class Counted:
    """An approval that counts.

    Args:
        who: Whose it is.
        fingerprint: Of the key.
        findings: What the approval gates of the stage say with it.
    """

    who: str
    fingerprint: str
    findings: tuple[Finding, ...]


def count(
    made: Approval,
    given: tuple[Approval, ...],
    gates: tuple[ApprovalGate, ...],
    wanted: Binding,
    signers: Signers,
    now: datetime,
) -> Counted:
    """What an approval would change, before it is left.

    Args:
        made: The new one.
        given: Those that were left for the run.
        gates: The approval gates of the stage.
        wanted: What it must be for.
        signers: Who may sign.
        now: The time of day.

    Raises:
        HeldError: It counts for no gate, and why.
        OutsideError: There is no ssh-keygen.
    """
    if why := signers.unusable():
        raise HeldError(f"nobody's approval counts now: {why}", where=f"run {wanted.run}")
    made = made.model_copy(update={"n": max((each.n for each in given), default=0) + 1})
    refused: list[str] = []
    findings: list[Finding] = []
    counts: Checked | None = None
    for gate in gates:
        everybody = checked((*given, made), wanted.stage, gate.of, signers, now)
        findings.append(approval.judge(gate, wanted, everybody, now))
        _, void = approval.sift(gate, wanted, everybody, now)
        if made.n in void:
            refused.append(f"{gate.name}: {void[made.n]}")
        else:
            counts = everybody[-1]
    if counts is None:
        raise HeldError(
            f"the approval would not count: {'; '.join(refused)}; nothing was left",
            where=f"run {wanted.run}, before {wanted.stage}",
            next_step=f"aurops gates {wanted.run} shows who is asked",
        )
    return Counted(counts.signed.who, counts.signed.fingerprint, tuple(findings))
