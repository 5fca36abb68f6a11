"""Revisions found in git, and their files read, with the user's clone left alone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from aurops.errors import OutsideError, UsageError
from stacks.revision.git import Repository

if TYPE_CHECKING:
    from pathlib import Path

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    done = subprocess.run(["git", "-C", folder, *WHO, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Commit files; the commit's id."""
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a branch that left `main` at its first commit."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, kept="1", changed="1")
    git(folder, "switch", "-q", "-c", "work")
    commit(folder, changed="2")
    git(folder, "switch", "-q", "main")
    commit(folder, other="3")
    git(folder, "switch", "-q", "work")
    return folder


def test_a_change_is_compared_with_where_it_left(clone: Path) -> None:
    """By branch, tag and commit: the merge base, which is what a pull request changes."""
    first = git(clone, "rev-parse", "HEAD~1")
    git(clone, "tag", "v1", "main")
    for revision in ("main", "v1", git(clone, "rev-parse", "main"), "HEAD~1"):
        found = Repository(clone).find(revision)
        assert (found.id, found.related) == (first, True)


def test_the_files_on_disk_have_the_names_that_git_gives_to_their_contents(clone: Path) -> None:
    """Changed or new files differ, whether committed or not; those below the folder alone count."""
    repository = Repository(clone)
    (clone / "changed").write_text("4")
    (clone / "fresh").write_text("5")
    (clone / "kept").chmod(0o755)
    (clone / "link").symlink_to("kept")
    committed, present = repository.files("HEAD"), repository.present()
    assert {path for path in present if present[path] != committed.get(path)} == {"changed", "fresh", "link"}
    (clone / "__pycache__").mkdir()
    (clone / "__pycache__" / "x.pyc").touch()
    (clone / "kept").unlink()
    assert not any("__pycache__" in path for path in repository.present())
    assert "kept" not in repository.present()


def test_an_ignored_stack_file_counts_all_the_same(clone: Path) -> None:
    """Aurops reads it, so a comparison must."""
    (clone / ".gitignore").write_text("*.yaml")
    (clone / "a.yaml").write_text("1")
    assert "a.yaml" not in Repository(clone).present()
    assert "a.yaml" in Repository(clone).present(clone.glob("*.yaml"))


def test_a_revision_is_written_byte_for_byte_and_the_clone_is_left_alone(clone: Path, tmp_path: Path) -> None:
    """Whatever attributes say of line ends or exports; index, references and work tree are as before."""
    commit(clone, **{".gitattributes": "* text eol=crlf export-ignore export-subst", "kept": "a $Format:%H$\n"})
    before = (
        git(clone, "status", "--porcelain=v2", "--branch"),
        git(clone, "for-each-ref"),
        git(clone, "worktree", "list"),
    )
    repository = Repository(clone)
    repository.write(repository.files("HEAD"), tmp_path / "out")
    assert (tmp_path / "out" / "kept").read_bytes() == b"a $Format:%H$\n"
    after = (
        git(clone, "status", "--porcelain=v2", "--branch"),
        git(clone, "for-each-ref"),
        git(clone, "worktree", "list"),
    )
    assert after == before


def test_a_path_of_any_bytes_is_the_same_on_both_sides(clone: Path) -> None:
    """Carriage returns, line feeds, and what is no UTF-8: an unchanged file is no change."""
    names = ["a\rb", "a\r\nb", "a\nb", "\udcff.yaml", "naïve — 文.yaml"]
    commit(clone, **dict.fromkeys(names, "1"))
    repository = Repository(clone)
    committed, present = repository.files("HEAD"), repository.present()
    assert set(names) <= set(committed)
    assert present == committed


@pytest.mark.parametrize("path", [("..", "evil"), ("out", "evil")])
def test_a_tree_that_leads_out_of_its_folder_is_refused(clone: Path, tmp_path: Path, path: tuple[str, str]) -> None:
    """Git makes none, but a clone may have fetched one: upwards, or through a link of the same tree."""

    def made(kind: str, content: bytes) -> bytes:
        command = ["git", "-C", clone, "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
        return bytes.fromhex(subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode())

    folder, name = path
    text, link = made("blob", b"x"), made("blob", str(tmp_path).encode())
    inner = made("tree", b"100644 " + name.encode() + b"\0" + text)
    links = b"120000 out\0" + link if folder == "out" else b""
    tree = made("tree", links + b"40000 " + folder.encode() + b"\0" + inner)
    head = git(clone, "commit-tree", tree.hex(), "-m", "x")
    repository = Repository(clone)
    with pytest.raises(OutsideError, match="leads out of the repository"):
        repository.write(repository.files(head), tmp_path / "deep" / "tree")
    assert not list(tmp_path.rglob("evil"))


def test_of_a_folder_in_a_repository_only_its_own_files_count(clone: Path) -> None:
    """Aurops need not be at the top."""
    (clone / "infra").mkdir()
    commit(clone, **{"infra/a": "1"})
    assert set(Repository(clone / "infra").files("HEAD")) == {"a"}
    assert set(Repository(clone / "infra").present()) == {"a"}


@pytest.mark.parametrize(
    ("revision", "fetch"),
    [
        ("origin/topic", "git fetch origin +refs/heads/topic:refs/remotes/origin/topic"),
        ("v9.9", "git fetch origin --tags"),
        ("c0ffee1", "git fetch origin c0ffee1"),
        ("--all", "git fetch origin --tags"),
    ],
)
def test_an_unknown_revision_names_the_fetch_that_may_bring_it(clone: Path, revision: str, fetch: str) -> None:
    """Exit 2, with the command to run."""
    git(clone, "remote", "add", "origin", "https://example.com/x.git")
    with pytest.raises(UsageError) as caught:
        Repository(clone).find(revision)
    assert caught.value.next_step == fetch
    assert caught.value.exit_code == 2


def test_a_shallow_clone_names_the_fetch_that_deepens_it(clone: Path, tmp_path: Path) -> None:
    """Exit 3, whether the revision itself is missing or only where it parted from HEAD."""
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", "--branch=work", f"file://{clone}", shallow],
        check=True,
        capture_output=True,
    )
    with pytest.raises(OutsideError, match="shallow") as caught:
        Repository(shallow).find("origin/main")
    assert caught.value.next_step == "git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"
    git(shallow, "fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main")
    with pytest.raises(OutsideError, match="shallow") as caught:
        Repository(shallow).find("origin/main")
    assert caught.value.next_step == "git fetch --unshallow origin"
    subprocess.run(str(caught.value.next_step).split(), cwd=shallow, check=True, capture_output=True)
    assert Repository(shallow).find("origin/main").id == git(clone, "rev-parse", "HEAD~1")


def test_histories_that_never_met_are_compared_as_they_are(clone: Path) -> None:
    """Without a common ancestor the revision itself is what is compared with, and that is known."""
    git(clone, "switch", "-q", "--orphan", "alone")
    commit(clone, own="1")
    found = Repository(clone).find("main")
    assert (found.id, found.related) == (git(clone, "rev-parse", "main"), False)


def test_a_folder_without_git_is_said(tmp_path: Path) -> None:
    """Exit 2."""
    with pytest.raises(UsageError, match="git repository"):
        Repository(tmp_path)
