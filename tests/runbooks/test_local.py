"""`aurops local`, where no bed is needed; with beds: tests/e2e/test_bed.py."""

import json
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aurops.errors import OutsideError, UsageError
from runbooks.local import app


@pytest.fixture
def no_beds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder without beds."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("no_beds")
def test_status_without_a_bed_says_how_to_get_one() -> None:
    """No bed is an answer, not an error; as JSON it is an empty list."""
    assert "aurops local up" in CliRunner().invoke(app, ["status"]).stdout
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout) == []


@pytest.mark.usefixtures("no_beds")
@pytest.mark.parametrize("arguments", [["down"], ["down", "atlantis"]])
def test_down_of_nothing_is_a_usage_error(arguments: list[str]) -> None:
    """Ending a bed that is not there is said, and nothing is ended."""
    assert isinstance(CliRunner().invoke(app, arguments).exception, UsageError)


def test_down_all_removes_what_a_dead_bed_has_left(no_beds: Path) -> None:
    """A folder whose supervisor and guardian were both killed goes with `--all`."""
    remnant = no_beds / "aurops-bed-dead"
    (remnant / "north" / "data").mkdir(parents=True)
    done = CliRunner().invoke(app, ["down", "--all", "--json"])
    assert json.loads(done.stdout) == {"ended": ["dead"]}
    assert not remnant.exists()


def test_up_with_a_missing_program_says_so_and_leaves_nothing(no_beds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program on PATH that does not run is named; no process and no folder is left."""
    broken = no_beds / "bin"
    broken.mkdir()
    (broken / "envoy").write_text("#!/nowhere/sh\n")
    (broken / "envoy").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")
    error = CliRunner().invoke(app, ["up"]).exception
    assert isinstance(error, OutsideError)
    assert "envoy does not run" in error.what
    assert error.where == str(broken / "envoy")
    assert list(no_beds.glob("aurops-bed-*")) == []


@pytest.mark.usefixtures("no_beds")
@pytest.mark.parametrize("idle_s", ["0", "-1"])
def test_an_idle_time_that_would_end_the_bed_at_once_is_refused(idle_s: str) -> None:
    """The idle time is positive."""
    assert isinstance(CliRunner().invoke(app, ["up", "--idle-s", idle_s]).exception, UsageError)
