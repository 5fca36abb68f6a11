"""The cache of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load
from components.cache.spec import JOINS_ONE_BY_ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.cache.spec import CacheSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.place import Place


@dataclass(frozen=True)
class CacheOutputs:
    """What others need of the cache."""

    place: Place
    global_group: pulumi.Input[str]
    """What secondaries join and a failover names."""
    group: pulumi.Input[str]
    """This region's member: the target of a failover."""
    endpoint: pulumi.Input[str]
    port: int


class Cache(Component):
    """One region's part of a cache that spans regions. `global_group` is None in the home region, which makes it.

    `members` are the `CacheOutputs.group` of the regions that have joined before, home's included; read only on the
    clouds of `JOINS_ONE_BY_ONE`, and only when this region joins.
    """

    def __init__(
        self,
        name: str,
        spec: CacheSpec,
        network: NetworkOutputs,
        keys: KeysOutputs,
        global_group: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
        *,
        members: Sequence[pulumi.Input[str]] = (),
    ) -> None:
        super().__init__(name, opts)
        build = load("cache", network.place.cloud)
        more = (members,) if network.place.cloud in JOINS_ONE_BY_ONE else ()
        self.outputs: CacheOutputs = build(Scope(self, name, network.place), spec, network, keys, global_group, *more)
        self.register_outputs({"globalGroup": self.outputs.global_group, "group": self.outputs.group})
