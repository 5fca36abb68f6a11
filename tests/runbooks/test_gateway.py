"""`aurops gateway check` as it is called wrongly."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aurops.errors import UsageError
from runbooks import gateway
from tests.migration.gateway.test_configuration import PLAIN


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        (("http://v10a",), "three restored copies"),
        (("http://v10a", "http://v10a:80/"), "three restored copies"),
        (("http://v10a", "http://V10:80"), "would be written to"),
        (("http://v10a", "http://gateway"), "would be written to"),
    ],
)
def test_a_platform_that_serves_is_never_taken_for_a_copy(copies: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Nor one copy for two; nothing is asked."""
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(PLAIN))
    serving = ["--v10", "http://v10", "--gateway", "http://gateway"]
    given = [
        *serving,
        *(part for url in copies for part in ("--v10-copy", url)),
        "--gateway-copy",
        "http://gateway-copy",
    ]
    done = CliRunner().invoke(gateway.app, ["check", str(file), *given])
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.what
