"""The program of a stack: configuration in, components made, inventory out. `pulumi up` and `aurops` share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from aurops import inventory
from components.archive.component import Archive
from components.base import load
from components.cache.component import Cache
from components.database.component import Database
from components.edge.component import Edge
from components.keys.component import Keys
from components.network.component import Network
from components.nodes.component import Nodes
from components.place import Place
from components.service.component import Service
from components.traffic.component import TARGETS, Backend, Traffic
from components.workload.component import Workload
from stacks import config as files
from stacks import residency
from stacks.fleet import Fleet, stack_name
from stacks.fleet_check import check
from stacks.model import CloudConfig, EdgeConfig, GlobalConfig, RegionConfig
from stacks.ties import ties_of
from stacks.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from stacks.ties import Ties

Facts = dict[str, Any]


def main(folder: Path, *, protect: bool = True, settle: bool = False) -> None:
    """Run the program of the stack that the engine has selected.

    Args:
        folder: Where the stack files are. The stack's own values are the engine's (`pulumi config`); the other files
            say who is home and what must not overlap.
        protect: False lifts the protection of what holds data, whatever the configuration says.
        settle: Make what only now can be made.

    Raises:
        ConfigError: A stack file is wrong.
        FleetError: Stack files contradict each other.
        ResidencyError: Data would lie where its class may not.
        UpstreamMissingError: In `up`, a stack before this one is not up.
    """
    stack = pulumi.get_stack()
    fleet = files.load(folder)
    file = f"stacks/Pulumi.{stack}.yaml"
    given = {key: value for key in files.MODELS if (value := pulumi.Config("aurops").get_object(key.split(":")[1]))}
    fleet = Fleet({**fleet.stacks, stack: files.parse(given, file)})
    check(fleet)
    if protect:  # who leaves is not kept from leaving
        residency.check(fleet, folder.parent, stack)
    else:
        lifted = fleet.stacks[stack].model_copy(update={"protect": False})
        fleet = Fleet({**fleet.stacks, stack: lifted})
    run(fleet, stack, settle=settle, leaving=not protect)


def run(fleet: Fleet, stack: str, *, settle: bool = False, leaving: bool = False) -> None:
    """Make the stack's components and export its inventory.

    Args:
        fleet: All stacks.
        stack: The one that is meant.
        settle: Make what only now can be made.
        leaving: Its protection is lifted to destroy it. A home names no standby any more; should it stay after all, it
            settles again.
    """
    config = fleet.stacks[stack]
    after = fleet.settles_after(stack)
    read = (*fleet.upstream(stack), *fleet.cache_mates(stack), *(after if settle else ()))
    before = {each: Upstream(each) for each in dict.fromkeys(read)}
    # Once is for ever: what settling made stays, and whom a home names afterwards is a failover's to say.
    settled = settle or (bool(after) and Upstream(stack).get("settled") is True)
    place = Place(config.cloud, config.region, config.fleet, config.tags, config.protect, settled)
    provider = load("clouds", config.cloud)(place, config.account_id)
    opts = pulumi.ResourceOptions(providers=[provider])
    home = config.home if isinstance(config, CloudConfig) else config.region
    if isinstance(config, EdgeConfig):
        facts = edge_facts(config, place, before, opts)
    elif isinstance(config, GlobalConfig):
        facts = global_facts(config, place, before, opts)
    elif isinstance(config, RegionConfig):
        facts = region_facts(config, place, ties_of(fleet, stack, config, before, leaving=leaving), opts)
    else:
        raise TypeError(type(config).__name__)
    if after:
        facts["settled"] = settled and not leaving
    whole = inventory.document(stack=stack, cloud=config.cloud.value, region=config.region, home=home, **facts)
    pulumi.export("inventory", pulumi.Output.from_input(whole).apply(lambda document: checked(document, stack)))


def checked(document: Facts, stack: str) -> Facts:
    """The inventory as it is exported: readable by whoever reads it next."""
    return inventory.read(document, f"stack {stack}").model_dump(mode="json", by_alias=True, exclude_none=True)


def region_facts(config: RegionConfig, place: Place, ties: Ties, opts: pulumi.ResourceOptions) -> Facts:
    """Make a region's components; what they tell the inventory."""
    keys = Keys(f"{place.fleet}-keys", config.keys, place, opts).outputs
    network = Network(f"{place.fleet}-net", config.network, keys, ties.network, opts).outputs
    zones = dict(network.azure.private_zones) if network.azure else {}
    facts: Facts = {"network": {"id": network.id, "private_zones": zones}}
    facts |= data_facts(config, network, keys, ties, opts)
    facts |= compute_facts(config, network, keys, opts)
    if config.archive:
        facts["archive"] = told(Archive(f"{place.fleet}-archive", config.archive, keys, opts).outputs)
    return facts


