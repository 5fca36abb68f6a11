"""Finds AWS objects by their `aurops:urn` tag, and the few that carry none by asking their service.

Never run against a real account; tested against moto and botocore's stub. It needs `tag:GetResources`,
`iam:ListRoleTags`, `rds:DescribeGlobalClusters`, `application-autoscaling:DescribeScalableTargets` and
`:ListTagsForResource`, `secretsmanager:ListSecretVersionIds` and `elasticache:DescribeGlobalReplicationGroups`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from aurops.clock import RealClock
from components.tags import URN_TAG
from stacks.lookup import import_ids
from stacks.lookup.finder import CannotSayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aurops.clock import Clock
    from stacks.lookup.finder import LostCreate

_GLOBAL_HOME: Final = "us-east-1"
"""Where the tagging API answers for global services (Resource Groups Tagging API Reference, "GetResources")."""
_GLOBAL: Final = ("aws:iam/", "aws:route53/", "aws:cloudfront/", "aws:globalaccelerator/")
_WAITS: Final = frozenset({"aws:acm/certificateValidation:CertificateValidation"})
"""Resources that only wait for another: nothing in AWS belongs to them, and the provider imports none."""

_LOOK_EVERY_S: Final = 3.0
_ARN_IS_ID: Final = "{arn}"
IMPORT_ID: Final[Mapping[str, str]] = {
    "acm:certificate": _ARN_IS_ID,
    "ecs:service": "{1}/{2}",
    "ecs:task-definition": _ARN_IS_ID,
    "eks:addon": "{1}:{2}",
    "eks:nodegroup": "{1}:{2}",
    "eks:podidentityassociation": "{1},{2}",
    "elasticloadbalancing": _ARN_IS_ID,
    "iam:oidc-provider": _ARN_IS_ID,
    "s3": "{0}",
    "secretsmanager:secret": _ARN_IS_ID,
}
"""Import identifier by the service and kind, or service, of an ARN; `{n}`: n-th part of its resource. For every other:
what follows the kind. Forms: Service Authorization Reference for ARNs; "Import" in the type's page in the Pulumi
registry.
"""


class AwsFinder:
    """Looks with the credentials that boto3 finds, which are those of the provider.

    Args:
        session: Where they come from; None: environment and profile, as always.
        clock: For the tagging API's delay.
        until_s: When an object that is not seen counts as never made, as seconds of the clock.
    """

    def __init__(
        self, session: boto3.Session | None = None, *, clock: Clock | None = None, until_s: float = 0.0
    ) -> None:
        self._session = session or boto3.Session()
        self._clock = clock or RealClock()
        self._until_s = until_s

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """`stacks.lookup.finder.Finder.find`."""
        if lost.type in _WAITS:
            return ()
        look = self._look(lost)
        try:
            while not (found := look(lost)) and self._clock.now_s() < self._until_s:
                self._clock.sleep(_LOOK_EVERY_S)
        except (ClientError, BotoCoreError) as error:
            raise CannotSayError(str(error)) from error
        return found

    def _look(self, lost: LostCreate) -> Callable[[LostCreate], tuple[str, ...]]:
        match lost.type:
            case "aws:iam/role:Role":  # the tagging API does not know roles
                return self._role
            case "aws:rds/globalCluster:GlobalCluster":  # of no region, in which the tagging API would be asked
                return self._global_database
            case "aws:appautoscaling/target:Target":  # its ARN does not give what import takes
                return self._scalable_target
            case "aws:secretsmanager/secretVersion:SecretVersion":
                return self._secret_version
            case "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup":
                return self._global_cache
        if lost.tag is None:
            raise CannotSayError(f"it carries no {URN_TAG} tag, and no rule derives its identifier from its inputs")
        return self._tagged

    def _tagged(self, lost: LostCreate) -> tuple[str, ...]:
        region = _GLOBAL_HOME if lost.type.startswith(_GLOBAL) else lost.region
        client = self._session.client("resourcegroupstaggingapi", region_name=region)
        pages = client.get_paginator("get_resources").paginate(TagFilters=[{"Key": URN_TAG, "Values": [lost.tag]}])
        arns = [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]
        return tuple(import_id(arn) for arn in arns)

    def _role(self, lost: LostCreate) -> tuple[str, ...]:
        name = _text(lost.inputs, "name")
        client = self._session.client("iam", region_name=_GLOBAL_HOME)
        try:
            tags = client.list_role_tags(RoleName=name)["Tags"]
        except client.exceptions.NoSuchEntityException:
            return ()
        return _if_ours(lost, name, {each["Key"]: each["Value"] for each in tags})

    def _global_database(self, lost: LostCreate) -> tuple[str, ...]:
        name = _text(lost.inputs, "globalClusterIdentifier")
        client = self._session.client("rds", region_name=lost.region)
        try:
            found = client.describe_global_clusters(GlobalClusterIdentifier=name)["GlobalClusters"]
        except client.exceptions.GlobalClusterNotFoundFault:
            return ()
        for each in found:
            if each["GlobalClusterIdentifier"] == name:
                return _if_ours(lost, name, {tag["Key"]: tag["Value"] for tag in each.get("TagList", ())})
        return ()

    def _scalable_target(self, lost: LostCreate) -> tuple[str, ...]:
        client = self._session.client("application-autoscaling", region_name=lost.region)
        found = client.describe_scalable_targets(
            ServiceNamespace=_text(lost.inputs, "serviceNamespace"),
            ResourceIds=[_text(lost.inputs, "resourceId")],
            ScalableDimension=_text(lost.inputs, "scalableDimension"),
        )["ScalableTargets"]
        if not found:
            return ()
        tags = client.list_tags_for_resource(ResourceARN=found[0]["ScalableTargetARN"])["Tags"]
        return _if_ours(lost, str(import_ids.aws(lost.type, lost.inputs)), tags)

    def _secret_version(self, lost: LostCreate) -> tuple[str, ...]:
        secret = _text(lost.inputs, "secretId")
        client = self._session.client("secretsmanager", region_name=lost.region)
        versions = client.list_secret_version_ids(SecretId=secret)["Versions"]
        return tuple(f"{secret}|{each['VersionId']}" for each in versions)

    def _global_cache(self, lost: LostCreate) -> tuple[str, ...]:
        """AWS puts five letters before the name that was asked for."""
        suffix = _text(lost.inputs, "globalReplicationGroupIdSuffix")
        client = self._session.client("elasticache", region_name=lost.region)
        pages = client.get_paginator("describe_global_replication_groups").paginate()
        ids = [each["GlobalReplicationGroupId"] for page in pages for each in page["GlobalReplicationGroups"]]
        return tuple(id_ for id_ in ids if re.fullmatch(rf"[a-z0-9]{{5}}-{re.escape(suffix)}", id_))


def import_id(arn: str) -> str:
    """What the provider's import takes for the object of an ARN."""
    service, resource = arn.split(":", 5)[2], arn.split(":", 5)[5]
    kind, _, rest = resource.partition(min(re.findall("[:/]", resource) or "/", key=resource.find))
    form = IMPORT_ID.get(f"{service}:{kind}") or IMPORT_ID.get(service)
    if form is None:
        return rest
    return form.format(*re.split("[:/]", resource), arn=arn)


def _if_ours(lost: LostCreate, id_: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """An object that was looked up by its name: ours only with our tag."""
    if tags.get(URN_TAG) != lost.tag:
        raise CannotSayError(f"there is a {id_} that is not tagged as this one")
    return (id_,)


def _text(inputs: Mapping[str, Any], key: str) -> str:
    value = inputs.get(key)
    if not isinstance(value, str):
        raise CannotSayError(f"its inputs do not name its {key}")
    return value
