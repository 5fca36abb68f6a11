"""Which stacks a change touches, from recordings that are made up; and what decides a revision's name in the cache."""

from __future__ import annotations

from pathlib import Path

from stacks.revision.git import File
from stacks.revision.messages import Failure, StackRecord
from stacks.revision.records import Recording, compare
from stacks.revision.tree import Tree, deciding, key_of

ROOT = Path(__file__).parents[3]
SAME = StackRecord("d1", {})


def test_only_an_equal_graph_is_left_out() -> None:
    """Another digest, a new stack, one that fails on either side, one that does not say all: all are previewed."""
    before = Recording(
        dict.fromkeys(("equal", "other", "fails", "gone", "opaque"), SAME)
        | {"opaque": StackRecord("d1", {}, opaque="a hook")},
        {},
        {},
        {},
        {"failed": Failure("no such zone\nmore", where="a.yaml: zone")},
    )
    after = {"equal": SAME, "other": StackRecord("d2", {}), "opaque": SAME}
    wanted = ("equal", "other", "fails", "failed", "fresh", "opaque")
    found = compare(before, after, {"fails": Failure("x")}, wanted, wanted)
    assert found.left_out == ("equal",)
    assert found.touched == ("other", "fails", "failed", "fresh", "opaque")
    assert found.removed == ("gone",)
    assert found.notes == (
        "failed: no baseline, its program fails at the revision (no such zone, a.yaml: zone); previewed as new",
        "opaque: previewed whether it differs or not: a hook",
    )


def test_where_policy_differs_none_is_left_out() -> None:
    """An equal stack may break a rule that is new."""
    before = Recording({"equal": SAME}, {}, {}, {})
    assert compare(before, {"equal": SAME}, {}, ("equal",), ("equal",), all_=True).touched == ("equal",)


def test_what_must_be_up_comes_in_the_order_of_creation() -> None:
    """A stack's readings, and theirs; nothing else."""
    before = {"home": (), "far": (), "eu": ("home",), "names": ("eu", "home")}
    made = Recording(dict.fromkeys(before, SAME), {}, before, {})
    assert made.needed(["names"]) == ("home", "eu", "names")
    assert made.needed(["far", "unknown"]) == ("far",)


def test_documents_tests_and_other_programs_do_not_decide() -> None:
    """Programs, configuration and lock file do; so does whatever nobody knows of."""
    paths = ["stacks/program.py", "stacks/Pulumi.edge.yaml", "components/data.py", "Pulumi.yaml", "uv.lock", "own/a.py"]
    others = [
        "docs/preview.md",
        "README.md",
        "tests/conftest.py",
        "testbeds/lab/world.py",
        "runbooks/cli.py",
        "Makefile",
    ]
    assert set(deciding({path: File("1") for path in paths + others})) == set(paths)


def test_a_key_follows_from_contents_paths_and_surroundings() -> None:
    """Any of them makes another one; the order of the files does not."""
    files = {"a": File("1"), "b": File("2")}
    keys = {
        key_of(files, "s"),
        key_of({"a": File("1"), "b": File("3")}, "s"),
        key_of({"a": File("1"), "c": File("2")}, "s"),
        key_of({"a": File("1"), "b": File("2", is_link=True)}, "s"),
        key_of(files, "t"),
    }
    assert len(keys) == 5
    assert key_of(dict(reversed(files.items())), "s") in keys


def test_what_the_engine_takes_from_the_files_is_known(tmp_path: Path) -> None:
    """Clouds, configuration as JSON texts, and apart from it what no program reads; encryption is none of it."""
    tree = Tree(ROOT)
    assert {tree.cloud(stack) for stack in tree.files()} == {"aws", "azure", "gcp"}
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: toys\nconfig:\n  aws:region: us-east-1\n  size: {default: 3}\n")
    (tmp_path / "stacks" / "Pulumi.a.yaml").write_text(
        "encryptionsalt: v1:x\nconfig:\n  aws:region: eu-west-1\n  aurops:region: {cloud: aws}\n"
    )
    found = Tree(tmp_path).settings("a")
    assert found.project == "toys"
    assert found.config == {"aws:region": "eu-west-1", "toys:size": "3", "aurops:region": '{"cloud": "aws"}'}
    assert found.besides == {"config": {"aws:region": "eu-west-1"}, "stack": {}}
