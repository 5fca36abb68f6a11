"""What `aurops preview` writes and where, and what it refuses before it works."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from aurops.errors import UsageError
from runbooks.preview_output import Outputs
from stacks.review import Finding, Review, Rule, Waiver
from stacks.review_markdown import MARKER

STACKS = Path(__file__).parents[2] / "stacks"
RULE = Rule("customer-key", "Data is encrypted with our key", "Others could read it", "Set kms_key_id", "CC6.1")
FOUND = Finding(RULE, "aws-us-east-1", "urn::aurops:index:Database$t::db", "t", "kmsKeyId is not set")
LEAVE = Waiver("customer-key", "aws-us-east-1", "db", "the data team", "moving", date(2031, 5, 1))


def test_every_form_goes_to_its_file_and_the_text_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One review, four forms; the comment links to the whole."""
    comment, report, sarif = (tmp_path / name for name in ("comment.md", "report.md", "policy.sarif"))
    outputs = Outputs(
        markdown=comment, full_report=report, full_report_url="https://ci.test/1", sarif=sarif, policy=True
    )
    outputs.check()
    assert list(tmp_path.iterdir()) == []
    outputs.write(Review([], [FOUND], left_out=["aws-eu-west-1"]), STACKS)
    assert comment.read_text().rstrip().endswith(MARKER)
    assert "[the full report](<https://ci.test/1>)" in comment.read_text()
    assert "customer-key" in report.read_text()
    assert json.loads(sarif.read_text())["runs"][0]["results"][0]["ruleId"] == "customer-key"
    assert "1 against policy, 0 waived" in capsys.readouterr().out


def test_the_comment_alone_goes_to_standard_output_when_it_is_asked_for_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So that it can be piped."""
    Outputs(markdown=Path("-")).write(Review([], left_out=["aws-eu-west-1"]), STACKS)
    said = capsys.readouterr().out
    assert said.startswith("## ✅ aurops preview")
    assert said.endswith(f"{MARKER}\n")


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (Outputs(as_json=True, markdown=Path("-")), "give --markdown a file"),
        (Outputs(full_report_url="javascript:alert(1)"), "this is no address"),
        (Outputs(sarif=Path("x.sarif")), "give --policy too"),
        (Outputs(markdown=Path("/proc/none/x.md")), "--markdown /proc/none/x.md"),
    ],
    ids=["two-on-stdout", "no-address", "no-policy", "not-writable"],
)
def test_what_cannot_be_is_refused_before_the_work(outputs: Outputs, words: str) -> None:
    """Exit 2, with the option and the way on."""
    with pytest.raises(UsageError) as caught:
        outputs.check()
    assert words in str(caught.value)


def test_a_waived_finding_stays_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With who, why and until when."""
    waived = Finding(FOUND.rule, FOUND.stack, FOUND.urn, FOUND.type, FOUND.what, LEAVE)
    file = tmp_path / "comment.md"
    Outputs(as_json=True, markdown=file).write(Review([], [waived], left_out=["aws-us-east-1"]), STACKS)
    assert json.loads(capsys.readouterr().out)["findings"][0]["waiver"]["until"] == "2031-05-01"
    assert "Waived by the data team until 2031-05-01: moving" in file.read_text()
