"""What a killed operation left: whose lock may go, what is looked for, what the state looks like afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from aurops.lease import LeaseLostError
from stacks import pending
from stacks.changes import Changes
from stacks.engine import Operation, StackRun
from stacks.engine_errors import Holder, StackLockedError
from stacks.locks import is_gone, remove_dead_lock
from stacks.lookup.finder import CannotSayError, LostCreate, Told
from stacks.recovery import LostCreateError, recover, run_recovered

HOST = socket.gethostname()
NOW = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
PROVIDER = "urn:pulumi:dev::aurops::pulumi:providers:aws::cloud"
ROOT = "urn:pulumi:dev::aurops::pulumi:pulumi:Stack::aurops-dev"
VPC = "aws:ec2/vpc:Vpc"


def urn(name: str, type_: str = VPC) -> str:
    """URN of a resource without parents."""
    return f"urn:pulumi:dev::aurops::{type_}::{name}"


def resource(name: str, type_: str = VPC, **more: Any) -> dict[str, Any]:
    """A resource as the state has it."""
    made = {"urn": urn(name, type_), "type": type_, "custom": True, "inputs": {"a": 1}, "provider": f"{PROVIDER}::p1"}
    return made | more


def state(*resources: dict[str, Any], **pending_: dict[str, Any]) -> dict[str, Any]:
    """A state with its root and provider; keywords are operations that are pending."""
    root = {"urn": ROOT, "type": "pulumi:pulumi:Stack"}
    provider = {"urn": PROVIDER, "type": "pulumi:providers:aws", "custom": True, "id": "p1"}
    provider["inputs"] = {"region": "us-east-1"}
    operations = [{"type": kind, "resource": each} for kind, each in pending_.items()]
    return {"resources": [root, provider, *resources], "pending_operations": operations}


class FakeStack:
    """A stack whose state is given and whose engine only remembers what it was asked and finds everything."""

    name = "dev"
    is_lab = False

    def __init__(self, given: dict[str, Any], *, refusal: StackLockedError | None = None) -> None:
        self.given = given
        self.refusal = refusal
        self.asked: list[str] = []

    def state(self) -> dict[str, Any]:
        return self.given

    def command(self, *arguments: str) -> str:
        self.asked.append(" ".join(arguments))
        self.refusal = None
        return ""

    def run(self, operation: Operation, **_: Any) -> StackRun:
        self.asked.append(operation.value)
        if self.refusal:
            raise self.refusal
        return StackRun(self.name, operation, Changes(), 0.0)

    def replace_state(self, seen: Any, wanted: Any) -> None:
        assert seen == self.given
        self.asked.append("replace")
        self.given = wanted


class Finds:
    """A finder with one answer."""

    def __init__(self, *ids: str, why: str = "") -> None:
        self.ids, self.why = ids, why

    def find(self, lost: LostCreate) -> tuple[str, ...]:  # noqa: ARG002
        if self.why:
            raise CannotSayError(self.why)
        return self.ids


@pytest.mark.parametrize(
    ("holder", "gone"),
    [
        (Holder("kim", "elsewhere", 2**22 + 1, NOW), False),
        (Holder("kim", HOST, 2**22 + 1, NOW), True),  # above the highest pid that Linux gives (proc(5), pid_max)
        (Holder("kim", HOST, os.getpid(), NOW), False),
        (Holder("kim", HOST, os.getpid(), "2001-01-01T00:00:00Z"), True),
        (Holder("kim", HOST, os.getpid(), "yesterday"), False),
    ],
    ids=["another host", "no such process", "alive", "its number is another's now", "unreadable time"],
)
def test_a_holder_is_gone_only_when_this_host_knows_it(holder: Holder, gone: bool) -> None:  # noqa: FBT001
    """Not on another host, not while its process may run, not when the time cannot be read."""
    assert is_gone(holder) is gone


def test_a_dead_holder_that_nobody_has_waited_for_is_gone() -> None:
    """A zombie keeps its number and does nothing any more."""
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # to its end
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(Holder("kim", HOST, child.pid, NOW))
    child.wait()
    child.stdout.close()


@pytest.mark.parametrize("holders", [[], [Holder("kim", HOST, 2**22 + 1, NOW), Holder("ann", "other", 1, NOW)]])
def test_a_lock_stays_while_one_of_its_holders_may_live(holders: list[Holder]) -> None:
    """One dead holder is not enough, and a lock that names nobody is nobody's to remove."""
    stack, locked = FakeStack(state()), StackLockedError("dev", holders, "")
    with pytest.raises(StackLockedError):
        remove_dead_lock(stack, locked)  # type: ignore[arg-type]
    assert stack.asked == []


