"""Each V10 that a cutover's regions have is asked by itself whether it can take its peak back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aurops.gates.signing import Signers
from migration.readiness import problems
from tests.migration.cutovers import ENOUGH, WARM, cutover
from tests.traffic.sites import platforms

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.errors import AuropsError

OTHER = ENOUGH | {"name": "V10 of north takes its peak", "peak": {"kind": "command", "argv": ["echo", "10"]}}


def lacking(folder: Path, v10: dict[str, tuple[str, ...]], *checks: dict[str, Any]) -> list[AuropsError]:
    """What is wrong with the capacity of a plan whose proxies have these backends of V10."""
    sites = {name: str(folder / f"{name}.json") for name in v10}
    for name, backends in v10.items():
        site = platforms(folder=folder / name)
        sides = tuple(
            side.model_copy(update={"backends": backends}) if side.name == "v10" else side for side in site.sides
        )
        (folder / f"{name}.json").write_text(site.model_copy(update={"sides": sides}).model_dump_json(by_alias=True))
    plan = cutover(sites=sites, capacity=[WARM, *checks])
    found = problems(plan, Signers(""), "cutover.yaml", now=plan.start - timedelta(days=2), env={})
    return [each for each in found if each.where == "cutover.yaml: capacity"]


APART = {"west-1": ("a:1", "a:2"), "west-2": ("a:2", "a:3"), "north-1": ("b:1",)}
"""West's two proxies share a backend of one V10; north has another."""


@pytest.mark.parametrize("checks", [(ENOUGH,), (ENOUGH, ENOUGH | {"name": "the same under another name"})])
def test_two_v10s_with_one_check_of_what_they_take_are_refused(
    tmp_path: Path, checks: tuple[dict[str, Any], ...]
) -> None:
    """A sum of both is enough while the smaller one drowns; twice the same question is one check."""
    (error,) = lacking(tmp_path, APART, *checks)
    assert "the regions have 2 V10s by their site files (west: a:1, a:2, a:3; north: b:1)" in error.what
    assert "`capacity` asks 1 time " in error.what
    assert "for each V10 a check of the kind capacity" in str(error.allowed)
    assert "one name in all site files" in str(error.next_step)


def test_a_check_for_each_v10_is_enough_and_so_is_one_for_one_that_regions_share(tmp_path: Path) -> None:
    """Regions that have any backend in common have one V10, however that is found out."""
    assert lacking(tmp_path, APART, ENOUGH, OTHER) == []
    assert lacking(tmp_path, APART | {"north-1": ("b:1", "a:3")}, ENOUGH) == []
    assert lacking(tmp_path, dict.fromkeys(APART, ("v10.example:443",)), ENOUGH) == []
