"""The scripts of the workflows: what they ask of aurops, and what they make of its answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ci.fake_github import FakeGitHub, fake_github

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STEPS = ROOT / "ci" / "steps"
INJECTED = "::add-mask::everything\n##[error]mine"
STAND_IN = """\
#!/bin/sh
printf '%s\\n' "$@" > "$ASKED"
printf '%s\\n' "$SAYS" >&2
printf '{"answer": 1}\\n'
while [ $# -gt 1 ]; do
    case $1 in --markdown | --full-report | --sarif | --report) echo "written by $1" > "$2" ;; esac
    shift
done
exit "$CODE"
"""


@dataclass(frozen=True)
class Step:
    """A step that has run.

    Args:
        code: Its exit code.
        log: What it said.
        summary: What it wrote into the job's summary.
        asked: The arguments that aurops was called with; None: it was not called.
    """

    code: int
    log: str
    summary: str
    asked: list[str] | None


def run(folder: Path, name: str, *arguments: str, code: int = 0, says: str = "", **more: str) -> Step:
    """Run a step where aurops is a stand-in, as a runner does."""
    command, asked, summary = (folder / each for each in ("aurops", "asked", "summary.md"))
    command.write_text(STAND_IN)
    command.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "AUROPS": str(command), "ASKED": str(asked), "SAYS": says, "CODE": str(code)}
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "FLEET": "no", **more}
    done = subprocess.run(
        ["sh", STEPS / name, *arguments], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return Step(
        done.returncode,
        done.stdout,
        summary.read_text() if summary.exists() else "",
        asked.read_text().splitlines() if asked.exists() else None,
    )


STORE = {"AUROPS_STORE": "s3://runs/payments"}
CALLS = {
    "preview": ("lab", "HEAD^1", "out"),
    "up": ("out",),
    "drift": ("out",),
    "drill": ("out", "--fault", "freeze"),
}
MEANINGS = {
    0: "",
    1: "::error title=",
    2: "wrong usage or configuration, or a program that fails",
    3: "something outside is missing or in the way",
    4: "a person decides",
    70: "a bug in aurops",
    143: "stopped (exit 143)",
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("code", MEANINGS)
def test_each_answer_of_aurops_is_told_and_passed_on(tmp_path: Path, name: str, code: int) -> None:
    """0 to 4, a bug, a signal: the step ends with the same code, and says in the log and the summary what it means."""
    step = run(tmp_path, name, *CALLS[name], code=code, **STORE)
    assert step.code == code
    assert MEANINGS[code] in step.log
    if code:
        assert f"**{name}:**" in step.summary
    else:
        assert "::error" not in step.log


@pytest.mark.parametrize("name", CALLS)
def test_what_aurops_says_is_no_command_to_the_runner(tmp_path: Path, name: str) -> None:
    """It may quote a pull request: GitHub's commands are off, under a word nobody can guess, until it has ended."""
    first, second = (run(tmp_path, name, *CALLS[name], code=1, says=INJECTED, **STORE) for _ in range(2))
    for step in (first, second):
        before, _, rest = step.log.partition("::stop-commands::")
        token, _, rest = rest.partition("\n")
        said, _, after = rest.partition(f"::{token}::\n")
        assert len(token) == 32
        assert INJECTED in said
        assert "add-mask" not in before + after
        assert after.startswith("::error")
    assert first.log.split("::stop-commands::")[1][:32] != second.log.split("::stop-commands::")[1][:32]


