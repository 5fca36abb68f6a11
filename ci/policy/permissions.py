"""Nobody may do everything, and nobody unknown may do anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stacks.policy.rules import Check, Waiting
from stacks.policy.values import Mark, at, items, parsed
from stacks.review import Rule

from .documents import Statement, public, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource

RULE = Rule(
    id="no-wildcard-permissions",
    title="No role may do everything, on everything, or is everybody's.",
    why="What one stolen credential can do is what its role may do.",
    mend="Name the actions, the resources and the principals; a condition bounds what cannot be named.",
    control="NIST SP 800-53 AC-6; ISO/IEC 27001 A.8.2",
)
_POLICIES = frozenset(
    {
        "aws:iam/policy:Policy",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/userPolicy:UserPolicy",
        "aws:iam/groupPolicy:GroupPolicy",
    }
)
_ATTACHMENTS = frozenset(
    {
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    }
)
_EVERYTHING = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/.*(AdministratorAccess|PowerUserAccess|FullAccess)$")
_READS = re.compile(r"[a-z0-9-]+:(Describe|Get|List)\w*\*?")
"""Many of them cannot name a resource (Service Authorization Reference)."""
_OWNERS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Azure's roles that may do everything, or give anything (Azure documentation, "Azure built-in roles")."""
_WIDE_SCOPE = re.compile(
    r"(?i)/?|/subscriptions/[^/]+/?|/subscriptions/[^/]+/resourceGroups/[^/]+/?|"
    r"/providers/Microsoft\.Management/managementGroups/[^/]+/?"
)
_BASIC = ("roles/owner", "roles/editor", "roles/viewer")
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")
_GRANT = re.compile(r"gcp:[\w/]+:\w*IAM(Member|Binding)$", re.IGNORECASE)
_RBAC = re.compile(r"kubernetes:rbac\.authorization\.k8s\.io/v\w+:(Role|ClusterRole|RoleBinding|ClusterRoleBinding)$")
_UNKNOWN_PEOPLE = ("system:anonymous", "system:unauthenticated", "system:authenticated")


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a role, a grant or a policy gives away."""
    if resource.type in _POLICIES:
        yield from _document(resource, "policy", _of_policy)
    elif resource.type in _ATTACHMENTS:
        yield from _attachment(resource)
    elif resource.type == "aws:iam/role:Role":
        yield from _document(resource, "assumeRolePolicy", _of_trust)
    elif resource.type == "aws:kms/key:Key":
        yield from _document(resource, "policy", _of_trust)
    elif resource.type == "azure-native:authorization:RoleDefinition":
        yield from _azure_role(resource)
    elif resource.type == "azure-native:authorization:RoleAssignment":
        yield from _azure_assignment(resource)
    elif _GRANT.fullmatch(resource.type):
        yield from _google_grant(resource)
    elif found := _RBAC.fullmatch(resource.type):
        yield from (_kubernetes_role if found[1].endswith("Role") else _kubernetes_binding)(resource)


def _document(resource: Resource, path: str, judge: Any) -> Iterator[str | Waiting]:
    document = resource.at(path)
    if isinstance(document, Mark):
        yield Waiting(path)
        return
    for statement in statements(parsed(document)):
        yield from judge(statement)


def _of_policy(each: Statement) -> Iterator[str]:
    if not each.allows:
        return
    if each.inverted:
        yield f"it allows by exception ({', '.join(each.inverted)}), which is everything else"
    for action in each.actions:
        if action == "*" or action.endswith(":*"):
            yield f"it allows the action {action}"
    bounded = each.conditions or all(_READS.fullmatch(action) for action in each.actions)
    if "*" in each.resources and not bounded:
        yield f"it allows {', '.join(each.actions[:3])} on every resource"


def _of_trust(each: Statement) -> Iterator[str]:
    """A role's trust and a key's policy: resources are the thing itself there, so only the principals count."""
    if public(each):
        yield f"everybody may {', '.join(each.actions[:3])}"


def _attachment(resource: Resource) -> Iterator[str | Waiting]:
    policy = resource.at("policyArn")
    if isinstance(policy, Mark):
        yield Waiting("policyArn")
    elif _EVERYTHING.fullmatch(str(policy)):
        yield f"it attaches {str(policy).rpartition('/')[2]}"


def _azure_role(resource: Resource) -> Iterator[str | Waiting]:
    permissions = resource.at("permissions")
    if isinstance(permissions, Mark):
        yield Waiting("permissions")
        return
    for number in range(len(permissions or ())):
        for key in ("actions", "dataActions"):
            actions = items(resource.at(f"permissions.{number}.{key}"))
            if isinstance(actions, Mark):
                yield Waiting(f"permissions.{number}.{key}")
                continue
            for action in actions:
                # `Microsoft.Storage/*/read` names what it does; `Microsoft.Storage/*` does not.
                if action == "*" or str(action).endswith("/*"):
                    yield f"it allows the action {action}"


def _azure_assignment(resource: Resource) -> Iterator[str | Waiting]:
    role, scope = resource.at("roleDefinitionId"), resource.at("scope")
    if isinstance(role, Mark):
        yield Waiting("roleDefinitionId")
        return
    name = _OWNERS.get(str(role).rpartition("/")[2].lower())
    if name and isinstance(scope, Mark):
        yield Waiting("scope")
    elif name and _WIDE_SCOPE.fullmatch(str(scope)):
        yield f"it makes somebody {name} of {scope}"


def _google_grant(resource: Resource) -> Iterator[str | Waiting]:
    role = resource.at("role")
    if role in _BASIC:
        yield f"it grants the basic role {role}"
    members = [resource.at("member"), *(_list(resource.at("members")))]
    if isinstance(role, Mark) or any(isinstance(each, Mark) for each in members):
        yield Waiting("role" if isinstance(role, Mark) else "member")
    for each in members:
        if each in _EVERYBODY:
            yield f"it grants {role} to {each}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kubernetes_role(resource: Resource) -> Iterator[str | Waiting]:
    rules = resource.at("rules")
    if isinstance(rules, Mark):
        yield Waiting("rules")
        return
    for number in range(len(rules or ())):
        for key in ("verbs", "resources", "apiGroups", "nonResourceURLs"):
            values = items(resource.at(f"rules.{number}.{key}"))
            if isinstance(values, Mark):
                yield Waiting(f"rules.{number}.{key}")
            elif "*" in values:
                yield f"rule {number + 1} says * for {key}"


def _kubernetes_binding(resource: Resource) -> Iterator[str | Waiting]:
    role, subjects = resource.at("roleRef.name"), items(resource.at("subjects"))
    if role == "cluster-admin":
        yield "it binds cluster-admin"
    names = [at(each, "name") for each in subjects] if not isinstance(subjects, Mark) else [subjects]
    if any(isinstance(each, Mark) for each in (role, *names)):
        yield Waiting("roleRef" if isinstance(role, Mark) else "subjects")
    yield from (f"it binds {each}" for each in names if each in _UNKNOWN_PEOPLE)


CHECK = Check(RULE, alone=alone)
