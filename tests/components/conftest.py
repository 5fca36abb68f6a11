"""The graphs that component tests look at: a home region, one that joins, and the global stack."""

from __future__ import annotations

import pytest

from tests.components import parts, parts_azure
from tests.components.graph import Graph, run
from tests.components.parts_gcp import gcp_home, gcp_names, gcp_secondary

__all__ = ["gcp_home", "gcp_names", "gcp_secondary"]


@pytest.fixture(scope="session")
def home() -> Graph:
    """Everything in the region that was born primary."""
    return run(parts.home_region)


@pytest.fixture(scope="session")
def secondary() -> Graph:
    """Database and cache in a region that joins."""
    return run(parts.secondary_region)


@pytest.fixture(scope="session")
def names() -> Graph:
    """The global stack's traffic, with routing controls and a zone of its own."""
    return run(parts.names)


@pytest.fixture(scope="session")
def azure_home() -> Graph:
    """Everything in Azure's region that was born primary."""
    return run(parts_azure.home_region)


@pytest.fixture(scope="session")
def azure_secondary() -> Graph:
    """What joins, in the region of Azure that stands by."""
    return run(parts_azure.secondary_region)


@pytest.fixture(scope="session")
def azure_names() -> Graph:
    """The global stack's traffic on Azure, in a zone that exists."""
    return run(parts_azure.names)
