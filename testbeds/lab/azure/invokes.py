"""Look-ups that programs make: who am I, credentials of a cluster, keys, something that exists already."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.asked import existing
from testbeds.lab.azure.compute import CLUSTER
from testbeds.lab.azure.data import REDIS_DATABASE, STORAGE
from testbeds.lab.azure.identity import SUBSCRIPTION, TENANT, identify
from testbeds.lab.cloud import RefusedError
from testbeds.lab.filling import digest, uuid_of
from testbeds.lab.wire import Object, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.cloud import Settings
    from testbeds.lab.world import World, WorldObject


@dataclass(frozen=True)
class Question:
    """A look-up: its arguments, who asks, and where the paths of types come from."""

    token: str
    args: Object
    settings: Settings
    world: World
    path: Callable[[str], str]

    def find(self, token: str) -> WorldObject:
        """The object that the arguments name.

        Raises:
            RefusedError: There is none.
        """
        id_ = identify(self.path(token), self.args, self.settings.account or SUBSCRIPTION)
        found = existing(self.world, token, id_) if id_ else None
        if found is None:
            raise RefusedError("ResourceNotFound", f"the resource {id_ or token} was not found")
        return found


def answer(question: Question) -> Object:
    """What a function returns.

    Raises:
        RefusedError: Nothing matches, or the lab has no answer to this function.
        UnknownTypeError: The SDK has no such type.
    """
    if question.token in _ANSWERS:
        return _ANSWERS[question.token](question)
    package, module, name = question.token.split(":")
    if name.startswith("get"):
        found = question.find(f"{package}:{module}:{name.removeprefix('get')}")
        return found.outputs | {"id": found.id}
    raise RefusedError(
        "Unsupported", f"the lab does not answer {question.token}; add it in testbeds/lab/azure/invokes.py"
    )


def _client(question: Question) -> Object:
    subscription = question.settings.account or SUBSCRIPTION
    return {
        "clientId": uuid_of("lab/client"),
        "objectId": uuid_of("lab/object"),
        "subscriptionId": subscription,
        "tenantId": TENANT,
    }


def _credentials(question: Question) -> Object:
    cluster = question.find(CLUSTER)
    group, name = text(question.args, "resourceGroupName"), text(question.args, "resourceName")
    return {"kubeconfigs": [{"name": "clusterUser", "value": _kubeconfig(cluster.outputs, name, group)}]}


def _kubeconfig(cluster: Object, name: str, group: str) -> str:
    """What a person gets who asks for the credentials of a cluster: an answer in base64."""
    host = text(cluster, "privateFQDN") or text(cluster, "fqdn")
    authority = base64.b64encode(f"lab certificate authority of {host}".encode()).decode()
    document = f"""apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    certificate-authority-data: {authority}
    server: https://{host}:443
contexts:
- name: {name}
  context:
    cluster: {name}
    user: clusterUser_{group}_{name}
current-context: {name}
users:
- name: clusterUser_{group}_{name}
  user:
    token: lab
"""
    return base64.b64encode(document.encode()).decode()


def _account_keys(question: Question) -> Object:
    account = question.find(STORAGE)
    names = ("key1", "key2")
    return {
        "keys": [
            {"keyName": name, "permissions": "FULL", "value": digest(account.id, name, length=64)} for name in names
        ]
    }


def _redis_keys(question: Question) -> Object:
    database = question.find(REDIS_DATABASE)
    return {"primaryKey": digest(database.id, "primary"), "secondaryKey": digest(database.id, "secondary")}


_ANSWERS: Final[Mapping[str, Callable[[Question], Object]]] = {
    "azure-native:authorization:getClientConfig": _client,
    "azure-native:containerservice:listManagedClusterUserCredentials": _credentials,
    "azure-native:redisenterprise:listDatabaseKeys": _redis_keys,
    "azure-native:storage:listStorageAccountKeys": _account_keys,
}
