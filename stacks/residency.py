"""Whether data of a stack's class may lie where its configuration puts it, known before anything is planned.

What a class may do is a team's decision and stands in one place, `ci/policy`, for the policy's rule and for this.
Policy judges what a program declares, the copies that it makes included; this refuses a choice of regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aurops.errors import UsageError
from stacks.fleet import where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from components.place import Cloud
    from stacks.fleet import Fleet
    from stacks.model import RegionConfig

FILES = ("ci/policy/settings.py", "ci/policy/jurisdictions.py")
"""What a class may do, and in which jurisdiction each region is."""


class ResidencyError(UsageError):
    """Data of a class would lie where it may not."""


@dataclass(frozen=True)
class Residency:
    """What a repository's policy decides.

    Args:
        tag: The tag that says a stack's class.
        allowed: By class: jurisdictions or single regions, or the word for all of them.
        anywhere: That word.
        jurisdictions: By cloud and region.
    """

    tag: str
    allowed: Mapping[str, tuple[str, ...]]
    anywhere: str
    jurisdictions: Mapping[tuple[str, str], str]

    def may(self, data_class: str, cloud: Cloud, region: str) -> bool:
        """Whether data of a class may lie in a region."""
        names = self.allowed[data_class]
        return bool({self.anywhere, region, self.jurisdictions.get((cloud.value, region))} & set(names))

    def regions(self, data_class: str, cloud: Cloud) -> list[str]:
        """A cloud's regions where it may lie."""
        known = [region for of, region in self.jurisdictions if of == cloud.value]
        return [region for region in known if self.may(data_class, cloud, region)]


def read(root: Path) -> Residency | None:
    """What the policy of a repository decides; None: it has none.

    Raises:
        UsageError: Its files cannot be run, or do not say it.
    """
    if not all((root / name).is_file() for name in FILES):
        return None
    told: dict[str, Any] = {}
    for name in FILES:
        module = ModuleType(f"aurops residency {name}")
        try:
            # Each by itself: the whole package loads every rule.
            SourceFileLoader(module.__name__, str(root / name)).exec_module(module)
            told |= vars(module)
        except Exception as cause:
            raise UsageError(f"the policy cannot be read: {cause}", where=name, allowed="Python that runs") from cause
    try:
        return Residency(told["DATA_CLASS"], told["RESIDENCY"], told["ANYWHERE"], told["JURISDICTION"])
    except KeyError as cause:
        raise UsageError(
            f"the policy does not say {cause.args[0]}",
            where=" and ".join(FILES),
            allowed="DATA_CLASS, RESIDENCY, ANYWHERE, JURISDICTION",
        ) from cause


def check(fleet: Fleet, root: Path, stack: str | None = None) -> None:
    """Refuse regions that a data class forbids.

    Args:
        fleet: All stacks.
        root: The repository, or its like in the lab.
        stack: The only one that is asked about; None: all.

    Raises:
        ResidencyError: The first one, naming file and key.
        UsageError: The policy cannot be read.
    """
    if residency := read(root):
        for problem in problems(fleet, residency, stack):
            raise problem


def problems(fleet: Fleet, residency: Residency, stack: str | None = None) -> Iterator[ResidencyError]:
    """Everything that lies where it may not. A class that is missing or unknown is policy's to judge."""
    for name, config in sorted(fleet.regions().items()):
        data_class = config.tags.get(residency.tag, "")
        if stack not in (None, name) or data_class not in residency.allowed:
            continue
        for key, region in places(fleet, name, config):
            if not residency.may(data_class, config.cloud, region):
                law = residency.jurisdictions.get((config.cloud.value, region), "no jurisdiction that is listed")
                yield ResidencyError(
                    f"{data_class} data may lie in {', '.join(residency.allowed[data_class])}; {region} is in {law}",
                    where=where(name, key),
                    allowed=", ".join(residency.regions(data_class, config.cloud)) or f"no region of {config.cloud}",
                    next_step=f"choose another region, or another class in tags.{residency.tag}; {FILES[0]} decides "
                    "what a class may do",
                )


def places(fleet: Fleet, stack: str, config: RegionConfig) -> Iterator[tuple[str, str]]:
    """Where a stack's data lies, by the key that says so: here, in its copies, and in the regions that join it."""
    yield "region", config.region
    if config.archive:
        yield "archive.replica_region", config.archive.replica_region
    for other, joined in sorted(fleet.regions().items()) if fleet.is_home(stack) else ():
        if other == stack or fleet.home_of(other) != stack:
            continue
        for part in ("database", "cache"):
            if getattr(config, part) and getattr(joined, part):
                yield part, joined.region
