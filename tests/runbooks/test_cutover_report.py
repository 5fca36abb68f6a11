"""`aurops cutover report` and `--report`."""

import json
from pathlib import Path

import pytest

from aurops.store import open_store
from tests.migration.cutovers import Scene
from tests.runbooks.here import here


def test_a_run_is_reported_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """HTML and JSON of one that waits; what is no cutover, no run or no file is refused with exit 2."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    scene = Scene(store=open_store(str(tmp_path / "store")))
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    file = tmp_path / "new" / "report.html"
    assert here("cutover", "report", scene.journal.run, str(file), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["journal_head"]) == ("open", scene.open().head_hash)
    assert scene.open().head_hash in file.read_text()
    assert here("cutover", "report", scene.journal.run) == 2
    assert here("cutover", "report", "none", str(file)) == 2
    assert here("cutover", "cutover.yaml", "--dry-run", "--report", str(file)) == 2
    assert here("cutover", "cutover.yaml", "--report", str(tmp_path)) == 2