def help_of(command: str) -> set[str]:
    """The options that a command of the real aurops has."""
    aurops = Path(sys.executable).with_name("aurops")
    done = subprocess.run([aurops, command, "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"--[a-z][a-z-]+", done.stdout))


@pytest.mark.parametrize(("name", "command"), [("up", "up"), ("drift", "drift"), ("drill", "failover-test")])
def test_a_step_asks_for_nothing_that_aurops_does_not_know(tmp_path: Path, name: str, command: str) -> None:
    """Every option is one of the real command's."""
    step = run(tmp_path, name, *CALLS[name], **STORE)
    assert step.asked is not None
    assert step.asked[0] == command
    assert {each for each in step.asked if each.startswith("--")} <= help_of(command)


def test_a_preview_asks_for_policy_and_leaves_comment_report_and_findings(tmp_path: Path) -> None:
    """Compared with the base in the lab; with what is up, it names no revision."""
    step = run(tmp_path, "preview", "lab", "HEAD^1", "out", REPORT_URL="https://ci.example/1")
    assert step.asked is not None
    assert step.asked[:6] == ["preview", "--lab", "--since", "HEAD^1", "--policy", "--json"]
    known = help_of("preview")
    assert {each for each in step.asked if each.startswith("--")} <= known
    assert step.asked[-2:] == ["--full-report-url", "https://ci.example/1"]
    out = tmp_path / "out"
    assert {file.name for file in out.iterdir()} == {
        "comment.md",
        "whole.md",
        "policy.sarif",
        "review.json",
        "exit-code",
    }
    assert (out / "exit-code").read_text() == "0\n"
    assert json.loads((out / "review.json").read_text()) == {"answer": 1}
    assert "written by --markdown" in step.summary
    for base, since in (("HEAD^1", True), ("-", False)):
        cloud = run(tmp_path, "preview", "cloud", base, "out")
        assert cloud.asked is not None
        assert ("--lab" in cloud.asked, "--since" in cloud.asked) == (False, since)
    assert run(tmp_path, "preview", "moon", "-", "out").code == 2


def test_up_refuses_a_store_that_would_go_with_the_runner(tmp_path: Path) -> None:
    """Exit 2, nothing was called: the journal is what a run is resumed from."""
    for url in ("", "file:///srv/store", "/srv/store", "memory://"):
        step = run(tmp_path, "up", "out", AUROPS_STORE=url)
        assert (step.code, step.asked) == (2, None)
        assert "AUROPS_STORE must be" in step.log


def test_a_held_run_is_gone_on_with_by_its_id_alone(tmp_path: Path) -> None:
    """What a person types into the form is an id, or it is refused before anything is called."""
    step = run(tmp_path, "up", "out", "--resume", "20261128T224210Z-up-6a35", **STORE)
    assert step.asked == ["runs", "resume", "20261128T224210Z-up-6a35"]
    (tmp_path / "asked").unlink()
    for evil in ("", "--help", "a b", "$(id)", "a;b", "../x", "a\nb"):
        step = run(tmp_path, "up", "out", "--resume", evil, **STORE)
        assert (step.code, step.asked) == (2, None), evil


def test_the_key_of_a_cache_is_the_tree_that_is_compared_with(tmp_path: Path) -> None:
    """The same files, the same key, whatever the commit; a clone without the revision is told why."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", tmp_path, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for message in ("one", "two"):
        (tmp_path / "file").write_text("same")
        git("add", "file")
        git(*who, "commit", "-q", "--allow-empty", "-m", message)
    output = tmp_path / "output"
    for revision in ("HEAD", "HEAD^1"):
        assert run(tmp_path, "keys", revision, GITHUB_OUTPUT=str(output)).code == 0
    first, second = output.read_text().splitlines()
    assert first == second == f"tree={git('rev-parse', 'HEAD^{tree}')}"
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["sh", STEPS / "keys", "v0.0"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "fetch-depth: 0" in done.stderr


GH = """\
#!/bin/sh
printf '%s\\n' "$@" >> "$GH_ASKED"
case "$1 $*" in
    api*runs/4711/jobs*"$FAILED_JOB"*) printf 'failure\\n' ;;
    api*runs/4711/jobs*) printf 'skipped\\n' ;;
    pr*) printf '%s\\n' "$NUMBER" ;;
    *) exit 1 ;;
