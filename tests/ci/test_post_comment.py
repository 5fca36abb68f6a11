"""A comment is written once into a pull request and anew in its place; when it cannot be, nothing fails."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.review_markdown import MARKER
from tests.ci.fake_github import BOT, FakeGitHub, fake_github

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "ci" / "post-comment"
OLD, NEW = f"what was before\n{MARKER}\n", f"## aurops preview\nnew\n{MARKER}\n"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """A GitHub that knows one token."""
    with fake_github() as running:
        yield running


def posted(
    github: FakeGitHub, tmp_path: Path, *arguments: str, text: str = NEW, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as a workflow does."""
    env = {
        "PATH": os.environ["PATH"],
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": "example/fleet",
        "GITHUB_TOKEN": "a-token",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "COMMENT_PAUSE_S": "0",
    }
    return subprocess.run(
        [SCRIPT, *arguments], env=env | more, input=text, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_first_comment_is_made_and_every_later_one_takes_its_place(github: FakeGitHub, tmp_path: Path) -> None:
    """One comment, the last text; the number is given, the text comes from standard input or a file."""
    assert posted(github, tmp_path, "7", text=OLD).returncode == 0
    file = tmp_path / "comment.md"
    file.write_text(NEW)
    done = posted(github, tmp_path, "7", str(file))
    assert (done.returncode, done.stderr) == (0, "post-comment: updated on example/fleet#7\n")
    assert [each["body"] for each in github.comments] == [f"## aurops preview\nnew\n\n{MARKER}\n"]
    assert not (tmp_path / "summary.md").exists()


def test_the_comment_is_found_on_a_later_page(github: FakeGitHub, tmp_path: Path) -> None:
    """A hundred others came before it."""
    for number in range(130):
        github.say(f"comment {number}")
    github.say(OLD, BOT)
    assert posted(github, tmp_path, "7").returncode == 0
    assert len(github.comments) == 131
    assert "new" in github.comments[-1]["body"]
    assert [call for call in github.calls if call[0] == "GET"][1][1].endswith("page=2")


def test_nobody_elses_comment_is_written_over(github: FakeGitHub, tmp_path: Path) -> None:
    """Whoever writes the marker would own what we say: they could change it afterwards."""
    github.say(f"nothing to see here {MARKER}")
    assert posted(github, tmp_path, "7").returncode == 0
    assert [each["user"]["login"] for each in github.comments] == ["someone", BOT]
    assert "nothing to see here" in github.comments[0]["body"]
    assert posted(github, tmp_path, "7", COMMENT_AUTHOR="someone").returncode == 0
    assert "new" in github.comments[0]["body"]


def test_the_number_comes_from_the_event_when_none_is_given(github: FakeGitHub, tmp_path: Path) -> None:
    """As in a workflow that runs for a pull request."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 42}}))
    assert posted(github, tmp_path, GITHUB_EVENT_PATH=str(event)).returncode == 0
    assert ("POST", "/repos/example/fleet/issues/42/comments") in github.calls


def test_a_token_that_only_reads_leaves_the_comment_in_the_summary(github: FakeGitHub, tmp_path: Path) -> None:
    """A fork's: 403. The preview does not fail, and the reason is a warning of the job."""
    github.may_write = False
    done = posted(github, tmp_path, "7")
    assert done.returncode == 0
    assert "::warning::the comment goes to the job's summary: POST" in done.stderr
    assert "403" in done.stderr
    assert (tmp_path / "summary.md").read_text().startswith("## aurops preview\nnew")
    assert "a-token" not in done.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN not set"),
        ({"GITHUB_TOKEN": "another"}, "401"),
        ({"GITHUB_API_URL": "http://127.0.0.1:9"}, "refused"),
    ],
    ids=["no-token", "wrong-token", "no-github"],
)
def test_whatever_fails_the_comment_is_in_the_summary(
    more: dict[str, str], words: str, github: FakeGitHub, tmp_path: Path
) -> None:
    """Exit 0 with the reason; without a summary either, on standard output."""
    done = posted(github, tmp_path, "7", **more)
    assert done.returncode == 0
    assert words in done.stderr
    assert "new" in (tmp_path / "summary.md").read_text()
    assert "new" in posted(github, tmp_path, "7", **more, GITHUB_STEP_SUMMARY="").stdout


def test_no_number_and_no_event_is_said(github: FakeGitHub, tmp_path: Path) -> None:
    """A push has no pull request; its summary has the text."""
    done = posted(github, tmp_path)
    assert done.returncode == 0
    assert "no pull request" in done.stderr
    assert github.calls == []


def test_a_github_that_is_out_of_order_is_asked_again_and_nothing_is_written_twice(
    github: FakeGitHub, tmp_path: Path
) -> None:
    """The write that was taken and not confirmed is found, and written anew."""
    github.say("a comment")
    github.out_of_order = 2
    assert posted(github, tmp_path, "7").returncode == 0
    assert [each["user"]["login"] for each in github.comments] == ["someone", BOT]


@pytest.mark.parametrize("letter", ["x", "漢", "😀"])
def test_a_text_that_is_too_long_is_cut_and_says_so(letter: str, github: FakeGitHub, tmp_path: Path) -> None:
    """The text may be anybody's, also one without the marker."""
    assert posted(github, tmp_path, "7", text=letter * 70_000).returncode == 0
    (comment,) = github.comments
    assert "characters do not fit into a comment." in comment["body"]
    assert comment["body"].endswith(f"{MARKER}\n")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("7", "a", "b"), NEW), (("--help",), NEW), (("7", "none.md"), NEW), (("7",), " \n")],
    ids=["too-much", "an-option", "no-file", "empty"],
)
def test_a_wrong_call_is_an_error(arguments: tuple[str, ...], text: str, github: FakeGitHub, tmp_path: Path) -> None:
    """Exit 2, nothing asked, no traceback."""
    done = posted(github, tmp_path, *arguments, text=text)
    assert done.returncode == 2
    assert done.stderr.startswith("post-comment: ")
    assert "Traceback" not in done.stderr
    assert github.calls == []
