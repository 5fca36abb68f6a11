"""Commands run in the process of the tests, where what they use can be replaced."""

from __future__ import annotations

import pytest

from runbooks.cli import main


def here(*arguments: str) -> int:
    """Run a command in this process; its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code
