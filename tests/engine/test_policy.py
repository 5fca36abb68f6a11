"""Policy through the real engine: what keeps each rule, what breaks it, and how the command ends."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import ManualClock
from runbooks.policy import Rules
from runbooks.sites import LAB_HOME
from stacks import program
from stacks.config import load
from stacks.engine import EngineStack, Operation
from stacks.policy import pack as packs
from stacks.preview import preview
from stacks.review import Review
from stacks.site import Site
from testbeds.lab.session import lab_session
from tests.engine import policy_program
from tests.engine.fleets import SmallFleet
from tests.inside import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from stacks.review import Finding

ROOT = Path(__file__).parents[2]
HOME, EU = "aws-us-east-1", "aws-eu-west-1"
PACK = packs.load(ROOT / packs.FOLDER)
RULES = [check.rule.id for check in PACK.checks]
ELSEWHERE = {
    "azure-tls": "tls-minimum",
    "gcp-rights": "no-wildcard-permissions",
    "kubernetes-rights": "no-wildcard-permissions",
}
"""The rule of each case on another cloud."""
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """One stack with what keeps and what breaks every rule, previewed by the engine and judged by our own rules."""
    folder = tmp_path_factory.mktemp("policy")
    today = ManualClock(wall_start=datetime(2026, 11, 28, tzinfo=UTC)).wall().date()
    with pytest.MonkeyPatch.context() as patch, lab_session(ROOT, folder=folder / "lab") as lab:
        site, fleet = Site(lab.work_dir, lab.env, is_lab=True), load(ROOT / "stacks")
        patch.setattr(program, "main", plain(policy_program.before))
        EngineStack(site, HOME).run(Operation.UP)
        patch.setattr(program, "main", plain(policy_program.after))
        review = Rules(PACK, (), today).judged(Review(preview(site, fleet, [HOME])), fleet.stacks)
    gc.collect()
    assert [each.error for each in review.previews] == [None]
    return review


def plain(make: Callable[[], None]) -> Callable[..., None]:
    """A program that takes what the stacks' own takes."""
    return lambda *_, **__: make()


def about(review: Review, name: str) -> list[Finding]:
    """What policy says of a resource."""
    return [each for each in review.findings or () if each.name == name]


@pytest.mark.parametrize("case", [*RULES, *ELSEWHERE])
def test_what_keeps_a_rule_passes_and_what_breaks_it_is_found(case: str, judged: Review) -> None:
    """For every rule, and on every cloud, one resource that keeps it and one that breaks it."""
    rule = ELSEWHERE.get(case, case)
    assert [each.what for each in about(judged, f"good-{case}") if each.rule.id == rule] == []
    (finding,) = [each for each in about(judged, f"bad-{case}") if each.rule.id == rule]
    assert finding.urn.startswith(f"urn:pulumi:{HOME}::")
    assert finding.waiver is None


def test_nothing_that_policy_says_holds_the_secret_of_the_program(judged: Review) -> None:
    """A password that the program gave to two databases is in no finding and in nothing that was declared."""
    told = [each.what for each in judged.findings or ()]
    inputs = [each.inputs for each in judged.previews[0].changes.declared.values()]
    assert "masterPassword" in str(inputs)
    assert "a-secret-of-this-test" not in f"{told}{inputs}{judged.notes}"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A clone with the stack files and the policy of the repository."""
    made = tmp_path / "repo"
    (made / "stacks").mkdir(parents=True)
    for file in (ROOT / "Pulumi.yaml", *(ROOT / "stacks").glob("Pulumi.*.yaml")):
        shutil.copy(file, made / file.relative_to(ROOT))
    shutil.copytree(ROOT / packs.FOLDER, made / packs.FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
    return made


def aurops(repo: Path, lab: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in the clone."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return inside(repo, own | {LAB_HOME: str(lab)}, *arguments)


def rewrite(file: Path, old: str, new: str) -> None:
    """Change a file."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def entry(rule: str, resource: str, until: datetime, stack: str = HOME) -> str:
    """A waiver, as a line of the file."""
    names = f"stacks: [{stack}], resources: [{resource}]"
    return f"  - {{rule: {rule}, {names}, who: platform, why: seen by a test, until: {until.date()}}}\n"


