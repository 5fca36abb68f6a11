"""The processes that run programs of another version."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from aurops.errors import AuropsError
from stacks.revision.messages import StackRecord, Task
from stacks.revision.process import EndedError, Needs, Programs
from stacks.revision.records import record_all
from stacks.revision.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS = "testbeds.lab.answers:LabAnswers"
PROGRAM = """
import pulumi
from aurops.errors import UsageError
from stacks.upstream import Upstream

class Thing(pulumi.CustomResource):
    def __init__(self, name, props):
        super().__init__("toys:index:Thing", name, props)

def main(folder, *, protect=True, settle=False):
    stack = pulumi.get_stack()
    print("a program may print")
    if stack == "broken":
        raise UsageError("no such zone", where="stacks/Pulumi.broken.yaml: zone")
    if stack == "names":
        Thing("name", {"of": Upstream("region").get("id")})
    if stack in ("left", "right"):
        other = {"left": "right", "right": "left"}[stack]
        Thing("side", {"other": Upstream(other).get("id")})
    if stack == "region":
        settled = settle or Upstream("region").get("settled") is True
        Thing("last" if settled else "first", {"names": Upstream("names").get("id") if settle else None})
        pulumi.export("inventory", {"id": "r-1", "settled": settled})
        return
    pulumi.export("inventory", {"id": f"{stack}-1"})
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A repository with a program of its own, and five stacks on two clouds."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: toys\n")
    for stack in ("broken", "left", "names", "region", "right"):
        cloud = "sky" if stack == "names" else "mist"
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text(f"config:\n  aurops:region: {{cloud: {cloud}}}\n")
    (tmp_path / "stacks" / "__init__.py").touch()
    (tmp_path / "stacks" / "program.py").write_text(PROGRAM)
    (tmp_path / "stacks" / "upstream.py").write_text(
        "from pulumi.runtime import invoke\n"
        "class Upstream:\n"
        "    def __init__(self, stack):\n"
        "        try:\n"
        "            name = f'organization/toys/{stack}'\n"
        "            answer = invoke('pulumi:pulumi:readStackOutputs', {'name': name}).value\n"
        "        except Exception as error:\n"
        "            if 'unknown stack' not in str(error): raise\n"
        "            answer = {}\n"
        "        self.known = answer.get('outputs', {}).get('inventory', {})\n"
        "    def get(self, key):\n"
        "        return self.known.get(key)\n"
    )
    return Tree(tmp_path)


@pytest.fixture
def programs(tree: Tree) -> Iterator[Programs]:
    """Its programs."""
    with Programs(tree, ANSWERS, os.environ) as made:
        yield made


def test_order_settling_and_failures_are_found_by_running_the_programs(programs: Programs) -> None:
    """Who reads whom, across clouds and in a circle, who settles and after whom; a failure is one stack's own."""
    found = record_all(programs)
    assert set(found.stacks) == {"left", "names", "region", "right"}
    assert found.before["names"] == ("region",)
    assert list(found.before).index("region") < list(found.before).index("names")
    assert {found.before["left"], found.before["right"]} == {(), ("right",)}
    assert found.settles == {"region": ("names",)}
    assert found.exports["region"]["inventory"]["settled"] is True
    assert [each.urn.rsplit("::")[-1] for each in found.stacks["region"].resources] == ["last"]
    broken = found.failures["broken"]
    assert (broken.what, broken.where, broken.exit_code) == ("no such zone", "stacks/Pulumi.broken.yaml: zone", 2)
    assert record_all(programs).stacks == found.stacks


def test_a_stack_that_reads_another_says_so_before_it_is_recorded(programs: Programs) -> None:
    """It needs the other's outputs, or to be told that there are none."""
    assert programs.of("names").record(Task("names")) == Needs("region")
    assert isinstance(programs.of("names").record(Task("names", absent=("region",))), StackRecord)


def test_a_program_that_fails_fails_with_its_own_error(programs: Programs) -> None:
    """The class of another version is not ours; what it says and its exit code are."""
    with pytest.raises(AuropsError, match="no such zone") as caught:
        programs.of("broken").record(Task("broken"))
    assert caught.value.exit_code == 2


def test_a_process_that_is_killed_says_nothing_of_the_programs(programs: Programs) -> None:
    """Nothing is recorded as failed: the recording as a whole has failed."""
    programs.of("left").end()
    with pytest.raises(EndedError, match="ended with code"):
        record_all(programs)
