"""`aurops drift` on stacks of three clouds, on the real engine in the lab."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.journal import RecordKind
from aurops.store import open_store
from testbeds.lab.world import World
from tests.engine.fleets import HOME, KEPT, ROOT, SmallFleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.wire import Json

AZURE, STANDBY, GCP = "azure-eastus", "azure-westeurope", "gcp-us-central1"
STACKS = (HOME, AZURE, STANDBY, GCP)
SERVER = "azure-native:dbforpostgresql:Server"
ROLE, KEY, GCP_KEY = "aws:iam/rolePolicy:RolePolicy", "aws:kms/key:Key", "gcp:kms/cryptoKey:CryptoKey"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> SmallFleet:
    """Four stacks of three clouds, up and as they should be."""
    fleet = SmallFleet.make(tmp_path_factory.mktemp("drift"), STACKS, (*KEPT, "account_id"))
    file = fleet.folder / "stacks" / f"Pulumi.{GCP}.yaml"
    document = YAML().load(file)
    del document["config"]["aurops:region"]["database"]  # its standby is none of the four
    YAML().dump(document, file)
    fleet.aurops("up", "--lab")
    return fleet


@pytest.fixture
def fleet(seed: SmallFleet, tmp_path: Path) -> Iterator[SmallFleet]:
    """The same, to be tampered with."""
    with seed.copy(tmp_path).open() as copied:
        yield copied


def drift(fleet: SmallFleet, *arguments: str, code: int) -> dict[str, dict[str, Any]]:
    """The result by stack."""
    told = fleet.aurops("drift", "--lab", "--json", *arguments, code=code)
    return {each["stack"]: each for each in json.loads(told.splitlines()[0])["stacks"]}


def causes(found: dict[str, dict[str, Any]]) -> dict[str, set[tuple[str, str, str]]]:
    """Cause, type and property of every difference, by stack."""
    return {
        stack: {(one["cause"], one["type"], one["key"]) for one in each["drifted"]} for stack, each in found.items()
    }


def change(fleet: SmallFleet, type_: str, region: str, **values: Json) -> None:
    """Change properties of a region's object behind the program's back."""
    with closing(World(fleet.state / "lab" / "world.sqlite")) as world:
        (found,) = world.objects(type_, region=region)[:1]
        for path, value in values.items():
            world.tamper(found.id, path, value, type_=type_)


def swap_roles(fleet: SmallFleet) -> None:
    """What a promotion leaves in the cloud: the source is a replica of what was its replica."""
    with closing(World(fleet.state / "lab" / "world.sqlite")) as world:
        old, new = (world.objects(SERVER, region=region)[0] for region in ("eastus", "westeurope"))
        for server, role, source in ((old, "AsyncReplica", new.id), (new, "Primary", "")):
            world.tamper(server.id, "replicationRole", role, type_=SERVER)
            world.tamper(server.id, "sourceServerResourceId", source, type_=SERVER)


def failed_over(fleet: SmallFleet) -> str:
    """A failover's run in the store, ended."""
    regions = {
        "regions": ["eastus", "westeurope"],
        "lost": "eastus",
        "mode": "forced",
        "fleet": "payments",
        "lab": True,
    }
    journal = begin(open_store(str(fleet.state / "store")), RealClock(), "failover", regions)
    journal.append(RecordKind.DECISION, {"name": "target", "value": "westeurope", "reason": "the most advanced"})
    journal.append(RecordKind.FINISHED, {"outcome": "done"})
    return journal.run


def digest(*folders: Path) -> dict[str, str]:
    """Every file below, by content."""
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_after_up_nothing_drifts_on_any_cloud_and_looking_writes_nothing(fleet: SmallFleet) -> None:
    """Exit 0; neither the state, nor the stack files, nor the work dir are other files afterwards."""
    lab = fleet.state / "lab"
    before = digest(fleet.folder, lab / "state", lab / "work", fleet.state / "store")
    found = drift(fleet, code=0)
    assert set(found) == set(STACKS)
    assert all(each["counts"] == {"gone": 0, "hand": 0, "failover": 0, "noise": 0} for each in found.values())
    assert digest(fleet.folder, lab / "state", lab / "work", fleet.state / "store") == before


def test_each_difference_of_three_clouds_has_its_cause_and_what_mends_it(fleet: SmallFleet) -> None:
    """By hand on two clouds, a deletion, a policy in another spelling, and a swap of roles that the store explains."""
    change(fleet, KEY, "us-east-1", deletionWindowInDays=7)
    change(fleet, GCP_KEY, "", rotationPeriod="1s")
    with closing(World(fleet.state / "lab" / "world.sqlite")) as world:
        policy = world.objects(ROLE)[0]
        spelled = json.dumps(json.loads(str(policy.outputs["policy"])), indent=4)
        world.tamper(policy.id, "policy", spelled, type_=ROLE)
        world.remove(world.objects("aws:ec2/vpcEndpoint:VpcEndpoint")[0].seq)
    swap_roles(fleet)
    run = failed_over(fleet)
    found = drift(fleet, code=1)
    told = causes(found)
    assert ("hand", KEY, "deletionWindowInDays") in told[HOME]
    assert ("gone", "aws:ec2/vpcEndpoint:VpcEndpoint", "") in told[HOME]
    assert {each for each in told[HOME] if each[1] == ROLE} <= {("noise", ROLE, "policy")}
    assert told[GCP] == {("hand", GCP_KEY, "rotationPeriod")}
    assert ("failover", SERVER, "replicationRole") in told[AZURE]
    assert ("failover", SERVER, "replicationRole") in told[STANDBY]
    assert {each[0] for each in (*told[AZURE], *told[STANDBY])} == {"failover"}
    (roles,) = [one for one in found[AZURE]["drifted"] if one["key"] == "replicationRole"]
    assert (roles["before"], roles["after"]) == ('"Primary"', '"AsyncReplica"')
    assert run in roles["why"]
    assert [mend["command"] for mend in roles["mend"]] == ["aurops failback", f"aurops up {AZURE} --refresh"]


