"""`aurops` as a process of its own whose ports are connected: data that is equal, writes to V10 that stop when told.

python -m tests.e2e.connected runs resume RUN --wait
"""

from __future__ import annotations

import sys

from aurops.clock import RealClock
from aurops.ports import Ports, not_connected
from runbooks import cutover
from runbooks.cli import main
from tests.e2e.test_cutover import Data

if __name__ == "__main__":
    data, nothing = Data(), not_connected(RealClock())
    ports = Ports(data, nothing.lag, nothing.unsynced, data, data, nothing.judge)
    cutover.not_connected = lambda _: ports  # type: ignore[assignment]
    main(sys.argv[1:])
