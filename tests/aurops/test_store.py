"""What a journal and a lease may rely on, whatever the store is made of."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from aurops.errors import ExitCode, UsageError
from aurops.store import (
    KeyTakenError,
    Store,
    StoreFullError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreUnreachableError,
    claim,
    default_store_url,
    open_store,
)


def test_a_key_is_created_once_and_keeps_its_first_bytes(store: Store) -> None:
    """A second create of a key is refused and changes nothing."""
    store.create("lease/ledger/000000000001", b"first")
    with pytest.raises(KeyTakenError):
        store.create("lease/ledger/000000000001", b"second")
    assert store.read("lease/ledger/000000000001") == b"first"


def test_a_key_that_does_not_exist_reads_as_none(store: Store) -> None:
    """Absence is an answer, not an error."""
    assert store.read("runs/none/journal/00000001") is None


def test_keys_are_sorted_and_only_those_of_the_folder(store: Store) -> None:
    """Listing a folder gives its keys in order and nothing of its neighbours."""
    for key in ("runs/b/2", "runs/a/10", "runs/a/02", "runsx/1", "halt/1"):
        store.create(key, b"x")
    assert store.keys("runs") == ["runs/a/02", "runs/a/10", "runs/b/2"]
    assert store.folders("runs") == ["a", "b"]
    assert store.keys("nothing") == []
    assert store.folders("nothing") == []


def test_deleting_twice_is_fine(store: Store) -> None:
    """A delete says that the key is gone, whoever removed it."""
    store.create("a/1", b"x")
    store.delete("a/1")
    store.delete("a/1")
    assert store.read("a/1") is None


def test_of_many_who_create_a_key_at_once_one_wins(store: Store) -> None:
    """Creates are atomic between threads."""
    won: list[int] = []
    barrier = threading.Barrier(8)

    def contend(who: int) -> None:
        barrier.wait()
        try:
            store.create("lease/x/1", str(who).encode())
        except KeyTakenError:
            return
        won.append(who)

    threads = [threading.Thread(target=contend, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("lease/x/1") == str(won[0]).encode()


def test_two_openings_of_a_folder_see_the_same(tmp_path: Path) -> None:
    """A plain path and its file URL are one store."""
    open_store(str(tmp_path / "s p")).create("a/1", b"x")
    assert open_store((tmp_path / "s p").as_uri()).read("a/1") == b"x"


def test_a_create_syncs_the_file_and_every_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a create returns, file, its folder, and every folder above up to the store's parent have been synced."""
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr("aurops.store.os.fsync", fsync)
    store = open_store(str(tmp_path / "store"))
    store.create("runs/r/journal/1", b"x")
    root = tmp_path / "store"
    assert ".staged" in synced[0], "the bytes are synced before they get their name"
    assert synced[1:] == [str(p) for p in (root / "runs/r/journal", root / "runs/r", root / "runs", root, tmp_path)]
    synced.clear()
    store.create("runs/r/journal/2", b"x")
    assert synced[1:] == [str(root / "runs/r/journal")]


def test_after_a_failed_sync_the_store_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that failed to sync once is not believed again in this process."""
    store = open_store(str(tmp_path / "store"))

    def broken(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("aurops.store.os.fsync", broken)
        with pytest.raises(StoreFullError):
            store.create("a/1", b"x")
    with pytest.raises(StoreFullError):
        store.create("a/2", b"x")
    assert open_store(str(tmp_path / "store")).keys("") == []


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://", "file://host/x", "http://127.0.0.1/x", "AZ:x://"])
def test_an_unknown_url_is_a_usage_error_that_lists_the_kinds(url: str) -> None:
    """A URL that aurops does not know is refused with the ones it does."""
    with pytest.raises(UsageError, match="s3://bucket") as caught:
        open_store(url)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.where == url


def test_plain_http_to_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials do not leave the machine unencrypted."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:9000")
    with pytest.raises(UsageError, match="in the clear"):
        open_store("s3://bucket/x")


def test_a_missing_parent_folder_is_named_and_not_made(tmp_path: Path) -> None:
    """A typing error in the store's path makes no new, empty store."""
    with pytest.raises(StoreMissingError, match="mkdir -p"):
        open_store(str(tmp_path / "typo" / "store"))
    assert not (tmp_path / "typo").exists()


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    """A path to a file is refused."""
    (tmp_path / "f").write_text("x")
    with pytest.raises(UsageError, match="not a folder"):
        open_store(str(tmp_path / "f"))


