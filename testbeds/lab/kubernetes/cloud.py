"""Kubernetes as the lab knows it: one API server for each cluster that a kubeconfig leads to.

Never run against a real cluster: there are no controllers and no admission webhooks, and every object is ready at
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from testbeds.lab.cloud import Made, RefusedError, Settings
from testbeds.lab.filling import MOMENT, Filler, digest
from testbeds.lab.kubernetes import rules
from testbeds.lab.sdk_cloud import SdkCloud
from testbeds.lab.wire import Json, Object, child, children, text, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbeds.lab.checking import Failure
    from testbeds.lab.tables import TypeTable
    from testbeds.lab.world import World, WorldObject

_AUTONAMED: Final = "pulumi.com/autonamed"
_IDENTITY: Final = ("metadata.name", "metadata.namespace", "apiVersion", "kind")
_BORN_WITH: Final = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})


@dataclass(frozen=True)
class _Offer:
    """A cloud's own cluster: where its address is, and which storage classes it is born with."""

    addresses: tuple[str, ...]
    classes: frozenset[str]
    default: str = ""


_OFFERS: Final[Mapping[str, _Offer]] = {
    # EKS makes this one and, since 1.30, marks none as the default (EKS user guide, "Release notes for 1.30").
    "aws:eks/cluster:Cluster": _Offer(("endpoint",), frozenset({"gp2"})),
    # AKS documentation, "Concepts - Storage", storage classes.
    "azure-native:containerservice:ManagedCluster": _Offer(
        ("fqdn", "privateFQDN"),
        frozenset(
            {
                "azurefile",
                "azurefile-csi",
                "azurefile-csi-premium",
                "azurefile-premium",
                "default",
                "managed",
                "managed-csi",
                "managed-csi-premium",
                "managed-premium",
            }
        ),
        default="default",
    ),
    # GKE documentation, "Default StorageClass".
    "gcp:container/cluster:Cluster": _Offer(
        (
            "endpoint",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint",
            "privateClusterConfig.privateEndpoint",
        ),
        frozenset({"premium-rwo", "standard", "standard-rwo"}),
        default="standard-rwo",
    ),
}
"""Clusters of the lab by type."""

_NAMESPACE: Final = "kubernetes:core/v1:Namespace"
_STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
_IS_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_LAB_HOST: Final = ".lab.invalid"


