"""Takes approvals from the store to whose they are, and says before one is left whether it will count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.errors import HeldError
from aurops.gates import approval, signing
from aurops.gates.spec import ApprovalGate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from aurops.gates.approval import Approval, Binding, Checked
    from aurops.gates.finding import Finding
    from aurops.gates.signing import Signers
    from aurops.gates.spec import Gate


def people(gates: Iterable[Gate]) -> tuple[str, ...]:
    """Everybody whom the approval gates of a stage ask."""
    return tuple(dict.fromkeys(who for gate in gates if isinstance(gate, ApprovalGate) for who in gate.of))


def checked(
    given: Iterable[Approval], stage: str, people: tuple[str, ...], signers: Signers, now: datetime
) -> list[Checked]:
    """Whose the approvals of a stage are; those of other stages are left out. One key is one person.

    Args:
        given: From the store.
        stage: Which stage.
        people: Who is asked, by all gates of the stage: one key must not pass one gate as one and another as another.
        signers: Who may sign.
        now: The moment at which a key must be valid.

    Raises:
        OutsideError: There is no ssh-keygen.
    """
    found: list[Checked] = []
    owners: dict[str, str] = {}
    for each in given:
        if each.statement.binding.stage == stage:
            signed = signing.verify(each.statement.text(), each.signature, signers, people, now)
            owner = owners.setdefault(signed.fingerprint, signed.who) if signed.who else ""
            if owner != signed.who:
                why = f"{signed.who} and {owner} used one key"
                signed = signing.Signed(fingerprint=signed.fingerprint, why_not=why)
            found.append(approval.Checked(each.n, each.statement, signed))
    return found


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
    counts = False
    everybody = checked((*given, made), wanted.stage, people(gates), signers, now)
    for gate in gates:
        findings.append(approval.judge(gate, wanted, everybody, now))
        _, void = approval.sift(gate, wanted, everybody, now)
        if made.n in void:
            refused.append(f"{gate.name}: {void[made.n]}")
        else:
            counts = True
    if not counts:
        raise HeldError(
            f"the approval would not count: {'; '.join(refused)}; nothing was left",
            where=f"run {wanted.run}, before {wanted.stage}",
            next_step=f"aurops gates {wanted.run} shows who is asked",
        )
    signed = everybody[-1].signed
    return Counted(signed.who, signed.fingerprint, tuple(findings))