BROKEN = """

def fails(resource):
    if resource.type == "aws:eks/cluster:Cluster":
        raise KeyError("region")
    return ()


CHECKS = (*CHECKS, Check(Rule("broken", "t", "w", "m", "c"), alone=fails))
"""


def test_the_command_says_what_breaks_a_rule_and_ends_with_1(repo: Path, home_seed: Path, tmp_path: Path) -> None:
    """Edited stack file, a waived loss, an expired and a stale waiver, a rule that fails: all are told, exit 1."""
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    file = repo / "stacks" / f"Pulumi.{HOME}.yaml"
    rewrite(file, "name: ledger", "name: journal")
    rewrite(file, "replicas_per_shard: 2", "replicas_per_shard: 2\n      snapshot_retention_days: 2")
    for other in (EU, "aws-ap-southeast-1"):
        rewrite(repo / "stacks" / f"Pulumi.{other}.yaml", "name: ledger", "name: journal")
    rewrite(file, "retention_years: 7", "retention_years: 3")
    now, folder = datetime.now(UTC), repo / packs.FOLDER
    with (folder / "waivers.yaml").open("a") as waivers:
        waivers.write(entry("keeps-data", "payments-db-global", now + timedelta(days=1)))
        waivers.write(entry("backup-age", "payments-cache-group", now - timedelta(days=1)))
        waivers.write(entry("backup-age", "payments-gone", now + timedelta(days=1)))
        waivers.write(entry("backup-age", "payments-cache-group", now + timedelta(days=1), "aws-mars-1"))
    with (folder / "__init__.py").open("a") as pack:
        pack.write(f"\nfrom stacks.policy.rules import Check\nfrom stacks.review import Rule\n{BROKEN}")
    done = aurops(repo, lab, "preview", "--lab", "--json", "--policy", HOME)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    found: dict[tuple[str, str], Any] = {(each["rule"]["id"], each["name"]): each for each in told["findings"]}
    assert found["backup-age", "payments-cache-group"]["what"] == "snapshotRetentionLimit is 2; wanted: 7 days or more"
    assert found["backup-age", "payments-cache-group"]["waiver"] is None
    assert "years is 3" in found["archive-retention", "payments-archive-main"]["what"]
    assert found["keeps-data", "payments-db-global"]["waiver"]["who"] == "platform"
    assert found["customer-key", "payments-web-logs"]["waiver"]["until"] == "2027-06-30"
    assert "KeyError: 'region' (ci/policy/__init__.py" in found["rule-failed", "payments-nodes-cluster"]["what"]
    stale = sorted(each["what"] for each in told["findings"] if each["rule"]["id"].startswith("waiver-"))
    assert [text.rpartition(": ")[2] for text in stale] == [
        f"it ended on {(now - timedelta(days=1)).date()}",
        "there is no stack 'aws-mars-1'",
        "the stack has no 'payments-gone'",
    ]
    assert "against policy" in done.stderr
    assert "Traceback" not in done.stderr


def test_stacks_that_keep_the_policy_end_with_0(repo: Path, home_seed: Path, tmp_path: Path) -> None:
    """The repository's own home, which is up, and a secondary that is new: what is waived is told, and nothing else.

    Of the new one much is known only after an `up`: that is said, and is no violation.
    """
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    done = aurops(repo, lab, "preview", "--lab", "--policy", HOME, EU)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 against policy, 3 waived" in done.stdout
    assert "Policy cannot judge yet what only an `up` will tell" in done.stdout


