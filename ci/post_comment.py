"""Writes a comment of `aurops preview --markdown` into a pull request; one that is there already is written anew.

    post-comment [NUMBER] [FILE]

NUMBER is the pull request's, else that of the event in GITHUB_EVENT_PATH. FILE is the comment, `-` or none: standard
input. Of the environment it takes GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_STEP_SUMMARY, and
COMMENT_AUTHOR: whose comment may be written anew (default: that of a workflow's own token). It needs Python's standard
library alone, so that a job that sets nothing up can call it.

It ends with 0 whatever GitHub says: where the comment cannot be written, as with a fork's token, which only reads, it
goes to the job's summary. With 2 when it was called wrongly.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = "<!-- aurops preview -->"
"""What `aurops preview --markdown` ends with."""
LIMIT = 65_000
"""Bytes; GitHub refuses more than 65,536 characters. aurops keeps well below, but the text may be anybody's."""
AUTHOR = "github-actions[bot]"
_PAGE, _PAGES, _TRIES, _TIMEOUT_S = 100, 100, 3, 30
_AGAIN = frozenset({429, 500, 502, 503, 504})


class UsageError(Exception):
    """Called wrongly."""


class RefusedError(Exception):
    """GitHub does not take it."""


@dataclass(frozen=True)
class GitHub:
    """The REST API of GitHub for one repository (docs.github.com, "REST API endpoints for issue comments").

    Args:
        url: Its address: `https://api.github.com`.
        repository: `owner/name`.
        token: Of the workflow.
    """

    url: str
    repository: str
    token: str

    def comments(self, number: int) -> list[dict[str, Any]]:
        """All comments on a pull request.

        Raises:
            RefusedError: It may not be read.
        """
        found: list[dict[str, Any]] = []
        for page in range(1, _PAGES + 1):
            got = self._ask("GET", f"issues/{number}/comments?per_page={_PAGE}&page={page}")
            found += got
            if len(got) < _PAGE:
                break
        return found

    def write(self, number: int, known: int | None, body: str) -> None:
        """Write a comment, or anew into a known one.

        Raises:
            RefusedError: It may not be written.
        """
        if known is None:
            self._ask("POST", f"issues/{number}/comments", {"body": body})
        else:
            self._ask("PATCH", f"issues/comments/{known}", {"body": body})

    def _ask(self, method: str, path: str, document: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 (the runner says where its GitHub is)
            f"{self.url}/repos/{self.repository}/{path}",
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "Content-Type": "application/json",
                "User-Agent": "aurops",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 (see above)
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in _AGAIN:
                raise
            raise RefusedError(f"{method} {path}: {error.code} {error.reason}") from error


def post(github: GitHub, number: int, body: str, author: str) -> str:
    """Write the comment; a GitHub that is out of order is asked again, from the beginning: it may have taken it.

    Returns:
        What was done: `created` or `updated`.

    Raises:
        RefusedError: It cannot be written.
    """
    for left in reversed(range(_TRIES)):
        try:
            known = mine(github.comments(number), author)
            github.write(number, known, body)
        except (OSError, ValueError) as error:
            if not left:
                raise RefusedError(str(error)) from error
            time.sleep(float(os.environ.get("COMMENT_PAUSE_S", "2")))
        else:
            return "created" if known is None else "updated"
    raise AssertionError  # the last try returns or raises


def mine(comments: list[dict[str, Any]], author: str) -> int | None:
    """The comment that is written anew: the author's first with the marker; anybody may write the marker."""
    for each in comments:
        if MARKER in (each.get("body") or "") and (each.get("user") or {}).get("login") == author:
            return int(each["id"])
    return None


def fitting(text: str) -> str:
    """The text with the marker, cut where GitHub would refuse it."""
    body = text.replace(MARKER, "").rstrip()
    cut = body.encode()[:LIMIT].decode(errors="ignore")
    if cut != body:
        cut += f"\n\n{len(body) - len(cut):,} characters do not fit into a comment."
    return f"{cut}\n\n{MARKER}\n"


def called_with(arguments: list[str]) -> tuple[int | None, str]:
    """Number and text.

    Raises:
        UsageError: Too much was given, or the file cannot be read, or is empty.
    """
    rest = list(arguments)
    number = int(rest.pop(0)) if rest and rest[0].isdecimal() else None
    file = rest.pop(0) if rest else "-"
    if rest or (file.startswith("-") and file != "-"):
        raise UsageError(f"post-comment [NUMBER] [FILE]; not {' '.join(arguments)}")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if not text.strip():
        raise UsageError(f"{file} is empty: there is nothing to write")
    return number, text


def of_event() -> int | None:
    """The pull request that the workflow runs for; None when it runs for none."""
    try:
        event = json.loads(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_text(encoding="utf-8"))
        return int(event["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def summarise(text: str) -> None:
    """Put the text where everybody who sees the run sees it."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    else:
        sys.stdout.write(text)


def send(number: int | None, body: str) -> str:
    """Write it where the environment says.

    Returns:
        What was done, and where.

    Raises:
        RefusedError: It cannot be written.
    """
    needed = {name: os.environ.get(name, "") for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY")}
    if lacking := [name for name, value in needed.items() if not value]:
        raise RefusedError(f"{' and '.join(lacking)} not set")
    if number is None:
        raise RefusedError("no pull request: neither a number nor an event of one")
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    github = GitHub(url, needed["GITHUB_REPOSITORY"], needed["GITHUB_TOKEN"])
    done = post(github, number, body, os.environ.get("COMMENT_AUTHOR", AUTHOR))
    return f"{done} on {github.repository}#{number}"


def main(arguments: list[str]) -> int:
    """Write it; the exit code."""
    try:
        number, text = called_with(arguments)
    except UsageError as error:
        sys.stderr.write(f"post-comment: {error}\n")
        return 2
    body = fitting(text)
    try:
        said = send(of_event() if number is None else number, body)
    except RefusedError as error:
        sys.stderr.write(f"::warning::the comment goes to the job's summary: {error}\n")
        summarise(body)
        return 0
    sys.stderr.write(f"post-comment: {said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
