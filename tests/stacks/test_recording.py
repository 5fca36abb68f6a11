"""The recorded graph of a program: what is in it, and when two of them are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from stacks.recording import record
from stacks.upstream import Upstream
from tests.components.graph import Answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from stacks.graph import Graph


class Thing(pulumi.CustomResource):
    """A resource of a made-up package."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("toys:index:Thing", name, props | {"arn": None}, opts)

    arn: pulumi.Output[str]


def plain() -> None:
    """Two things, of which one needs the other."""
    first = Thing("first", {"size": 3})
    Thing("second", {"of": first.id, "zones": ["a", "b"]})
    pulumi.export("first", first.id)


def of(program: Callable[[], Any], **upstream: dict[str, Any]) -> Graph:
    """The graph of a program."""
    return record(program, Answers(upstream), stack="toys")


def altered(**options: Any) -> Callable[[], None]:
    """The same program with other options for the second thing."""

    def program() -> None:
        first = Thing("first", {"size": 3})
        Thing("second", {"of": first.id, "zones": ["a", "b"]}, pulumi.ResourceOptions(**options))
        pulumi.export("first", first.id)

    return program


def later() -> None:
    """What is made of an answer of the provider."""
    first = Thing("first", {"size": 3})
    Thing("second", {"of": first.id, "zones": first.arn.apply(lambda arn: [arn.split(":")[-1]])})
    pulumi.export("first", first.id)


def test_the_same_program_has_the_same_graph_again() -> None:
    """Wherever its lines stand, and whatever ran before it in this process."""
    before = of(plain).digest()
    assert of(altered(protect=True)).digest() != before
    assert of(altered()).digest() == before


@pytest.mark.parametrize(
    "options",
    [
        {"protect": True},
        {"ignore_changes": ["zones"]},
        {"aliases": [pulumi.Alias(name="old")]},
        {"retain_on_delete": True},
        {"delete_before_replace": True},
        {"replace_on_changes": ["zones"]},
        {"custom_timeouts": pulumi.CustomTimeouts(create="1h")},
        {"additional_secret_outputs": ["arn"]},
        {"version": "1.2.3"},
        {"import_": "thing-7"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_every_option_of_a_resource_is_part_of_its_graph(options: dict[str, Any]) -> None:
    """Also those that change no input: the engine acts on them."""
    assert of(altered(**options)).digest() != of(plain).digest()


def test_what_a_program_makes_of_an_answer_is_part_of_its_graph() -> None:
    """The program runs to its end: code that works on outputs has run."""
    second = {node.name: node for node in of(later).nodes}["second"]
    assert second.inputs["zones"] == ["first"]
    assert second.depends_on == {node.urn for node in of(later).nodes if node.name == "first"}
    assert of(later).digest() != of(plain).digest()


def test_parents_providers_exports_and_settings_are_part_of_its_graph() -> None:
    """A thing below a component, one of another provider, another output, other configuration of the stack."""

    class Box(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("toys:index:Box", "box")

    class Maker(pulumi.ProviderResource):
        def __init__(self) -> None:
            super().__init__("toys", "maker", {"region": "here"})

    def exporting() -> None:
        plain()
        pulumi.export("more", "1")

    def parented() -> None:
        altered(parent=Box())()

    def provided() -> None:
        altered(provider=Maker())()

    digests = [of(each).digest() for each in (plain, parented, provided, exporting)]
    digests.append(of(plain).digest({"toys:region": "there"}))
    assert len(set(digests)) == len(digests)


def test_the_stacks_that_a_program_reads_are_known() -> None:
    """Found or not, each once, in the order of reading; what they export is what the program gets."""

    def program() -> None:
        missing, there = Upstream("missing"), Upstream("there")
        Upstream("there")
        Thing("first", {"found": there.get("network", "id"), "not": missing.get("network")})

    graph = of(program, there={"inventory": {"network": {"id": "net-1"}}})
    assert graph.reads == ["missing", "there"]
    assert graph.nodes[0].inputs == {"found": "net-1"}


def test_a_stack_reference_is_such_a_reading() -> None:
    """Pulumi's own way to read another stack."""

    def program() -> None:
        Thing("first", {"found": pulumi.StackReference("organization/aurops/there").get_output("name")})

    graph = of(program, there={"name": "it"})
    assert graph.reads == ["there"]
    assert next(node for node in graph.nodes if node.name == "first").inputs == {"found": "it"}


def test_code_that_only_the_engine_runs_makes_a_graph_that_cannot_be_compared() -> None:
    """A transform may change anything: such a graph says so."""

    def everywhere() -> None:
        pulumi.runtime.register_resource_transform(lambda _: None)
        plain()

    def hooked() -> None:
        hook = pulumi.ResourceHook("count", lambda _: None)
        altered(hooks=pulumi.ResourceHookBinding(after_create=[hook]))()

    assert "hook" in of(hooked).opaque
    assert "transform" in of(everywhere).opaque
    assert "transform" in of(altered(transforms=[lambda _: None])).opaque
    assert of(plain).opaque == ""


def test_what_a_program_raises_is_raised() -> None:
    """As it is, and the next program of this process is none the wiser."""

    def program() -> None:
        Thing("first", {})
        raise ValueError("no such zone")

    with pytest.raises(ValueError, match="no such zone"):
        of(program)
    assert len(of(plain).nodes) == 2