esac
"""


def comment(
    folder: Path,
    github: FakeGitHub,
    *,
    number: str = "7",
    head: str = "acme/fleet",
    sha: str = "ab12",
    failed_job: str = "none",
) -> Step:
    """Run the step that writes the comment, where `gh` is a stand-in."""
    (folder / "bin").mkdir(exist_ok=True)
    gh = folder / "bin" / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": path, "GH_ASKED": str(folder / "gh-asked"), "NUMBER": number, "GITHUB_API_URL": github.url}
    more |= {"GITHUB_REPOSITORY": "acme/fleet", "HEAD_REPOSITORY": head, "HEAD_SHA": sha, "GITHUB_TOKEN": "a-token"}
    more |= {"RUN_ID": "4711", "FAILED_JOB": failed_job}
    return run(folder, "comment", "out", **more)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """A GitHub with one pull request."""
    with fake_github() as running:
        yield running


def test_the_comment_goes_to_the_pull_request_that_github_names(github: FakeGitHub, tmp_path: Path) -> None:
    """By the commit of GitHub's own event, not by what an artifact says; what is up goes before the lab."""
    for which in ("lab", "cloud"):
        (tmp_path / "out" / f"preview-{which}").mkdir(parents=True)
        (tmp_path / "out" / f"preview-{which}" / "comment.md").write_text(f"from {which}\n")
    assert comment(tmp_path, github).code == 0
    assert [each["body"].splitlines()[0] for each in github.comments] == ["from cloud"]
    assert github.calls[-1] == ("POST", "/repos/acme/fleet/issues/7/comments")
    assert '.headRefOid == "ab12"' in (tmp_path / "gh-asked").read_text()
    (tmp_path / "out" / "preview-cloud" / "comment.md").unlink()
    assert comment(tmp_path, github, head="someone/fleet").code == 0
    (body,) = [each["body"] for each in github.comments]
    assert body.startswith("> Made by the code of this pull request, which comes from a fork")
    assert "\n\nfrom lab\n" in body


def left(folder: Path, which: str, text: str, code: int | None) -> None:
    """What a preview has left as its artifact."""
    artifact = folder / "out" / f"preview-{which}"
    artifact.mkdir(parents=True, exist_ok=True)
    (artifact / "comment.md").write_text(text)
    if code is not None:
        (artifact / "exit-code").write_text(f"{code}\n")


@pytest.mark.parametrize(
    ("cloud", "lab", "shown", "failures"),
    [
        (0, 0, "from cloud", []),
        (1, 0, "from cloud", []),
        (None, None, "from cloud", []),
        (3, 1, "from lab", ["*compared with what is up* failed (exit 3)"]),
        (143, 0, "from lab", ["*compared with what is up* failed (exit 143)"]),
        (0, 2, "from cloud", ["*compared with the base, on stand-in clouds* failed (exit 2)"]),
        (3, 2, "from cloud", ["what is up* failed (exit 3)", "stand-in clouds* failed (exit 2)"]),
    ],
)
def test_a_preview_that_failed_hides_no_good_one(
    github: FakeGitHub, tmp_path: Path, cloud: int | None, lab: int | None, shown: str, failures: list[str]
) -> None:
    """The lab's comment stays where the cloud could not be asked, and the first lines say that it could not."""
    left(tmp_path, "cloud", "from cloud\n", cloud)
    left(tmp_path, "lab", "from lab\n", lab)
    assert comment(tmp_path, github).code == 0
    (body,) = [each["body"] for each in github.comments]
    assert [each for each in ("from cloud", "from lab") if f"{each}\n" in body] == [shown]
    said = [line for line in body.splitlines() if "failed" in line]
    assert len(said) == len(failures)
    assert all(wanted in line for wanted, line in zip(failures, said, strict=True))
    assert all(body.index(line) < body.index(shown) for line in said)


