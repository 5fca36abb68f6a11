"""The lab's folder and the environment that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.folder import CLOUDS, LabFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["AWS_PROFILE", "ARM_CLIENT_SECRET", "AZURE_CONFIG_DIR", "KUBECONFIG", "PULUMI_STACK"])
def test_nothing_of_a_real_account_reaches_the_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Variables that lead to somebody's account, cluster or backend are left out; others stay."""
    monkeypatch.setenv(name, "somebody's")
    monkeypatch.setenv("EDITOR", "ed")
    env = LabFolder(tmp_path).env()
    assert name not in env
    assert env["EDITOR"] == "ed"


def test_every_cloud_of_the_lab_has_its_stand_in(tmp_path: Path) -> None:
    """The engine finds a provider for each package under its own name on PATH."""
    LabFolder(tmp_path).lay_out(tmp_path)
    assert {shim.name for shim in (tmp_path / "bin").iterdir()} == {f"pulumi-resource-{package}" for package in CLOUDS}
    assert {"aws", "azure-native", "kubernetes"} <= set(CLOUDS)


def test_somebodys_own_encryption_stays_out_of_the_lab(tmp_path: Path) -> None:
    """A salt that was committed belongs to another passphrase than the lab's; the repository's file keeps it."""
    text = "encryptionsalt: v1:abc\nconfig:\n  aurops:edge:\n    encryptionsalt: mine\n"
    (tmp_path / "repo" / "stacks").mkdir(parents=True)
    file = tmp_path / "repo" / "stacks" / "Pulumi.edge.yaml"
    file.write_text(text)
    lab = LabFolder(tmp_path / "lab")
    lab.path.mkdir()
    lab.lay_out(tmp_path / "repo")
    assert file.read_text() == text
    assert (lab.work_dir / "stacks" / file.name).read_text() == text.partition("\n")[2]
