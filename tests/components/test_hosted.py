"""The components as a Pulumi package."""

from __future__ import annotations

from components import typed_inputs
from components.hosted import COMPONENTS
from components.reference import NOUNS


def test_the_inputs_of_the_package_are_those_of_the_specs() -> None:
    """Every field of every spec, its reason and its default, are in the package's types."""
    assert typed_inputs.FILE.read_text() == typed_inputs.text(), "run: python -m components.typed_inputs"


def test_every_component_is_in_the_package_under_its_own_type_token() -> None:
    """A hosted class is the Python class with another signature, so its type token and its children are the same."""
    assert {each.__name__.lower() for each in COMPONENTS} == set(NOUNS)
    for each in COMPONENTS:
        (inside,) = each.__bases__
        assert inside.__name__ == each.__name__
        assert inside.__module__ == f"components.{each.__name__.lower()}.component"
