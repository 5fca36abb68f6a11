"""Which tests of real processes run beside each other."""

from pathlib import Path

import pytest

BEDS = {"bed", "drill", "faults", "kills", "local_target", "runs", "stopped", "switchover", "watch"}
"""Files whose tests have a bed of three regions, and clients that write to it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One bed of regions at a time, and beside it one of proxies: two drills on two cores would disturb each other."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            is_bed = item.path.stem.removeprefix("test_") in BEDS
            item.add_marker(pytest.mark.xdist_group("regions" if is_bed else "proxies"))
