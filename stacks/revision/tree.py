"""One version of the repository on disk: its stacks, their settings, and what of its files decides a graph."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from aurops.documents import read
from stacks.site import PROGRAM_FILE, STACK_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from stacks.revision.git import File

APART: Final = (
    "docs",
    "tests",
    "benchmarks",
    "ci",
    "testbeds",
    "runbooks",
    "failover",
    "migration",
    "traffic",
    "reports",
)
"""Folders at the top that no stack's program reads; the lab is always that of the aurops which runs."""
_APART_FILES: Final = (".md", ".txt", "LICENSE", "Makefile", ".gitignore", ".gitattributes")
_ENCRYPTION: Final = frozenset({"encryptionsalt", "encryptedkey", "secretsprovider"})
_DESCRIPTION: Final = frozenset({"value", "default", "type", "description", "items", "secret"})
_OWN: Final = "aurops:"
_PACKAGES: Final = ("pulumi", "pulumi-aws", "pulumi-azure-native", "pulumi-gcp", "pulumi-kubernetes", "pydantic")


@dataclass(frozen=True)
class Settings:
    """What the engine takes from Pulumi.yaml and a stack's file.

    Args:
        project: Pulumi's name of the project.
        config: The stack's configuration, JSON texts by full key.
        besides: What the engine itself acts on, and no program reads: providers' settings, for one.
    """

    project: str
    config: Mapping[str, str]
    besides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tree:
    """A version of the repository.

    Args:
        folder: Holds Pulumi.yaml and `stacks/`.
    """

    folder: Path

    @property
    def stacks_dir(self) -> Path:
        """Where the stack files are."""
        return self.folder / "stacks"

    @property
    def has_program(self) -> bool:
        """Whether it brings the stacks' program along; without one, that of the aurops which runs is used."""
        return (self.folder / PROGRAM_FILE).is_file()

    def files(self) -> dict[str, Path]:
        """Stack files by the name of the stack."""
        found = ((STACK_FILE.fullmatch(file.name), file) for file in sorted(self.stacks_dir.glob("Pulumi.*.yaml")))
        return {match["stack"]: file for match, file in found if match}

    def cloud(self, stack: str) -> str:
        """The cloud that a stack says it is on; empty when it says none that can be read."""
        config = _mapping(_mapping(read(self.files()[stack], f"stacks/Pulumi.{stack}.yaml")).get("config"))
        return next((str(each["cloud"]) for each in config.values() if isinstance(each, dict) and "cloud" in each), "")

    def settings(self, stack: str) -> Settings:
        """What the engine would take for a stack.

        Raises:
            UsageError: A file cannot be read.
        """
        project = _mapping(read(self.folder / "Pulumi.yaml", "Pulumi.yaml"))
        own = _mapping(read(self.files()[stack], f"stacks/Pulumi.{stack}.yaml"))
        name = str(project.get("name", ""))
        config = _full(name, _mapping(project.get("config"))) | _full(name, _mapping(own.get("config")))
        besides = {key: value for key, value in config.items() if not key.startswith((_OWN, f"{name}:"))}
        rest = {key: value for key, value in own.items() if key not in _ENCRYPTION | {"config"}}
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        return Settings(name, texts, {"config": besides, "stack": rest})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _full(project: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration by full key; a project's entry may be a description with the value in it."""
    full = {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}
    return {key: _value(value) for key, value in full.items()}


def _value(value: Any) -> Any:
    described = isinstance(value, dict) and set(value) & {"value", "default"} and set(value) <= _DESCRIPTION
    return value.get("value", value.get("default")) if described else value


def deciding(files: Mapping[str, File]) -> dict[str, File]:
    """Those files of a revision that can decide a stack's graph: programs, configuration, lock file."""
    return {path: file for path, file in files.items() if _decides(path)}


def _decides(path: str) -> bool:
    top, _, below = path.partition("/")
    return top not in APART if below else not top.endswith(_APART_FILES)


def key_of(files: Mapping[str, File], surroundings: str) -> str:
    """A name for all that decides a revision's graphs: two revisions of one key have the same.

    Args:
        files: The files that decide (`deciding`).
        surroundings: What else decides (`surroundings`).
    """
    lines = [surroundings, *(f"{file.id} {file.is_link} {path}" for path, file in sorted(files.items()))]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:32]


def surroundings(folders: Iterable[Path]) -> str:
    """What decides graphs besides a revision's own files: the SDKs that are installed, and code of this aurops.

    Args:
        folders: Files and folders of that code.
    """
    lines = [f"python {sys.version_info.major}.{sys.version_info.minor}"]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    for folder in folders:
        files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        lines += [f"{file.name} {_digest(file)}" for file in files if _is_source(file)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _is_source(file: Path) -> bool:
    return file.suffix in (".py", ".json", ".yaml") and "__pycache__" not in file.parts


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
