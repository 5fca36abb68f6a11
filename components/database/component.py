"""The database of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    import pulumi

    from components.database.spec import DatabaseSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.place import Place


@dataclass(frozen=True)
class Birth:
    """Whether this region was born primary. It says who owns the global group, never who is writable now.

    Args:
        global_group: The group made by the home region; None in the home region, which makes it.
        secret_regions: In the home region: where else the master secret must be readable.
        is_standby: In a region that joins: whether it is the one that takes over when home is lost.
        standby: In the home region, on Google Cloud, in the wave that settles what could not be made in one pass: the
            cluster of the region that takes over, which exists by then. In no other wave: whom it names is a failover's
            to move. Empty when the fleet goes: a home that names a standby which is gone could not be changed any more.
    """

    global_group: pulumi.Input[str] | None = None
    secret_regions: tuple[str, ...] = ()
    is_standby: bool = False
    standby: pulumi.Input[str] | None = None

    @property
    def home(self) -> bool:
        """True in the region that owns the global group."""
        return self.global_group is None


@dataclass(frozen=True)
class DatabaseOutputs:
    """What others need of the database."""

    place: Place
    global_group: pulumi.Input[str]
    """What secondaries join and a failover names."""
    id: pulumi.Input[str]
    """The full identifier of this region's cluster (on AWS its ARN): the target of a failover."""
    cluster: pulumi.Input[str]
    writer_endpoint: pulumi.Input[str]
    reader_endpoint: pulumi.Input[str]
    port: int
    secret: pulumi.Input[str] | None
    """The master secret, in the home region; None elsewhere, and where nobody signs in with a password."""


class Database(Component):
    """One region's part of a PostgreSQL database that spans regions."""

    def __init__(
        self,
        name: str,
        spec: DatabaseSpec,
        network: NetworkOutputs,
        keys: KeysOutputs,
        birth: Birth,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        build = load("database", network.place.cloud)
        self.outputs: DatabaseOutputs = build(Scope(self, name, network.place), spec, network, keys, birth)
        self.register_outputs({"globalGroup": self.outputs.global_group, "id": self.outputs.id})