def data_facts(
    config: RegionConfig, network: NetworkOutputs, keys: KeysOutputs, ties: Ties, opts: pulumi.ResourceOptions
) -> Facts:
    """Database and cache: the home region owns the groups that the others join."""
    facts: Facts = {}
    fleet_name = config.fleet
    if config.database:
        database = Database(f"{fleet_name}-db", config.database, network, keys, ties.birth, opts)
        facts["database"] = told(database.outputs)
    if config.cache:
        cache = Cache(
            f"{fleet_name}-cache", config.cache, network, keys, ties.cache_group, opts, members=ties.cache_members
        )
        facts["cache"] = told(cache.outputs)
    return facts


def compute_facts(
    config: RegionConfig, network: NetworkOutputs, keys: KeysOutputs, opts: pulumi.ResourceOptions
) -> Facts:
    """Cluster, node software and service."""
    facts: Facts = {}
    fleet_name = config.fleet
    if config.nodes:
        nodes = Nodes(f"{fleet_name}-nodes", config.nodes, network, keys, opts).outputs
        facts["nodes"] = {"cluster": nodes.cluster, "node_groups": dict(nodes.node_groups)}
        if config.workload:
            facts["workload"] = told(Workload(f"{fleet_name}-app", config.workload, network, nodes, opts).outputs)
    if config.service:
        facts["service"] = told(Service(f"{fleet_name}-web", config.service, network, keys, opts).outputs)
    return facts


def global_facts(
    config: GlobalConfig, place: Place, before: Mapping[str, Upstream], opts: pulumi.ResourceOptions
) -> Facts:
    """Make what a cloud has once; what it tells the inventory."""
    backends = {}
    for region in sorted(config.traffic.all_regions()):
        stack = before[stack_name(config.cloud, region)]
        needed = ("host", "host_zone", "health_path", *(["target"] if config.cloud in TARGETS else []))
        backends[region] = Backend(*(stack.require("service", key) for key in needed))
    outputs = Traffic(f"{place.fleet}-dns", config.traffic, backends, place, opts).outputs
    switches = {region: vars(switch) for region, switch in outputs.switches.items()}
    return {"traffic": told(outputs) | {"switches": switches, "steering": dict(outputs.steering)}}


def edge_facts(config: EdgeConfig, place: Place, before: Mapping[str, Upstream], opts: pulumi.ResourceOptions) -> Facts:
    """Make the names over all clouds; what they tell the inventory."""
    targets = {
        cloud: {
            name: before[stack_name(cloud, "global")].require("traffic", "endpoints", name) for name in sorted(names)
        }
        for cloud, names in config.edge.targets().items()
    }
    return {"edge": told(Edge(f"{place.fleet}-edge", config.edge, targets, place, opts).outputs)}


def told(outputs: Any) -> Facts:
    """The fields of a component's outputs, without the place: the inventory says that once."""
    return {key: value for key, value in vars(outputs).items() if key != "place"}
