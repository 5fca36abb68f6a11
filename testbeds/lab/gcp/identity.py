"""How Google Cloud and Pulumi's provider name what they make.

The provider writes an identifier in the first of the forms that it imports; the SDK's own documentation of each type
has them (section Import). `IDS` holds the types whose identifier is another one, or that cannot be imported so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from testbeds.lab.filling import digest
from testbeds.lab.gcp.references import leaf, relative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.wire import Object

IDS: Final[Mapping[str, str]] = {
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": (
        "projects/{{project}}/locations/{{location}}/services/{{name}}/{{role}}/{{member}}"
    ),
    "gcp:compute/networkPeering:NetworkPeering": "{{network_name}}/{{name}}",
    "gcp:compute/routerNat:RouterNat": "{{project}}/{{region}}/{{router}}/{{name}}",
    "gcp:container/cluster:Cluster": "projects/{{project}}/locations/{{location}}/clusters/{{name}}",
    "gcp:container/nodePool:NodePool": (
        "projects/{{project}}/locations/{{location}}/clusters/{{cluster_name}}/nodePools/{{name}}"
    ),
    "gcp:dns/recordSet:RecordSet": "projects/{{project}}/managedZones/{{managed_zone}}/rrsets/{{name}}/{{type}}",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "{{crypto_key_id}}/{{role}}/{{member}}",
    "gcp:kms/keyRingIAMMember:KeyRingIAMMember": "{{key_ring_id}}/{{role}}/{{member}}",
    "gcp:projects/iAMMember:IAMMember": "{{project}}/{{role}}/{{member}}",
    "gcp:projects/service:Service": "{{project}}/{{service}}",
    "gcp:projects/serviceIdentity:ServiceIdentity": "projects/{{project}}/services/{{service}}",
    "gcp:secretmanager/secretIamMember:SecretIamMember": (
        "projects/{{project}}/secrets/{{secret_id}}/{{role}}/{{member}}"
    ),
    "gcp:secretmanager/secretVersion:SecretVersion": "projects/{{number}}/secrets/{{secret_name}}/versions/{{attempt}}",
    "gcp:serviceaccount/account:Account": "projects/{{project}}/serviceAccounts/{{email}}",
    "gcp:serviceaccount/iAMMember:IAMMember": "{{service_account_id}}/{{role}}/{{member}}",
    "gcp:servicenetworking/connection:Connection": "{{network_quoted}}:{{service}}",
    "gcp:sql/databaseInstance:DatabaseInstance": "{{name}}",
    "gcp:sql/user:User": "{{name}}/{{host}}/{{instance}}",
    "gcp:storage/bucket:Bucket": "{{name}}",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "b/{{bucket}}/{{role}}/{{member}}",
    "gcp:storage/bucketObject:BucketObject": "{{bucket}}-{{name}}",
}
"""Identifier by type, where the first form of its import is not it (terraform-provider-google, Attributes)."""

LOWER_CASE: Final = frozenset({"gcp:storage/bucket:Bucket"})
"""Types whose made-up names are lower case: assumed, for Cloud Storage takes no other."""

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def project_number(project: str) -> str:
    """The number that Google gives a project: twelve digits that depend on its id."""
    return str(100_000_000_000 + int(digest(project, "project"), 16) % 900_000_000_000)


def form_of(token: str, source: str) -> str:
    """The form of a type's identifiers.

    Args:
        token: The type.
        source: Source text of the SDK's module that holds it.
    """
    if token in IDS:
        return IDS[token]
    found = re.search(rf"\$ pulumi import {re.escape(token)} \S+ (projects/\S+|\S*\{{\{{\S+)", source)
    return found[1] if found else "projects/{{project}}/" + token.rsplit(":", 1)[-1] + "/{{name}}"


def identify(form: str, inputs: Object, project: str, place: Mapping[str, str], attempt: int) -> tuple[str, bool]:
    """An object's identifier, and whether Google made up a part of it.

    Args:
        form: The form of its type's identifiers.
        inputs: What was asked for.
        project: Its project.
        place: Its `region`, `location`, `zone`.
        attempt: How many identifiers were found taken before (≥ 0).
    """
    values = {name: str(value) for name, value in inputs.items() if isinstance(value, str | int)}
    values |= {**place, "project": project}
    values |= {
        "number": project_number(project),
        "attempt": str(attempt + 1),
        "clusterName": leaf(values.get("cluster", "")),
        "email": f"{values.get('accountId', '')}@{project}.iam.gserviceaccount.com",
        "networkName": leaf(values.get("network", "")),
        "networkQuoted": quote(relative(values.get("network", "")), safe=""),
        "secretName": leaf(values.get("secret", "")),
    }
    # What is named by a reference stands in the identifier by its bare name, except a parent that is written in full.
    for name in ("router", "map", "managedZone", "instance", "secretId", "bucket"):
        values[name] = leaf(values.get(name, ""))
    made_up = "{{attempt}}" in form

    def fill(match: re.Match[str]) -> str:
        nonlocal made_up
        name = _camel(match[1])
        if name not in values and name in ("host", "condition"):
            return ""
        if name not in values:
            made_up = True
            return str(10**18 + int(digest(form, repr(sorted(values.items())), str(attempt)), 16) % 10**18)
        return values[name]

    id_ = _PLACE.sub(fill, form)
    condition = inputs.get("condition")
    return (f"{id_}/{condition['title']}" if isinstance(condition, dict) and "title" in condition else id_), made_up


def _camel(snake: str) -> str:
    return re.sub(r"_+(\w)", lambda match: match[1].upper(), snake)
