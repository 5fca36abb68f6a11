"""`aurops preview --lab --since REV` on the real engine: one small repository, one cache, for the whole file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.caches import CACHE_HOME
from aurops.clock import RealClock
from aurops.processes import read_stat
from testbeds.lab.session import lab_session
from tests.engine.fleets import EU, HOME, SmallFleet
from tests.inside import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PACKAGES = ("aurops", "components", "failover", "migration", "runbooks", "stacks", "testbeds", "traffic")
WHO = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
SALT = "v1:8FCEA4srcNc=:v1:Y/H++SETac7ch/Cz:ChnVoGHtI5E5R8zsDnKHUJuYz9zH2A=="
SINCE = ("--lab", "--since", "HEAD", "--json")
pytestmark = pytest.mark.timeout(400)


def told(ended: int, out: str, err: str, code: int) -> dict[str, Any]:
    """What a preview said as data, and `said` on stderr."""
    assert ended == code, f"exit {ended}\n{out}\n{err}"
    assert "Traceback" not in err
    found: dict[str, Any] = json.loads(out) if out else {}
    return found | {"said": err}


@dataclass(frozen=True)
class Clone:
    """A git repository with stack files, and the cache that all tests share."""

    folder: Path
    cache: Path

    def git(self, *arguments: str) -> str:
        """Run git."""
        command = ["git", "-C", self.folder, *WHO, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self) -> None:
        """Commit all that is there."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def edit(self, old: str, new: str, *stacks: str) -> None:
        """Change stack files."""
        for stack in stacks:
            file = self.folder / "stacks" / f"Pulumi.{stack}.yaml"
            assert old in file.read_text()
            file.write_text(file.read_text().replace(old, new))

    def env(self, site: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of every command: a site's, or one without a backend."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AUROPS_"))}
        return dict(site or own) | {CACHE_HOME: str(self.cache), "NO_COLOR": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a preview in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "runbooks", "preview", *arguments],
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def preview(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Preview what is there against the last commit in the lab; what it said as data, and `said` on stderr."""
        done = inside(self.folder, self.env(), "preview", *SINCE, *arguments)
        return told(done.returncode, done.stdout, done.stderr, code)

    def preview_by_its_own(self, *arguments: str) -> dict[str, Any]:
        """The same by the program that the clone has."""
        process = self.start(*SINCE, *arguments)
        out, err = process.communicate(timeout=300)
        return told(process.returncode, out, err, 0)

    def labs(self) -> list[Path]:
        """The labs that the cache holds."""
        return sorted(self.cache.glob("baselines/*/lab-*"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Two regions, committed; stack files alone: the program is that of the aurops which runs."""
    root = tmp_path_factory.mktemp("since")
    clone = Clone(SmallFleet.make(root).folder, root / "cache")
    # What the engine writes when a stack is made with somebody's passphrase, which the lab does not know.
    home = clone.folder / "stacks" / f"Pulumi.{HOME}.yaml"
    home.write_text(f"{home.read_text()}\nencryptionsalt: {SALT}\n")
    clone.git("init", "-q", "-b", "main")
    clone.commit()
    return clone


@pytest.fixture
def clone(origin: Clone, tmp_path: Path) -> Clone:
    """A clone of one's own, with the cache of all."""
    return Clone(shutil.copytree(origin.folder, tmp_path / "clone"), origin.cache)


@pytest.fixture(scope="module")
def cold(origin: Clone, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The first preview of all: the home region's database gets another name, and nothing is in the cache."""
    folder = shutil.copytree(origin.folder, tmp_path_factory.mktemp("cold") / "clone")
    first = Clone(folder, origin.cache)
    first.edit("name: ledger", "name: journal", HOME)
    before = first.git("status", "--porcelain=v2")
    found = first.preview("--fail-on", "stateful-replace", code=1)
    assert first.git("status", "--porcelain=v2") == before
    return found


def test_a_fork_without_an_account_sees_a_replacement(cold: dict[str, Any]) -> None:
    """Against the revision as it would be up; what stays the same is left out; files and index stay as they are."""
    (home,) = cold["stacks"]
    assert (home["stack"], home["is_new"], cold["left_out"]) == (HOME, False, [EU])
    group = next(each for each in home["changes"] if each["name"] == "payments-db-global")
    assert (group["op"], group["protected"], group["replaces"]) == ("replace", True, ["databaseName"])
    assert home["losses"] == [group["urn"]]
    assert home["counts"]["create"] == 0
    assert (cold["baseline"]["revision"], cold["baseline"]["is_warm"]) == ("HEAD", False)
    assert any(f"{EU} is left out and reads {HOME}" in note for note in cold["notes"])


def test_a_recording_exports_what_the_stack_exports_once_it_is_up(cold: dict[str, Any], origin: Clone) -> None:
    """What stacks read of each other is, while they are recorded, what the engine's `up` in the lab gives."""
    assert cold["baseline"]["is_warm"] is False
    entries = (json.loads(file.read_text()) for file in origin.cache.glob("baselines/*/entry.json"))
    entry = next(each for each in entries if each["lab"] and HOME in each["lab"]["up"])
    (state,) = origin.cache.glob(f"baselines/*/{entry['lab']['name']}/state/.pulumi/stacks/aurops/{HOME}.json")
    resources = json.loads(state.read_text())["checkpoint"]["latest"]["resources"]
    (root,) = (each for each in resources if each["type"] == "pulumi:pulumi:Stack")
    assert root["outputs"] == entry["recording"]["exports"][HOME]
    recorded = {each["urn"] for each in entry["recording"]["stacks"][HOME]["resources"]}
    assert recorded == {each["urn"] for each in resources if each["custom"]}


def test_the_second_command_finds_the_first_ones_baseline(cold: dict[str, Any], clone: Clone) -> None:
    """The same answer, with nothing brought up."""
    clone.edit("name: ledger", "name: journal", HOME)
    warm = clone.preview()
    assert warm["baseline"]["is_warm"] is True
    assert "bringing" not in warm["said"]
    assert [each["losses"] for each in warm["stacks"]] == [each["losses"] for each in cold["stacks"]]


@pytest.mark.campaign  # what a broken entry is taken for: tests/stacks/revision/test_cache.py
def test_what_a_bit_of_the_cache_has_lost_is_made_again(cold: dict[str, Any], clone: Clone) -> None:
    """The same answer once more, from a lab that is brought up anew."""
    clone.edit("name: ledger", "name: journal", HOME)
    clone.preview()
    (lab,) = clone.labs()
    (lab / "world.sqlite").write_bytes(b"not what it was")
    mended = clone.preview()
    assert mended["baseline"]["is_warm"] is False
    assert [each["losses"] for each in mended["stacks"]] == [each["losses"] for each in cold["stacks"]]


def test_where_policy_differs_every_stack_is_judged(clone: Clone) -> None:
    """A stricter rule alone changes no graph; with `--policy` each stack is previewed and judged by it, exit 1."""
    shutil.copytree(ROOT / "ci" / "policy", clone.folder / "ci" / "policy")
    (clone.folder / "ci" / "policy" / "waivers.yaml").unlink()
    clone.commit()
    kept = clone.preview("--policy", HOME)
    assert (kept["left_out"], kept["findings"]) == ([HOME], [])
    assert any(f"Policy was not asked about {HOME}" in note for note in kept["notes"])
    rules = clone.folder / "ci" / "policy" / "settings.py"
    rules.write_text(rules.read_text().replace("BACKUP_DAYS: Final = 7", "BACKUP_DAYS: Final = 30"))
    found = clone.preview("--policy", HOME, code=1)
    # The secret's copy in the other region has no key of ours, which the repository's own waiver allows.
    assert [each["rule"]["id"] for each in found["findings"]] == ["customer-key", "backup-age"]
    assert any("every stack is previewed" in note for note in found["notes"])
    assert found["judges"] == ["ci/policy/settings.py"]


def test_a_removed_stack_is_a_danger_and_an_added_one_is_new(clone: Clone) -> None:
    """What holds data in it is named as orphaned, and `--fail-on` says no; the other way round it is only new."""
    file = clone.folder / "stacks" / f"Pulumi.{EU}.yaml"
    text = file.read_text()
    file.unlink()
    removed = clone.preview("--fail-on", "stateful-replace", code=1)
    assert removed["removed"] == [EU]
    assert {each["type"] for each in removed["orphans"]} >= {"aws:rds/cluster:Cluster"}
    assert all(each["stack"] == EU for each in removed["orphans"])
    assert "orphaned" in removed["said"]
    clone.commit()
    file.write_text(text)
    added = {each["stack"]: each for each in clone.preview(EU)["stacks"]}
    assert added[EU]["is_new"]
    assert added[EU]["counts"]["create"] > 10


@pytest.mark.campaign  # which of two programs it is that fails: test_program_errors.py
def test_a_revision_whose_program_fails_is_no_baseline_and_is_said(clone: Clone) -> None:
    """Its stacks are previewed as new, with the reason; the other way round it is the preview's own failure."""
    clone.edit("region: us-east-1", "region: us-moon-1", HOME)
    clone.commit()
    shutil.copyfile(clone.folder / "stacks" / f"Pulumi.{HOME}.yaml", clone.folder / "broken")
    clone.git("checkout", "-q", "HEAD~1", "--", "stacks")
    found = clone.preview(HOME)
    (home,) = found["stacks"]
    assert (home["is_new"], home["error"]) == (True, None)
    assert any(note.startswith(f"{HOME}: no baseline, its program fails at the revision") for note in found["notes"])
    shutil.copyfile(clone.folder / "broken", clone.folder / "stacks" / f"Pulumi.{HOME}.yaml")
    assert f"stacks/Pulumi.{HOME}.yaml" in clone.preview(code=2)["said"]


def test_without_the_lab_what_is_up_is_what_counts(cold: dict[str, Any], clone: Clone, tmp_path: Path) -> None:
    """Only what differs is previewed, against the backend that is configured: here one in which nothing is up."""
    assert cold["left_out"] == [EU]
    clone.edit("name: ledger", "name: journal", HOME)
    clone.edit(f"encryptionsalt: {SALT}", "", HOME)  # this backend has another passphrase
    with lab_session(clone.folder, folder=tmp_path / "lab") as lab:
        done = inside(clone.folder, clone.env(lab.env), "preview", "--since", "HEAD", "--refresh", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(each["stack"], each["is_new"]) for each in found["stacks"]] == [(HOME, True)]
    assert found["left_out"] == [EU]
    assert "bringing" not in done.stderr


def test_a_change_of_documents_takes_no_look_at_all(clone: Clone) -> None:
    """Everything is left out, and nothing is recorded."""
    (clone.folder / "docs").mkdir()
    (clone.folder / "docs" / "why.md").write_text("because")
    found = clone.preview()
    assert (found["stacks"], found["left_out"]) == ([], [EU, HOME])
    assert "recording" not in found["said"]


def test_an_unknown_revision_names_the_way_on(clone: Clone) -> None:
    """Exit 2."""
    done = inside(clone.folder, clone.env(), "preview", "--lab", "--since", "origin/main")
    assert done.returncode == 2
    assert "there is no revision 'origin/main'" in done.stderr


def children(parent: int) -> Iterator[int]:
    """The processes that a process has started."""
    for entry in Path("/proc").glob("[0-9]*"):
        stat = read_stat(int(entry.name))
        if stat and stat.alive and stat.parent == parent:
            yield stat.process.pid


def test_an_interrupt_leaves_nothing_half_made(clone: Clone) -> None:
    """While stacks come up: exit 130, every process it started has ended, no lab is kept, no scratch folder is left."""
    clone.edit("fleet: payments", "fleet: orders", HOME, EU)
    clone.commit()
    clone.edit("name: ledger", "name: journal", HOME)
    before = clone.labs()
    process = clone.start("--lab", "--since", "HEAD")
    assert process.stderr
    for line in process.stderr:
        if "bringing" in line:
            break
    started = list(children(process.pid))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    deadline_s = RealClock().now_s() + 20
    while any((stat := read_stat(pid)) and stat.alive for pid in started):
        assert RealClock().now_s() < deadline_s
        RealClock().sleep(0.05)
    assert clone.labs() == before
    assert list((clone.cache / "scratch").iterdir()) == []


@pytest.mark.campaign
def test_two_commands_at_once_make_one_baseline(clone: Clone) -> None:
    """The second waits for the first and then uses its work; both say the same."""
    clone.edit("fleet: payments", "fleet: billing", HOME, EU)
    clone.commit()
    clone.edit("name: ledger", "name: journal", HOME)
    both = [clone.start("--lab", "--since", "HEAD", "--json") for _ in range(2)]
    told = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    first, second = ([each["losses"] for each in json.loads(out)["stacks"]] for out, _ in told)
    assert first == second
    assert sum("waiting for it" in err for _, err in told) == 1
    assert sum("bringing" in err for _, err in told) == 1
    assert list((clone.cache / "scratch").iterdir()) == []


def test_another_version_of_the_program_runs_as_it_was(origin: Clone, tmp_path: Path) -> None:
    """The revision's own model and program read its own files, which today's would refuse; both sides are compared."""
    clone = Clone(tmp_path / "whole", origin.cache)
    shutil.copytree(origin.folder, clone.folder, ignore=shutil.ignore_patterns(".git"))
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml")
        shutil.copytree(ROOT / package, clone.folder / package, ignore=ignored, dirs_exist_ok=True)
    model = clone.folder / "stacks" / "model.py"
    today = model.read_text()
    assert "SCHEMA = 1\n" in today
    model.write_text(today.replace("SCHEMA = 1\n", "SCHEMA = 7\n"))
    clone.edit("schema: 1", "schema: 7", HOME, EU)
    (clone.folder / ".gitignore").write_text("__pycache__/\n")
    clone.git("init", "-q", "-b", "main")
    clone.commit()
    model.write_text(today)
    clone.edit("schema: 7", "schema: 1", HOME, EU)
    assert clone.preview_by_its_own()["left_out"] == [EU, HOME]
    database = clone.folder / "components" / "database" / "aws.py"
    text = database.read_text()
    head, protection, tail = text.rpartition("deletion_protection=")
    assert "aws.rds.Cluster(" in head
    database.write_text(f"{head}apply_immediately=True, {protection}{tail}")
    found = clone.preview_by_its_own(HOME)
    assert [each["stack"] for each in found["stacks"]] == [HOME]
    assert {each["op"] for each in found["stacks"][0]["changes"]} == {"update"}
