"""The workflows: what they may do, what they may not, and that each step is a script that tests run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "ci" / "github"
WORKFLOWS = sorted(file for file in GITHUB.glob("*.yml") if file.name != "zizmor.yml")
ACTIONS = [*WORKFLOWS, *GITHUB.glob("*/action.yml")]

VERIFIED = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1 v7.0.1",
    "actions/cache": "27d5ce7f107fe9357f9df03efb73ab90386fccae v5.0.5",
    "actions/upload-artifact": "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a v7.0.1",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c v8.0.1",
    "aws-actions/configure-aws-credentials": "e1253824e5c10ff9df46874f81ed3ec929e19cfd v6.3.0",
    "azure/login": "a641126d1b8aa4d1fa005f4f92df94a3a4c4c906 v3.1.0",
    "google-github-actions/auth": "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093 v3.0.0",
    "github/codeql-action/upload-sarif": "0d579ffd059c29b07949a3cce3983f0780820c98 v4.32.6",
}
"""Commit and version of each action as public workflows of others pin them, looked up on 2026-11-28."""

WRITES = {
    ("preview.yml", "cloud", "id-token"),
    ("preview.yml", "scanning", "security-events"),
    ("comment.yml", "comment", "pull-requests"),
    ("up.yml", "plan", "id-token"),
    ("up.yml", "up", "id-token"),
    ("drift.yml", "drift", "id-token"),
}
"""Every right to write that any job has."""


def read(file: Path) -> dict[str, Any]:
    """A workflow; YAML 1.2, so that `on` is no truth value."""
    document: dict[str, Any] = YAML(typ="safe").load(file)
    return document


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Workflow, name and content of every job."""
    for file in WORKFLOWS:
        for name, job in read(file)["jobs"].items():
            yield file.name, name, job


def steps(file: Path) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or a composite action."""
    document = read(file)
    if "runs" in document:
        yield from document["runs"]["steps"]
    for job in document.get("jobs", {}).values():
        yield from job["steps"]


@pytest.mark.parametrize("file", ACTIONS, ids=lambda file: str(file.relative_to(GITHUB)))
def test_every_action_is_pinned_by_a_commit_that_was_looked_up(file: Path) -> None:
    """By all forty digits, with the version beside it; another pin must be looked up first."""
    for line in re.findall(r"uses: (.+)", file.read_text()):
        if line.startswith("./"):
            assert (ROOT / line / "action.yml").is_file()
            continue
        found = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v[\d.]+)", line)
        assert found, line
        assert VERIFIED[found[1]] == f"{found[2]} {found[3]}"


@pytest.mark.parametrize("file", ACTIONS, ids=lambda file: str(file.relative_to(GITHUB)))
def test_a_step_runs_one_script_and_nothing_is_pasted_into_a_shell(file: Path) -> None:
    """No inline program, and no expression in a command: what others chose comes as a variable of the environment."""
    for step in steps(file):
        command = step.get("run", "")
        assert "${{" not in command
        if command:
            script = re.fullmatch(r'sh (ci/steps/[\w-]+)( [\w"$ .-]+)?', command)
            assert script, command
            assert os.access(ROOT / script[1], os.X_OK)


def test_nothing_may_write_but_what_is_named_here() -> None:
    """A workflow has no right of its own, a job only those that it lists; a pull request's code can write nowhere."""
    for file in WORKFLOWS:
        assert read(file)["permissions"] == {}
    writes = set()
    for workflow, name, job in jobs():
        rights = job["permissions"]
        assert set(rights.values()) <= {"read", "write"}
        writes |= {(workflow, name, right) for right, what in rights.items() if what == "write"}
    assert writes == WRITES


def test_a_pull_request_never_runs_with_the_repositorys_rights() -> None:
    """`pull_request_target` nowhere; what runs after it checks out the default branch and none of its commits."""
    for file in WORKFLOWS:
        assert "pull_request_target" not in read(file)["on"]
        for step in steps(file):
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
                assert set(step["with"]) <= {"persist-credentials", "fetch-depth"}


def test_only_our_own_branches_reach_a_cloud_and_only_main_may_write_there() -> None:
    """Forks and Dependabot stay in the lab; each cloud is reached in an environment, `up` in the one with reviewers."""
    reach = {(workflow, name): job for workflow, name, job in jobs() if "id-token" in job["permissions"]}
    for (workflow, name), job in reach.items():
        assert job["environment"] == ("production" if (workflow, name) == ("up.yml", "up") else "preview")
    for name in ("cloud", "scanning"):
        condition = read(GITHUB / "preview.yml")["jobs"][name]["if"]
        assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
        assert "dependabot[bot]" in condition
    assert read(GITHUB / "up.yml")["on"]["push"]["branches"] == ["main"]
    for name in ("plan", "up"):
        assert "github.ref == 'refs/heads/main'" in read(GITHUB / "up.yml")["jobs"][name]["if"]
    commands = [step.get("run", "") for key, job in reach.items() if key != ("up.yml", "up") for step in job["steps"]]
    assert not any("ci/steps/up" in command for command in commands)


def test_secrets_and_variables_reach_only_the_step_that_needs_them() -> None:
    """None stands where a whole job or workflow would see it."""
    for file in WORKFLOWS:
        document = read(file)
        for place in (document, *document["jobs"].values()):
            assert "secrets." not in str(place.get("env", ""))


def test_every_job_ends_and_two_of_a_kind_do_not_run_side_by_side() -> None:
    """A time limit each; a newer push replaces a preview, and never interrupts what changes a cloud."""
    for workflow, name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 360, (workflow, name)
    groups = {file.name: read(file).get("concurrency") for file in WORKFLOWS}
    assert groups.pop("up.yml") is None
    assert read(GITHUB / "up.yml")["jobs"]["up"]["concurrency"]["cancel-in-progress"] is False
    assert {name: group["cancel-in-progress"] for name, group in groups.items()} == {
        "preview.yml": True,
        "comment.yml": True,
        "drift.yml": False,
        "drill.yml": False,
    }
    assert len({group["group"] for group in groups.values()}) == len(groups)


def test_what_changes_a_cloud_restores_no_cache() -> None:
    """What another run has written there would be executed with the rights of this one."""
    for step in (step for job in read(GITHUB / "up.yml")["jobs"].values() for step in job["steps"]):
        assert "actions/cache" not in str(step.get("uses", ""))


def test_the_workflows_are_put_where_github_runs_them(tmp_path: Path) -> None:
    """Copies, byte for byte; a second time nothing is written; `--check` says when one is old."""
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "github").symlink_to(GITHUB)
    copy = tmp_path / "install"
    copy.write_text((GITHUB / "install").read_text().replace('cd "$(dirname "$0")/../.."', f'cd "{tmp_path}"'))

    def install(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", copy, *options], capture_output=True, text=True, check=False)

    assert install("--check").returncode == 1
    assert (install("--chek").returncode, (tmp_path / ".github").exists()) == (2, False)
    assert install().returncode == 0
    installed = tmp_path / ".github" / "workflows"
    assert {file.name: file.read_bytes() for file in installed.iterdir()} == {
        file.name: file.read_bytes() for file in WORKFLOWS
    }
    again = install()
    assert (again.returncode, again.stdout) == (0, "")
    assert install("--check").returncode == 0
    (installed / "drift.yml").write_text("old")
    old = install("--check")
    assert old.returncode == 1
    assert ".github/workflows/drift.yml is not ci/github/drift.yml" in old.stdout
