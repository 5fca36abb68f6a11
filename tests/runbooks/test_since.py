"""What a comparison with a revision still needs, and what it says, from recordings that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbooks import since
from runbooks.since import Question, _lacking, known_waivers, notes, orphans, same
from stacks.changes import Changes
from stacks.preview import StackPreview
from stacks.review import Orphan
from stacks.revision.git import Commit, File
from stacks.revision.messages import Known, StackRecord
from stacks.revision.records import Comparison, Recording
from tests.stacks.revision.test_git import commit, git

BEFORE = {"home": (), "standby": ("home",), "names": ("home", "standby")}
RECORDING = Recording(
    {name: StackRecord("d", {}, (*reads, name)) for name, reads in BEFORE.items()}, {}, BEFORE, {"home": ("standby",)}
)
COMMIT = Commit("origin/main", "c0ffee", is_tip=False)


def question(**after: str) -> Question:
    """A comparison of a program and a lock file with others."""
    files = {name: File(id_) for name, id_ in after.items()}
    return Question(Path(), COMMIT, {"program": File("1"), "uv.lock": File("1")}, files, ["home"], ["home"])


@pytest.mark.parametrize(
    ("stacks", "up", "lacking"),
    [
        (["standby"], {}, ("home", "standby")),
        (["standby"], {"home": False}, ("standby",)),
        (["home"], {}, ("home", "standby")),
        (["home"], {"home": False, "standby": False}, ("home",)),
        (["home"], {"home": True}, ()),
        (["names"], {"home": True, "standby": False, "names": False}, ()),
    ],
)
def test_only_what_is_needed_comes_up(stacks: list[str], up: dict[str, bool], lacking: tuple[str, ...]) -> None:
    """The stacks and what they read; who settles also needs those that it settles after."""
    assert _lacking(RECORDING, stacks, up) == lacking


def test_nothing_that_decides_differs_nothing_is_looked_at() -> None:
    """All stacks that were asked for are left out."""
    found = same(question(program="1", **{"uv.lock": "1"}))
    assert found is not None
    assert found.left_out == ("home",)
    assert found.baseline is not None
    assert found.baseline.revision == "origin/main"
    assert same(question(program="2", **{"uv.lock": "1"})) is None


def test_what_holds_data_in_a_removed_stack_is_an_orphan() -> None:
    """By type, with its protection."""
    cluster = Known("urn:pulumi:s::p::aws:rds/cluster:Cluster::db", "aws:rds/cluster:Cluster", protect=True)
    role = Known("urn:pulumi:s::p::aws:iam/role:Role::r", "aws:iam/role:Role", protect=False)
    recording = Recording({"gone": StackRecord("d", {}, resources=(cluster, role))}, {}, {"gone": ()}, {})
    assert orphans(recording, ["gone", "never"]) == (Orphan("gone", cluster.urn, cluster.type, protected=True),)


def test_what_a_reader_must_know_is_said() -> None:
    """What the lab lacks, another lock file, and who is left out though what it reads would change."""
    changed = StackPreview("home", Changes(exported=("inventory.cache",)), 1.0)
    compared = Comparison(("home",), left_out=("standby",), notes=("a note",))
    said = notes(question(program="2", **{"uv.lock": "2"}), RECORDING, compared, ["home: did not come up"], [changed])
    assert said == (
        "a note",
        "home: did not come up",
        "uv.lock differs: both sides were run with the packages that are installed here.",
        "standby is left out and reads home, which would then export other values.",
    )


WAIVERS = """\
schema: 1
waivers:
  - {rule: r, stacks: [home], resources: [db], who: us, why: it moves next week, until: 2026-12-31}
"""


def test_a_change_of_what_it_is_judged_by_is_told_with_the_waivers_that_were_there(tmp_path: Path) -> None:
    """Files that differ, and the revision's waivers, where the change has others; of tests and documents nothing."""
    folder = tmp_path / "repo"
    (folder / "ci" / "policy").mkdir(parents=True)
    (folder / "ci" / "policy" / "waivers.yaml").write_text(WAIVERS)
    git(folder, "init", "-q")
    commit(folder, **{"ci/policy/settings.py": "DAYS = 7", "README.md": "1"})
    (folder / "README.md").write_text("2")
    alike = since.ask(folder, "HEAD", (), (), policy=True)
    assert (alike.judges, alike.all_, known_waivers(alike, tmp_path / "alike")) == ((), False, None)
    (folder / "ci" / "policy" / "settings.py").unlink()
    (folder / "ci" / "policy" / "waivers.yaml").write_text("schema: 1\n")
    (folder / "ci" / "policy" / "\udcff.py").touch()  # as Python has a name that is no UTF-8; no output could take it
    asked = since.ask(folder, "HEAD", (), (), policy=True)
    judges = ("ci/policy/settings.py", "ci/policy/waivers.yaml", "ci/policy/\ufffd.py")
    assert (asked.judges, asked.all_) == (judges, True)
    known = known_waivers(asked, tmp_path / "before")
    assert known is not None
    assert [(each.rule, each.stack, each.resource) for each in known] == [("r", "home", "db")]


def test_the_aurops_of_another_clone_is_refused(tmp_path: Path) -> None:
    """It would preview its own program and call it this work tree's."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "program.py").touch()
    with pytest.raises(since.UsageError, match="program of its own"):
        since.ask(tmp_path, "main", (), ())
