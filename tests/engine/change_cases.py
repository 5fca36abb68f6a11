"""Changes that a team makes to a region that is up, and what the engine does to each: docs/change-safety.md."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from aurops.errors import AuropsError
from components.data import HOUSES_DATA, holds_data
from stacks.changes import Op
from stacks.engine import EngineStack, Operation
from stacks.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from stacks.changes import Change, Changes

HOMES = {"aws": "aws-us-east-1", "azure": "azure-eastus", "gcp": "gcp-us-central1"}
NODES = (
    "aws:eks/nodeGroup:NodeGroup",
    "azure-native:containerservice:AgentPool",
    "gcp:container/nodePool:NodePool",
)
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
        rolls: Whether the nodes move to new groups, which the engine makes before it deletes those that were there.
        refused: What is said when the configuration is refused; nothing is planned then.
    """

    title: str
    edit: Callable[[Region], None]
    expected: tuple[tuple[Op, str, str], ...] = ()
    everywhere: bool = False
    removes: str = ""
    rolls: bool = False
    refused: str = ""


def put(path: str, value: Any) -> Callable[[Region], None]:
    """An edit that sets the value at a dotted path."""

    def edit(region: Region) -> None:
        *parents, last = path.split(".")
        for each in parents:
            region = region[each]
        region[last] = value

    return edit


GROUPS = tuple(f"payments-nodes-group-{zone}" for zone in "abc")
SUBNETS_OF_A_ZONE = ("net-data", "net-private", "net-public")


def of_zone(op: Op, zone: str, *names: str) -> tuple[tuple[Op, str, str], ...]:
    """What comes or goes with a zone."""
    return tuple((op, f"payments-{name}-{zone}", "") for name in names)


def each_group(path: str) -> tuple[tuple[Op, str, str], ...]:
    """Every zone's nodes change in a property, and stay."""
    return tuple((Op.UPDATE, name, path) for name in GROUPS)


def tagged(path: str, *names: str) -> Case:
    """A tag that all get."""
    return Case("another tag", put("tags.team", "core"), tuple((Op.UPDATE, f"payments-{name}", path) for name in names))


REORDER = Case("reorder the zones", put("network.zones", ["c", "a", "b"]))
POSTGRESQL = Case("next PostgreSQL minor version", put("database.engine_version", "17.6"), everywhere=True)
KUBERNETES = (Op.UPDATE, "payments-nodes-cluster", "kubernetesVersion")
NAT = put("network.nat", "single")


def more_nodes(region: Region) -> None:
    """Twice as many at least, and at most."""
    region["nodes"].update(min_per_zone=4, desired_per_zone=4, max_per_zone=24)


