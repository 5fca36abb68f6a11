"""What Google Cloud would answer: computed properties by type, and the look-ups that components make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT, NUMBER = "acme-pay", "424242424242"

OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "gcp:projects/serviceIdentity:ServiceIdentity": {"member": "serviceAccount:agent@example"},
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "project": PROJECT,
        "privateIpAddress": "10.80.224.5",
        "replicationCluster": {"psaWriteEndpoint": "write.sql.example"},
    },
    "gcp:serviceaccount/account:Account": {
        "project": PROJECT,
        "email": "account@acme-pay.example",
        "member": "serviceAccount:account@acme-pay.example",
    },
}

CALLS: Mapping[str, Mapping[str, Any]] = {
    "gcp:organizations/getProject:getProject": {"projectId": PROJECT, "number": NUMBER, "id": f"projects/{PROJECT}"},
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": {"serviceAccountId": "cmek-p42@logging.example"},
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {"member": "serviceAccount:gs@storage.example"},
}
"""Answers to look-ups, by token."""