def test_the_default_store_is_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AUROPS_STORE the store lies under XDG_STATE_HOME and is made on first use."""
    monkeypatch.delenv("AUROPS_STORE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_store_url() == (tmp_path / "state/aurops/store").as_uri()
    open_store(default_store_url()).create("a/1", b"x")
    assert (tmp_path / "state/aurops/store/a/1").read_bytes() == b"x"
    monkeypatch.setenv("AUROPS_STORE", "s3://bucket/x")
    assert default_store_url() == "s3://bucket/x"


def test_a_full_disk_is_said_and_leaves_nothing_behind(tiny_disk: Path) -> None:
    """A record that does not fit is refused as a whole, and there is room for a smaller one."""
    store = open_store(str(tiny_disk))
    with pytest.raises(StoreFullError, match="free space") as caught:
        store.create("a/1", b"x" * 200_000)
    assert caught.value.exit_code == ExitCode.ENVIRONMENT
    assert store.read("a/1") is None
    store.create("a/1", b"small")


def test_a_read_only_disk_is_said_and_can_be_read(tiny_disk: Path) -> None:
    """A read-only store answers reads and refuses creates in words."""
    open_store(str(tiny_disk)).create("a/1", b"x")
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    store = open_store(str(tiny_disk))
    assert store.read("a/1") == b"x"
    with pytest.raises(StoreReadOnlyError, match="AUROPS_STORE"):
        store.create("a/2", b"x")


@pytest.mark.usefixtures("s3_env")
def test_a_missing_bucket_is_said_by_every_call() -> None:
    """A bucket that does not exist is an error, never an empty store."""
    store = open_store("s3://nobody-made-this/x")
    for call in (
        lambda: store.create("a/1", b"x"),
        lambda: store.read("a/1"),
        lambda: store.keys("a"),
        lambda: store.folders("a"),
    ):
        with pytest.raises(StoreMissingError, match="bucket"):
            call()


def test_nobody_listening_means_that_nothing_landed(s3_env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is told apart from a lost answer."""
    assert s3_env
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(StoreUnreachableError) as caught:
        open_store("s3://runs/x", timeout_s=0.4).create("a/1", b"x")
    assert not caught.value.may_have_landed


def test_a_silent_store_times_out_and_says_that_the_outcome_is_unknown(
    s3_env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create without an answer ends within the time-out and may have landed."""
    assert s3_env
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreUnreachableError, match="unknown") as caught:
            open_store("s3://runs/x", timeout_s=0.4).create("a/1", b"x")
    assert caught.value.may_have_landed


class Stuttering:
    """A store whose first creates land without an answer."""

    timeout_s = 1.0

    def __init__(self, inner: Store, lost_answers: int) -> None:
        self.url = inner.url
        self.inner = inner
        self.lost_answers = lost_answers

    def create(self, key: str, data: bytes) -> None:
        self.inner.create(key, data)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnreachableError("lost", where=key, may_have_landed=True)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def test_a_claim_whose_answer_was_lost_is_found_to_be_ours(store: Store) -> None:
    """Claiming reads the key back when it does not know."""
    stuttering: Store = Stuttering(store, lost_answers=1)  # type: ignore[assignment]
    assert claim(stuttering, "a/1", b"mine", may_retry=lambda: True) == b"mine"
    assert claim(stuttering, "a/1", b"other", may_retry=lambda: True) == b"mine"


def test_a_claim_gives_up_when_told_to(store: Store) -> None:
    """Without leave to retry the unknown outcome is passed on."""
    stuttering: Store = Stuttering(store, lost_answers=1)  # type: ignore[assignment]
    with pytest.raises(StoreUnreachableError):
        claim(stuttering, "a/1", b"mine", may_retry=lambda: False)
