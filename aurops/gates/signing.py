"""Signatures with SSH keys, as git makes them: `ssh-keygen -Y sign` and `-Y verify`, under a namespace of our own.

OpenSSH 8.9 or newer (PROTOCOL.sshsig; ssh-keygen(1), ALLOWED SIGNERS). Who may sign stands in an allowed-signers file,
which keys count no more in a file of revoked keys (a KRL, or public keys one a line).
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aurops.plan import Json

NAMESPACE = "aurops-approval"
"""A signature made for anything else (git, a file) does not verify under it, nor the other way round."""
_TIMEOUT_S = 10.0
_SIGN_TIMEOUT_S = 120.0
"""A person types a passphrase, or touches a key."""
_GOOD = re.compile(
    r'^Good "(?P<ns>.*)" signature for (?P<who>.*) with (?P<kind>\S+) key (?P<print>SHA256:\S+)\s*$', re.MULTILINE
)
_LINE = re.compile(r'(?P<who>"[^"]*"|[^\s#]\S*)\s+(?P<options>(?:[^\s"]|"[^"]*")+)')
"""A line's principals, and its options or else its key's type (ssh-keygen(1), ALLOWED SIGNERS)."""

_KEY = re.compile(r"\s(?:ssh|ecdsa|sk)-\S+\s+(?P<key>[A-Za-z0-9+/]+=*)")


@dataclass(frozen=True)
class Signers:
    """Who may sign.

    Args:
        text: The allowed-signers file's content, as it was when the run began.
        file: Where it stands; empty: nowhere any more. If it is there and says something else, nothing counts.
        revoked: The file of revoked keys; empty: none. It is read at each look, so that a key can be revoked any time.
    """

    text: str
    file: str = ""
    revoked: str = ""

    def arguments(self) -> dict[str, Json]:
        """For the first record of a run, so that the goal's digest covers the file."""
        return {"text": self.text, "file": self.file, "revoked": self.revoked}

    def unusable(self) -> str:
        """Why no signature can be judged now; empty when it can."""
        if (file := Path(self.file)) != Path() and file.exists() and _read(file) != self.text:
            return f"{file} was changed since the run began"
        if self.revoked and _read(Path(self.revoked)) is None:
            return f"the revoked keys cannot be read: {self.revoked}"
        return self._for_anybody() or self._for_two()

    def _for_anybody(self) -> str:
        """Which line lets one key stand for whoever fits a pattern; empty: none does.

        The patterns of a certificate authority are limits: its certificates name people.
        """
        for number, who, _ in self._lines():
            if set("*?") & set(who):
                return f"line {number} of the allowed signers gives one key to everybody like {who}: name each person"
        return ""

    def _for_two(self) -> str:
        """Which two names have one key: one person would be two; empty: none have."""
        names = dict[bytes, tuple[int, str]]()
        for number, principals, key in self._lines():
            for who in principals.split(","):
                first_number, first = names.setdefault(key, (number, who))
                if who != first:
                    at = f"line {number}" if number == first_number else f"lines {first_number} and {number}"
                    return f"{at} of the allowed signers give one key to {first} and {who}: one name for each key"
        return ""

    def _lines(self) -> Iterator[tuple[int, str, bytes]]:
        """Number, principals and key of each line, but for certificate authorities."""
        for number, line in enumerate(self.text.split("\n"), 1):
            found = _LINE.match(line.strip())
            if found is None:
                continue
            if "cert-authority" not in re.sub('"[^"]*"', "", found["options"]).lower().split(","):
                key = _KEY.search(re.sub('"[^"]*"', "", line.strip()[found.end("who") :]))
                yield number, found["who"].strip('"'), _decoded(key["key"]) if key else line.encode()


@dataclass(frozen=True)
class Signed:
    """A signature that was checked.

    Args:
        who: The person whose key it was; empty when it does not count.
        fingerprint: Of the key, as `SHA256:…`.
        why_not: Why it does not count; empty when it does.
    """

    who: str = ""
    fingerprint: str = ""
    why_not: str = ""