def test_what_the_cloud_moves_by_itself_is_no_drift(fleet: SmallFleet) -> None:
    """A disk that grew, which the program leaves to Azure: exit 0, and counted with --diff."""
    change(fleet, SERVER, "eastus", **{"storage.storageSizeGB": 999})
    told = fleet.aurops("drift", AZURE, "--lab", "--diff")
    assert f"{AZURE:<22} as it should be" in told
    assert "Passed over: 1" in told


def test_a_stack_that_fails_hides_no_other(fleet: SmallFleet) -> None:
    """With one stack's state broken the others' answers are there; the exit code is the failure's."""
    change(fleet, GCP_KEY, "", rotationPeriod="1s")
    (broken,) = (fleet.state / "lab" / "state").glob(f"**/stacks/*/{STANDBY}.json")
    state = json.loads(broken.read_text())
    state["checkpoint"]["latest"]["resources"][1]["type"] = ""
    broken.write_text(json.dumps(state))
    told = fleet.aurops("drift", "--lab", code=3)
    assert f"{STANDBY:<22} failed" in told
    assert f"{GCP:<22} 1 by hand" in told
    assert f"stack {STANDBY}" in told
    assert "Traceback" not in told


def test_no_secret_is_shown(fleet: SmallFleet) -> None:
    """Neither the one in the state nor the one that somebody set instead."""
    with closing(World(fleet.state / "lab" / "world.sqlite")) as world:
        server = world.objects(SERVER, region="eastus")[0]
        for path in ("administratorLoginPassword", "tags.connectionString"):
            world.tamper(server.id, path, "hunter2-by-hand", type_=SERVER)
    told = fleet.aurops("drift", AZURE, "--lab", "--diff", code=1)
    assert "hunter2" not in told
    assert 'tags.connectionString: nothing → "[secret]"' in told


def step(fleet: SmallFleet, name: str, *arguments: str) -> tuple[int, str, str]:
    """Run a step of the workflows with the real aurops: its exit code, log, and the job's summary."""
    summary = fleet.state / "summary.md"
    own = {"AUROPS": str(Path(sys.executable).with_name("aurops")), "GITHUB_ACTIONS": "true"}
    env = {**fleet.env(), **own, "GITHUB_STEP_SUMMARY": str(summary)}
    command = ["sh", ROOT / "ci" / "steps" / name, *arguments]
    done = subprocess.run(command, cwd=fleet.folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, summary.read_text() if summary.exists() else ""


def test_the_nightly_step_reports_what_the_step_of_main_takes_back(fleet: SmallFleet) -> None:
    """`ci/steps/drift` fails with the difference in the job's summary; after `ci/steps/up` it passes."""
    change(fleet, GCP_KEY, "", rotationPeriod="1s")
    out = fleet.state / "out"
    code, log, summary = step(fleet, "drift", str(out), GCP, "--lab")
    assert code == 1, log
    assert "::error title=drift::" in log
    assert "## Drift: 1 difference between state and cloud" in summary
    assert json.loads((out / "drift.json").read_text())["stacks"][0]["counts"]["hand"] == 1
    code, log, _ = step(fleet, "up", str(out), "--lab", "--refresh", GCP)
    assert code == 0, log
    assert json.loads((out / "up.json").read_text())["stacks"][0]["counts"]["update"] == 1
    code, log, _ = step(fleet, "drift", str(out), GCP, "--lab")
    assert code == 0, log
    assert "::error" not in log


def test_a_teams_own_row_counts_and_a_wrong_one_is_refused(fleet: SmallFleet) -> None:
    """`ci/drift.yaml` of the repository: what it explains is noise, exit 0; what would silence everything is exit 2."""
    change(fleet, GCP_KEY, "", rotationPeriod="1s")
    (fleet.folder / "ci").mkdir()
    own = {"properties": ["rotationPeriod"], "reason": "r", "source": "s", "since": "2026-11-28", "kind": "cloud"}
    (fleet.folder / "ci" / "drift.yaml").write_text(json.dumps({"rows": [{"type": GCP_KEY, **own}]}))
    told = fleet.aurops("drift", GCP, "--lab", "--diff")
    assert f"{GCP:<22} 1 noise" in told
    assert "rotationPeriod: " in told.partition("Provider noise: 1")[2]
    (fleet.folder / "ci" / "drift.yaml").write_text(json.dumps({"rows": [{"type": "*", **own}]}))
    assert "ci/drift.yaml: rows.0" in fleet.aurops("drift", GCP, "--lab", code=2)
