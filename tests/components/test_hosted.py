"""The components as a Pulumi package."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

from components import typed_inputs
from components.hosted import COMPONENTS
from components.reference import NOUNS

ROOT = Path(__file__).parents[2]


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


def test_the_example_for_other_languages_fits_the_schema() -> None:
    """The page's YAML names only types, inputs and outputs that the published schema has, and all required ones."""
    page = (ROOT / "docs" / "components" / "other-languages.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    schema = json.loads((ROOT / "tests" / "engine" / "golden" / "schema.json").read_text())
    resources = YAML(typ="safe").load(example)["resources"]
    for each in resources.values():
        shape = schema["resources"][each["type"]]
        assert set(shape.get("requiredInputs", ())) <= set(each["properties"]) <= set(shape["inputProperties"])
        spec = schema["types"].get(shape["inputProperties"]["spec"]["$ref"].rpartition("/")[2])
        if given := each["properties"].get("spec"):
            assert set(spec.get("required", ())) <= set(given) <= set(spec["properties"])
    for name, output in re.findall(r"\$\{(\w+)\.(\w+)\}", example):
        assert output in schema["resources"][resources[name]["type"]]["properties"]
