"""The policy pack of a repository: loads the rules that its team keeps in `ci/policy`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from stacks.policy.rules import Check

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = "ci/policy"
"""Where a repository keeps its pack."""
WAIVERS = "waivers.yaml"
NEEDED = "CHECKS: a tuple of stacks.policy.rules.Check, and LONGEST_WAIVER_DAYS: a number"


@dataclass(frozen=True)
class Pack:
    """The rules of a repository.

    Args:
        folder: Where they are.
        checks: The rules, in the order in which they are told.
        longest_waiver_days: How many days ahead a waiver may end at most.
    """

    folder: Path
    checks: tuple[Check, ...]
    longest_waiver_days: int

    @property
    def waivers(self) -> Path:
        """The file of waivers."""
        return self.folder / WAIVERS


def load(folder: Path) -> Pack:
    """Load a pack: run the Python package in its folder, which says `CHECKS` and `LONGEST_WAIVER_DAYS`.

    Raises:
        UsageError: There is none, it cannot be imported, or does not say what is needed.
    """
    if not (folder / "__init__.py").is_file():
        raise UsageError(
            "there is no policy pack",
            where=str(folder),
            allowed="a Python package",
            next_step=f"merge {FOLDER} of the release, or leave --policy out",
        )
    module = _imported(folder)
    checks, days = getattr(module, "CHECKS", None), getattr(module, "LONGEST_WAIVER_DAYS", None)
    if not isinstance(checks, tuple) or not all(isinstance(each, Check) for each in checks) or type(days) is not int:
        raise UsageError("the policy pack does not say what is needed", where=f"{folder}/__init__.py", allowed=NEEDED)
    twice = [id_ for id_, count in Counter(each.rule.id for each in checks).items() if count > 1]
    if twice:
        raise UsageError(f"two rules are called {', '.join(twice)}", where=str(folder), allowed="each id once")
    return Pack(folder, checks, days)


def _imported(folder: Path) -> ModuleType:
    """The package, under a name of its folder's own: a lab, a baseline and the repository may each have one."""
    name = f"aurops_policy_{sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise UsageError("the policy pack cannot be imported", where=str(folder))
    for known in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[known]
    importlib.invalidate_caches()
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as cause:  # which would end the command with a code of its own
        del sys.modules[name]
        raise UsageError(
            f"the policy pack cannot be imported: {type(cause).__name__}: {cause}",
            where=place_of(cause, folder),
            next_step="mend the rule; what a rule needs of aurops is in stacks.policy",
        ) from cause
    return module


def place_of(error: BaseException, folder: Path) -> str:
    """File and line of the pack where an error arose, as seen from the repository; a syntax error says its own."""
    root = folder.resolve()
    places = [(Path(each.filename).resolve(), each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((Path(error.filename).resolve(), error.lineno))
    own = [(file, line) for file, line in places if file.is_relative_to(root)]
    if not own:
        return str(folder)
    file, line = own[-1]
    return f"{file.relative_to(root.parent.parent)}, line {line}"
