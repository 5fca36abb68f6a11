"""The pack of this repository."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stacks.policy.pack import FOLDER, Pack, load

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 28)
"""A day on which the repository's waivers hold."""


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The repository's own rules."""
    return load(ROOT / FOLDER)
