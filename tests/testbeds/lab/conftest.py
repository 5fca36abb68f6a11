"""Clouds to try rules on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.azure.cloud import Azure
from testbeds.lab.gcp.cloud import Gcp
from testbeds.lab.world import World
from tests.testbeds.lab.azure_things import GROUP, make
from tests.testbeds.lab.gcp_place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """An Azure with one resource group."""
    world = World(tmp_path / "world.sqlite")
    made = Azure(world)
    make(made, "azure-native:resources:ResourceGroup", {**GROUP})
    yield made
    world.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty project of Google's."""
    world = World(tmp_path / "world.sqlite")
    yield Place(Gcp(world))
    world.close()
