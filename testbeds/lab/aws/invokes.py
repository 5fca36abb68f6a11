"""Look-ups that programs make: who am I, which zones, a policy document, something that exists already."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.aws.identity import ACCOUNT
from testbeds.lab.cloud import RefusedError
from testbeds.lab.filling import digest
from testbeds.lab.wire import Json, Object, children, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.tables import Tables
    from testbeds.lab.world import World, WorldObject

_LOOKED_UP: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "aws:ec2/getVpc:getVpc": ("aws:ec2/vpc:Vpc", ("id", "cidrBlock")),
    "aws:ec2/getSubnet:getSubnet": ("aws:ec2/subnet:Subnet", ("id", "vpcId", "cidrBlock", "availabilityZone")),
    "aws:eks/getCluster:getCluster": ("aws:eks/cluster:Cluster", ("name",)),
    "aws:route53/getZone:getZone": ("aws:route53/zone:Zone", ("zoneId", "name")),
    "aws:kms/getKey:getKey": ("aws:kms/key:Key", ("keyId",)),
    "aws:s3/getBucket:getBucket": ("aws:s3/bucket:Bucket", ("bucket",)),
    "aws:secretsmanager/getSecret:getSecret": ("aws:secretsmanager/secret:Secret", ("name", "arn")),
    "aws:iam/getRole:getRole": ("aws:iam/role:Role", ("name",)),
}
"""Function, the type that it looks for, the arguments that it compares."""


@dataclass(frozen=True)
class Question:
    """A look-up: its arguments, and where it looks."""

    args: Object
    region: str
    world: World
    tables: Tables


_FIXED: Final[Mapping[str, Object]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/lab",
        "userId": "AIDALAB",
        "id": ACCOUNT,
    },
    "aws:index/getPartition:getPartition": {
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
        "id": "aws",
    },
}
"""Answers that are always the same."""


def answer(token: str, args: Object, region: str, world: World, tables: Tables) -> Object:
    """What a function returns.

    Raises:
        RefusedError: Nothing matches, or the lab has no answer to this function.
    """
    if token in _FIXED:
        return dict(_FIXED[token])
    if token in _LOOKED_UP:
        return _existing(token, args, region, world)
    if token in _ANSWERS:
        return _ANSWERS[token](Question(args, region, world, tables))
    raise RefusedError("Unsupported", f"the lab does not answer {token}; add it in testbeds/lab/aws/invokes.py")


def _region(question: Question) -> Object:
    region = question.region
    return {"name": region, "region": region, "id": region, "description": region}


def _prefix_list(question: Question) -> Object:
    return {"id": f"pl-{digest(question.region, text(question.args, 'name'), length=8)}"}


def _cluster_token(question: Question) -> Object:
    return {"token": f"k8s-aws-v1.{digest(question.region, text(question.args, 'name'))}"}


def _password(question: Question) -> Object:
    """Another one at each call, as the service gives: a program that keeps asking must show a change each time."""
    length = question.args.get("passwordLength")
    return {"randomPassword": secrets.token_hex(32)[: length if isinstance(length, int) else 32]}


def _secret_value(question: Question) -> Object:
    args = question.args
    found = [
        one
        for one in question.world.objects("aws:secretsmanager/secretVersion:SecretVersion", region=question.region)
        if text(one.outputs, "secretId") == text(args, "secretId")
    ]
    if not found:
        raise RefusedError("ResourceNotFoundException", f"{text(args, 'secretId')} has no value in {question.region}")
    return found[-1].outputs | {"id": found[-1].id}


def _zones(question: Question) -> Object:
    region = question.region
    names: list[Json] = list(question.tables.zones.get(region, ()))
    ids: list[Json] = [f"{region}-az{index + 1}" for index in range(len(names))]
    return {"names": names, "zoneIds": ids, "groupNames": [region], "id": region}


def _subnets(question: Question) -> Object:
    args, region, world = question.args, question.region, question.world
    wanted = {text(one, "name"): set(texts(one, "values")) for one in children(args, "filters")}
    found = [
        one.id
        for one in world.objects("aws:ec2/subnet:Subnet", region=region)
        if "vpc-id" not in wanted or text(one.outputs, "vpcId") in wanted["vpc-id"]
    ]
    return {"ids": list[Json](found), "id": region}


def _parameter(question: Question) -> Object:
    args, region, world = question.args, question.region, question.world
    name = text(args, "name")
    for found in world.objects("aws:ssm/parameter:Parameter", id_=name, region=region):
        return {"value": found.outputs.get("value"), "arn": found.outputs.get("arn"), "version": 1, "id": name}
    if name.startswith("/aws/service/"):  # AWS's own public parameters: image ids
        return {"value": f"ami-{digest(region, name)}", "version": 1, "id": name, "type": "String"}
    raise RefusedError("ParameterNotFound", f"there is no parameter {name} in {region}")


def _existing(token: str, args: Object, region: str, world: World) -> Object:
    type_, keys = _LOOKED_UP[token]
    given = {key: text(args, key) for key in keys if text(args, key)}
    found = [one for one in world.objects(type_) if one.region in ("", region) and _matches(one, given)]
    if len(found) != 1:
        raise RefusedError("NotFound", f"{len(found)} of {type_} match {given} in {region}; exactly one is needed")
    return found[0].outputs | {"id": found[0].id}


def _matches(one: WorldObject, given: Mapping[str, str]) -> bool:
    own = {"id": one.id, "keyId": one.id}
    return all(value in (own.get(key), one.outputs.get(key), one.outputs.get("arn")) for key, value in given.items())


def _policy(question: Question) -> Object:
    """The document that the provider renders (terraform-provider-aws, data source aws_iam_policy_document)."""
    args = question.args
    document: Object = {"Version": text(args, "version", "2012-10-17")}
    if text(args, "policyId"):
        document["Id"] = text(args, "policyId")
    document["Statement"] = [_statement(one) for one in children(args, "statements")]
    rendered = json.dumps(document, indent=2)
    return {"json": rendered, "minifiedJson": json.dumps(document, separators=(",", ":")), "id": digest(rendered)}


def _statement(given: Object) -> Json:
    statement: Object = {"Effect": text(given, "effect", "Allow")}
    if text(given, "sid"):
        statement["Sid"] = text(given, "sid")
    names = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}
    statement |= {key: _one_or_all(texts(given, name)) for name, key in names.items() if texts(given, name)}
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if children(given, name):
            statement[key] = _principals(children(given, name))
    conditions: Object = {}
    for one in children(given, "conditions"):
        test = conditions.setdefault(text(one, "test"), {})
        if isinstance(test, dict):
            test[text(one, "variable")] = _one_or_all(texts(one, "values"))
    return statement | ({"Condition": conditions} if conditions else {})


def _principals(given: list[Object]) -> Json:
    if any(text(one, "type") == "*" for one in given):
        return "*"
    return {text(one, "type"): _one_or_all(texts(one, "identifiers")) for one in given}


def _one_or_all(values: list[str]) -> Json:
    return values[0] if len(values) == 1 else list[Json](sorted(values))


_ANSWERS: Final[Mapping[str, Callable[[Question], Object]]] = {
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:eks/getClusterAuth:getClusterAuth": _cluster_token,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getRegion:getRegion": _region,
    "aws:secretsmanager/getRandomPassword:getRandomPassword": _password,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_value,
    "aws:ssm/getParameter:getParameter": _parameter,
}
