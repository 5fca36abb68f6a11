"""Look-ups that programs make: which project, which zones, who acts, something that exists already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.cloud import RefusedError
from testbeds.lab.filling import digest
from testbeds.lab.gcp.identity import project_number
from testbeds.lab.gcp.references import leaf
from testbeds.lab.gcp.values import agent
from testbeds.lab.wire import Json, Object, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.cloud import Settings
    from testbeds.lab.tables import Tables
    from testbeds.lab.world import World, WorldObject


@dataclass(frozen=True)
class Question:
    """A look-up.

    Args:
        token: The function.
        args: What it is asked.
        settings: Of the provider that asks.
        world: Where it looks.
        tables: The dated tables.
    """

    token: str
    args: Object
    settings: Settings
    world: World
    tables: Tables

    @property
    def project(self) -> str:
        """The project that is meant."""
        return text(self.args, "project", self.settings.account)

    @property
    def region(self) -> str:
        """The region that is meant."""
        return text(self.args, "region", self.settings.home)


_LOOKED_UP: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "gcp:artifactregistry/getRepository:getRepository": (
        "gcp:artifactregistry/repository:Repository",
        ("repositoryId", "location"),
    ),
    "gcp:cloudrunv2/getService:getService": ("gcp:cloudrunv2/service:Service", ("name", "location")),
    "gcp:compute/getNetwork:getNetwork": ("gcp:compute/network:Network", ("name",)),
    "gcp:compute/getSubnetwork:getSubnetwork": ("gcp:compute/subnetwork:Subnetwork", ("name", "region", "selfLink")),
    "gcp:compute/getGlobalAddress:getGlobalAddress": ("gcp:compute/globalAddress:GlobalAddress", ("name",)),
    "gcp:container/getCluster:getCluster": ("gcp:container/cluster:Cluster", ("name", "location")),
    "gcp:dns/getManagedZone:getManagedZone": ("gcp:dns/managedZone:ManagedZone", ("name",)),
    "gcp:secretmanager/getSecret:getSecret": ("gcp:secretmanager/secret:Secret", ("secretId",)),
    "gcp:secretmanager/getSecretVersion:getSecretVersion": (
        "gcp:secretmanager/secretVersion:SecretVersion",
        ("secret", "version"),
    ),
    "gcp:serviceaccount/getAccount:getAccount": ("gcp:serviceaccount/account:Account", ("accountId",)),
    "gcp:sql/getDatabaseInstance:getDatabaseInstance": ("gcp:sql/databaseInstance:DatabaseInstance", ("name",)),
    "gcp:storage/getBucket:getBucket": ("gcp:storage/bucket:Bucket", ("name",)),
}
"""Function, the type that it looks for, the arguments that it compares."""


def answer(question: Question) -> Object:
    """What a function returns.

    Raises:
        RefusedError: Nothing matches, or the lab has no answer to this function.
    """
    if question.token in _LOOKED_UP:
        return _existing(question)
    if question.token in _ANSWERS:
        return _ANSWERS[question.token](question)
    raise RefusedError(
        "Unsupported", f"the lab does not answer {question.token}; add it in testbeds/lab/gcp/invokes.py"
    )


def _project(question: Question) -> Object:
    project = text(question.args, "projectId", question.settings.account)
    if not project:
        raise RefusedError("badRequest", "project: required field is not set: set gcp:project")
    return {"projectId": project, "number": project_number(project), "name": project, "id": f"projects/{project}"}


def _projects(question: Question) -> Object:
    """The lab knows one project: the one that the provider is set to."""
    project = question.settings.account
    wanted = re.search(r"(?:projectId|id)[:=]([^\s]+)", text(question.args, "filter"))
    there = bool(project) and (wanted is None or wanted[1] == project)
    found: list[Json] = [{"projectId": project, "number": project_number(project), "name": project}] if there else []
    return {"projects": found, "id": digest(text(question.args, "filter"), length=8)}


def _client(question: Question) -> Object:
    return {
        "project": question.settings.account,
        "region": question.settings.home,
        "zone": "",
        "accessToken": f"lab-{digest(question.settings.account, 'token')}",
        "id": f"projects/{question.settings.account}",
        "defaultLabels": {},
    }


def _zones(question: Question) -> Object:
    names: list[Json] = list(question.tables.zones.get(question.region, ()))
    if not names:
        raise RefusedError("invalid", f"{question.region!r} is no region of Google Cloud")
    return {"names": names, "project": question.project, "region": question.region, "id": question.region}


def _storage_account(question: Question) -> Object:
    email = agent("storage", question.project)
    return {"emailAddress": email, "member": f"serviceAccount:{email}", "project": question.project, "id": email}


def _transfer_account(question: Question) -> Object:
    email = f"project-{project_number(question.project)}@storage-transfer-service.iam.gserviceaccount.com"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "project": question.project,
        "subjectId": project_number(question.project),
        "id": email,
    }


def _cmek_settings(question: Question) -> Object:
    """Nobody set a key for the whole project; the account is the one that log buckets are encrypted by."""
    number = project_number(question.project)
    return {
        "project": question.project,
        "name": f"projects/{question.project}/cmekSettings",
        "kmsKeyName": "",
        "kmsKeyVersionName": "",
        "serviceAccountId": f"cmek-p{number}@gcp-sa-logging.iam.gserviceaccount.com",
        "id": f"projects/{question.project}/cmekSettings",
    }


def _versions(question: Question) -> Object:
    """Versions that GKE offered when the lab's own default was written."""
    versions: list[Json] = ["1.34.1-gke.1000000", "1.33.5-gke.1000000", "1.32.9-gke.1000000"]
    channels: Object = {"RAPID": versions[0], "REGULAR": versions[0], "STABLE": versions[1]}
    return {
        "latestMasterVersion": versions[0],
        "latestNodeVersion": versions[0],
        "defaultClusterVersion": versions[0],
        "releaseChannelDefaultVersion": channels,
        "validMasterVersions": versions,
        "validNodeVersions": versions,
        "id": question.region,
    }


def _existing(question: Question) -> Object:
    type_, keys = _LOOKED_UP[question.token]
    given = {key: text(question.args, key) for key in keys if text(question.args, key)}
    found = [one for one in question.world.objects(type_) if _matches(one, given)]
    if type_.endswith(":SecretVersion"):
        found = found[-1:]  # the latest, unless the number is given
    if len(found) != 1:
        raise RefusedError("notFound", f"{len(found)} of {type_} match {given}; exactly one is needed")
    return found[0].outputs | {"id": found[0].id}


def _matches(one: WorldObject, given: Mapping[str, str]) -> bool:
    return all(
        value in (one.id, one.outputs.get(key)) or leaf(value) == leaf(text(one.outputs, key))
        for key, value in given.items()
    )


_ANSWERS: Final[Mapping[str, Callable[[Question], Object]]] = {
    "gcp:compute/getZones:getZones": _zones,
    "gcp:container/getEngineVersions:getEngineVersions": _versions,
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": _cmek_settings,
    "gcp:organizations/getClientConfig:getClientConfig": _client,
    "gcp:organizations/getProject:getProject": _project,
    "gcp:projects/getProject:getProject": _projects,
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _storage_account,
    "gcp:storage/getTransferProjectServiceAccount:getTransferProjectServiceAccount": _transfer_account,
}
