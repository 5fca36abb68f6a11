"""Approvals with real signatures: who counts, and why anybody does not."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from aurops.errors import OutsideError, UsageError
from aurops.gates import approval, signing
from aurops.gates.finding import Finding, State
from aurops.gates.keeper import Keeper
from aurops.gates.refusals import refuse
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import spot
from aurops.history import History
from aurops.journal import Journal, RecordKind
from aurops.ports import not_connected
from tests.aurops.gates.people import GATE, Room, needs_ssh_keygen, new_key

pytestmark = needs_ssh_keygen


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Four people with keys; three of them are asked."""
    return Room(tmp_path)


def test_two_of_three_open_the_gate_with_their_fingerprints(room: Room) -> None:
    """One is not enough; two are, and the evidence names people, keys, times and reasons."""
    room.leave("cem")
    found = room.look()
    assert (found.state, found.why) == (State.CLOSED, "1 of 2 approvals; asked: ann, bob")
    room.leave("ann")
    found = room.look()
    assert (found.state, found.why) == (State.OPEN, "2 of 2 approvals: cem, ann")
    counted = found.evidence["counted"]
    assert isinstance(counted, list)
    assert [each["who"] for each in counted] == ["cem", "ann"]  # type: ignore[index,call-overload]
    assert all(str(each["key"]).startswith("SHA256:") for each in counted)  # type: ignore[index,call-overload]


def test_a_keys_kind_does_not_matter(room: Room) -> None:
    """RSA and ECDSA sign as well as Ed25519."""
    room.lines.clear()
    for who, kind in (("ann", "rsa"), ("bob", "ecdsa")):
        (room.folder / who).unlink()
        room.add(who, key=new_key(room.folder / who, kind))
        room.leave(who)
    assert room.look().state is State.OPEN


def test_the_wrong_person_is_named(room: Room) -> None:
    """Who has a key and was not asked does not count; nor does one whom nobody knows."""
    room.leave("ann")
    room.leave("eve")
    room.keys["mallory"] = new_key(room.folder / "mallory")
    room.leave("mallory")
    found = room.look()
    assert found.state is State.CLOSED
    assert "approval 2 does not count: it is signed by eve, who is none of those asked: ann, bob, cem" in found.why
    assert "approval 3 does not count: the signature is by no key that the allowed-signers file has" in found.why


def test_one_person_counts_once_with_however_many_keys(room: Room) -> None:
    """A second approval, and one by a second key of the same person, change nothing."""
    room.leave("ann")
    room.leave("ann")
    first = room.keys["ann"]
    room.add("ann", key=new_key(room.folder / "ann-laptop"))
    room.leave("ann")
    found = room.look()
    assert first != room.keys["ann"]
    assert found.why.count("ann has approved already") == 2
    assert found.state is State.CLOSED


def test_a_file_that_gives_one_key_to_two_names_lets_nobody_approve(room: Room) -> None:
    """Who shares a key cannot approve for both, nor for one; the lines are named, before a run begins, too."""
    room.add("bob", key=room.keys["ann"])
    room.leave("ann")
    why = "lines 1 and 5 of the allowed signers give one key to ann and bob: one name for each key"
    found = room.look()
    assert (found.state, found.why) == (State.UNKNOWN, why)
    with pytest.raises(UsageError, match="give one key to ann and bob"):
        refuse((GATE,), "f", signers=room.signers, now=room.clock.wall(), env={})
    key = room.lines[0].split(" ", 1)[1]
    two = Signers(f'"ann,bob" namespaces="aurops-approval" {key}\n').unusable()
    assert two.startswith("line 1 of the allowed signers give one key to ann and bob")
    assert Signers(f'ann valid-before="20200101" {key}\nann {key} her key\n').unusable() == ""


def test_one_certified_key_is_one_person_over_all_gates_of_a_stage(room: Room) -> None:
    """A certificate for two people, or two certificates of one key, pass no second gate as somebody else."""
    authority = new_key(room.folder / "authority")
    room.lines = [f"{who} cert-authority {authority.with_suffix('.pub').read_text()}" for who in ("ann", "bob")]
    gates = tuple(ApprovalGate(kind="approval", name=f"by {who}", need=1, of=(who,)) for who in ("ann", "bob"))
    records = room.journal.records
    spot_ = spot(records, History(records), "go", gates)
    said = approval.statement(spot_.binding, gates[0], room.clock.wall(), "")
    key = new_key(room.folder / "shared")

    def certified(names: str) -> Path:
        run = ["ssh-keygen", "-q", "-s", authority, "-I", names, "-n", names, "-V", "20200101:20300101"]
        subprocess.run([*run, key.with_suffix(".pub")], check=True, capture_output=True)
        return Path(f"{key}-cert.pub")

    def look() -> tuple[Finding, ...]:
        return Keeper(room.store, room.clock, room.signers, not_connected(room.clock)).look(spot_)

    room.keys["both"] = certified("ann,bob")
    room.leave("both", said)
    assert all("one key stands for ann and bob: it is nobody's" in found.why for found in look())
    for who in ("ann", "bob"):
        room.keys[who] = certified(who)
        room.leave(who, said)
    ann, bob = look()
    assert (ann.state, bob.state) == (State.OPEN, State.CLOSED)
    assert "approval 3 does not count: bob and ann used one key" in bob.why


