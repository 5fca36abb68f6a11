"""Back to V10 by hand where aurops does not start: the page's own commands, at a real proxy."""

import re
import subprocess
from pathlib import Path

import pytest

from testbeds.local.steering.bed import up
from tests.e2e.commands import until
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind

pytestmark = pytest.mark.e2e
PAGE = Path(__file__).parents[2] / "docs/runbooks/rollback.md"


@pytest.mark.parametrize("kind", list(Kind))
def test_the_pages_commands_move_all_traffic_back_by_hand(kind: Kind) -> None:
    """What every step forward has prepared is moved in place; no latch holds it, as the page says."""
    (block,) = re.findall(r"## When aurops does not start\n.*?\n\n((?:    [^\n]+\n)+)", PAGE.read_text(), re.DOTALL)
    with up(kind, requests=1_000) as bed:
        bed.driver.shift(Steering({"v11": 5_000, "v10": 5_000, "baseline": 0}, 2))
        lines = [line.partition("#")[0] for line in block.splitlines() if kind is Kind.NGINX or "curl" not in line]
        script = "\n".join(lines).replace("/var/lib/edge", str(bed.site.folder)).replace("ADMIN", bed.site.admin)
        subprocess.run(["sh", "-ec", script], check=True, capture_output=True, timeout=20)
        until(lambda: bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT, "V10 has all", limit_s=10)
        assert bed.driver.latch() is None
