"""Checks manifests before the engine sees them.

In the first preview of a stack the kubeconfig is unknown, so the provider checks nothing, and a manifest that the
cluster would refuse passes until `up`. These are the refusals that can be foreseen without a cluster.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import pulumi
from pulumi._types import _py_properties  # the only place that maps a field's Python name to its wire name

from aurops.errors import UsageError
from components.workload.kinds import args_class

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, Sequence

Manifest = dict[str, Any]
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]i?)?")


class ManifestError(UsageError):
    """A manifest that the cluster would refuse."""


def check(manifests: Sequence[Manifest]) -> None:
    """Check each manifest alone, then what they say about each other.

    Raises:
        ManifestError: The first thing that is wrong, with its place.
    """
    for manifest in manifests:
        where = f"{manifest['kind']} {manifest['metadata']['name']}"
        for problem in alone(manifest):
            raise ManifestError(problem, where=where)
    for problem in together(manifests):
        raise ManifestError(problem, where="the manifests of the workload")


def alone(manifest: Manifest) -> Iterator[str]:
    """What is wrong with one manifest: its names, its quantities, its fields."""
    name = manifest["metadata"]["name"]
    if not NAME.fullmatch(name):
        yield f"name {name!r} is not a DNS label (lower case, digits, '-', at most 63)"
    for path, value in quantities(manifest, ""):
        if not QUANTITY.fullmatch(value):
            yield f"{path}: {value!r} is not a quantity such as 500m or 2Gi"
    rest = {key: manifest[key] for key in manifest if key not in ("apiVersion", "kind")}
    yield from fields(rest, args_class(manifest["kind"]), "")


def fields(value: Any, known_by: type, path: str) -> Iterator[str]:
    """Fields that the SDK's type of `value` does not know, at any depth."""
    known = hints(known_by)
    for key, each in value.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in known:
            yield f"{here} is not a field; {known_by.__name__.removesuffix('Args')} has {', '.join(sorted(known))}"
            continue
        inner = args_of(known[key])
        for item in each if isinstance(each, list) else [each]:
            if inner is not None and isinstance(item, dict):
                yield from fields(item, inner, here)


@cache
def hints(known_by: type) -> dict[str, Any]:
    """Type hint of each field, by the name that manifests use."""
    names = {python: wire for python, wire, _ in _py_properties(known_by)}
    T = TypeVar("T")
    local = {"Output": pulumi.Output, "T": T}
    found = get_type_hints(vars(known_by)["__init__"], globalns=vars(sys.modules[known_by.__module__]), localns=local)
    return {names[python]: hint for python, hint in found.items() if python in names}


def args_of(hint: Any) -> type | None:
    """The args class inside a hint such as `Input[Sequence[Input[ContainerArgs]]] | None`, if there is one."""
    if isinstance(hint, type) and hint.__name__.endswith("Args"):
        return hint
    return next((found for each in get_args(hint) if (found := args_of(each))), None)


def quantities(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every requested or limited amount, with its path."""
    if isinstance(value, list):
        for item in value:
            yield from quantities(item, path)
    elif isinstance(value, dict):
        for key, each in value.items():
            here = f"{path}.{key}".lstrip(".")
            if key in ("requests", "limits"):
                yield from ((f"{here}.{amount}", given) for amount, given in each.items())
            else:
                yield from quantities(each, here)


def together(manifests: Sequence[Manifest]) -> Iterator[str]:
    """What the manifests say about each other: selectors that select, ports that exist, services that are there."""
    by_kind: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        by_kind.setdefault(manifest["kind"], []).append(manifest)
    services = {each["metadata"]["name"] for each in by_kind.get("Service", [])}
    for workload in by_kind.get("StatefulSet", []):
        pod = workload["spec"]["template"]
        labels = pod["metadata"]["labels"].items()
        yield from selectors(manifests, labels)
        if workload["spec"]["serviceName"] not in services:
            yield f"serviceName {workload['spec']['serviceName']!r} is not among {', '.join(sorted(services))}"
        yield from ports(pod["spec"]["containers"], by_kind.get("Service", []))
        yield from volumes(workload)
        yield from classes(workload, {each["metadata"]["name"] for each in by_kind.get("StorageClass", [])})


def selectors(manifests: Sequence[Manifest], labels: ItemsView[str, str]) -> Iterator[str]:
    """Selectors that do not select the pods."""
    for manifest in manifests:
        spec = manifest.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        if not selector.get("matchLabels", selector).items() <= labels:
            yield f"the selector of {manifest['kind']} {manifest['metadata']['name']} does not select the pods"


def ports(containers: Sequence[Manifest], services: Sequence[Manifest]) -> Iterator[str]:
    """Named ports that no container has."""
    named = {port["name"] for container in containers for port in container["ports"]}
    asked = [
        (f"{probe} of container {container['name']}", container[probe]["httpGet"]["port"])
        for container in containers
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if probe in container
    ]
    asked += [
        (f"Service {each['metadata']['name']}", port["targetPort"])
        for each in services
        for port in each["spec"]["ports"]
    ]
    for who, port in asked:
        if port not in named:
            yield f"{who} asks for port {port!r}; the containers have {', '.join(sorted(named))}"


def volumes(workload: Manifest) -> Iterator[str]:
    """Mounts that have no claim."""
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    for container in workload["spec"]["template"]["spec"]["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in claims:
                yield f"container {container['name']} mounts {mount['name']!r}; there are claims {', '.join(claims)}"


def classes(workload: Manifest, made: set[str]) -> Iterator[str]:
    """Claims that name no class, or one that nobody makes: their pods would wait for a disk for ever."""
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        asked = claim["spec"].get("storageClassName")
        if asked not in made:
            yield f"claim {claim['metadata']['name']!r} asks for class {asked!r}; there are {', '.join(sorted(made))}"
