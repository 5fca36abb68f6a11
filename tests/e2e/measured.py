"""What V10 of a bed takes, and the peak of its proxy: both measured, for a plan's `capacity`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from aurops.clock import RealClock
from testbeds.local.rehearsal import metering
from testbeds.local.rehearsal.metering import Meter
from testbeds.local.steering.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from testbeds.local.steering.bed import Bed

CLOCK = RealClock()
BURST = 2_000
"""Reads by which it is measured what V10 takes."""
MAX_AGE_S = 4 * 3600
"""A bed is measured once, and some have cutovers for more than an hour."""


class Measured:
    """A context manager: as long as it lasts the peak is measured.

    Args:
        bed: All of its sides are up.
        folder: Where the numbers are written.
    """

    def __init__(self, bed: Bed, folder: Path) -> None:
        self.can_take, self._peak = folder / f"{bed.site.kind}-can-take.json", folder / f"{bed.site.kind}-peak.json"
        metering.write(self.can_take, takes(bed), CLOCK)
        self.meter = Meter([bed.driver], self._peak, CLOCK)

    def __enter__(self) -> Self:
        self.meter.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.meter.__exit__()

    def check(self, headroom: float = 1, name: str = "V10 takes the peak") -> str:
        """The check, as a plan says it."""
        return (
            f"{{kind: capacity, name: {name}, headroom: {headroom:.0f}, "
            f"can_take: {{kind: command, argv: [cat, '{self.can_take}'], max_age_s: {MAX_AGE_S}}}, "
            f"peak: {{kind: command, argv: [cat, '{self._peak}'], max_age_s: 15}}}}"
        )


def takes(bed: Bed) -> float:
    """What V10 takes, requests a second: reads on eight connections, each as fast as it is answered."""
    ledger, answered, result = (bed.folder / f"burst-{name}" for name in ("ledger", "answered", "result"))
    for tally in (ledger, answered):
        tally.unlink(missing_ok=True)
        Tally.make(tally, BURST)
    port = bed.site.side("v10").backends[0].rpartition(":")[2]
    options = ["--kinds=get", "--connections=8", "--sockets=0", "--sides=v10", f"--ledger={ledger}"]
    command = [sys.executable, "-m", "testbeds.local.steering.load", *options, f"--port={port}"]
    subprocess.run([*command, f"--answered={answered}", f"--result={result}"], check=True, timeout=60)
    said = json.loads(result.read_text())
    assert said["outcomes"] == {"get acknowledged": BURST}
    return BURST / float(said["seconds"])
