"""The tag that finds an object again that the engine lost track of."""

from __future__ import annotations

from typing import Final

URN_TAG: Final = "aurops:urn"
"""Tag whose value is `urn_tag` of the resource."""

URN_TAG_PLAIN: Final = "aurops-urn"
"""The same tag where a cloud's service takes no colon in a tag's name."""


def urn_tag(urn: str) -> str:
    """The tag value for a URN: stack, project, own type and name, without the parents' types.

    A `$`, which URNs put between types, is not allowed in an AWS tag (Tagging AWS resources, "Tag naming limits").
    Child names derive from their component's, so type and name are unique in a stack.
    """
    head, project, types, name = urn.split("::", 3)
    return "::".join((head.rsplit(":", 1)[-1], project, types.rsplit("$", 1)[-1], name))