def test_a_dead_lock_is_removed_once_and_the_operation_runs() -> None:
    """The refusal, the removal, the operation again; and it is told whose lock it was."""
    dead = Holder("kim", HOST, 2**22 + 1, NOW)
    stack, told = FakeStack(state(), refusal=StackLockedError("dev", [dead], "")), list[str]()
    run_recovered(stack, Operation.UP, Finds(), tell=told.append)  # type: ignore[arg-type]
    assert stack.asked == ["up", "cancel --yes", "up"]
    assert told == [f"removed the lock of a process that is gone (process {dead.pid} of kim, since {NOW})"]


def test_with_nothing_left_the_operation_just_runs() -> None:
    """One look at the state, no refresh."""
    stack = FakeStack(state(resource("vpc", id="vpc-1", outputs={"a": 1})))
    run_recovered(stack, Operation.UP, Finds())  # type: ignore[arg-type]
    assert stack.asked == ["up"]


@pytest.mark.parametrize(
    ("finder", "why"),
    [(Finds("vpc-1", "vpc-2"), "2 objects could be it: vpc-1, vpc-2"), (Finds(why="access denied"), "access denied")],
)
def test_an_unclear_create_stops_everything(finder: Finds, why: str) -> None:
    """URN, type, the reason and the command; the state is not replaced and the operation does not run."""
    stack = FakeStack(state(creating=resource("vpc")))
    with pytest.raises(LostCreateError) as caught:
        run_recovered(stack, Operation.UP, finder)  # type: ignore[arg-type]
    assert f"{urn('vpc')} ({VPC}): {why}" in caught.value.what
    assert caught.value.next_step is not None
    assert f"aurops recover dev --found {urn('vpc')}=ID" in caught.value.next_step
    assert stack.asked == ["refresh"]


def test_a_person_is_believed_before_the_finder() -> None:
    """What somebody has looked up, and what somebody says was never made; the rest is the finder's."""
    finder = Told(Finds("vpc-9"), found={urn("one"): "vpc-1"}, never_made=frozenset({urn("two")}))
    answers = {name: finder.find(LostCreate(urn(name), VPC, {})) for name in ("one", "two", "three")}
    assert answers == {"one": ("vpc-1",), "two": (), "three": ("vpc-9",)}
    stack = FakeStack(state(creating=resource("one")))
    recover(stack, finder)  # type: ignore[arg-type]
    assert stack.asked == ["refresh", "replace", "refresh"]
    assert stack.given["resources"][-1]["id"] == "vpc-1"


def test_a_lost_create_knows_where_it_would_be() -> None:
    """Its own region, else its provider's; what the state has under its URN is what it was to replace."""
    away = resource("vpc", inputs={"region": "us-west-2", "tags": {"aurops:urn": "dev::vpc"}})
    (lost,) = pending.lost_creates(state(resource("vpc", id="vpc-old"), creating=away))
    assert (lost.region, lost.is_away, lost.known, lost.tag) == ("us-west-2", True, {"vpc-old"}, "dev::vpc")
    (lost,) = pending.lost_creates(state(creating=resource("vpc")))
    assert (lost.region, lost.is_away, lost.known, lost.tag) == ("us-east-1", False, frozenset(), None)


def test_components_and_providers_are_not_looked_for() -> None:
    """Nothing outside the engine belongs to them."""
    component = {"urn": urn("net", "aurops:index:Network"), "type": "aurops:index:Network"}
    assert pending.lost_creates(state(creating=component)) == ()
    assert pending.lost_creates(state(creating=resource("cloud", "pulumi:providers:aws"))) == ()


