"""What `aurops gateway build` refuses before it writes anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aurops.errors import UsageError
from migration.gateway import configuration
from migration.gateway.build import build
from runbooks import gateway as command
from tests.migration.gateway.test_configuration import EDGE, written

EXPORT, BLOCK = "ledger.v11.Transactions.ExportTransactions", "ledger.v11.Blocks.GetBlock"


def file_of(folder: Path, edge: dict[str, Any], timeouts: dict[str, Any]) -> Path:
    """The file of a gateway with an edge in its Envoy."""
    (folder / "edge.yaml").write_text(json.dumps({**EDGE, "folder": str(folder), **edge}))
    return written(folder, admin=None, edge="edge.yaml", timeouts=timeouts)


@pytest.mark.parametrize(
    ("edge", "timeouts", "named"),
    [
        ({}, {}, f"{EXPORT} (300 s by timeouts.stream_s)"),
        ({"timeout_s": 299}, {}, f"{EXPORT} (300 s by timeouts.stream_s)"),
        ({}, {"stream_s": 15, "methods_s": {BLOCK: 16}}, f"{BLOCK} (16 s by timeouts.methods_s)"),
        ({"timeout_s": 9}, {"stream_s": 9}, "ledger.v11.Accounts.CreateAccount (10 s by timeouts.call_s)"),
    ],
)
def test_an_edge_that_gives_up_before_what_is_behind_it_is_refused(
    edge: dict[str, Any], timeouts: dict[str, Any], named: str, tmp_path: Path
) -> None:
    """By file and key, with the method, its time-out, and what would do; nothing is written."""
    out = tmp_path / "out"
    done = CliRunner().invoke(command.app, ["build", str(file_of(tmp_path, edge, timeouts)), "--out", str(out)])
    assert isinstance(done.exception, UsageError)
    assert done.exception.where == f"{tmp_path / 'edge.yaml'}: timeout_s"
    assert f"gives up after {edge.get('timeout_s', 15)} s" in done.exception.what
    assert named in done.exception.what
    assert done.exception.allowed.startswith("at least ")
    assert not out.exists()


@pytest.mark.parametrize(
    ("edge", "timeouts"),
    [({"timeout_s": 300}, {}), ({}, {"stream_s": 15}), ({}, {"methods_s": {"*.Export*": 15}})],
)
def test_an_edge_that_waits_as_long_as_any_method_may_take_is_built(
    edge: dict[str, Any], timeouts: dict[str, Any], tmp_path: Path
) -> None:
    """Either file can say so; a stream with a time-out of its own does not go by the general one."""
    built = build(configuration.load(file_of(tmp_path, edge, timeouts)), tmp_path / "out", None)
    assert built.streams == 3


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("timeouts.methods_s", {"timeouts": {"methods_s": {"ledger.v11.Blocks.GetBlok": 20}}}),
        ("v10.status", {"v10": {"status": {"ledger.v11.Blocks.GetBlok": 201}}}),
        ("examples", {"examples": {"ledger.v11.Blocks.GetBlok": {"height": 17}}}),
    ],
)
def test_a_pattern_that_fits_no_method_is_refused(key: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """A misspelt name would leave the method that was meant as it is by default, and nobody would hear of it."""
    with pytest.raises(UsageError, match=r"'ledger\.v11\.Blocks\.GetBlok' fits no method") as refused:
        build(configuration.load(written(tmp_path, **changes)), tmp_path / "out", None)
    assert refused.value.where == f"{key} in the gateway's file"
    assert f"such as {BLOCK}" in str(refused.value.allowed)
    assert not (tmp_path / "out").exists()
