"""Names and labels that Google Cloud accepts, by resource type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Rule:
    """Form of a name.

    Args:
        prop: Input that holds it.
        form: What it must match as a whole.
        says: The same for people.
    """

    prop: str
    form: re.Pattern[str]
    says: str


def _rule(prop: str, form: str, says: str) -> Rule:
    return Rule(prop, re.compile(form), says)


_RFC1035: Final = _rule(
    "name",
    r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    "1 to 63 of a-z, 0-9 and -, beginning with a letter, not ending in - (RFC 1035)",
)

RULES: Final[Mapping[str, Rule]] = {
    "gcp:artifactregistry/repository:Repository": _rule(
        "repositoryId", r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "1 to 63 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:cloudrunv2/service:Service": _rule(
        "name", r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?", "1 to 49 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:container/cluster:Cluster": _rule(
        "name", r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "1 to 40 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:container/nodePool:NodePool": _rule(
        "name", r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "1 to 40 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:dns/managedZone:ManagedZone": _RFC1035,
    "gcp:kms/cryptoKey:CryptoKey": _rule("name", r"[a-zA-Z0-9_-]{1,63}", "1 to 63 of a-z, A-Z, 0-9, _ and -"),
    "gcp:kms/keyRing:KeyRing": _rule("name", r"[a-zA-Z0-9_-]{1,63}", "1 to 63 of a-z, A-Z, 0-9, _ and -"),
    "gcp:memorystore/instance:Instance": _rule(
        "instanceId", r"[a-z0-9][-a-z0-9]{2,61}[a-z0-9]", "4 to 63 of a-z, 0-9 and -, not ending in -"
    ),
    "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy": _RFC1035,
    "gcp:secretmanager/secret:Secret": _rule("secretId", r"[a-zA-Z0-9_-]{1,255}", "1 to 255 of a-z, A-Z, 0-9, _ and -"),
    "gcp:serviceaccount/account:Account": _rule(
        "accountId", r"[a-z]([-a-z0-9]{4,28}[a-z0-9])", "6 to 30 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": _rule(
        "name", r"[a-z]([-a-z0-9]{0,82}[a-z0-9])?", "1 to 84 of a-z, 0-9 and -, beginning with a letter"
    ),
    "gcp:storage/bucket:Bucket": _rule(
        "name",
        r"(?!goog)(?!.*google)[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]",
        "3 to 63 of a-z, 0-9, -, _ and ., without google",
    ),
}
"""By type: the reference of each API, and the naming documents of GKE, Cloud Run, Cloud SQL and Cloud Storage."""

_KEY: Final = re.compile(r"[^\W\dA-Z_](?:[^\WA-Z]|-){0,62}")
_VALUE: Final = re.compile(r"(?:[^\WA-Z]|-){0,63}")
MOST_LABELS: Final = 64


def rule_of(token: str) -> Rule | None:
    """The form of a type's name; None: any. Every Compute Engine resource follows RFC 1035 (Compute API)."""
    if token in RULES:
        return RULES[token]
    return _RFC1035 if token.startswith(("gcp:compute/", "gcp:certificatemanager/")) else None


def label_refusal(key: str, value: str) -> str:
    """Why a label is not accepted; empty: it is (Resource Manager documentation, "Labels": requirements)."""
    if key != key.lower() or not _KEY.fullmatch(key):
        return f"label key {key!r}: at most 63 lower-case letters, digits, _ and -, beginning with a letter"
    if value != value.lower() or not _VALUE.fullmatch(value):
        return f"label {key}={value!r}: at most 63 lower-case letters, digits, _ and -"
    return ""
