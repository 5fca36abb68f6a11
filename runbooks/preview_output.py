"""Where `aurops preview` puts what it has to say: text or JSON on standard output, other forms into files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import typer

from aurops.errors import UsageError
from runbooks.outputs import STDOUT, check_writable
from stacks.review_document import document
from stacks.review_markdown import markdown, whole
from stacks.review_sarif import sarif
from stacks.review_text import text

if TYPE_CHECKING:
    from pathlib import Path

    from stacks.review import Review


@dataclass(frozen=True)
class Outputs:
    """What was asked for.

    Args:
        as_json: JSON on standard output instead of text.
        diff: Each resource with its values, in the text.
        markdown: File for the comment; `-`: standard output, instead of text.
        full_report: File for the same with nothing cut.
        full_report_url: Where that file will be found.
        sarif: File for what policy found.
        policy: Whether policy is asked.
    """

    as_json: bool = False
    diff: bool = False
    markdown: Path | None = None
    full_report: Path | None = None
    full_report_url: str | None = None
    sarif: Path | None = None
    policy: bool = False

    def check(self) -> None:
        """Find out what cannot be done before anything is done.

        Raises:
            UsageError: Two things are to go to standard output, a file cannot be written, the address is none, or
                policy is not asked and its findings are to be written: an empty file would read as a clean bill.
        """
        if self.sarif and not self.policy:
            raise UsageError("SARIF is for what policy finds", where="--sarif", next_step="give --policy too")
        if self.as_json and self.markdown == STDOUT:
            raise UsageError(
                "JSON and Markdown cannot both go to standard output",
                where="--json, --markdown -",
                next_step="give --markdown a file",
            )
        if self.full_report_url is not None and not self.full_report_url.startswith(("https://", "http://")):
            raise UsageError(
                "this is no address", where=f"--full-report-url {self.full_report_url}", allowed="https://… or http://…"
            )
        files = {"--markdown": self.markdown, "--full-report": self.full_report, "--sarif": self.sarif}
        for option, file in files.items():
            check_writable(option, file)

    def write(self, review: Review, stacks_dir: Path) -> None:
        """Write all of it.

        Args:
            review: What is said.
            stacks_dir: Where the stack files are; SARIF points at lines in them.
        """
        comment = markdown(review, url=self.full_report_url) if self.markdown else ""
        if self.as_json:
            typer.echo(json.dumps(document(review), ensure_ascii=False))
        else:
            typer.echo(comment if self.markdown == STDOUT else text(review, diff=self.diff), nl=self.markdown != STDOUT)
        if self.markdown and self.markdown != STDOUT:
            self.markdown.write_text(comment, encoding="utf-8")
        if self.full_report:
            self.full_report.write_text(whole(review), encoding="utf-8")
        if self.sarif:
            files = {file.name.split(".")[1]: file.read_text() for file in sorted(stacks_dir.glob("Pulumi.*.yaml"))}
            log = sarif(review, files, version("aurops"))
            self.sarif.write_text(json.dumps(log, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
