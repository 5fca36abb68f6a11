"""Who may import whom (docs/ARCHITECTURE.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"aurops", "components", "failover", "migration", "runbooks", "stacks", "testbeds", "traffic"}
ALLOWED = {
    "aurops": set(),
    "components": {"aurops"},
    "stacks": {"components", "aurops"},
    "traffic": {"aurops"},
    "failover": {"aurops", "traffic"},
    "migration": {"aurops", "traffic"},
    "testbeds": {"aurops", "traffic", "failover", "migration"},
    "runbooks": PACKAGES,
}
SDK_OF_CLOUD = {
    "boto3": "aws",
    "botocore": "aws",
    "pulumi_aws": "aws",
    "azure": "azure",
    "pulumi_azure_native": "azure",
    "googleapiclient": "gcp",
    "google": "gcp",
    "pulumi_gcp": "gcp",
}

WIRE = {"google.protobuf", "google.rpc", "google.api"}
"""Protobuf, its errors and its HTTP annotations: a wire, no cloud."""


def modules() -> list[Path]:
    """Every module of the packages that exist."""
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def imported(file: Path) -> set[str]:
    """Top-level names and dotted names that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_imports_only_what_its_package_may(file: Path) -> None:
    """A package imports the packages below it and no other."""
    package = file.relative_to(ROOT).parts[0]
    used = {name.split(".")[0] for name in imported(file)} & PACKAGES
    assert used - {package} <= ALLOWED[package]


def test_components_know_nothing_of_the_core_but_its_errors() -> None:
    """Who takes the components alone takes no store, journal or runner along."""
    used = {name for file in (ROOT / "components").rglob("*.py") for name in imported(file)}
    assert {name for name in used if name.split(".")[0] == "aurops"} <= {"aurops", "aurops.errors"}


def test_the_rules_of_the_policy_know_stacks_and_components_only() -> None:
    """A rule is pure: no engine, no command, no cloud's SDK."""
    used = {name for file in (ROOT / "ci" / "policy").glob("*.py") for name in imported(file)}
    assert {name.split(".")[0] for name in used} & PACKAGES == {"components", "stacks"}
    assert not {name for name in used if name.split(".")[0] in {*SDK_OF_CLOUD, "pulumi", "pulumi_policy"}}


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_cloud_sdk_stays_in_files_named_after_its_cloud(file: Path) -> None:
    """An SDK is imported only in files (or lab folders) named after its cloud."""
    names = {name for name in imported(file) if ".".join(name.split(".")[:2]) not in WIRE}
    clouds = {cloud for name in names if (cloud := SDK_OF_CLOUD.get(name.split(".")[0]))}
    named_after = {part.removesuffix(".py") for part in file.relative_to(ROOT).parts}
    assert clouds <= named_after
