"""A pack is loaded from its folder, and what is wrong with it is said with file and line."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from aurops.errors import UsageError
from stacks.policy.pack import FOLDER, load
from tests.stacks.policy.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
from stacks.policy.rules import Check
from stacks.review import Rule

LONGEST_WAIVER_DAYS = 30
"""
ONE = "CHECKS = (Check(Rule('mine', 't', 'w', 'm', 'c')),)\n"


def written(folder: Path, text: str) -> Path:
    """A pack of one file."""
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(text)
    return folder


def test_two_packs_are_two(tmp_path: Path) -> None:
    """A repository's pack and a copy with a rule of its own are loaded side by side, and again after an edit."""
    own = load(ROOT / FOLDER)
    copy = shutil.copytree(ROOT / FOLDER, tmp_path / "policy")
    with (copy / "__init__.py").open("a") as file:
        file.write("CHECKS = CHECKS[:1]\n")
    assert (len(load(copy).checks), len(own.checks)) == (1, 11)
    with (copy / "settings.py").open("a") as file:
        file.write("LONGEST_WAIVER_DAYS = 5\n")
    assert load(copy).longest_waiver_days == 5
    assert load(ROOT / FOLDER).longest_waiver_days == own.longest_waiver_days


def test_a_folder_without_rules_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """No pack: exit 2, naming the folder."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert "leave --policy out" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("def broken(:\n", "SyntaxError", "__init__.py, line 1"),
        ("\nimport nowhere_at_all\n", "ModuleNotFoundError", "__init__.py, line 2"),
        ("\n\nimport sys\nsys.exit(0)\n", "SystemExit: 0", "__init__.py, line 4"),
        ("CHECKS = ()\n", "does not say what is needed", "__init__.py"),
        (f"{HEAD}CHECKS = ('mine',)\n", "does not say what is needed", "__init__.py"),
        (f"{HEAD}{ONE}CHECKS = CHECKS * 2\n", "two rules are called mine", ""),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_refused_by_file_and_line(
    text: str, what: str, where: str, tmp_path: Path
) -> None:
    """A syntax error, a missing module, no rules, two of one name: exit 2, never a silent pass."""
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path / "policy", text))
    assert what in caught.value.what
    assert where in (caught.value.where or "")
