"""People with real SSH keys, and a run that waits for them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock
from aurops.execution import begin
from aurops.gates import approval, signing
from aurops.gates.keeper import Keeper, Spot
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import spot
from aurops.history import History
from aurops.ports import not_connected
from aurops.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.gates.approval import Statement
    from aurops.gates.finding import Finding
    from aurops.journal import Journal
    from aurops.store import Store

needs_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no `ssh-keygen` on PATH")
GATE = ApprovalGate(kind="approval", name="two of three", need=2, of=("ann", "bob", "cem"), valid_for_s=3600)


def new_key(file: Path, kind: str = "ed25519") -> Path:
    """A key without a passphrase, made by ssh-keygen."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", file], check=True, capture_output=True)
    return file


@dataclass
class Room:
    """A run before the gate `GATE` of the stage `go`.

    Args:
        folder: Keys and files.
    """

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    store: Store = field(default_factory=lambda: open_store("memory://"))
    keys: dict[str, Path] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    revoked: str = ""

    def __post_init__(self) -> None:
        for who in ("ann", "bob", "cem", "eve"):
            self.add(who)
        self.journal = self.begin("canary")

    def begin(self, plan: str) -> Journal:
        """A new run of a plan."""
        return begin(self.store, self.clock, "cutover", {"plan": plan})

    def add(self, who: str, *, options: str = "", key: Path | None = None) -> None:
        """Somebody more in the allowed-signers file."""
        self.keys[who] = key or new_key(self.folder / who)
        public = self.keys[who].with_suffix(".pub").read_text().strip()
        self.lines.append(" ".join(part for part in (who, options, public) if part))

    @property
    def signers(self) -> Signers:
        return Signers("\n".join(self.lines) + "\n", revoked=self.revoked)

    def spot(self, journal: Journal | None = None, stage: str = "go") -> Spot:
        records = (journal or self.journal).records
        return spot(records, History(records), stage, (GATE,))

    def statement(self, spot: Spot | None = None) -> Statement:
        return approval.statement((spot or self.spot()).binding, GATE, self.clock.wall(), "looks good")

    def leave(self, who: str, statement: Statement | None = None, *, signature: str = "") -> None:
        """Somebody signs and leaves an approval."""
        statement = statement or self.statement()
        signature = signature or signing.sign(statement.text(), str(self.keys[who]))
        at = self.clock.wall().isoformat()
        left = approval.Approval(who="someone", reason="", at=at, statement=statement, signature=signature)
        approval.leave(self.store, left)

    def look(self) -> Finding:
        """What the gate says now."""
        keeper = Keeper(self.store, self.clock, self.signers, not_connected(self.clock))
        (found,) = keeper.look(self.spot())
        return found
