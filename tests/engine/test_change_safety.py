"""Changes to a region that is up, through the real engine: nothing that holds data, no subnet, no node group is lost.

docs/change-safety.md carries the table; AUROPS_ACCEPT=1 writes it anew.
"""

from __future__ import annotations

import gc
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.changes import Changes, Op
from stacks.config import ConfigError, load
from stacks.engine import Operation
from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session
from tests.engine.change_cases import CASES, SUBNET, Case, Region, edited, put, row, seen, unsafe
from tests.stacks.swap import swap_roles

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "change-safety.md"
HEAD = "| change | creates | updates in place | replaces | deletes |"
pytestmark = pytest.mark.timeout(600)


@contextmanager
def opened(seed: Path, folder: Path) -> Iterator[tuple[LabSession, Site]]:
    """A lab of its own in which the home region is up."""
    shutil.copytree(seed, folder, symlinks=True)
    with lab_session(ROOT, folder=folder) as lab:
        yield lab, Site(lab.work_dir, lab.env, is_lab=True)
    gc.collect()


@pytest.fixture(scope="module")
def previews(home_seed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Changes]:
    """What a preview says of each change, by title; each from files of its own, all against the same state."""
    folder = tmp_path_factory.mktemp("changes")
    with opened(home_seed, folder / "lab") as (_, site), ThreadPoolExecutor(3) as pool:
        running = {
            case.title: pool.submit(seen, edited(site, folder / str(number), case)) for number, case in enumerate(CASES)
        }
        return {title: each.result() for title, each in running.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title.replace(" ", "-"))
def test_a_change_does_what_it_should_and_loses_nothing(case: Case, previews: dict[str, Changes]) -> None:
    """The expected change appears; what holds data, subnets and node groups stay, but for those of a removed zone."""
    assert list(unsafe(case, previews[case.title])) == []


def test_the_table_in_the_docs_says_what_the_engine_does(previews: dict[str, Changes]) -> None:
    """docs/change-safety.md shows these previews, row by row."""
    rows = [row(case, previews[case.title]) for case in CASES]
    before, _, after = PAGE.read_text().partition(HEAD)
    rest = after[after.index("\n\n") :]
    page = before + "\n".join([HEAD, "|---|---|---|---|---|", *rows]) + rest
    if os.environ.get("AUROPS_ACCEPT"):
        PAGE.write_text(page)
    assert page == PAGE.read_text(), "AUROPS_ACCEPT=1 writes the table"


@pytest.mark.parametrize(("part", "elsewhere"), [("database", "cache"), ("cache", "database")])
def test_a_zone_stays_while_data_sits_there(part: str, elsewhere: str, home_seed: Path, tmp_path: Path) -> None:
    """Removing a zone with a database instance or a cache node is refused before the engine runs, with file and key."""

    def leave_one(region: Region) -> None:
        put("network.zones", ["a", "c"])(region)
        put(f"{elsewhere}.zones", ["a", "c"])(region)

    case = Case("remove the zone of one of them", leave_one)
    site = edited(Site(home_seed / "work"), tmp_path / "work", case)
    with pytest.raises(ConfigError) as caught:
        load(site.stacks_dir)
    assert caught.value.exit_code == 2
    assert caught.value.where
    assert caught.value.where.startswith("stacks/Pulumi.aws-us-east-1.yaml: aurops:region")
    assert f"{part}.zones" in str(caught.value)
    assert "move them out before the zone is removed" in str(caught.value)


@pytest.mark.campaign
def test_changes_are_carried_out_and_taken_back(home_seed: Path, tmp_path: Path) -> None:
    """A fourth zone, one NAT and bigger instances, for real; a second preview is empty; then all back again.

    What was there before is there afterwards, as the same objects.
    """
    there = Case("there", lambda region: [each.edit(region) for each in _chosen()])
    back = Case("back", lambda _: None)
    with opened(home_seed, tmp_path / "lab") as (lab, site):
        before = {each.seq: each.type for each in lab.world.objects()}
        for number, case in enumerate((there, back)):
            changed = edited(site, tmp_path / str(number), case)
            done = seen(changed, Operation.UP)
            assert {change.name for change in done.changes if change.loses_data} == set()
            assert seen(changed).changes == ()
            assert len(lab.world.objects(SUBNET)) == (12, 9)[number]
        after = {each.seq for each in lab.world.objects()}
    gone = {kind for seq, kind in before.items() if seq not in after}
    # Those that a single NAT made needless came back as new ones.
    assert gone == {"aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"}


def _chosen() -> list[Case]:
    titles = ("add a zone", "NAT from one per zone to a single one", "bigger database instances")
    return [case for case in CASES if case.title in titles]


@pytest.mark.campaign
def test_a_failover_elsewhere_is_no_change(home_seed: Path, tmp_path: Path) -> None:
    """After a promotion in another region, and what operators then move, a preview here is empty."""
    with opened(home_seed, tmp_path / "lab") as (lab, site):
        swap_roles(lab)
        refreshed = seen(site, Operation.REFRESH)
        assert any(change.op is Op.DRIFT for change in refreshed.changes)
        assert seen(site).changes == ()
