"""The archive, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    import pulumi

    from components.archive.spec import ArchiveSpec
    from components.keys.component import KeysOutputs
    from components.place import Place


@dataclass(frozen=True)
class ArchiveOutputs:
    """What others need of the archive."""

    place: Place
    bucket: pulumi.Input[str]
    replica_bucket: pulumi.Input[str]
    replica_region: str
    locked: bool = False
    """Whether the retention is locked for good."""


class Archive(Component):
    """Write-once storage, its copy in another region, and the key of that copy."""

    def __init__(
        self, name: str, spec: ArchiveSpec, keys: KeysOutputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        build = load("archive", keys.place.cloud)
        self.outputs: ArchiveOutputs = build(Scope(self, name, keys.place, is_locked=True), spec, keys)
        self.register_outputs({"bucket": self.outputs.bucket, "replicaBucket": self.outputs.replica_bucket})
