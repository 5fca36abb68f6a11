"""The stand-in for Kubernetes, through the real engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from pulumi.automation import CommandError

if TYPE_CHECKING:
    from conftest import Engine

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


def kubeconfig(server: str) -> str:
    """A kubeconfig that leads to one API server."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "clusters": [{"name": "lab", "cluster": {"server": server}}],
            "users": [{"name": "lab", "user": {"token": "none"}}],
        }
    )


def node(**changes: Any) -> None:
    """A stateful set in a namespace, on a cluster that is not of the lab."""
    provider = k8s.Provider("cluster", kubeconfig=kubeconfig("https://cluster.example"))
    options = pulumi.ResourceOptions(provider=provider)
    space = k8s.core.v1.Namespace("ledger", metadata={"name": "ledger"}, opts=options)
    labels = {"app": "ledger"}
    container = {"name": "node", "image": "ledger:11", "resources": {"requests": {"cpu": changes.get("cpu", "500m")}}}
    k8s.apps.v1.StatefulSet(
        "node",
        metadata={"name": "node", "namespace": space.metadata["name"]},
        spec={
            "service_name": changes.get("service", "node"),
            "replicas": changes.get("replicas", 3),
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": changes.get("labels", labels)},
                "spec": {"containers": [container], **changes.get("pod", {})},
            },
        },
        opts=options,
    )


def test_manifests_come_up_and_stay_the_same(engine: Engine) -> None:
    """Objects are identified by namespace and name, and ready."""
    engine.up(node)
    (found,) = engine.lab.world.objects(STATEFUL_SET)
    assert (found.region, found.id) == ("https://cluster.example", "ledger/node")
    assert found.outputs["status"] == {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    assert engine.stack(node).up().summary.resource_changes == {"same": 4}


def test_replicas_change_in_place_and_the_service_name_replaces(engine: Engine) -> None:
    """What the API server calls immutable makes a new object, old one first: both have one name."""
    engine.up(node)
    assert engine.operations(lambda: node(replicas=5)) == {"node": "update"}
    assert engine.operations(lambda: node(service="other"))["node"] in ("delete-replaced", "replace")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": {"app": "other"}}, "selector wants app=ledger"),
        ({"cpu": "half"}, "'half' is no quantity"),
        ({"pod": {"restart_policy": "Never"}}, "is not one of: Always"),
    ],
)
def test_a_wrong_manifest_is_refused(engine: Engine, change: dict[str, Any], message: str) -> None:
    """The refusal names what the API server would not take."""
    with pytest.raises(CommandError, match=message):
        engine.stack(lambda: node(**change)).preview()


def test_an_unknown_kubeconfig_checks_nothing(engine: Engine) -> None:
    """In the first preview of a cluster's own stack a wrong manifest passes; in `up` it is refused."""

    def program() -> None:
        role = aws.iam.Role("role", assume_role_policy="{}")
        zones = {"us-east-1a": "subnet-1", "us-east-1b": "subnet-2"}
        cluster = aws.eks.Cluster("cluster", role_arn=role.arn, vpc_config={"subnet_ids": list(zones.values())})
        config = cluster.endpoint.apply(kubeconfig)
        provider = k8s.Provider("cluster", kubeconfig=config)
        options = pulumi.ResourceOptions(provider=provider)
        k8s.core.v1.Namespace("space", metadata={"name": "Not A Name"}, opts=options)

    assert "space" in engine.operations(program)
    with pytest.raises(CommandError, match="is no DNS name"):
        engine.up(program)


def test_a_missing_namespace_is_refused(engine: Engine) -> None:
    """An object cannot be made in a namespace that is not there."""

    def program() -> None:
        provider = k8s.Provider("cluster", kubeconfig=kubeconfig("https://cluster.example"))
        options = pulumi.ResourceOptions(provider=provider)
        k8s.core.v1.ConfigMap("settings", metadata={"namespace": "nowhere"}, data={"a": "b"}, opts=options)

    with pytest.raises(CommandError, match="namespaces 'nowhere' not found"):
        engine.up(program)
