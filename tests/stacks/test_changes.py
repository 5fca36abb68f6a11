"""What an operation does is read from the engine's events, and what touches data is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from stacks.changes import Changes, Op

URN = "urn:pulumi:aws-us-east-1::aurops::aurops:index:Database${}::{}"


def event(kind: str, op: str, type_: str, name: str, **more: Any) -> EngineEvent:
    """One step event as the engine writes it."""
    metadata = {"op": op, "urn": URN.format(type_, name), "type": type_, "provider": "", **more}
    return EngineEvent.from_json({"sequence": 0, "timestamp": 0, kind: {"metadata": metadata}})


def heard(*events: EngineEvent) -> Changes:
    """The changes after these events."""
    changes = Changes()
    for each in events:
        changes.hear(each)
    return changes


def test_the_steps_of_a_replacement_are_one_change_that_names_the_forcing_property() -> None:
    """create-replacement, replace and delete-replaced count once, and say which property forces them."""
    diff = {"detailedDiff": {"databaseName": {"diffKind": "update-replace", "inputDiff": True}}}
    kind = "aws:rds/cluster:Cluster"
    steps = [event("resourcePreEvent", op, kind, "db", **diff) for op in ("create-replacement", "replace")]
    changes = heard(*steps, event("resourcePreEvent", "delete-replaced", kind, "db"))
    assert changes.counts == {Op.REPLACE: 1}
    (change,) = changes.changes
    assert (change.keys, change.replaces, change.loses_data) == (("databaseName",), ("databaseName",), True)


def test_only_the_loss_of_what_holds_data_is_a_loss_of_data() -> None:
    """A bucket's deletion is one; a role's deletion and a bucket's update are none."""
    bucket, role = "aws:s3/bucket:Bucket", "aws:iam/role:Role"
    changes = heard(
        event("resourcePreEvent", "delete", bucket, "gone"),
        event("resourcePreEvent", "delete", role, "role"),
        event("resourcePreEvent", "update", bucket, "kept", diffs=["tags"]),
        event("resourcePreEvent", "same", bucket, "same"),
    )
    assert [change.name for change in changes.changes if change.loses_data] == ["gone"]
    assert changes.counts == {Op.UPDATE: 1, Op.DELETE: 2, Op.SAME: 1}


def test_drift_names_the_properties_that_somebody_else_changed() -> None:
    """A refreshed object with other outputs is drift; one that is gone is a deletion; an equal one is nothing."""

    def refreshed(name: str, op: str, **more: Any) -> list[EngineEvent]:
        kind = "aws:s3/bucket:Bucket"
        return [event("resourcePreEvent", "refresh", kind, name), event("resOutputsEvent", op, kind, name, **more)]

    steps = [*refreshed("moved", "update", diffs=["size"]), *refreshed("gone", "delete"), *refreshed("equal", "same")]
    changes = heard(*steps)
    assert {change.name: (change.op, change.keys) for change in changes.changes} == {
        "moved": (Op.DRIFT, ("size",)),
        "gone": (Op.DELETE, ()),
    }
    assert changes.counts[Op.SAME] == 3


def state(inputs: dict[str, Any], *, outputs: dict[str, Any] | None = None, protect: bool = False) -> dict[str, Any]:
    """A resource's state as events carry it."""
    fixed = {"type": "t", "urn": "u", "id": "i", "parent": "", "provider": ""}
    return fixed | {"inputs": inputs, "outputs": outputs or {}, "protect": protect}


def test_a_change_tells_the_values_before_and_after_but_no_secret() -> None:
    """Values come as JSON by their path; what only the cloud knows and what is secret are said in words."""
    unknown, mark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "4dabf18193072939515e22adb298388d"
    old = state({"size": 1, "tags": {"a b": "x"}, "ids": ["1"], "password": {mark: "1b47", "ciphertext": "AAAA"}})
    new = state({"size": 2, "tags": {"a b": "y"}, "ids": ["1", unknown], "password": {mark: "1b47", "plaintext": "p"}})
    keys = ("size", 'tags["a b"]', "ids", "password", "gone[3].x")
    diff = {"detailedDiff": {key: {"diffKind": "update", "inputDiff": True} for key in keys}}
    (change,) = heard(event("resourcePreEvent", "update", "t", "n", old=old, new=new, **diff)).changes
    assert {each.key: (each.before, each.after) for each in change.differences} == {
        "size": ("1", "2"),
        'tags["a b"]': ('"x"', '"y"'),
        "ids": ('["1"]', '["1", "(known after up)"]'),
        "password": ('"[secret]"', '"[secret]"'),
        "gone[3].x": (None, None),
    }


def test_a_replacement_says_that_the_resource_is_protected() -> None:
    """What `up` would refuse is told apart from what it would do."""
    kind = "aws:s3/bucket:Bucket"
    kept = event("resourcePreEvent", "replace", kind, "kept", old=state({}, protect=True), new=state({}, protect=True))
    free = event("resourcePreEvent", "replace", kind, "free", old=state({}), new=state({}))
    assert {change.name: change.protected for change in heard(kept, free).changes} == {"kept": True, "free": False}


