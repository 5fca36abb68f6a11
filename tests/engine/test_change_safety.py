"""Changes to a region that is up, through the real engine: nothing that holds data, no subnet, no node group is lost.

docs/change-safety.md carries the table; AUROPS_ACCEPT=1 writes it anew.
"""

from __future__ import annotations

import gc
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.errors import AuropsError
from stacks.config import ConfigError, load
from stacks.engine import Operation
from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session
from tests.engine.change_cases import (
    CASES,
    HOMES,
    NODES,
    Case,
    Region,
    edited,
    more_nodes,
    planned,
    put,
    row,
    seen,
    unsafe,
)
from tests.engine.conftest import region_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.changes import Changes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "change-safety.md"
HEAD = "| change | creates | updates in place | replaces | deletes |"
SUBNET = "aws:ec2/subnet:Subnet"
SAMPLE = ("add a zone", "reorder the zones", "bigger database instances", "remove a zone")
"""What `make test` previews, of AWS: the changes that would move subnets or data, were they done badly."""
CHOSEN = [
    pytest.param(("aws", SAMPLE), id="aws, some"),
    *(pytest.param((cloud, ()), id=cloud, marks=pytest.mark.campaign) for cloud in CASES),
]
pytestmark = pytest.mark.timeout(900)


@contextmanager
def opened(seed: Path, folder: Path) -> Iterator[tuple[LabSession, Site]]:
    """A lab of its own in which the home region is up."""
    shutil.copytree(seed, folder, symlinks=True)
    with lab_session(ROOT, folder=folder) as lab:
        yield lab, Site(lab.work_dir, lab.env, is_lab=True)
    gc.collect()


@dataclass(frozen=True)
class Plans:
    """What a preview says of each change that was tried on a cloud, by title."""

    cloud: str
    by_title: dict[str, Changes | str]

    @property
    def cases(self) -> list[Case]:
        """The changes."""
        return [case for case in CASES[self.cloud] if case.title in self.by_title]


@pytest.fixture(scope="module", params=CHOSEN)
def plans(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plans:
    """Each preview from files of its own, against the same state."""
    cloud, some = request.param
    folder = tmp_path_factory.mktemp("changes")
    seed = region_seed(tmp_path_factory, HOMES[cloud])
    with opened(seed, folder / "lab") as (_, site), ThreadPoolExecutor(3) as pool:
        running = {
            case.title: pool.submit(planned, edited(site, folder / str(number), case, cloud), cloud)
            for number, case in enumerate(CASES[cloud])
            if not some or case.title in some
        }
        return Plans(cloud, {title: each.result() for title, each in running.items()})


def test_a_change_does_what_it_should_and_loses_nothing(plans: Plans) -> None:
    """The expected change appears; what holds data, subnets and nodes stay, but for those of a removed zone."""
    wrong = {case.title: found for case in plans.cases if (found := [*unsafe(case, plans.by_title[case.title])])}
    assert wrong == {}


def test_the_table_in_the_docs_says_what_the_engine_does(plans: Plans) -> None:
    """docs/change-safety.md shows these previews, row by row."""
    rows = {case.title: row(case, plans.by_title[case.title]) for case in plans.cases}
    title = f"## {HOMES[plans.cloud]}\n"
    above, _, rest = PAGE.read_text().partition(title)
    between, _, after = rest.partition(HEAD)
    table, _, below = after.partition("\n\n")
    there = {line.split("|")[1].strip(): line for line in table.splitlines()[2:]}
    told = [(there | rows)[title] for title in dict.fromkeys([*there, *rows])]
    page = above + title + between + "\n".join([HEAD, "|---|---|---|---|---|", *told]) + "\n\n" + below
    if os.environ.get("AUROPS_ACCEPT"):
        PAGE.write_text(page)
    assert page == PAGE.read_text(), "AUROPS_ACCEPT=1 writes the table"


@pytest.mark.parametrize("cloud", CASES)
def test_every_change_stands_in_the_table_of_every_cloud(cloud: str) -> None:
    """What only a campaign previews again is there too, by title and in order."""
    table = PAGE.read_text().partition(f"## {HOMES[cloud]}\n")[2].partition(HEAD)[2].partition("\n\n")[0]
    titles = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert titles == [case.title for case in CASES[cloud]]


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
    return [case for case in CASES["aws"] if case.title in titles]


@pytest.mark.campaign
def test_more_nodes_at_least_come_to_eks_after_the_groups_have_them(home_seed: Path, tmp_path: Path) -> None:
    """EKS takes no minimum above the desired size, which is not ours; scaled first and seen, it goes through."""
    with opened(home_seed, tmp_path / "lab") as (lab, site):
        changed = edited(site, tmp_path / "more", Case("more nodes", more_nodes))
        with pytest.raises(AuropsError, match="Minimum capacity 4 can't be greater than desired size 2"):
            seen(changed, Operation.UP)
        for group in lab.world.objects(NODES[0]):
            lab.world.tamper(group.id, "scalingConfig.desiredSize", 4, type_=group.type)
        seen(changed, Operation.REFRESH)
        seen(changed, Operation.UP)
        assert seen(changed).changes == ()