def test_what_is_adopted_stands_in_the_state_until_it_is_read() -> None:
    """It has no outputs, by which the next recovery knows it should this one be killed."""
    before = state(creating=resource("vpc"))
    after = pending.adopt(before, {urn("vpc"): "vpc-1"})
    assert after["pending_operations"] == []
    assert after["resources"][-1] == {**resource("vpc"), "id": "vpc-1"}
    assert pending.half_adopted(after) == (urn("vpc"),)
    assert pending.is_interrupted(after)
    assert not pending.is_interrupted(pending.adopt(before, {}))


def test_what_was_to_be_replaced_is_deleted_after_the_adoption() -> None:
    """As after a replacement that ended; what was deleted before its replacement was made is simply gone."""
    old = resource("vpc", id="vpc-0", outputs={"a": 1})
    after = pending.adopt(state(old, creating=resource("vpc")), {urn("vpc"): "vpc-1"})
    assert [(r["id"], r.get("delete", False)) for r in after["resources"][2:]] == [("vpc-0", True), ("vpc-1", False)]
    waiting = old | {"pendingReplacement": True}
    after = pending.adopt(state(waiting, creating=resource("vpc")), {urn("vpc"): "vpc-1"})
    assert [r["id"] for r in after["resources"][2:]] == ["vpc-1"]
    # Not found: the old one stays as it was, and the next `up` replaces it.
    assert pending.adopt(state(old, creating=resource("vpc")), {})["resources"][2:] == [old]


def test_what_was_being_changed_is_read_again() -> None:
    """Updates and deletes of what is there; with creates alone the stack itself, so that the lock is taken."""
    there = resource("vpc", id="vpc-1", outputs={"a": 1})
    assert pending.to_refresh(state(there, updating=there)) == (urn("vpc"),)
    assert pending.to_refresh(state(there, deleting=resource("other"))) == (ROOT,)
    assert pending.to_refresh(state(creating=resource("vpc"))) == (ROOT,)


def test_a_create_that_was_answered_keeps_its_identifier_and_is_not_looked_for() -> None:
    """The identifier of an import, which may be another, would stay: what has outputs is not read."""
    away = resource("copy", id="b-1", inputs={"region": "us-west-2"}, outputs={"a": 1})
    before = state(creating=away)
    assert pending.lost_creates(before) == ()
    assert pending.answered(before) == {urn("copy"): "b-1"}
    after = pending.adopt(before, pending.answered(before))
    assert after["resources"][-1] == away
    assert not pending.is_interrupted(after)
    stack, told = FakeStack(before), list[str]()
    recover(stack, Finds(why="access denied"), tell=told.append)  # type: ignore[arg-type]
    assert stack.asked == ["refresh", "replace"]
    assert told == ["copy: adopted b-1"]


def test_a_provider_is_not_taken_over() -> None:
    """Nothing outside the engine belongs to it: the next operation makes it again."""
    provider = resource("cloud", "pulumi:providers:aws", id="p1")
    assert pending.answered(state(creating=provider)) == {}


def test_each_step_of_a_recovery_is_asked_for_before() -> None:
    """Lock, refresh, state and read: whoever has lost the right to act touches none of them any more."""
    locked = StackLockedError("dev", [Holder("kim", HOST, 2**22 + 1, NOW)], "")
    stack = FakeStack(state(creating=resource("vpc")), refusal=locked)
    recover(stack, Finds("vpc-1"), check=lambda: stack.asked.append("check"))  # type: ignore[arg-type]
    assert stack.asked[::2] == ["check"] * 5
    assert stack.asked[1::2] == ["refresh", "cancel --yes", "refresh", "replace", "refresh"]


def test_a_recovery_ends_at_the_step_that_may_not_be_taken() -> None:
    """What was found is not put into the state when the lease ran out during the search."""
    stack = FakeStack(state(creating=resource("vpc")))

    def check() -> None:
        if stack.asked:
            raise LeaseLostError("it ran out")

    with pytest.raises(LeaseLostError):
        recover(stack, Finds("vpc-1"), check=check)  # type: ignore[arg-type]
    assert stack.asked == ["refresh"]
