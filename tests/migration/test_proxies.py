"""What keeps a cutover from beginning at its proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import ExitCode, OutsideError
from migration.proxies import check_sides
from tests.traffic.sites import platforms
from traffic.dialects import open_driver
from traffic.memory import MemoryDriver

if TYPE_CHECKING:
    from pathlib import Path


class Refused(MemoryDriver):
    """Its own binary does not take what a rollback would write."""

    def lay_way_back(self) -> str:
        raise OutsideError("the way back would not load", where="/srv/edge", next_step="mend it")


def proxy(kind: type[MemoryDriver] = MemoryDriver) -> MemoryDriver:
    """One that is up, with everything at V10."""
    return kind({"v11": "v10", "v10": None}, {"v11": 0, "v10": 10_000})


def test_every_proxy_that_is_down_is_named_as_the_plan_names_it_and_where_it_was_asked(tmp_path: Path) -> None:
    """Two of three are: the plan's names and keys, the addresses, what to do; not the one that is up."""
    site = platforms(folder=tmp_path)
    with pytest.raises(OutsideError) as caught:
        check_sides({"west-1": open_driver(site), "west-2": proxy(), "north-1": open_driver(site)})
    error = caught.value
    assert error.exit_code is ExitCode.ENVIRONMENT
    for name in ("west-1", "north-1"):
        assert f"{name}: The proxy does not answer" in error.what
        assert f"sites.{name}: http://{site.admin}/" in str(error.where)
    assert "west-2" not in str(error)
    assert "aurops gateway edge SITE" in str(error.next_step)
    assert "nothing was begun" in str(error.next_step)


def test_a_proxy_whose_way_back_would_not_load_is_named() -> None:
    """By the plan's name, with what its own binary says and where."""
    with pytest.raises(OutsideError, match="north-1: the way back would not load") as caught:
        check_sides({"west-1": proxy(), "north-1": proxy(Refused)})
    assert (caught.value.where, caught.value.next_step) == ("/srv/edge", "mend it")
