"""Seeded changes through the real engine: the comment's first lines name every danger, and nothing harmless."""

from __future__ import annotations

import gc
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock
from runbooks.policy import Rules
from stacks import program
from stacks.config import load
from stacks.engine import EngineStack, Operation
from stacks.policy import pack as packs
from stacks.policy.waivers import read
from stacks.preview import preview_here
from stacks.review import Review
from stacks.review_markdown import markdown
from stacks.review_top import LINES
from stacks.site import Site
from testbeds.lab.session import lab_session
from tests.engine.fleets import in_one_go
from tests.engine.seeded_changes import AWS, AZURE, DANGEROUS, GCP, HARMLESS, Seed, edited, patched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from testbeds.lab.session import LabSession

ROOT = Path(__file__).parents[2]
PACK = packs.load(ROOT / packs.FOLDER)
TODAY = ManualClock(wall_start=datetime(2026, 11, 28, tzinfo=UTC)).wall().date()
SAMPLE = (
    "database renamed",
    "encryption off",
    "protection lifted",
    "another tag",
)
"""What `make test` tries, at the home region that other tests have up too; the rest is a campaign."""
pytestmark = pytest.mark.timeout(900)


@contextmanager
def opened(folder: Path) -> Iterator[LabSession]:
    """A lab for the whole file."""
    with lab_session(ROOT, folder=folder) as lab:
        yield lab
    gc.collect()


def reviews(lab: LabSession, folder: Path, seeds: Sequence[Seed]) -> dict[str, Review]:
    """What is said of each change, each previewed by itself against what is up."""
    site, waivers = Site(lab.work_dir, lab.env, is_lab=True), read(PACK.waivers, TODAY, PACK.longest_waiver_days)
    rules = Rules(PACK, waivers, TODAY)
    sites = {seed.id: edited(site, folder / seed.id, seed) for seed in seeds}

    def review(seed: Seed) -> Review:
        previews = preview_here(sites[seed.id], [seed.stack], lambda *_: None)
        return rules.judged(Review(previews, is_lab=True), load(ROOT / "stacks").stacks)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        by_folder = {sites[seed.id].stacks_dir: seed for seed in seeds}
        patch.setattr(program, "main", patched(program.main, by_folder))
        return dict(zip(sites, pool.map(review, seeds), strict=True))


def chosen(seeds: Sequence[Seed]) -> list[object]:
    """All of them; those that are no sample are a campaign."""
    return [
        pytest.param(seed, id=seed.id, marks=() if seed.stack == AWS and seed.title in SAMPLE else pytest.mark.campaign)
        for seed in seeds
    ]


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest, home_seed: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Review]:
    """What is said of every change that is asked for: one lab, each cloud's home up once."""
    wanted = {
        item.callspec.params["seed"].id: item.callspec.params["seed"]
        for item in request.session.items
        if _is_ours(item)
    }
    folder = tmp_path_factory.mktemp("seeded")
    shutil.copytree(home_seed, folder / "lab", symlinks=True)
    with opened(folder / "lab") as lab:
        for stack in sorted({seed.stack for seed in wanted.values()} - {AWS}):
            EngineStack(in_one_go(lab), stack).run(Operation.UP)
        return reviews(lab, folder / "changes", list(wanted.values()))


def _is_ours(item: pytest.Item) -> bool:
    return (
        item.path == Path(__file__)
        and isinstance(item, pytest.Function)
        and hasattr(item, "callspec")
        and "seed" in item.callspec.params
    )


@pytest.mark.parametrize("seed", chosen(DANGEROUS))
def test_every_danger_is_named_in_the_first_lines(seed: Seed, found: dict[str, Review]) -> None:
    """What was seeded, by kind, resource and cause; and beside it every other danger and violation that there is."""
    review = found[seed.id]
    lines = markdown(review).splitlines()[:LINES]
    for words in seed.says:
        assert [line for line in lines if all(word in line for word in words)], f"{words}:\n" + "\n".join(lines)
    first = "\n".join(lines)
    unnamed = {each.change.name for each in review.dangers if f"`{each.change.name}`" not in first}
    unnamed |= {each.rule.id for each in review.violations if f"`{each.rule.id}`" not in first}
    counted = " more" in first
    assert not unnamed or counted, f"{unnamed}\n{first}"


@pytest.mark.parametrize("seed", chosen(HARMLESS))
def test_a_harmless_change_raises_nothing(seed: Seed, found: dict[str, Review]) -> None:
    """It does change what it is about, and the comment says that nothing is dangerous and nothing against policy."""
    review = found[seed.id]
    (preview,) = review.previews
    assert preview.error is None
    changed = {change.name for change in preview.changes.changes}
    assert seed.touches in changed if seed.touches else not changed
    lines = markdown(review).splitlines()
    assert lines[:2] == [
        "## ✅ aurops preview: nothing dangerous",
        "Nothing that holds data is replaced, deleted, moved or guarded less. Nothing is against policy.",
    ]


def test_there_are_twenty_of_each_on_three_clouds() -> None:
    """No change is in the list twice."""
    assert len({seed.id for seed in (*DANGEROUS, *HARMLESS)}) == len(DANGEROUS) + len(HARMLESS)
    for seeds in (DANGEROUS, HARMLESS):
        assert len(seeds) >= 20
        assert {seed.stack for seed in seeds} == {AWS, AZURE, GCP}