@pytest.mark.parametrize("part", ["run", "plan", "decisions"])
def test_an_approval_of_something_else_does_not_count(room: Room, part: str) -> None:
    """Another run, another plan, or decisions that were taken since: it says which."""
    statement = room.statement()
    if part == "run":
        statement = room.statement(room.spot(room.begin("canary")))
        statement = statement.model_copy(update={"binding": statement.binding.model_copy(update={"stage": "go"})})
        other = statement.binding.run
        for who in ("ann", "bob"):
            room.leave(who, statement)
        # Whoever copies a file from one run's folder to another's gains nothing.
        for n in (1, 2):
            data = room.store.read(f"runs/{other}/approvals/{n:06}")
            assert data is not None
            room.store.create(f"runs/{room.journal.run}/approvals/{n:06}", data)
    else:
        for who in ("ann", "bob"):
            room.leave(who, statement)
        if part == "decisions":
            assert room.look().state is State.OPEN
            room.journal.append(RecordKind.DECISION, {"name": "regions", "value": ["west"], "reason": "asked for"})
        else:
            room.journal = _same_run_of_another_plan(room)
    found = room.look()
    assert found.state is State.CLOSED
    assert {"run": "another run", "plan": "another plan", "decisions": "other decisions"}[part] in found.why


def _same_run_of_another_plan(room: Room) -> Journal:
    """The run's journal as somebody with access to the store might put it there anew."""
    for key in room.store.keys(f"runs/{room.journal.run}/journal"):
        room.store.delete(key)
    made = Journal.create(room.store, room.journal.run, room.clock)
    made.append(RecordKind.STARTED, {"goal": "cutover", "arguments": {"plan": "all at once"}})
    return made


def test_an_approval_of_another_stage_is_none_of_this_gates_business(room: Room) -> None:
    """It neither counts nor clutters the reason."""
    room.leave("ann", room.statement(room.spot(stage="later")))
    assert room.look().why == "0 of 2 approvals; asked: ann, bob, cem"


def test_a_harmless_re_plan_voids_nothing(room: Room) -> None:
    """Records that decide nothing leave an approval as it was."""
    for who in ("ann", "bob"):
        room.leave(who)
    room.journal.append(RecordKind.NOTE, {"text": "planned again"})
    room.journal.append(RecordKind.TAKEN, {"epoch": 9})
    assert room.look().state is State.OPEN


def test_an_approval_expires_by_the_injected_clock(room: Room) -> None:
    """One second before its time is over it counts, then no more; a new one of the same person does."""
    for who in ("ann", "bob"):
        room.leave(who)
    room.clock.advance(GATE.valid_for_s - 1)
    assert room.look().state is State.OPEN
    room.clock.advance(1)
    found = room.look()
    assert found.state is State.CLOSED
    assert "it expired at 2026-01-01 01:00:00 UTC" in found.why
    for who in ("ann", "bob"):
        room.leave(who)
    assert room.look().state is State.OPEN


def test_nobody_approves_for_longer_than_the_gate_allows(room: Room) -> None:
    """The expiry is signed, and what is longer than allowed does not count."""
    longer = room.statement()
    room.leave("ann", longer.model_copy(update={"expires_at": longer.signed_at + timedelta(days=9)}))
    assert "it would last 777600 s, allowed are 3600 s" in room.look().why


def test_a_clock_that_is_wrong_holds_the_gate(room: Room) -> None:
    """Half a minute apart is let pass; an approval of the future is not, and says that a clock is wrong."""
    now = room.statement()
    ahead = {"signed_at": now.signed_at + timedelta(seconds=29), "expires_at": now.signed_at + timedelta(seconds=60)}
    room.leave("ann", now.model_copy(update=ahead))
    assert "1 of 2" in room.look().why
    ahead = {"signed_at": now.signed_at + timedelta(seconds=300), "expires_at": now.signed_at + timedelta(seconds=360)}
    room.leave("bob", now.model_copy(update=ahead))
    assert "it was signed 300 s in the future: this clock or bob's is wrong" in room.look().why