def sign(text: bytes, key: str) -> str:
    """The armored signature of a text; ssh-keygen may ask for a passphrase or a touch on the terminal.

    Args:
        text: What is signed.
        key: The file of a private key, or of a public one whose private one an agent holds.

    Raises:
        OutsideError: There is no ssh-keygen.
        UsageError: The key cannot sign.
    """
    command = [_program(), "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(Path(key).expanduser())]
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=_SIGN_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as cause:
        raise UsageError("nobody unlocked the key", where=key, next_step="try again, or add it to an agent") from cause
    if done.returncode or not done.stdout:
        why = done.stderr.decode(errors="replace").strip().splitlines()
        said = why[-1] if why else f"exit code {done.returncode}"
        raise UsageError(f"ssh-keygen cannot sign: {said}", where=key, next_step="give another key with --key")
    return done.stdout.decode()


def verify(text: bytes, signature: str, signers: Signers, people: tuple[str, ...], at: datetime) -> Signed:
    """Whose signature it is.

    Args:
        text: What must have been signed.
        signature: Armored.
        signers: Who may sign.
        people: The only ones who are asked for.
        at: The moment at which the key must be valid.

    Raises:
        OutsideError: There is no ssh-keygen, or it does not end: nobody can say.
    """
    with tempfile.TemporaryDirectory(prefix="aurops-sign-") as folder:
        allowed, signed = Path(folder, "allowed_signers"), Path(folder, "signature")
        allowed.write_text(signers.text, encoding="utf-8")
        signed.write_text(signature, encoding="utf-8")
        check = ["-Y", "verify", "-n", NAMESPACE, "-f", str(allowed), "-s", str(signed)]
        check += ["-O", f"verify-time={at:%Y%m%d%H%M%S}"]
        found = {who: made for who in people if (made := _good(_run([*check, "-I", who], text)))}
        if not found:
            names = _run(["-Y", "find-principals", "-f", str(allowed), "-s", str(signed)], b"").split()
            return Signed(why_not=_not_good(names, people))
        if len(found) > 1:
            return Signed(why_not=f"one key stands for {' and '.join(sorted(found))}: it is nobody's")
        ((who, fingerprint),) = found.items()
        if signers.revoked and not _good(_run([*check, "-I", who, "-r", signers.revoked], text)):
            return Signed(fingerprint=fingerprint, why_not=f"{who}'s key {fingerprint} is revoked ({signers.revoked})")
        return Signed(who, fingerprint)


def is_listed(who: str, signers: Signers) -> bool:
    """Whether the allowed-signers file has a key for somebody, by name or by a pattern.

    Raises:
        OutsideError: There is no ssh-keygen.
    """
    with tempfile.TemporaryDirectory(prefix="aurops-sign-") as folder:
        allowed = Path(folder, "allowed_signers")
        allowed.write_text(signers.text, encoding="utf-8")
        return bool(_run(["-Y", "match-principals", "-I", who, "-f", str(allowed)], b"").strip())


def _not_good(names: list[str], people: tuple[str, ...]) -> str:
    if not names:
        return "the signature is by no key that the allowed-signers file has, or had at that time"
    if not set(names) & set(people):
        return f"it is signed by {names[0]}, who is none of those asked: {', '.join(people)}"
    return f"{names[0]} signed something else, or the key was not valid"


def _good(said: str) -> str:
    """The fingerprint of the key, if ssh-keygen found the signature good."""
    found = _GOOD.search(said)
    return found["print"] if found and found["ns"] == NAMESPACE else ""


def _run(arguments: list[str], text: bytes) -> str:
    """What ssh-keygen says on standard output; nothing when it says no."""
    try:
        done = subprocess.run(
            [_program(), *arguments],
            input=text,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},  # verify-time without a zone is local time
        )
    except subprocess.TimeoutExpired as cause:
        raise OutsideError("ssh-keygen does not end", where=" ".join(arguments[:2])) from cause
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _program() -> str:
    if (found := shutil.which("ssh-keygen")) is None:
        raise OutsideError(
            "there is no ssh-keygen on this machine", where="PATH", next_step="apt-get install openssh-client"
        )
    return found


def _decoded(key: str) -> bytes:
    """A public key's bytes, however they are spelled."""
    try:
        return base64.b64decode(key)
    except binascii.Error:
        return key.encode()


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
