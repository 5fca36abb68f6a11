from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from components.workload.check import ManifestError, check
from components.workload.component import Workload
from components.workload.manifests import Disks, manifests
from components.workload.spec import WorkloadSpec
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.components.graph import Graph

SPEC = WorkloadSpec(image="registry.example.com/app:1.2")
DISKS = Disks("ebs.csi.aws.com", {"type": "gp3"})


def test_a_stateful_set_with_disks_spread_over_zones(home: Graph) -> None:
    """Pods stay balanced over zones, keep their disks, and their number is left to the autoscaler."""
    node = home.one("apps/v1:StatefulSet")
    spec = node.inputs["spec"]
    assert node.ignored == {"spec.replicas"}
    assert node.protect
    zones, hosts = spec["template"]["spec"]["topologySpreadConstraints"]
    assert (zones["topologyKey"], zones["whenUnsatisfiable"]) == ("topology.kubernetes.io/zone", "DoNotSchedule")
    assert hosts["topologyKey"] == "kubernetes.io/hostname"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_disks_are_of_a_class_of_our_own(home: Graph) -> None:
    """The claims name a class of encrypted gp3 disks under our key, that can grow and outlive their claims."""
    made = home.one("storage.k8s.io/v1:StorageClass")
    (claim,) = home.one("apps/v1:StatefulSet").inputs["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == made.inputs["metadata"]["name"] == "fleet-pay-app"
    assert made.inputs["provisioner"] == "ebs.csi.aws.com"
    assert made.inputs["parameters"] == {
        "type": "gp3",
        "encrypted": "true",
        "csi.storage.k8s.io/fstype": "ext4",
        "kmsKeyId": "arn:aws:mock:::pay-keys-disks",
    }
    assert (made.inputs["reclaimPolicy"], made.inputs["allowVolumeExpansion"]) == ("Retain", True)
    assert made.inputs["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made.urn in home.one("apps/v1:StatefulSet").depends_on


@pytest.mark.parametrize("key", [None, "arn:aws:kms:us-east-1:123456789012:key/theirs"])
def test_on_a_cluster_that_exists_disks_are_encrypted_under_its_key(key: str | None) -> None:
    """A brought cluster says under which key its driver may encrypt; without one the account's own does."""
    have = {"cluster": "ours", "endpoint": "https://k", "certificate_authority": "Q0E=", "disk_key": key}

    def program() -> None:
        k = parts.keys(parts.place())
        net = parts.network(k)
        Workload("pay-app", SPEC, net, parts.nodes(net, k, existing=have))

    parameters = run(program).one("storage.k8s.io/v1:StorageClass").inputs["parameters"]
    assert (parameters["encrypted"], parameters.get("kmsKeyId")) == ("true", key)


def test_probes_and_no_privileges(home: Graph) -> None:
    """Three probes; not root, read-only, no capability."""
    pod = home.one("apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_services_budget_policy_and_autoscaler(home: Graph) -> None:
    """A headless and a plain service, one pod at a time, the network's own range, growth on CPU."""
    services = home.of("core/v1:Service")
    assert {node.inputs["spec"].get("clusterIP") for node in services.values()} == {None, "None"}
    budget = home.one("policy/v1:PodDisruptionBudget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    policy = home.one("networking.k8s.io/v1:NetworkPolicy").inputs["spec"]
    assert policy["ingress"][0]["from"] == [{"ipBlock": {"cidr": "10.16.0.0/16"}}]
    scaler = home.one("autoscaling/v2:HorizontalPodAutoscaler").inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 30)


def test_the_kubeconfig_holds_no_secret(home: Graph) -> None:
    """The provider asks `aws eks get-token` at each call."""
    config = home.one("providers:kubernetes", "cluster").inputs["kubeconfig"]
    assert '"get-token"' in str(config)
    assert "token:" not in str(config)


def change(kind: str, edit: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
    """The manifests with one edit."""
    made = deepcopy(list(manifests("app", SPEC, "10.0.0.0/16", DISKS)))
    edit(next(each for each in made if each["kind"] == kind))
    return made


def test_the_manifests_as_they_are_pass() -> None:
    """What the component makes is what the check accepts."""
    check(manifests("app", SPEC, "10.0.0.0/16", DISKS))


@pytest.mark.parametrize(
    ("kind", "edit", "said"),
    [
        ("StatefulSet", lambda m: m["metadata"].update(name="App_1"), "not a DNS label"),
        ("StatefulSet", lambda m: m["spec"].update(replicaz=3), "replicaz is not a field"),
        ("StatefulSet", lambda m: m["spec"].update(serviceName="other"), "serviceName 'other'"),
        ("StatefulSet", lambda m: m["spec"]["template"]["metadata"]["labels"].clear(), "does not select the pods"),
        ("StatefulSet", lambda m: m["spec"]["volumeClaimTemplates"].clear(), "mounts 'data'"),
        (
            "StatefulSet",
            lambda m: m["spec"]["volumeClaimTemplates"][0]["spec"].pop("storageClassName"),
            "asks for class None",
        ),
        ("StorageClass", lambda m: m["metadata"].update(name="other"), "asks for class 'fleet-app'"),
        ("StorageClass", lambda m: m.update(reclaimpolicy="Delete"), "reclaimpolicy is not a field"),
        ("Service", lambda m: m["spec"]["ports"][0].update(targetPort="https"), "asks for port 'https'"),
        ("NetworkPolicy", lambda m: m["spec"].update(ingres=[]), "ingres is not a field"),
        ("HorizontalPodAutoscaler", lambda m: m["spec"].update(min=1), "min is not a field"),
        (
            "StatefulSet",
            lambda m: m["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"].update(cpu="half"),
            "not a quantity",
        ),
        (
            "StatefulSet",
            lambda m: m["spec"]["template"]["spec"]["containers"][0].update(livenesProbe={}),
            "livenesProbe is not a field",
        ),
    ],
)
def test_a_manifest_that_the_cluster_would_refuse_is_refused_first(
    kind: str, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Names, fields, selectors, ports, claims and amounts are checked without a cluster."""
    with pytest.raises(ManifestError, match=said):
        check(change(kind, edit))
