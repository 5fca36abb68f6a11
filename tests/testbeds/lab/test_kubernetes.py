"""What the stand-in for Kubernetes refuses because of what else is in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.cloud import RefusedError, Settings
from testbeds.lab.kubernetes.cloud import Kubernetes
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbeds.lab.wire import Json, Object

SERVER = "https://1.eks.lab.invalid"
CLUSTER = NewObject("aws:eks/cluster:Cluster", "us-east-1", "fleet", {}, {"endpoint": SERVER}, {})
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Kubernetes]:
    """The API server of a cluster without a default class of disks, as EKS makes them."""
    world = World(tmp_path / "world.sqlite")
    world.add(CLUSTER)
    yield Kubernetes(world)
    world.close()


def stateful_set(asked: str | None) -> Object:
    """A stateful set whose pods claim a disk."""
    spec: Object = {"storageClassName": asked} if asked else {}
    claims: list[Json] = [{"metadata": {"name": "data"}, "spec": spec}]
    return {"metadata": {"name": "node", "namespace": "default"}, "spec": {"volumeClaimTemplates": claims}}


def add_class(cluster: Kubernetes, name: str, *, is_default: bool) -> None:
    """Make a class of disks."""
    note: Object = {"storageclass.kubernetes.io/is-default-class": "true"} if is_default else {}
    metadata: Object = {"name": name, "annotations": note}
    made = cluster.make(STORAGE_CLASS, {"metadata": metadata, "provisioner": "ebs.csi.aws.com"}, Settings(SERVER))
    assert made.id == name
    cluster.world.add(NewObject(STORAGE_CLASS, made.region, made.id, {}, made.outputs, made.tags))


@pytest.mark.parametrize(("asked", "why"), [(None, "no storage class is set"), ("gp3", "'gp3' not found")])
def test_pods_that_wait_for_a_disk_are_not_ready(cluster: Kubernetes, asked: str | None, why: str) -> None:
    """A claim without a class that exists is what keeps a first `up` on EKS from ending."""
    add_class(cluster, "other", is_default=False)
    with pytest.raises(RefusedError, match=why):
        cluster.make(STATEFUL_SET, stateful_set(asked), Settings(SERVER))


@pytest.mark.parametrize("asked", [None, "gp2", "ours"])
def test_a_class_that_is_there_gives_the_disk(cluster: Kubernetes, asked: str | None) -> None:
    """The one that is asked for, EKS's own, or the default one when none is asked for."""
    add_class(cluster, "ours", is_default=True)
    assert cluster.make(STATEFUL_SET, stateful_set(asked), Settings(SERVER)).id == "default/node"


@pytest.mark.parametrize(("asked", "refused"), [(None, False), ("managed-csi", False), ("gp2", True)])
def test_a_cluster_of_azures_is_born_with_its_own_classes(
    cluster: Kubernetes, asked: str | None, *, refused: bool
) -> None:
    """AKS has a default class, which EKS has not; its address has a port, and its private one comes first."""
    host = "fleet-1.hcp.eastus.lab.invalid"
    outputs: Object = {"fqdn": host, "privateFQDN": f"private-{host}"}
    cluster.world.add(NewObject("azure-native:containerservice:ManagedCluster", "eastus", "fleet", {}, outputs, {}))
    there = Settings(f"https://private-{host}:443")
    if not refused:
        assert cluster.make(STATEFUL_SET, stateful_set(asked), there).id == "default/node"
        return
    with pytest.raises(RefusedError, match="'gp2' not found"):
        cluster.make(STATEFUL_SET, stateful_set(asked), there)


@pytest.mark.parametrize("asked", [None, "standard-rwo", "premium-rwo"])
def test_gke_is_born_with_classes_and_a_default(tmp_path: Path, asked: str | None) -> None:
    """A cluster of Google's answers at its endpoint, which has no scheme, and its claims find a disk."""
    world = World(tmp_path / "world.sqlite")
    kubernetes = Kubernetes(world)
    server = Settings("https://1.us-central1.gke.lab.invalid")
    with pytest.raises(RefusedError, match="no cluster answers"):
        kubernetes.make(STATEFUL_SET, stateful_set(asked), server)
    outputs: Object = {"endpoint": "1.us-central1.gke.lab.invalid"}
    world.add(NewObject("gcp:container/cluster:Cluster", "us-central1", "fleet", {}, outputs, {}))
    assert kubernetes.make(STATEFUL_SET, stateful_set(asked), server).id == "default/node"
    world.close()
