"""Pages for people: one HTML file each that needs nothing but itself, in one style (page.html.j2)."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def render(template: str, filters: Mapping[str, Callable[..., Any]], **values: object) -> str:
    """The page that a template makes of these values.

    Args:
        template: Package and file: `aurops/report.html.j2`. It extends `aurops/page.html.j2`.
        filters: What the template may pipe values through.
        values: What it shows; text is escaped.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(_read)
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)


def _read(name: str) -> str:
    package, _, file = name.partition("/")
    return resources.files(package).joinpath(file).read_text(encoding="utf-8")
