"""Waivers are read from a file that says what is wrong with it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from aurops.errors import UsageError
from stacks.policy.pack import FOLDER, load
from stacks.policy.waivers import known, read, schema
from tests.stacks.policy.conftest import ROOT, TODAY

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
schema: 1
waivers:
  - rule: backup-age
    stacks: [a, b]
    resources: [db, cache]
    who: platform
    why: until the new one is up
    until: 2026-12-31
"""


def refused(tmp_path: Path, text: str) -> UsageError:
    """What is said of a file."""
    file = tmp_path / "waivers.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(file, TODAY, 366)
    return caught.value


def test_what_another_revision_allowed_is_known_though_it_would_be_too_long_today(tmp_path: Path) -> None:
    """What cannot be read, or is not there, allowed nothing."""
    file = tmp_path / "waivers.yaml"
    assert known(file) == ()
    file.write_text(GOOD.replace("2026", "2099"))
    assert {each.until.year for each in known(file)} == {2099}
    file.write_text("schema: 99")
    assert known(file) == ()


def test_an_entry_holds_for_each_resource_in_each_stack(tmp_path: Path) -> None:
    """Two stacks and two resources are four waivers, with their last day."""
    file = tmp_path / "waivers.yaml"
    file.write_text(GOOD)
    read_ones = read(file, TODAY, 366)
    assert {(each.stack, each.resource) for each in read_ones} == {
        ("a", "db"),
        ("a", "cache"),
        ("b", "db"),
        ("b", "cache"),
    }
    assert {each.until for each in read_ones} == {date(2026, 12, 31)}


def test_no_file_is_no_waiver(tmp_path: Path) -> None:
    """A repository that allows nothing needs no file."""
    assert read(tmp_path / "none.yaml", TODAY, 366) == ()


@pytest.mark.parametrize(
    ("old", "new", "what", "where"),
    [
        ("schema: 1", "schema: 2", "less than or equal to 1", "schema"),
        ("    who: platform\n", "", "'who' is missing", "waivers.0.who"),
        ("why: until the new one is up", "why: because", "at least 10 characters", "waivers.0.why"),
        ("until: 2026-12-31", "until: some day", "date", "waivers.0.until"),
        ("resources: [db, cache]", "resources: []", "at least 1 item", "waivers.0.resources"),
        ("who: platform", "who: platform\n    whom: me", "did you mean 'who'", "waivers.0.whom"),
        ("waivers:", "waivers: {", "not YAML", "line"),
    ],
)
def test_a_malformed_file_is_refused_by_key(old: str, new: str, what: str, where: str, tmp_path: Path) -> None:
    """Exit 2 with file, key and what is allowed; a waiver is never half read."""
    assert old in GOOD
    error = refused(tmp_path, GOOD.replace(old, new))
    assert error.exit_code == 2
    assert what in error.what
    assert "waivers.yaml" in (error.where or "")
    assert where in (error.where or "")


def test_a_waiver_that_ends_too_late_is_refused_with_the_last_day(tmp_path: Path) -> None:
    """By the caller's clock: one day beyond the longest period is too long, the day itself is not."""
    file = tmp_path / "waivers.yaml"
    file.write_text(GOOD)
    last = date(2026, 12, 31)
    assert read(file, last - timedelta(days=30), 30)
    with pytest.raises(UsageError) as caught:
        read(file, last - timedelta(days=31), 30)
    assert caught.value.allowed == "at most 30 days from today: until 2026-12-30"


def test_editors_know_the_file_by_its_schema() -> None:
    """The schema beside the file is that of the model, and the repository's waivers keep it."""
    from jsonschema import validate  # noqa: PLC0415 (slow)
    from ruamel.yaml import YAML  # noqa: PLC0415

    folder = ROOT / FOLDER
    assert (folder / "waivers.schema.json").read_text() == schema(), "python -m stacks.policy.waivers writes it"
    document = YAML(typ="safe").load((folder / "waivers.yaml").read_text())
    validate(json.loads(json.dumps(document, default=str)), json.loads(schema()))
    assert load(folder).longest_waiver_days == 366
