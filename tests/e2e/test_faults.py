"""Every shipped experiment on real processes: the fault gets the answer that it deserves, and is undone."""

import asyncio
import itertools
import json
import os
import re
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread

import httpx
import pytest

from failover.faults import read_journal
from testbeds.local import processes
from tests.e2e.commands import COMMAND, SHORT, aurops
from traffic.headers import EPOCH_HEADER

pytestmark = pytest.mark.e2e
EXPERIMENTS = Path(__file__).parents[2] / "testbeds" / "local" / "experiments"
NO_VERDICT = ("not well before the fault", "too busy to tell")
"""A machine that is too busy for the drill gives no verdict; then it is tried once more."""


@pytest.mark.campaign  # in `make test`: a kill (test_drill.py), and the cut below
@pytest.mark.parametrize("file", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_fault_gets_the_answer_that_it_deserves(file: Path, tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nobody moves for nothing, every region is a copy again, the bed is gone."""
    for attempt in ("first", "second"):
        env = {**os.environ, "AUROPS_STORE": str(tmp_path / attempt)}
        done = aurops("failover-test", "--experiment", str(file), "--json", env=env)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        if not any(busy in report["because"] for busy in NO_VERDICT):
            break
    assert report["verdict"] == "passed", report["because"]
    assert done.returncode == 0
    assert report["requests"]["lost"] == 0
    assert report["requests"]["split_brain"] == 0
    bed = re.search(r"bed (\S+) is up", done.stderr)
    assert bed is not None
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed[1]}").exists()
    assert processes.find(bed[1]) == frozenset()


def test_a_region_that_is_cut_off_acknowledges_nothing(tmp_path: Path) -> None:
    """Writers inside it, with the epoch that it still holds, hear `ok` before the cut and never again."""
    file = tmp_path / "cut.yaml"
    file.write_text(json.dumps({"fault": "cut", "objectives": {"rto_s": 60}, **SHORT}))  # times are a campaign's
    command = [*COMMAND, "failover-test", "--experiment", str(file), "--json"]
    env = {**os.environ, "AUROPS_STORE": str(tmp_path / "store")}
    drill = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert drill.stderr is not None
    bed = next(found for line in drill.stderr if (found := re.search(r"bed (\S+) is up", line)))[1]
    Thread(target=drill.stderr.read, daemon=True).start()
    folder = Path(tempfile.gettempdir()) / f"aurops-bed-{bed}"
    nodes = json.loads((folder / "bed.json").read_text())["node_urls"]["north"]
    heard = asyncio.run(write_inside(nodes, folder / "fault.jsonl", drill))
    report = json.loads(drill.communicate(timeout=60)[0])
    busy = any(why in report["because"] for why in NO_VERDICT)  # what is shown here does not depend on pace
    assert report["verdict"] == "passed" or busy, report["because"]
    before = [status for cut, status in heard if not cut]
    after = [status for cut, status in heard if cut]
    assert 200 in before
    assert len(after) > 10
    assert 200 not in after


async def write_inside(nodes: list[str], journal: Path, drill: subprocess.Popen[str]) -> list[tuple[bool, int | None]]:
    """Write at a region's nodes until the drill has ended: whether it was cut off by then, and the answer's status."""
    heard: list[tuple[bool, int | None]] = []
    under_way: set[asyncio.Task[None]] = set()

    async def write(client: httpx.AsyncClient, number: int) -> None:
        cut = read_journal(journal).effective_s is not None
        status = None
        with suppress(httpx.HTTPError):
            body = {"id": f"inside-{number}", "amount": number}
            status = (await client.post(f"{nodes[number % 2]}/writes", json=body, timeout=60)).status_code
        heard.append((cut, status))

    async with httpx.AsyncClient(headers={EPOCH_HEADER: "1"}, trust_env=False) as client:
        for number in itertools.count():
            if drill.poll() is not None:
                break
            under_way.add(task := asyncio.create_task(write(client, number)))
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(0.1)
        await asyncio.gather(*under_way)
    return heard
