"""AWS's policy documents as rules read them (IAM user guide, "IAM JSON policy elements reference")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Statement:
    """One statement.

    Args:
        allows: Whether it allows; else it denies.
        actions: What is allowed; with `inverted` everything else.
        resources: On what; with `inverted` everything else.
        principals: To whom; empty in a policy that belongs to somebody.
        conditions: When.
        inverted: The elements that name exceptions: NotAction, NotResource, NotPrincipal.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: dict[str, Any]
    inverted: tuple[str, ...]


def statements(document: Any) -> Iterator[Statement]:
    """The statements of a document; nothing of what is none."""
    body = document.get("Statement", []) if isinstance(document, dict) else []
    for each in body if isinstance(body, list) else [body]:
        yield Statement(
            allows=each.get("Effect") == "Allow",
            actions=_texts(each.get("Action", each.get("NotAction"))),
            resources=_texts(each.get("Resource", each.get("NotResource"))),
            principals=_principals(each.get("Principal", each.get("NotPrincipal"))),
            conditions=each.get("Condition") or {},
            inverted=tuple(key for key in ("NotAction", "NotResource", "NotPrincipal") if key in each),
        )


def public(statement: Statement) -> bool:
    """Whether it allows something to everybody, whoever and wherever they are."""
    return statement.allows and "*" in statement.principals and not statement.conditions


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _principals(value: Any) -> tuple[str, ...]:
    """Whom it names; services are left out, for no person is one."""
    if isinstance(value, dict):
        return tuple(each for kind, some in value.items() if kind != "Service" for each in _texts(some))
    return _texts(value)