def test_a_preview_that_failed_before_it_could_say_anything_is_told(github: FakeGitHub, tmp_path: Path) -> None:
    """No credentials, so no artifact: GitHub knows that the job failed. One that was skipped is nobody's failure."""
    left(tmp_path, "lab", "from lab\n", 0)
    assert comment(tmp_path, github, failed_job="compared with what is up").code == 0
    assert github.comments[0]["body"].startswith("> ⚠️ The preview *compared with what is up* failed (failure)")
    assert "\n\nfrom lab\n" in github.comments[0]["body"]
    assert comment(tmp_path, github).code == 0
    assert github.comments[0]["body"].startswith("from lab\n")


def test_what_an_artifact_says_as_its_exit_code_is_no_text(github: FakeGitHub, tmp_path: Path) -> None:
    """The pull request's code wrote it: of anything but digits nothing reaches the comment."""
    left(tmp_path, "lab", "from lab\n", None)
    (tmp_path / "out" / "preview-lab" / "exit-code").write_text("$(id)\n@everybody")
    assert comment(tmp_path, github).code == 0
    assert github.comments[0]["body"].startswith("from lab\n")


def test_the_jobs_that_the_comment_asks_about_are_those_of_the_workflow() -> None:
    """By their names: GitHub's list of jobs has nothing else."""
    jobs = re.findall(r'job="(.*)"', (STEPS / "comment").read_text())
    workflow = (ROOT / "ci" / "github" / "preview.yml").read_text()
    assert len(jobs) == 2
    assert all(f"    name: {job}\n" in workflow for job in jobs)


def test_a_preview_that_left_nothing_takes_the_place_of_what_an_earlier_commit_left(
    github: FakeGitHub, tmp_path: Path
) -> None:
    """Nobody reads the good news of another commit; the comment names the one that it is about."""
    text = tmp_path / "out" / "preview-lab" / "comment.md"
    text.parent.mkdir(parents=True)
    text.write_text("all is well\n")
    assert comment(tmp_path, github).code == 0
    assert "all is well\n\nOf commit ab12.\n" in github.comments[0]["body"]
    text.unlink()
    step = comment(tmp_path, github, sha="cd34")
    assert step.code == 0
    assert "the preview left no comment" in step.log
    (body,) = [each["body"] for each in github.comments]
    assert "nothing is known of this commit" in body
    assert "Of commit cd34." in body
    assert "all is well" not in body


def test_no_comment_is_written_where_there_is_nowhere_to(github: FakeGitHub, tmp_path: Path) -> None:
    """A pull request that has moved on: said, and no failure. A strange commit, or a link instead of text, is one."""
    text = tmp_path / "out" / "preview-lab" / "comment.md"
    text.parent.mkdir(parents=True)
    text.write_text("text")
    step = comment(tmp_path, github, number="")
    assert step.code == 0
    assert "no open pull request has this commit" in step.log
    assert comment(tmp_path, github, sha='x" or true').code == 2
    text.unlink()
    text.symlink_to("/etc/hostname")
    assert comment(tmp_path, github).code == 2
    assert github.calls == []


def test_azures_provider_is_told_to_ask_the_runner_itself(tmp_path: Path) -> None:
    """For all later steps; what is no UUID never reaches the file that sets variables."""
    ids = dict.fromkeys(("CLIENT_ID", "TENANT_ID", "SUBSCRIPTION_ID"), "00000000-0000-0000-0000-00000000000a")
    file = tmp_path / "env"
    assert run(tmp_path, "azure-oidc", GITHUB_ENV=str(file), **ids).code == 0
    assert "ARM_USE_OIDC=true" in file.read_text().splitlines()
    file.unlink()
    evil = {**ids, "TENANT_ID": "a\nLD_PRELOAD=/tmp/x"}
    env = {"PATH": os.environ["PATH"], "GITHUB_ENV": str(file), **evil}
    done = subprocess.run(["sh", STEPS / "azure-oidc"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, file.exists()) == (2, False)
