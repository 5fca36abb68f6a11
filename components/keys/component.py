"""Keys of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.keys.spec import KeysSpec, Purpose
    from components.place import Place


@dataclass(frozen=True)
class AzureKeys:
    """What Azure needs beside the keys themselves."""

    group: pulumi.Input[str]
    """Name of the resource group that everything of the stack is put into."""
    vault_id: pulumi.Input[str]
    identity_id: pulumi.Input[str]
    """The user-assigned identity that services use the keys with."""
    principal_id: pulumi.Input[str]
    """Its object id in Entra."""
    client_id: pulumi.Input[str]
    identity_name: pulumi.Input[str]
    """What it is called inside of a database."""
    tenant_id: pulumi.Input[str]
    suffix: pulumi.Input[str]
    """Ends names that have to be unique in the world."""
    versions: Mapping[Purpose, pulumi.Input[str]]
    """The URL of each key with its present version, for services that take no other."""


@dataclass(frozen=True)
class KeysOutputs:
    """What others need of the keys; build one by hand to bring your own."""

    place: Place
    by_purpose: Mapping[Purpose, pulumi.Input[str]]
    """The full identifier of each purpose's key: on AWS its ARN, on Azure its URL without a version, on Google Cloud
    its resource name."""
    azure: AzureKeys | None = None


class Keys(Component):
    """One customer-managed key per purpose."""

    def __init__(self, name: str, spec: KeysSpec, place: Place, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        build = load("keys", place.cloud)
        self.outputs: KeysOutputs = build(Scope(self, name, place), spec)
        self.register_outputs({"keys": {purpose.value: key for purpose, key in self.outputs.by_purpose.items()}})