class Kubernetes(SdkCloud):
    """The stand-in for Kubernetes.

    Args:
        world: Where its objects are; an object's region is its cluster's address.
    """

    name = "kubernetes"
    package = "pulumi_kubernetes"
    facts = "kubernetes"
    compares_state = True
    expired = ("Unauthorized", "the server has asked for the client to provide credentials: the token has expired")

    def table(self, token: str) -> TypeTable:
        """Its rules, and what identifies every object."""
        table = self._tables.of(token)
        return table.model_copy(update={"create_only": (*table.create_only, *_IDENTITY)})

    def settings(self, config: Object) -> Settings:
        """Find the cluster that a kubeconfig leads to."""
        given = text(config, "kubeconfig")
        if not given:
            raise RefusedError("Configuration", "no kubeconfig: the lab reads no file of yours; set it on the provider")
        document = _parse(given)
        context = _named(document, "contexts", text(config, "context") or text(document, "current-context"), "context")
        cluster = _named(document, "clusters", text(context, "cluster"), "cluster")
        return Settings(home=text(cluster, "server"), known=True)

    def fill_defaults(
        self,
        token: str,
        name: str,
        news: Object,
        olds: Object,
        urn: str,
        settings: Settings,  # noqa: ARG002
    ) -> Object:
        """Inputs with a name and a namespace."""
        metadata = child(news, "metadata")
        kind = token.rsplit(":", 1)[-1]
        if kind not in rules.CLUSTER_WIDE and not metadata.get("namespace"):
            metadata = metadata | {"namespace": "default"}
        if not metadata.get("name") and not metadata.get("generateName"):
            before = child(olds, "metadata")
            kept = text(before, "name") if child(before, "annotations").get(_AUTONAMED) == "true" else ""
            annotations: Json = child(metadata, "annotations") | {_AUTONAMED: "true"}
            metadata = metadata | {"name": kept or self._free_name(token, name, urn), "annotations": annotations}
        return news | {"metadata": metadata}

    def _free_name(self, token: str, name: str, urn: str) -> str:
        taken = {text(child(one.outputs, "metadata"), "name") for one in self.world.objects(token)}
        attempt = 0
        while (made := f"{name}-{digest(urn, str(attempt), length=8)}".lower()) in taken:
            attempt += 1
        return made

    def refuse_inputs(self, token: str, news: Object, olds: Object, settings: Settings) -> Sequence[Failure]:  # noqa: ARG002
        """What the API server's validation refuses."""
        return tuple(rules.refused_inputs(token.rsplit(":", 1)[-1], news))

    def delete_first(self, token: str, asked: Object, wanted: Object) -> bool:  # noqa: ARG002
        """Whether the new object would meet the old one under the same name."""
        old, new = child(asked, "metadata"), child(wanted, "metadata")
        return all(old.get(key) == new.get(key) for key in ("name", "namespace"))

    def find(self, token: str, id_: str, state: Object, settings: Settings) -> WorldObject | None:  # noqa: ARG002
        """By name, in the cluster that the provider leads to."""
        here = self.world.objects(token, id_=id_, region=settings.home)
        return here[-1] if here else None

    def make(self, token: str, inputs: Object, settings: Settings) -> Made:
        """A new object in the cluster."""
        self._refuse_unreachable(settings.home)
        metadata = child(inputs, "metadata")
        name, namespace = text(metadata, "name"), text(metadata, "namespace")
        self._refuse_namespace(namespace, settings.home)
        self._refuse_diskless(child(inputs, "spec"), settings.home)
        id_ = f"{namespace}/{name}" if namespace else name
        if self.world.objects(token, id_=id_, region=settings.home):
            raise RefusedError("AlreadyExists", f"{token.rsplit(':', 1)[-1]} {id_} exists in {settings.home}")
        return self._made(token, id_, inputs, {}, settings.home)

    def alter(self, current: WorldObject, inputs: Object, settings: Settings) -> Made:  # noqa: ARG002
        """The object with another manifest."""
        self._refuse_unreachable(current.region)
        return self._made(current.type, current.id, inputs, current.outputs, current.region)

    def counted(self, current: WorldObject, inputs: Object) -> Object:  # noqa: ARG002
        """Nothing that another object reads."""
        return {}

    def refuse_delete(self, current: WorldObject) -> None:
        """Nothing is protected; deleting a namespace takes what is in it along."""
        self._refuse_unreachable(current.region)
        if current.type == _NAMESPACE:
            for one in self.world.objects(region=current.region):
                if one.id.startswith(f"{current.id}/"):
                    self.world.remove(one.seq)

    def invoke(self, token: str, args: Object, settings: Settings) -> Object:  # noqa: ARG002
        """No look-up is answered."""
        raise RefusedError("Unsupported", f"the lab does not answer {token}")

    def _refuse_unreachable(self, server: str) -> None:
        """A cluster of the lab must exist in it; of another cluster the lab knows nothing and takes it as there."""
        if _LAB_HOST not in server:
            return
        if self._offer(server) is None:
            raise RefusedError("Unreachable", f"no cluster answers at {server}")

    def _offer(self, server: str) -> _Offer | None:
        """What kind of cluster answers at an address; None: none does."""
        for type_, offer in _OFFERS.items():
            for one in self.world.objects(type_):
                if _host(server) in {_host(word(one.outputs, path)) for path in offer.addresses}:
                    return offer
        return None

    def _refuse_namespace(self, namespace: str, server: str) -> None:
        if (
            namespace
            and namespace not in _BORN_WITH
            and not self.world.objects(_NAMESPACE, id_=namespace, region=server)
        ):
            raise RefusedError("NotFound", f"namespaces {namespace!r} not found")

    def _refuse_diskless(self, spec: Object, server: str) -> None:
        """The API server takes a claim without a class that exists; its pod waits until the provider gives up."""
        offer = self._offer(server)
        if offer is None:
            return
        made = {one.id: child(one.outputs, "metadata") for one in self.world.objects(_STORAGE_CLASS, region=server)}
        defaults = {id_ for id_, metadata in made.items() if child(metadata, "annotations").get(_IS_DEFAULT) == "true"}
        for claim in children(spec, "volumeClaimTemplates"):
            name, asked = text(child(claim, "metadata"), "name"), text(child(claim, "spec"), "storageClassName")
            if not (asked in offer.classes | set(made) if asked else offer.default or defaults):
                why = f"StorageClass {asked!r} not found" if asked else "no storage class is set"
                raise RefusedError("Timeout", f"pods are not ready: claim {name!r} is Pending, {why}")

    def _made(self, token: str, id_: str, inputs: Object, before: Object, server: str) -> Made:
        seed = f"{server}/{token}/{id_}"
        metadata = child(inputs, "metadata")
        generation = child(before, "metadata").get("generation")
        filled = metadata | {
            "uid": digest(seed, length=32),
            "creationTimestamp": MOMENT,
            "generation": generation + 1 if isinstance(generation, int) else 1,
        }
        asked = inputs | {"metadata": filled}
        facts = _status(token.rsplit(":", 1)[-1], child(inputs, "spec"), seed)
        if token == "kubernetes:core/v1:Service":  # noqa: S105 - a type token, no secret
            address: Object = {"clusterIP": f"10.100.0.{int(digest(seed, length=2), 16)}"}
            asked["spec"] = address | child(inputs, "spec")
        outputs = Filler(seed=id_, known=facts, region=server, account="").complete(
            asked, before, self.resource(token).outputs
        )
        return Made(server, id_, outputs, {key: str(value) for key, value in child(metadata, "labels").items()})


def _host(address: str) -> str:
    return address.removeprefix("https://").split(":", 1)[0].split("/", 1)[0]


def _status(kind: str, spec: Object, seed: str) -> Object:
    """Ready at once: the lab has no controllers to wait for."""
    if kind in ("Deployment", "StatefulSet"):
        replicas = spec.get("replicas", 1)
        return {"status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}}
    if kind == "Service" and text(spec, "type") == "LoadBalancer":
        return {"status": {"loadBalancer": {"ingress": [{"hostname": f"{digest(seed)}.elb.lab.invalid"}]}}}
    return {}


def _parse(kubeconfig: str) -> Object:
    try:
        document = YAML(typ="safe", pure=True).load(kubeconfig)
    except YAMLError as error:
        raise RefusedError("Configuration", f"the kubeconfig is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise RefusedError("Configuration", "the kubeconfig is no document; the lab reads no file that it names")
    return document


def _named(document: Object, group: str, name: str, kind: str) -> Object:
    for one in children(document, group):
        if text(one, "name") == name:
            return child(one, kind)
    raise RefusedError("Configuration", f"the kubeconfig has no {kind} named {name!r}")


def connect(world: World) -> Kubernetes:
    """The cloud that the server serves."""
    return Kubernetes(world)
