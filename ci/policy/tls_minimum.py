"""What travels is encrypted with TLS 1.2 or newer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stacks.policy.rules import Check, Fits, Waiting, Want, given, on, one_of, table
from stacks.policy.values import Mark, at, items, parsed
from stacks.review import Rule

from .documents import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="tls-minimum",
    title="Every endpoint speaks TLS 1.2 or newer and nothing plain.",
    why="Older versions can be broken on the way, and plain text can be read there.",
    mend="Say the minimum version, and refuse what is not encrypted.",
    control="NIST SP 800-53 SC-8(1); ISO/IEC 27001 A.8.24",
)
_BUCKET, _POLICY = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"
# Elastic Load Balancing, "Security policies for your Application Load Balancer": these begin at TLS 1.2.
_NEW_ENOUGH = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)\b.*")
_SITE = (
    Want("httpsOnly", on()),
    Want("siteConfig.minTlsVersion", one_of("1.2", "1.3")),
    Want("siteConfig.scmMinTlsVersion", one_of("1.2", "1.3")),
)
_SIMPLE = table(
    {
        "azure-native:storage:StorageAccount": (
            Want("minimumTlsVersion", one_of("TLS1_2", "TLS1_3")),
            Want("enableHttpsTrafficOnly", on()),
        ),
        "azure-native:web:WebApp": _SITE,
        "azure-native:web:WebAppSlot": _SITE,
        "azure-native:redisenterprise:RedisEnterprise": (Want("minimumTlsVersion", one_of("1.2", "1.3")),),
        "azure-native:redisenterprise:Database": (Want("clientProtocol", one_of("Encrypted")),),
        "gcp:sql/databaseInstance:DatabaseInstance": (
            Want(
                "settings.ipConfiguration.sslMode",
                one_of("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"),
            ),
        ),
        "gcp:memorystore/instance:Instance": (Want("transitEncryptionMode", one_of("SERVER_AUTHENTICATION")),),
        "gcp:compute/sSLPolicy:SSLPolicy": (Want("minTlsVersion", one_of("TLS_1_2", "TLS_1_3")),),
        # Without one Google's own applies, which takes TLS 1.0 (Cloud Load Balancing, "SSL policies overview").
        "gcp:compute/targetHttpsProxy:TargetHttpsProxy": (Want("sslPolicy", given("an SSL policy of ours")),),
    }
)
_SETTINGS = {
    "require_secure_transport": one_of("on", "ON"),
    "ssl_min_protocol_version": one_of("TLSv1.2", "TLSv1.3"),
}
"""Parameters of PostgreSQL on Azure; not set at all they are on and TLSv1.2."""


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a resource says of its own endpoint."""
    yield from _SIMPLE(resource)
    match resource.type:
        case "aws:lb/listener:Listener":
            yield from _listener(resource)
        case "aws:rds/clusterParameterGroup:ClusterParameterGroup":
            yield from _forces_tls(resource)
        case "aws:elasticache/replicationGroup:ReplicationGroup" if not resource.at("globalReplicationGroupId"):
            # A member of a global group has this from the group.
            yield from Want("transitEncryptionEnabled", on()).of(resource)
            yield from Want("transitEncryptionMode", one_of("required", unset=True)).of(resource)
        case "azure-native:dbforpostgresql:Configuration":
            yield from _setting(resource)


def _setting(resource: Resource) -> Iterator[str | Waiting]:
    name = resource.at("configurationName")
    if isinstance(name, Mark):
        yield Waiting("configurationName")
    elif fits := _SETTINGS.get(name):
        yield from Want("value", fits).of(resource)


def _listener(resource: Resource) -> Iterator[str | Waiting]:
    match resource.at("protocol"):
        case Mark():
            yield Waiting("protocol")
        case "HTTPS" | "TLS":
            new = Fits(lambda value: bool(_NEW_ENOUGH.fullmatch(str(value))), "ELBSecurityPolicy-TLS13-1-2-…")
            yield from Want("sslPolicy", new).of(resource)
        case "HTTP":
            yield from _only_redirects(items(resource.at("defaultActions")))


def _only_redirects(actions: list[Any] | Mark) -> Iterator[str | Waiting]:
    if isinstance(actions, Mark):
        yield Waiting("defaultActions")
        return
    for action in actions:
        kind, target = at(action, "type"), at(action, "redirect.protocol")
        if isinstance(kind, Mark) or (kind == "redirect" and isinstance(target, Mark)):
            yield Waiting("defaultActions")
        elif (kind, target) != ("redirect", "HTTPS"):
            yield "it serves plain HTTP; wanted: HTTPS, or nothing but a redirect to it"


def _forces_tls(resource: Resource) -> Iterator[str | Waiting]:
    family, parameters = resource.at("family"), items(resource.at("parameters"))
    if isinstance(family, Mark) or isinstance(parameters, Mark):
        yield Waiting("parameters")
        return
    if "postgresql" not in str(family):
        return
    values = {at(each, "name"): at(each, "value") for each in parameters}
    forced = values.get("rds.force_ssl")
    if isinstance(forced, Mark) or any(isinstance(each, Mark) for each in values):
        yield Waiting("parameters")
    elif str(forced) != "1":
        yield "rds.force_ssl is not 1: PostgreSQL takes connections without TLS"


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """A bucket refuses plain HTTP by its policy, which is a resource of its own."""
    if resource.type != _BUCKET:
        return
    policies = stack.belonging(resource, "bucket", _POLICY, "bucket")
    documents = [each.at("policy") for each in policies] if not isinstance(policies, Mark) else [policies]
    if any(isinstance(each, Mark) for each in documents):
        yield Waiting("policy")
    elif not any(_refuses_plain(document) for document in documents):
        yield "no policy refuses requests without TLS (aws:SecureTransport false)"


def _refuses_plain(document: Any) -> bool:
    return any(
        not each.allows
        and "*" in each.principals
        and str((each.conditions.get("Bool") or {}).get("aws:SecureTransport")).lower() == "false"
        for each in statements(parsed(document))
    )


CHECK = Check(RULE, alone=alone, together=together)