@pytest.mark.campaign
def test_all_stacks_of_the_repository_keep_its_policy(repo: Path, tmp_path: Path) -> None:
    """All 13 through the engine: judged as new, brought up in waves, then judged with every value known."""
    new = aurops(repo, tmp_path / "lab", "preview", "--lab", "--policy")
    assert new.returncode == 0, new.stdout + new.stderr
    up = aurops(repo, tmp_path / "lab", "up", "--lab", "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    done = aurops(repo, tmp_path / "lab", "preview", "--lab", "--policy", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["stacks"]) == 13
    assert all(each["waiver"] for each in told["findings"])
    assert not [note for note in told["notes"] if "olicy" in note or "waiver" in note]


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("waivers.yaml", "schema: 1\nwaivers: [{rule: x}]\n", "'stacks' is missing"),
        ("settings.py", "LONGEST_WAIVER_DAYS = (\n", "SyntaxError"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_before_anything_is_previewed(
    file: str, text: str, says: str, repo: Path, tmp_path: Path
) -> None:
    """Exit 2 with file and line or key; no lab was opened for it."""
    (repo / packs.FOLDER / file).write_text(text)
    done = aurops(repo, tmp_path / "lab", "preview", "--lab", "--policy", HOME)
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert f"{packs.FOLDER}/{file}" in done.stderr
    assert not (tmp_path / "lab").exists()


TELLS = """
def tells(resource):
    if resource.type == "aws:secretsmanager/secretVersion:SecretVersion":
        yield f"it says {shown(resource.at('secretStringWo'))}"
    if resource.type == "aws:rds/subnetGroup:SubnetGroup":
        raise KeyError("subnets")


CHECKS = (*CHECKS, Check(Rule("tells", "It tells everything.", "w", "m", "c"), alone=tells))
"""


@pytest.mark.skipif(
    shutil.which("pulumi-language-python") is None,
    reason="no `pulumi-language-python` on PATH: it is part of Pulumi's official release",
)
def test_the_same_rules_under_the_engines_own_policy_host(tmp_path: Path) -> None:
    """`pulumi preview --policy-pack ci/policy`: passes, then refuses; waived is advice; a secret is not told."""
    parts = ("schema", "fleet", "cloud", "region", "home", "tags", "network", "database", "cache")
    small = SmallFleet.make(tmp_path, (HOME,), parts)
    shutil.copy(ROOT / "stacks" / "__main__.py", small.folder / "stacks")
    folder = small.folder / packs.FOLDER
    shutil.copytree(ROOT / packs.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (small.folder / ".venv").symlink_to(sys.prefix)
    (folder / "waivers.yaml").unlink()
    preview_it = f"pulumi preview --color never --stack {HOME} --policy-pack {folder}"
    kept = fleet_shell(small, f"pulumi stack init {HOME} && {preview_it}")
    assert kept.returncode == 0, kept.stdout
    assert "not judged yet, because only an up will tell" in kept.stdout
    file = small.folder / "stacks" / f"Pulumi.{HOME}.yaml"
    rewrite(file, "replicas_per_shard: 2", "replicas_per_shard: 2\n      snapshot_retention_days: 2")
    rewrite(file, "home: us-east-1", "home: us-east-1\n    protect: false")
    allowed = entry("backup-age", "payments-cache-group", datetime.now(UTC) + timedelta(days=1))
    gone = entry("backup-age", "payments-gone", datetime.now(UTC) + timedelta(days=1))
    (folder / "waivers.yaml").write_text(f"schema: 1\nwaivers:\n{allowed}{gone}")
    with (folder / "__init__.py").open("a") as pack:
        pack.write("\nfrom stacks.policy.rules import Check\nfrom stacks.policy.values import shown\n")
        pack.write(f"from stacks.review import Rule\n\n{TELLS}")
    broken = fleet_shell(small, preview_it)
    assert broken.returncode != 0
    assert "[mandatory]  deletion-protection  (aws:rds:Cluster: payments-db-cluster)" in broken.stdout
    assert "deletionProtection is false; wanted: true; the engine's protection is off" in broken.stdout
    assert "[advisory]  waived  (aws:elasticache:ReplicationGroup: payments-cache-group)" in broken.stdout
    assert "backup-age: snapshotRetentionLimit is 2; wanted: 7 days or more; waived by platform until" in broken.stdout
    assert "[mandatory]  backup-age" not in broken.stdout
    assert "it says [secret]" in broken.stdout
    assert "rule tells failed on it: KeyError: 'subnets' (ci/policy/__init__.py, line" in broken.stdout
    assert "the stack has no 'payments-gone'" in broken.stdout
    assert "Traceback" not in broken.stdout


def fleet_shell(fleet: SmallFleet, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in the fleet's lab."""
    command = [sys.executable, "-m", "runbooks", "lab", "run", "--", "sh", "-ec", f"{script} 2>&1"]
    return subprocess.run(command, cwd=fleet.folder, env=fleet.env(), capture_output=True, text=True, check=False)