def test_a_revoked_key_counts_no_more_from_the_moment_it_is_revoked(room: Room) -> None:
    """The file is read at each look; one that cannot be read holds the gate."""
    file = room.folder / "revoked"
    file.write_text("")
    room.revoked = str(file)
    for who in ("ann", "bob"):
        room.leave(who)
    assert room.look().state is State.OPEN
    file.write_text(room.keys["bob"].with_suffix(".pub").read_text())
    found = room.look()
    assert found.state is State.CLOSED
    assert "bob's key SHA256:" in found.why
    assert "is revoked" in found.why
    file.unlink()
    found = room.look()
    assert (found.state, found.why) == (State.UNKNOWN, f"the revoked keys cannot be read: {file}")


def test_a_key_that_has_expired_or_is_for_something_else_does_not_count(room: Room) -> None:
    """Validity and namespaces of the allowed-signers file hold, by the injected clock."""
    room.lines.clear()
    room.add("ann", options='valid-before="20251231000000Z"', key=room.keys["ann"])
    room.add("bob", options='namespaces="git"', key=room.keys["bob"])
    room.add("cem", options='namespaces="aurops-approval",valid-after="20251231000000Z"', key=room.keys["cem"])
    for who in ("ann", "bob", "cem"):
        room.leave(who)
    found = room.look()
    assert found.why.startswith("1 of 2 approvals; asked: ann, bob")


def test_what_was_signed_for_anything_else_does_not_count(room: Room) -> None:
    """A signature of other words, or none at all, opens nothing."""
    statement = room.statement()
    signature = signing.sign(b"something else", str(room.keys["ann"]))
    room.leave("ann", statement, signature=signature)
    room.leave("ann", statement, signature="not armored")
    found = room.look()
    assert "ann signed something else, or the key was not valid" in found.why
    assert "approval 2 does not count: the signature is by no key" in found.why


def test_an_allowed_signers_file_that_was_changed_holds_the_gate(room: Room) -> None:
    """The run goes by the file as it was when it began; a changed one is no reason to guess which is meant."""
    file = room.folder / "allowed"
    file.write_text(room.signers.text)
    signers = Signers(room.signers.text, file=str(file))
    assert signers.unusable() == ""
    file.write_text(room.signers.text + "eve ssh-ed25519 AAAA\n")
    assert signers.unusable() == f"{file} was changed since the run began"
    file.unlink()
    assert signers.unusable() == ""


@pytest.mark.parametrize("who", ["*", "ann,b?b", '"*@example.org"', "*,!bob", "?nn"])
def test_a_key_that_a_pattern_gives_to_anybody_counts_for_nobody(room: Room, who: str) -> None:
    """Its owner would be whoever is asked; the line is named."""
    key = room.signers.text.splitlines()[0].split(" ", 1)[1]
    signers = Signers(f"# who may * sign\ncarl {key}\n{who} {key} of a,cert-authority\n")
    assert signers.unusable().startswith("line 3 of the allowed signers gives one key to everybody like ")


@pytest.mark.parametrize("options", ["cert-authority", 'namespaces="aurops-approval",cert-authority'])
def test_the_people_of_a_certificate_authority_may_be_a_pattern(room: Room, options: str) -> None:
    """Its certificates name people; and a star in a comment or an option is no pattern."""
    key = room.signers.text.splitlines()[0].split(" ", 1)[1]
    text = f'*@example.org {options} {key}\nann namespaces="aurops-*" {key} of ann *\n# *\n'
    assert Signers(text).unusable() == ""


def test_a_key_that_cannot_sign_is_named(room: Room) -> None:
    """A file that is no key, and one that is not there: the error names it and the option."""
    (room.folder / "junk").write_text("junk")
    for name in ("junk", "nowhere"):
        with pytest.raises(UsageError, match="ssh-keygen cannot sign") as caught:
            signing.sign(b"x", str(room.folder / name))
        assert name in str(caught.value.where)


def test_without_ssh_keygen_nobody_can_say(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate is unknown and says what is missing."""
    room.leave("ann")
    monkeypatch.setenv("PATH", "")
    found = room.look()
    assert (found.state, found.why) == (State.UNKNOWN, "there is no ssh-keygen on this machine")
    with pytest.raises(OutsideError):
        signing.sign(b"x", "key")
