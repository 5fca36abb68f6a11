"""The cluster of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.base import Component, Scope, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.nodes.spec import NodesSpec
    from components.place import Place


@dataclass(frozen=True)
class NodesOutputs:
    """What others need of the cluster; build one by hand to bring your own."""

    place: Place
    cluster: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    node_groups: Mapping[str, pulumi.Input[str]]
    """Name of the node group by zone letter; what a failover scales."""
    disk_key: pulumi.Input[str] | None = None
    """Key of the disks that pods claim (on AWS its ARN); None: the account's default key encrypts them."""


class Nodes(Component):
    """A managed Kubernetes cluster with one node group per zone."""

    def __init__(
        self,
        name: str,
        spec: NodesSpec,
        network: NetworkOutputs,
        keys: KeysOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        place = network.place
        if spec.existing:
            have = spec.existing
            self.outputs = NodesOutputs(
                place, have.cluster, have.endpoint, have.certificate_authority, have.node_groups, have.disk_key
            )
        else:
            build = load("nodes", place.cloud)
            self.outputs = build(Scope(self, name, place), spec, network, keys)
        self.register_outputs({"cluster": self.outputs.cluster})


def kubeconfig(
    nodes: NodesOutputs, command: str, arguments: list[pulumi.Input[str]], **more: bool
) -> pulumi.Output[str]:
    """A kubeconfig that asks `command` for a token at each call and therefore holds no secret.

    Args:
        nodes: The cluster.
        command: What is asked, such as `aws`.
        arguments: Its arguments.
        more: What else the command needs of its caller, in Kubernetes' words: `provideClusterInfo`.
    """
    cluster = {"server": nodes.endpoint, "certificate-authority-data": nodes.certificate_authority}
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": command,
        "args": arguments,
        "interactiveMode": "Never",
        **more,
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fleet", "cluster": cluster}],
            "users": [{"name": "fleet", "user": {"exec": login}}],
            "contexts": [{"name": "fleet", "context": {"cluster": "fleet", "user": "fleet"}}],
            "current-context": "fleet",
        },
        sort_keys=True,
    )