def test_exports_that_would_change_are_told_by_path() -> None:
    """The stack's outputs are compared value by value; the event at its registration is not the last word."""
    old, new = {"inventory": {"a": 1, "b": {"c": 2}}}, {"inventory": {"a": 1, "b": {"c": 3}, "d": 4}}
    kind = "pulumi:pulumi:Stack"
    first = event("resOutputsEvent", "same", kind, "s", old=state({}, outputs=old), new=state({}, outputs=old))
    last = event("resOutputsEvent", "same", kind, "s", old=state({}, outputs=old), new=state({}, outputs=new))
    assert heard(first).exported == ()
    assert heard(first, last).exported == ("inventory.b.c", "inventory.d")
    assert heard(event("resOutputsEvent", "create", kind, "s", new=state({}, outputs=new))).exported == ("inventory",)


FAILED = """\
python inline source runtime error: boom
Traceback (most recent call last):
  File "/x/.venv/lib/python3.11/site-packages/pulumi/automation/_server.py", line 96, in Run
    loop.run_until_complete(run_in_stack(self.program))
  File "{root}/components/archive/aws.py", line 39, in build
    raise {raised}
  File "/x/.venv/lib/python3.11/site-packages/pulumi/output.py", line 9, in get
{raised}: boom
network.cidr: of a message of several lines
"""


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("KeyError", "KeyError: boom (components/archive/aws.py, line 39)"),
        ("aurops.errors.UsageError", "boom"),
    ],
)
def test_a_program_that_fails_says_once_what_and_in_which_of_our_lines(raised: str, told: str) -> None:
    """An error that is meant for people says itself where; the engine's own words around it say nothing."""
    message = FAILED.format(root=Path(__file__).parents[2], raised=raised)
    fixed = {"prefix": "", "color": "never", "severity": "error"}
    events = [
        EngineEvent.from_json({"sequence": 0, "timestamp": 0, "diagnosticEvent": {"message": each} | fixed})
        for each in (message, f"an unhandled error occurred: {message}")
    ]
    assert heard(*events).errors == [told]


def test_an_error_of_the_program_comes_without_its_traceback() -> None:
    """A person reads what is wrong; the traceback is the engine's output's."""
    said = {"message": "runtime error: no such key\nTraceback (most recent call last):\n  File …", "severity": "error"}
    fixed = {"prefix": "", "color": "never", "urn": "urn:x::y"}
    event = EngineEvent.from_json({"sequence": 0, "timestamp": 0, "diagnosticEvent": said | fixed})
    assert heard(event).errors == ["y: runtime error: no such key"]


MARK = "4dabf18193072939515e22adb298388d"
HIDDEN = {MARK: "1b47ef9", "ciphertext": "c2VhbGVk", "plaintext": '"hunter2"'}


def test_what_is_a_secret_on_one_side_is_shown_on_neither() -> None:
    """A value that becomes a secret, or was one, a path into a secret, and what only by name or shape is one."""
    old = state({"a": "hunter2", "b": HIDDEN, "c": HIDDEN, "masterPassword": "hunter2", "url": "https://u:hunter2@h/"})
    new = state({"a": HIDDEN, "b": "hunter2", "c": {**HIDDEN, "plaintext": '"x"'}, "masterPassword": "x", "url": "y"})
    keys = ("a", "b", "c.plaintext", "masterPassword", "url")
    diff = {"detailedDiff": {key: {"diffKind": "update", "inputDiff": True} for key in keys}}
    (change,) = heard(event("resourcePreEvent", "update", "t", "n", old=old, new=new, **diff)).changes
    assert {(each.before, each.after) for each in change.differences} == {('"[secret]"', '"[secret]"')}


def test_protection_that_goes_is_a_change_though_nothing_in_the_cloud_is() -> None:
    """The engine calls it the same; a reader is told, and it no longer counts as the same. An update says so too."""
    kind = "aws:s3/bucket:Bucket"
    sides = {"old": state({}, protect=True), "new": state({}, protect=False)}
    changes = heard(
        event("resourcePreEvent", "same", kind, "lifted", **sides),
        event("resourcePreEvent", "update", kind, "both", diffs=["tags"], **sides),
        event("resourcePreEvent", "same", kind, "kept", old=state({}, protect=True), new=state({}, protect=True)),
        event("resourcePreEvent", "same", kind, "given", old=state({}), new=state({}, protect=True)),
    )
    assert {change.name: (change.op, change.unprotected) for change in changes.changes} == {
        "lifted": (Op.UNPROTECT, True),
        "both": (Op.UPDATE, True),
    }
    assert changes.counts == {Op.UNPROTECT: 1, Op.UPDATE: 1, Op.SAME: 2}


def test_a_provider_tells_what_of_its_configuration_differs() -> None:
    """The engine gives no difference for a provider; its inputs say which account it leaves."""
    sides = {"old": state({"project": "a", "x": 1}), "new": state({"project": "b", "x": 1})}
    (change,) = heard(event("resourcePreEvent", "update", "pulumi:providers:gcp", "p", **sides)).changes
    assert [(each.key, each.before, each.after) for each in change.differences] == [("project", '"a"', '"b"')]


def test_each_warning_is_kept_once_and_no_secret_with_it() -> None:
    """The engine says the same in each phase; a key in its text is not repeated."""
    fixed = {"prefix": "", "color": "never", "severity": "warning"}
    said = {"message": "using it with AKIAABCDEFGHIJKLMNOP\n"}
    told = EngineEvent.from_json({"sequence": 0, "timestamp": 0, "diagnosticEvent": said | fixed})
    assert heard(told, told).warnings == ["using it with [secret]"]
