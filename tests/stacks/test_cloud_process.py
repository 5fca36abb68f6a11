"""The processes in which several clouds are previewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import OutsideError
from stacks.cloud_process import CloudProcess
from stacks.site import Site

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_that_is_stopped_ends_and_its_stacks_are_named(tmp_path: Path) -> None:
    """Whoever waits for it hears of its end: which stacks are not previewed, and what to do; nothing hangs."""
    child = CloudProcess(Site(tmp_path), ("aws-global", "edge"))
    child.interrupt()
    with pytest.raises(OutsideError, match="previews aws-global, edge ended with code") as caught:
        child.previews(lambda *_: None)
    assert "again" in (caught.value.next_step or "")
    child.close()