AWS = (
    Case(
        "add a zone",
        put("network.zones", ["a", "b", "c", "d"]),
        of_zone(Op.CREATE, "d", *SUBNETS_OF_A_ZONE, "nodes-group"),
    ),
    REORDER,
    Case("more nodes at most", put("nodes.max_per_zone", 24), each_group("scalingConfig")),
    Case(
        "another machine type",
        put("nodes.vcpus", 8),
        (
            (Op.UPDATE, "payments-nodes-template", "instanceType"),
            # A new version of the template: the groups roll their nodes, in place.
            *each_group("launchTemplate.version"),
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
        ((Op.UPDATE, "payments-nodes-cluster", "version"), *each_group("version")),
    ),
    replace(POSTGRESQL, expected=((Op.UPDATE, "payments-db-global", "engineVersion"),)),
    Case(
        "next Valkey minor version",
        put("cache.engine_version", "8.2"),
        ((Op.UPDATE, "payments-cache-global", "engineVersion"),),
        everywhere=True,
    ),
    tagged("tags", "net-vpc", "db-cluster", *(f"nodes-group-{zone}" for zone in "abc")),
    Case("NAT from one per zone to a single one", NAT, ((Op.DELETE, "payments-net-nat-c", ""),)),
    Case(
        "remove a zone",
        put("network.zones", ["a", "b"]),
        of_zone(Op.DELETE, "c", *SUBNETS_OF_A_ZONE, "nodes-group"),
        removes="c",
    ),
)
AZURE = (
    Case("add a zone", put("network.zones", ["a", "b", "c", "d"]), refused="eastus has no zone d"),
    REORDER,
    Case("more nodes", more_nodes, (*each_group("minCount"), *each_group("maxCount"))),
    Case(
        "another machine type",
        put("nodes.vcpus", 8),
        tuple((Op.REPLACE, name, "vmSize") for name in GROUPS),
        rolls=True,
    ),
    Case("bigger database instances", put("database.vcpus", 16), ((Op.UPDATE, "payments-db-server", "sku.name"),)),
    Case(
        "next Kubernetes minor version",
        put("nodes.version", "1.35"),
        (KUBERNETES, *each_group("orchestratorVersion")),
    ),
    POSTGRESQL,
    Case("next Valkey minor version", put("cache.engine_version", "8.2"), everywhere=True),
    tagged("tags", "net-vnet", "db-server", *(f"nodes-group-{zone}" for zone in "abc")),
    Case("NAT from one per zone to a single one", NAT, ((Op.DELETE, "payments-net-nat-c", ""),)),
    Case(
        "remove a zone",
        put("network.zones", ["a", "b"]),
        of_zone(Op.DELETE, "c", "net-private", "nodes-group"),
        removes="c",
    ),
)
GCP = (
    Case("add a zone", put("network.zones", ["a", "b", "c", "f"]), of_zone(Op.CREATE, "f", "nodes-group")),
    REORDER,
    Case("more nodes", more_nodes, each_group("autoscaling")),
    # GKE makes new nodes and drains the old ones, in the pool that is there.
    Case("another machine type", put("nodes.vcpus", 8), each_group("nodeConfig.machineType")),
    Case(
        "bigger database instances",
        put("database.vcpus", 16),
        ((Op.UPDATE, "payments-db-instance", "settings.tier"),),
    ),
    Case(
        "next Kubernetes minor version",
        put("nodes.version", "1.35"),
        ((Op.UPDATE, "payments-nodes-cluster", "minMasterVersion"),),
    ),
    POSTGRESQL,
    Case(
        "next Valkey version",
        put("cache.engine_version", "9.0"),
        ((Op.UPDATE, "payments-cache-group", "engineVersion"),),
        everywhere=True,
    ),
    tagged("settings.userLabels", "db-instance"),
    Case("NAT from one per zone to a single one", NAT, refused="Cloud NAT has no gateway"),
    Case("remove a zone", put("network.zones", ["a", "b"]), of_zone(Op.DELETE, "c", "nodes-group"), removes="c"),
)
CASES = {"aws": AWS, "azure": AZURE, "gcp": GCP}


def edited(site: Site, folder: Path, case: Case, cloud: str = "aws") -> Site:
    """A copy of the site's files, in which the change is made."""
    shutil.copytree(site.work_dir, folder, symlinks=True)
    yaml = YAML(typ="safe")
    files = f"Pulumi.{cloud}-*.yaml" if case.everywhere else f"Pulumi.{HOMES[cloud]}.yaml"
    for file in sorted((folder / "stacks").glob(files)):
        document = yaml.load(file.read_text())
        if region := document["config"].get("aurops:region"):
            case.edit(region)
            with file.open("w") as out:
                yaml.dump(document, out)
    return Site(folder, site.env, is_lab=True)


def seen(site: Site, operation: Operation = Operation.PREVIEW, cloud: str = "aws") -> Changes:
    """What the engine does, or would do, to the home region."""
    return EngineStack(site, HOMES[cloud]).run(operation).changes


def planned(site: Site, cloud: str) -> Changes | str:
    """What a preview says, or why there is none."""
    try:
        return seen(site, cloud=cloud)
    except AuropsError as error:
        return str(error)


def unsafe(case: Case, plan: Changes | str) -> Iterator[str]:
    """What the change must not do, and what it must and does not."""
    if isinstance(plan, str):
        if not case.refused or case.refused not in plan:
            yield f"is refused: {plan}"
        return
    if case.refused:
        yield "is not refused"
    for change in plan.changes:
        lost = change.op in (Op.REPLACE, Op.DELETE)
        guarded = holds_data(change.type) or change.type in HOUSES_DATA or change.type in NODES
        goes_along = case.removes and change.op is Op.DELETE and _of_zone(change, case.removes)
        rolls = case.rolls and change.op is Op.REPLACE and change.type in NODES
        if lost and guarded and not goes_along and not rolls:
            yield f"{change.op} {change.name} ({', '.join(change.replaces)})"
        if case.removes and change.op is Op.DELETE and not goes_along:
            yield f"deletes {change.name}, which is not of zone {case.removes}"
    yield from _missing(case, plan)


def _missing(case: Case, plan: Changes) -> Iterator[str]:
    by_name = {(change.op, change.name): change for change in plan.changes}
    for op, name, key in case.expected:
        change = by_name.get((op, name))
        if change is None:
            yield f"does not {op} {name}"
        elif key and not any(each.startswith(key) for each in change.keys):
            yield f"does not change {key} of {name}, only {', '.join(change.keys)}"
    if not case.expected and plan.changes:
        yield f"changes {', '.join(change.name for change in plan.changes)}"


def _of_zone(change: Change, zone: str) -> bool:
    return zone in change.name.split("-")


def row(case: Case, plan: Changes | str) -> str:
    """The change's row of the table."""
    if isinstance(plan, str):
        return f"| {case.title} | refused: {case.refused} | | | |"
    cells = (_cell(plan, op) for op in (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE))
    return f"| {case.title} | {' | '.join(cells)} |"


def _cell(changes: Changes, op: Op) -> str:
    kinds: Mapping[str, int] = Counter(change.type.rsplit(":", 1)[-1] for change in changes.changes if change.op is op)
    few = 8
    if len(kinds) > few:
        return f"{sum(kinds.values())} of {len(kinds)} types"
    return ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(kinds.items())) or "-"
