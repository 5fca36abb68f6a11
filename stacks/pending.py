"""What a killed operation left in a stack's state, and the state without it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.lookup.finder import LostCreate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    State = Mapping[str, Any]
    Resource = Mapping[str, Any]


def is_interrupted(state: State) -> bool:
    """Whether there is anything to recover."""
    return bool(state.get("pending_operations")) or bool(half_adopted(state))


def half_adopted(state: State) -> tuple[str, ...]:
    """URNs that `adopt` put into the state and that were not read from the cloud before the next crash."""
    return tuple(
        str(resource["urn"])
        for resource in _resources(state)
        if resource.get("id") and resource.get("inputs") and not resource.get("outputs") and _is_outside(resource)
    )


def to_refresh(state: State) -> tuple[str, ...]:
    """URNs to refresh before anything is looked up: what the operation was changing, reading or deleting.

    The stack itself when there is no such thing: a refresh of nothing still needs the lock, so that whoever passes it
    knows that nobody else is at work.
    """
    pending = {str(operation["resource"]["urn"]) for operation in _operations(state)}
    present = {str(resource["urn"]) for resource in _resources(state) if not resource.get("delete")}
    root = [str(r["urn"]) for r in _resources(state) if r["type"] == "pulumi:pulumi:Stack"]
    return tuple(sorted(pending & present)) or tuple(root)


def answered(state: State) -> dict[str, str]:
    """Identifier by URN of the creates that the provider had answered.

    The engine changes the resource of a pending create at the answer and takes it off the list one checkpoint later; a
    checkpoint for another resource in between shows both.
    """
    return {str(r["urn"]): str(r["id"]) for r in _creating(state) if _is_outside(r) and r.get("id")}


def lost_creates(state: State) -> tuple[LostCreate, ...]:
    """The creates of which nobody knows whether they happened."""
    return tuple(_lost(state, r) for r in _creating(state) if _is_outside(r) and not r.get("id"))


def adopt(state: State, ids: Mapping[str, str]) -> dict[str, Any]:
    """The state with what was found, and without pending operations.

    The engine's own `refresh --import-pending-creates` will not do: as of v3.259 the resource then is neither imported
    nor pending, so that the next `up` creates it again. Without outputs the provider takes the identifier as one of
    `pulumi import` when it reads the object, and the engine takes over the one that it returns. What was answered has
    outputs, is not read, and must have its own identifier.

    Args:
        state: As it is.
        ids: Identifier by URN, those of `answered` included; creates that are not in it were never made.
    """
    found = [{**r, "id": ids[str(r["urn"])]} for r in _creating(state) if str(r["urn"]) in ids]
    # What it was to replace stands there under the same URN, to be deleted, as after a replacement that ended; deleted
    # before, it only waits for this one.
    kept = [
        {**r, "delete": True} if str(r["urn"]) in ids else r
        for r in _resources(state)
        if not (r.get("pendingReplacement") and str(r["urn"]) in ids)
    ]
    return {**state, "resources": [*kept, *found], "pending_operations": []}


def _lost(state: State, resource: Resource) -> LostCreate:
    urn, inputs = str(resource["urn"]), dict(resource.get("inputs") or {})
    home = _provider_region(state, str(resource.get("provider") or ""))
    region = str(inputs.get("region") or home)
    known = frozenset(str(other["id"]) for other in _resources(state) if other["urn"] == urn and other.get("id"))
    return LostCreate(urn, str(resource["type"]), inputs, region, region != home, known)


def _provider_region(state: State, reference: str) -> str:
    """The region of a provider, which resources name by URN and identifier."""
    urn, _, id_ = reference.rpartition("::")
    found = (r for r in _resources(state) if r["urn"] == urn and r.get("id") == id_)
    return next((str(r.get("inputs", {}).get("region", "")) for r in found), "")


def _is_outside(resource: Resource) -> bool:
    """Whether an object outside the engine belongs to it: not for components and providers."""
    return bool(resource.get("custom")) and not str(resource["type"]).startswith("pulumi:")


def _creating(state: State) -> Iterator[Resource]:
    return (operation["resource"] for operation in _operations(state) if operation["type"] == "creating")


def _operations(state: State) -> list[Mapping[str, Any]]:
    return list(state.get("pending_operations") or ())


def _resources(state: State) -> list[Resource]:
    return list(state.get("resources") or ())
