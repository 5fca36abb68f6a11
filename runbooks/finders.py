"""Who looks for objects of lost creates: the clouds, or the lab's world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.tags import URN_TAG
from stacks.lookup import import_ids
from stacks.lookup.clouds import CloudFinder
from stacks.lookup.finder import CannotSayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runbooks.sites import OpenSite
    from stacks.lookup.finder import Finder, LostCreate
    from testbeds.lab.world import World

_BY_ONE_INPUT: Final[Mapping[str, str]] = {
    "aws:acm/certificateValidation:CertificateValidation": "certificateArn",
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": "globalReplicationGroupIdSuffix",
    "aws:secretsmanager/secretVersion:SecretVersion": "secretId",
}
"""Types without a tag whose identifier the cloud makes up, and the input that says which object it is."""


def finder_of(opened: OpenSite) -> Finder:
    """The finder for where a command acts."""
    return CloudFinder() if opened.lab is None else LabFinder(opened.lab.world)


@dataclass(frozen=True)
class LabFinder:
    """Looks into the lab's world by what a real cloud could be asked: tags, and inputs that identify an object.

    Args:
        world: The world.
    """

    world: World

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """`stacks.lookup.finder.Finder.find`; its identifiers are the lab's own."""
        if lost.tag is not None:
            return tuple(one.id for one in self.world.find_by_tag(URN_TAG, lost.tag) if one.type == lost.type)
        identity = _identity(lost.type, lost.inputs)
        if identity is None:
            raise CannotSayError(f"it carries no {URN_TAG} tag, and no rule says what identifies it")
        if lost.type.startswith("kubernetes:"):
            # Which cluster, only the provider knows; it reads the object before it is kept.
            return (identity,)
        return tuple(
            one.id
            for one in self.world.objects(lost.type)
            if one.region in ("", lost.region) and _identity(one.type, one.inputs) == identity
        )


def _identity(type_: str, inputs: Mapping[str, object]) -> str | None:
    key = _BY_ONE_INPUT.get(type_)
    return str(inputs.get(key)) if key else import_ids.from_inputs(type_, inputs)
