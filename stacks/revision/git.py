"""Finds a revision in git and reads its files, without touching work tree, index or any reference."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aurops.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LINK: Final = "120000"
"""Mode of a symbolic link in a tree; its content is where it leads."""
_SUBMODULE: Final = "160000"
_SHA1_DIGITS: Final = 40


@dataclass(frozen=True)
class Commit:
    """What a change is compared with.

    Args:
        revision: As a person gave it: `origin/main`.
        id: The commit's own name, hexadecimal: where HEAD and the revision part, which is what a pull request changes.
        is_tip: Whether that is the revision itself.
        related: Whether the two have a common ancestor; without one, `id` is the revision itself.
    """

    revision: str
    id: str
    is_tip: bool
    related: bool = True


@dataclass(frozen=True)
class File:
    """What a path holds.

    Args:
        id: Git's name of the content: the same name, the same content.
        is_link: Whether that is where a symbolic link leads.
    """

    id: str
    is_link: bool = False


class Repository:
    """The git repository that a folder is in; of it, what lies in that folder.

    Args:
        folder: Where aurops' own files are, which may be below the top of the repository.

    Raises:
        UsageError: It is in no git repository.
        OutsideError: There is no git, or it refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if shutil.which("git") is None:
            raise OutsideError("there is no git", where="PATH", next_step="install git: apt-get install -y git")
        found = self._git("rev-parse", "--is-inside-work-tree")
        if found.returncode and "not a git repository" in found.stderr:
            raise UsageError(
                "a revision can be found in a git repository only", where=str(folder), next_step="cd to your clone"
            )
        _or_raise(found)

    def find(self, revision: str) -> Commit:
        """The commit that a change since `revision` is compared with: the merge base of both.

        Raises:
            UsageError: There is no such revision.
            OutsideError: The clone is shallow, and what is needed is not in it.
        """
        tip = self._commit(revision)
        if tip is None:
            raise self._unknown(revision)
        if self._commit("HEAD") is None:  # nothing is committed yet
            return Commit(revision, tip, is_tip=True)
        found = self._git("merge-base", "HEAD", tip)
        if found.returncode == 0:
            base = found.stdout.strip()
            return Commit(revision, base, is_tip=base == tip)
        if self._is_shallow():
            raise OutsideError(
                f"this clone is shallow: where HEAD and {revision} part is not in it",
                where=str(self._folder),
                next_step=f"git fetch --unshallow {self._remote(revision)[0]}",
            )
        return Commit(revision, tip, is_tip=True, related=False)

    def files(self, commit: str) -> dict[str, File]:
        """Every file of a commit by path."""
        listed = _or_raise(self._git("ls-tree", "-r", "-z", commit))
        found = {}
        for line in filter(None, listed.stdout.split("\0")):
            about, path = line.split("\t", 1)
            mode, _, id_ = about.split()
            if mode != _SUBMODULE and not _is_bytecode(path):
                found[path] = File(id_, is_link=mode == _LINK)
        return found

    def present(self, beside: Iterable[Path] = ()) -> dict[str, File]:
        """Every file of the work tree by path, as it is on disk now: what git tracks or would track.

        Args:
            beside: Files that count whether git ignores them or not.
        """
        digits = len(self._commit("HEAD") or "") or _SHA1_DIGITS
        listed = _or_raise(self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard"))
        paths = {*filter(None, listed.stdout.split("\0")), *(str(each.relative_to(self._folder)) for each in beside)}
        paths = {path for path in paths if not _is_bytecode(path)}
        files = ((path, _file_at(self._folder / path, digits)) for path in sorted(paths))
        return {path: file for path, file in files if file is not None}

    def write(self, files: Mapping[str, File], folder: Path) -> None:
        """Write files into a folder, byte for byte as they were committed.

        Raises:
            OutsideError: An object is missing, or somebody made a tree whose paths lead out of the folder.
        """
        with subprocess.Popen(
            self._command("cat-file", "--batch"),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise TypeError("both pipes were asked for")
            for path, file in files.items():
                process.stdin.write(f"{file.id}\n".encode())
                process.stdin.flush()
                _, _, size = process.stdout.readline().rpartition(b" ")
                if not size.strip().isdigit():
                    raise OutsideError(f"git cannot read {path}", where=f"object {file.id}", next_step="git fsck")
                content = process.stdout.read(int(size) + 1)[:-1]
                place = _inside(folder, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                if file.is_link:
                    place.symlink_to(os.fsdecode(content))
                else:
                    place.write_bytes(content)
            process.stdin.close()

    def _commit(self, revision: str) -> str | None:
        # What begins with a dash would be an option.
        found = self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return found.stdout.strip() if found.returncode == 0 and not revision.startswith("-") else None

    def _is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"

    def _remote(self, revision: str) -> tuple[str, str]:
        """The remote that a revision is fetched from, and its name there."""
        remotes = self._git("remote").stdout.split()
        head, _, rest = revision.partition("/")
        if head in remotes and rest:
            return head, rest
        return ("origin" if "origin" in remotes or not remotes else remotes[0]), ""

    def _unknown(self, revision: str) -> UsageError | OutsideError:
        remote, branch = self._remote(revision)
        shallow = self._is_shallow()
        what = f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}" if branch else ""
        if not branch and _is_id(revision):
            what = revision
        fetch = " ".join(filter(None, ["git fetch", "--unshallow" if shallow else "", remote, what or "--tags"]))
        if not self._git("remote").stdout.strip():
            fetch = "git branch --all, or git tag: no remote is known to fetch it from"
        words = f"there is no revision {revision!r} in this {'shallow clone' if shallow else 'repository'}"
        kind: type[UsageError | OutsideError] = OutsideError if shallow else UsageError
        allowed = "a branch, a tag, a commit, or a remote's branch such as origin/main"
        return kind(words, where="--since", allowed=allowed, next_step=fetch)

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self._folder), *arguments]

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # As bytes: text would turn a carriage return in a path into a line feed.
        done = subprocess.run(
            self._command(*arguments), env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _environment() -> Mapping[str, str]:
    """Messages that we can read, and no lock for what is only read."""
    return {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


def _or_raise(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if done.returncode:
        said = done.stderr.strip().removeprefix("fatal: ") or f"exit {done.returncode}"
        raise OutsideError(f"git refuses: {said}", where=" ".join(done.args))
    return done


def _inside(folder: Path, path: str) -> Path:
    """Where a path of a commit is written to. Git makes none that leaves the folder; who writes objects may."""
    place = Path(os.path.normpath(folder / path))
    # A link that was written before may be in the way, too.
    if not (place.is_relative_to(folder) and place.parent.resolve().is_relative_to(folder.resolve())):
        raise OutsideError(f"the path {path!r} leads out of the repository", where="a commit", next_step="git fsck")
    return place


def _is_bytecode(path: str) -> bool:
    """Whether Python makes a file by itself, of others that are there: whoever forgot to ignore it changes nothing."""
    return "__pycache__/" in path


def _is_id(revision: str) -> bool:
    shortest = 7
    return len(revision) >= shortest and set(revision.lower()) <= set("0123456789abcdef")


def _file_at(path: Path, digits: int) -> File | None:
    """A file on disk; None when it is none any more.

    The same as in a commit unless a filter (line ends, LFS) stands between the two: then they seem to differ.
    """
    is_link = path.is_symlink()
    try:
        content = os.fsencode(path.readlink()) if is_link else path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    kind = hashlib.sha1 if digits == _SHA1_DIGITS else hashlib.sha256  # git's own, to find a content by
    return File(kind(b"blob %d\0" % len(content) + content).hexdigest(), is_link=is_link)
