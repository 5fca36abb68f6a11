"""One contract for every noun on every cloud: the same outputs, the same guarantees, names that fit."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from components.place import Cloud
from components.reference import NOUNS
from tests.components.graph import Graph, run
from tests.contract.guarantees import BY_CLOUD, pairs
from tests.contract.nouns import SPECS, graph_of, implemented, make, spec

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUDS = list(Cloud)
MATRIX = [(noun, cloud) for cloud in CLOUDS for noun in NOUNS]


def not_offered(noun: str, cloud: Cloud) -> Mapping[str, str]:
    """Outputs and guarantees that a cloud does not have, each with its reason."""
    found: Mapping[str, str] = getattr(import_module(f"components.{noun}.{cloud}"), "NOT_OFFERED", {})
    return found


@cache
def made(noun: str, cloud: Cloud) -> tuple[Graph, Any]:
    """The component in its home region: what it registers, and its outputs."""
    outputs: list[Any] = []
    registered = run(lambda: outputs.append(make(noun, cloud, spec(noun, cloud))))
    return registered, outputs[0]


def graph(noun: str, cloud: Cloud) -> Graph:
    """What the component registers in its home region."""
    return made(noun, cloud)[0]


@pytest.mark.parametrize(("noun", "cloud"), MATRIX)
def test_every_noun_is_there_on_every_cloud(noun: str, cloud: Cloud) -> None:
    """No hole: the same call works."""
    assert implemented(noun, cloud)
    assert [node for node in graph(noun, cloud).nodes if not node.type.startswith("aurops:")]


@pytest.mark.parametrize(("noun", "cloud"), MATRIX)
def test_the_outputs_are_the_same_and_each_has_a_value_or_a_reason(noun: str, cloud: Cloud) -> None:
    """One class of outputs for a noun; a field is empty only where the cloud's module says in words why."""
    outputs = made(noun, cloud)[1]
    reasons = not_offered(noun, cloud)
    for field in dataclasses.fields(outputs):
        if field.name in set(Cloud):
            continue
        value = getattr(outputs, field.name)
        empty = value is None or (not isinstance(value, pulumi.Output | bool) and value in ("", {}, [], ()))
        assert empty == (field.name in reasons), f"{noun}.{field.name} on {cloud}: {value!r}"


@pytest.mark.parametrize("cloud", sorted(BY_CLOUD))
@pytest.mark.parametrize(("noun", "guarantee"), pairs())
def test_a_guarantee_holds_or_is_not_offered_with_a_reason(noun: str, guarantee: str, cloud: Cloud) -> None:
    """Customer key, private, zones, TLS, backups, deletion protection, tags: read from what the cloud is told."""
    holds, excused = BY_CLOUD[cloud].get((noun, guarantee)), guarantee in not_offered(noun, cloud)
    if holds is None:
        assert excused, f"{noun} on {cloud}: {guarantee} is neither shown nor excused"
        return
    assert holds(graph(noun, cloud))
    if excused:  # then the reason is that of a region that joined, before its promotion
        assert not holds(graph_of(noun, cloud, is_home=False))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_reason_is_a_sentence_about_something_that_exists(cloud: Cloud) -> None:
    """What is excused is an output or a guarantee, and the reason can be read."""
    for noun in NOUNS:
        module = import_module(f"components.{noun}.component")
        fields = {field.name for field in dataclasses.fields(getattr(module, f"{noun.capitalize()}Outputs"))}
        for name, why in not_offered(noun, cloud).items():
            assert name in fields | {guarantee for _, guarantee in pairs()}, f"{noun} on {cloud}: {name}"
            assert len(why.split()) >= 5


@pytest.mark.parametrize(("noun", "cloud"), MATRIX)
def test_without_protection_nothing_refuses_a_deletion(noun: str, cloud: Cloud) -> None:
    """`protect=False` lifts the engine's and the cloud's protection alike; an archive alone keeps its own."""
    lifted = graph_of(noun, cloud, protect=False)
    assert lifted.names() == graph(noun, cloud).names()
    if noun == "archive":
        return
    assert not [node.urn for node in lifted.nodes if node.protect]
    for node in lifted.nodes:
        flags = [key for key in node.inputs if re.fullmatch(r"(enable)?[dD]eletionProtection(Enabled)?", key)]
        assert not [key for key in flags if node.inputs[key]], node.urn


def test_the_specs_of_this_suite_are_those_of_the_components() -> None:
    """A new noun fails here until it has a row."""
    assert set(SPECS) == set(NOUNS)
