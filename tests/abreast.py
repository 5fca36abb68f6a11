"""Which tests run beside each other when pytest-xdist has several workers."""

from pathlib import PurePath

from xdist.scheduler import LoadFileScheduling

BEDS = {"bed", "drill", "faults", "kills", "local_target", "runs", "stopped", "switchover", "watch"}
"""Files of tests/e2e whose tests have a bed of three regions, and clients that write to it."""


class Abreast(LoadFileScheduling):
    """A file at a time, as `--dist loadfile` does it; but of tests/e2e one bed of regions at a time and one of proxies.

    Two drills on two cores would disturb each other. (`--dist loadgroup` of xdist 3.8 groups nothing under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        path = PurePath(file)
        if path.parent != PurePath("tests/e2e"):
            return file
        return "regions" if path.stem.removeprefix("test_") in BEDS else "proxies"
