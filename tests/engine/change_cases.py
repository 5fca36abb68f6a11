"""Changes that a team makes to a region that is up, and what the engine does to each: docs/change-safety.md."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from components.data import holds_data
from stacks.changes import Op
from stacks.engine import EngineStack, Operation
from stacks.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from stacks.changes import Change, Changes

HOME = "aws-us-east-1"
SUBNET, NODE_GROUP = "aws:ec2/subnet:Subnet", "aws:eks/nodeGroup:NodeGroup"
Region = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One change.

    Args:
        title: What a person does, as in the table.
        edit: Does it to the value of `aurops:region`; to every region's when `everywhere`.
        expected: Changes that must be among those seen: operation, name, and a property that must differ.
        everywhere: Whether the regions must agree on it.
        removes: Zone whose subnets and node group the change takes away.
    """

    title: str
    edit: Callable[[Region], None]
    expected: tuple[tuple[Op, str, str], ...] = ()
    everywhere: bool = False
    removes: str = ""


def put(path: str, value: Any) -> Callable[[Region], None]:
    """An edit that sets the value at a dotted path."""

    def edit(region: Region) -> None:
        *parents, last = path.split(".")
        for each in parents:
            region = region[each]
        region[last] = value

    return edit


GROUPS = tuple(f"payments-nodes-group-{zone}" for zone in "abc")
CASES = (
    Case(
        "add a zone",
        put("network.zones", ["a", "b", "c", "d"]),
        tuple(
            (Op.CREATE, f"payments-{name}-d", "") for name in ("net-data", "net-private", "net-public", "nodes-group")
        ),
    ),
    Case("reorder the zones", put("network.zones", ["c", "a", "b"])),
    Case(
        "more nodes",
        lambda region: region["nodes"].update(min_per_zone=3, desired_per_zone=4, max_per_zone=20),
        tuple((Op.UPDATE, name, "scalingConfig") for name in GROUPS),
    ),
    Case(
        "another machine type",
        put("nodes.vcpus", 8),
        (
            (Op.UPDATE, "payments-nodes-template", "instanceType"),
            # A new version of the template: the groups roll their nodes, in place.
            *((Op.UPDATE, name, "launchTemplate.version") for name in GROUPS),
        ),
    ),
    Case(
        "bigger database instances",
        put("database.vcpus", 16),
        tuple((Op.UPDATE, f"payments-db-{zone}", "instanceClass") for zone in "ab"),
    ),
    Case(
        "next Kubernetes minor version",
        put("nodes.version", "1.35"),
        ((Op.UPDATE, "payments-nodes-cluster", "version"), *((Op.UPDATE, name, "version") for name in GROUPS)),
    ),
    Case(
        "next PostgreSQL minor version",
        put("database.engine_version", "17.6"),
        ((Op.UPDATE, "payments-db-global", "engineVersion"),),
        everywhere=True,
    ),
    Case(
        "next Valkey minor version",
        put("cache.engine_version", "8.2"),
        ((Op.UPDATE, "payments-cache-global", "engineVersion"),),
        everywhere=True,
    ),
    Case(
        "another tag",
        put("tags.team", "core"),
        tuple((Op.UPDATE, name, "tags") for name in ("payments-net-vpc", "payments-db-cluster", *GROUPS)),
    ),
    Case(
        "NAT from one per zone to a single one",
        put("network.nat", "single"),
        ((Op.DELETE, "payments-net-nat-c", ""),),
    ),
    Case(
        "remove a zone",
        put("network.zones", ["a", "b"]),
        tuple(
            (Op.DELETE, f"payments-{name}-c", "") for name in ("net-data", "net-private", "net-public", "nodes-group")
        ),
        removes="c",
    ),
)


def edited(site: Site, folder: Path, case: Case) -> Site:
    """A copy of the site's files, in which the change is made."""
    shutil.copytree(site.work_dir, folder, symlinks=True)
    yaml = YAML(typ="safe")
    for file in sorted((folder / "stacks").glob("Pulumi.aws-*.yaml" if case.everywhere else f"Pulumi.{HOME}.yaml")):
        document = yaml.load(file.read_text())
        if region := document["config"].get("aurops:region"):
            case.edit(region)
            with file.open("w") as out:
                yaml.dump(document, out)
    return Site(folder, site.env, is_lab=True)


def seen(site: Site, operation: Operation = Operation.PREVIEW) -> Changes:
    """What the engine does, or would do, to the home region."""
    return EngineStack(site, HOME).run(operation).changes


def unsafe(case: Case, changes: Changes) -> Iterator[str]:
    """What the change must not do, and what it must and does not."""
    for change in changes.changes:
        lost = change.op in (Op.REPLACE, Op.DELETE)
        guarded = holds_data(change.type) or change.type in (SUBNET, NODE_GROUP)
        goes_along = case.removes and change.op is Op.DELETE and _of_zone(change, case.removes)
        if lost and guarded and not goes_along:
            yield f"{change.op} {change.name} ({', '.join(change.replaces)})"
        if case.removes and change.op is Op.DELETE and not goes_along:
            yield f"deletes {change.name}, which is not of zone {case.removes}"
    by_name = {(change.op, change.name): change for change in changes.changes}
    for op, name, key in case.expected:
        change = by_name.get((op, name))
        if change is None:
            yield f"does not {op} {name}"
        elif key and not any(each.startswith(key) for each in change.keys):
            yield f"does not change {key} of {name}, only {', '.join(change.keys)}"
    if not case.expected and changes.changes:
        yield f"changes {', '.join(change.name for change in changes.changes)}"


def _of_zone(change: Change, zone: str) -> bool:
    return zone in change.name.split("-")


def row(case: Case, changes: Changes) -> str:
    """The change's row of the table."""
    cells = (_cell(changes, op) for op in (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE))
    return f"| {case.title} | {' | '.join(cells)} |"


def _cell(changes: Changes, op: Op) -> str:
    kinds: Mapping[str, int] = Counter(change.type.rsplit(":", 1)[-1] for change in changes.changes if change.op is op)
    few = 8
    if len(kinds) > few:
        return f"{sum(kinds.values())} of {len(kinds)} types"
    return ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(kinds.items())) or "-"
