"""Every wrong configuration, as a person meets it: through the command."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from runbooks.cli import main
from stacks import residency
from tests.stacks.test_config import STACKS, WRONG, edit, put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository's stacks, with neither an engine nor a backend nor a store in reach."""
    root = tmp_path / "clone"
    (root / "stacks").mkdir(parents=True)
    for file in STACKS.glob("Pulumi.*.yaml"):
        shutil.copy(file, root / "stacks")
    shutil.copy(STACKS.parent / "Pulumi.yaml", root)
    monkeypatch.chdir(root)
    for name in ("PATH", "AUROPS_STORE", "AUROPS_LAB_HOME", "PULUMI_BACKEND_URL"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    return root


@pytest.mark.parametrize(("stack", "change", "said", "key", "allowed"), WRONG)
def test_a_wrong_configuration_is_exit_2_and_changes_nothing(
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    stack: str,
    change: Callable[[Any], object],
    said: str,
    key: str,
    allowed: str,
) -> None:
    """`aurops up` says one error: what is wrong, in which file and key, what is allowed; nothing is begun."""
    edit(repository / "stacks", stack, change)
    before = {file: file.read_bytes() for file in repository.rglob("*") if file.is_file()}
    with pytest.raises(SystemExit) as ended:
        main(["up", "--yes"])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.count("aurops: ") == 1
    assert any(each in told.err for each in said.split("|"))
    where = next(line for line in told.err.splitlines() if line.startswith("  where: stacks/Pulumi."))
    assert key in where
    assert allowed in told.err
    assert "Traceback" not in told.err
    assert {file: file.read_bytes() for file in repository.rglob("*") if file.is_file()} == before
    assert not (repository.parent / "none").exists()


@pytest.mark.parametrize("command", [("up", "--yes"), ("preview",)])
@pytest.mark.parametrize(
    ("stack", "region"),
    [("aws-us-east-1", "us-east-1"), ("azure-eastus", "eastus"), ("gcp-us-central1", "us-central1")],
)
def test_regions_that_the_data_class_forbids_are_exit_2(
    repository: Path, capsys: pytest.CaptureFixture[str], stack: str, region: str, command: tuple[str, ...]
) -> None:
    """On each cloud the class's own table decides, before any engine starts: file, key, allowed regions, the way on."""
    for name in residency.FILES:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(STACKS.parent / name, repository / name)
    edit(repository / "stacks", stack, put("tags.data-class", "personal-eu"))
    with pytest.raises(SystemExit) as ended:
        main(list(command))
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"personal-eu data may lie in eu; {region} is in us" in told
    assert f"where: stacks/Pulumi.{stack}.yaml: aurops:region.region" in told
    assert "next: choose another region, or another class in tags.data-class" in told


def test_there_are_at_least_thirty_of_them() -> None:
    """Each is a mistake of its own: another key, or another thing wrong with it."""
    assert len({(stack, said, key) for stack, _, said, key, _ in WRONG}) >= 30
