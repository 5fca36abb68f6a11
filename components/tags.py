"""The tag that finds an object again that the engine lost track of."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

URN_TAG: Final = "aurops:urn"
"""Tag whose value is `urn_tag` of the resource."""

URN_LABEL: Final = "aurops-urn"
"""Its like on Google Cloud, whose labels know neither colons nor long values; the value is `urn_label`."""

URN_TAG_PLAIN: Final = "aurops-urn"
"""The same tag where a cloud's service takes no colon in a tag's name."""


def urn_tag(urn: str) -> str:
    """The tag value for a URN: stack, project, own type and name, without the parents' types.

    A `$`, which URNs put between types, is not allowed in an AWS tag (Tagging AWS resources, "Tag naming limits").
    Child names derive from their component's, so type and name are unique in a stack.
    """
    head, project, types, name = urn.split("::", 3)
    return "::".join((head.rsplit(":", 1)[-1], project, types.rsplit("$", 1)[-1], name))


def urn_label(urn: str) -> str:
    """The label value for a URN: a hash of `urn_tag`, which can be computed again but not read back."""
    return sha256(urn_tag(urn).encode()).hexdigest()[:40]
