"""What a plan becomes when it is rehearsed, and a rehearsal played to its end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aurops.clock import ManualClock
from migration.outline import outline
from migration.probes import Probe, Request, Write
from testbeds.local.rehearsal.script import LEAST_SOAK_S, Place, script
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.migration.cutovers import APPROVAL, PROBE, cutover

PLACES = {
    name: Place(
        Path(f"/{name}.json"),
        f"http://{name}/v11",
        f"http://{name}/v10",
        Probe(read=Request(url=f"http://{name}/r"), write=Write(url=f"http://{name}/w")),
    )
    for name in ("west-1", "north-1")
}
NIGHT = {"kind": "window", "name": "night", "windows": [{"from": "22:00", "to": "23:00"}]}
REGIONS = [
    {"name": "west", "proxies": ["west-1"], "probe": PROBE},
    {"name": "north", "proxies": ["north-1"], "probe": PROBE},
]
SITES = {"west-1": "w.json", "north-1": "n.json"}


def test_steps_regions_and_approvals_are_the_plans() -> None:
    """Times are shorter, places and checks are this machine's, and what is left out is said."""
    gates = {"traffic": [APPROVAL, NIGHT], "hand_over": [APPROVAL]}
    wanted = cutover(gates=gates, regions=REGIONS, sites=SITES)
    now = ManualClock().wall()
    made = script(wanted, PLACES, now, lasts_s=60)
    assert [part.name for part in outline(made.cutover)] == [part.name for part in outline(wanted)]
    assert made.people == ("ann",)
    assert made.left_out == ("traffic: window `night`",)
    assert made.cutover.times.validate_s == 60
    assert made.cutover.times.traffic_s == pytest.approx(60 * 2 / 72)
    assert made.cutover.soak.for_s == LEAST_SOAK_S
    assert made.cutover.sites == {"west-1": "/west-1.json", "north-1": "/north-1.json"}
    assert [region.probe.read.url for region in made.cutover.regions] == ["http://west-1/r", "http://north-1/r"]
    assert made.cutover.service == "rehearsal-ledger"
    assert [check.name for check in made.cutover.capacity] == ["V10 of west-1", "V10 of north-1"]


@needs_ssh_keygen
@pytest.mark.e2e
@pytest.mark.campaign
def test_a_rehearsal_by_command_passes_and_loses_nothing(tmp_path: Path) -> None:
    """Real Envoys, k6, probes and keys: every request answered, every acknowledged write executed once."""
    file = tmp_path / "cutover.yaml"
    (tmp_path / "allowed_signers").write_text(f"ann {new_key(tmp_path / 'ann').with_suffix('.pub').read_text()}")
    document = cutover(regions=REGIONS, sites=SITES, steps=[50, 100]).model_dump(mode="json", by_alias=True)
    file.write_text(json.dumps(document))
    command = [sys.executable, "-m", "runbooks", "cutover", str(file), "--rehearse", "--lasts", "20", "--json"]
    env = {**os.environ, "AUROPS_STORE": str(tmp_path / "store")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    played = json.loads(done.stdout)
    assert played["why_not"] == ""
    for load in played["loads"].values():
        assert load["written"] > 100
        assert (load["not_answered"], load["lost"], load["twice"]) == (0, 0, 0)
    assert len(played["rollbacks_s"]) == 3
