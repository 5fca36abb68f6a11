"""The store: one URL that holds runs, journals, leases and inventory, written by creates alone.

A key is created once and never overwritten: that is all that files, S3, GCS and Azure agree on, and it is enough for
journals and leases. The store must not live in a region that it protects.

`gs://` and `az://` were never run against a real account; files, memory and S3 (moto server) are tested.
"""

from __future__ import annotations

import ipaddress
import os
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

from aurops.errors import UsageError
from aurops.store_errors import (
    KeyMissingError,
    KeyTakenError,
    StoreDeniedError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreUnreachableError,
    first_line,
    typed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = [
    "FolderStore",
    "KeyTakenError",
    "ObjectStoreStore",
    "Store",
    "StoreDeniedError",
    "StoreError",
    "StoreFullError",
    "StoreMissingError",
    "StoreReadOnlyError",
    "StoreUnreachableError",
    "claim",
    "default_store_url",
    "open_store",
    "state_folder",
]

ALLOWED_URLS = "a folder, file:///folder, memory://, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix"
DEFAULT_TIMEOUT_S = 5.0


class Store(Protocol):
    """What aurops asks of a store. Keys are `/`-separated; every method may raise a `StoreError`."""

    @property
    def url(self) -> str:
        """The URL it was opened with."""
        ...

    @property
    def timeout_s(self) -> float:
        """The longest that one call lasts, seconds. A hung disk (NFS) is the exception: the kernel decides."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Create `key`; when this returns, the record survives a power cut.

        Raises:
            KeyTakenError: The key exists.
            StoreUnreachableError: No answer; `may_have_landed` says whether to read before believing anything.
        """
        ...

    def read(self, key: str) -> bytes | None:
        """The bytes of `key`; None when it does not exist."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """All keys below the folder `prefix`, sorted; empty when there are none."""
        ...

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders directly below `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove `key`; one that does not exist is fine."""
        ...

    def made_at(self, key: str) -> datetime | None:
        """When `key` was created by the store's own clock, in UTC; None: it has none of its own, or no such key."""
        ...


def default_store_url() -> str:
    """`AUROPS_STORE`, else a folder of this user."""
    return os.environ.get("AUROPS_STORE") or _home_store().as_uri()


def state_folder() -> Path:
    """What aurops keeps on this machine for this user (XDG Base Directory Specification: `XDG_STATE_HOME`).

    Raises:
        UsageError: This user has no home, and nobody says where else.
    """
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(state).expanduser().absolute() / "aurops"
    except RuntimeError as cause:
        what = f"there is no folder for what aurops keeps: {cause}"
        raise UsageError(what, where=state, next_step="set XDG_STATE_HOME, or HOME") from cause


def _home_store() -> Path:
    return state_folder() / "store"


def open_store(url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Store:
    """Open the store at `url`; a folder is made when only its last part is missing.

    Args:
        url: A folder, `file:///…`, `memory://` (new and empty), `s3://`, `gs://` or `az://`. S3 takes endpoint,
            region and credentials from the `AWS_*` environment variables; plain http only to loopback.
        timeout_s: The longest that one call may last, seconds (> 0), retries included.

    Raises:
        UsageError: The URL is of an unknown kind or incomplete.
        StoreMissingError: The folder's parent does not exist (a typing error must not make a new, empty store).
    """
    parts = urlsplit(url)
    match parts.scheme if "://" in url else "":
        case "":
            return _open_folder(url, Path(url).expanduser().absolute(), timeout_s)
        case "file" if parts.netloc in {"", "localhost"}:
            return _open_folder(url, Path(unquote(parts.path)), timeout_s)
        case "memory":
            return ObjectStoreStore(url, MemoryStore(), timeout_s)
        case "s3" | "gs" | "az" if parts.netloc:
            return ObjectStoreStore(url, _bucket(url, parts.scheme, timeout_s), timeout_s)
        case _:
            raise UsageError(
                "the store's URL is of an unknown kind or incomplete",
                where=url,
                allowed=ALLOWED_URLS,
                next_step="set AUROPS_STORE or --store to one of these",
            )


def _bucket(url: str, scheme: str, timeout_s: float) -> ObjectStore:
    # Half for the request, half for its retries: together they stay within the promised bound.
    half = timedelta(seconds=timeout_s / 2)
    client: ClientConfig = {"timeout": half, "connect_timeout": half}
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": half}
    try:
        if scheme == "s3":
            client["allow_http"] = _loopback_http()
            return S3Store.from_url(url, client_options=client, retry_config=retry)
        if scheme == "gs":
            return GCSStore.from_url(url, client_options=client, retry_config=retry)
        return AzureStore.from_url(url, client_options=client, retry_config=retry)
    except (BaseError, ValueError) as error:
        raise UsageError(
            f"the store's settings are incomplete or wrong: {first_line(error)}",
            where=url,
            next_step="set the cloud's usual environment variables for region, account and credentials",
        ) from error


def _loopback_http() -> bool:
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if endpoint.scheme != "http":
        return False
    host = endpoint.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise UsageError(
            "plain http would send credentials in the clear",
            where=f"AWS_ENDPOINT_URL={endpoint.geturl()}",
            allowed="https://…, or http:// to a loopback address",
            next_step="use the https endpoint",
        )
    return True


class ObjectStoreStore:
    """Any obstore back end behind `Store`."""

    def __init__(self, url: str, inner: ObjectStore, timeout_s: float) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self._inner = inner

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        with self._errors(key):
            self._inner.put(key, data, mode="create")

    def read(self, key: str) -> bytes | None:
        """See `Store.read`."""
        try:
            with self._errors(key):
                return bytes(self._inner.get(key).bytes())
        except KeyMissingError:
            return None

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        with self._errors(prefix):
            return sorted(meta["path"] for chunk in self._inner.list(prefix) for meta in chunk)

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`."""
        with self._errors(prefix):
            found = self._inner.list_with_delimiter(prefix)
        return sorted(path.rsplit("/", 1)[-1] for path in found["common_prefixes"])

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        try:
            with self._errors(key):
                self._inner.delete(key)
        except KeyMissingError:
            pass

    def made_at(self, key: str) -> datetime | None:
        """See `Store.made_at`; a folder and memory go by this machine's clock."""
        if isinstance(self._inner, LocalStore | MemoryStore):
            return None
        try:
            with self._errors(key):
                return self._inner.head(key)["last_modified"]
        except KeyMissingError:
            return None

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise typed(error, f"{self.url} ({key})") from error


class FolderStore(ObjectStoreStore):
    """A store in a folder, where a record that can be seen is safe on disk.

    A record is written beside, synced, and only then linked to its name (link(2) fails when the name exists), so that
    no reader can build on bytes that a power cut would take away. Then the folders are synced.
    """

    def __init__(self, url: str, root: Path, inner: LocalStore, timeout_s: float) -> None:
        super().__init__(url, inner, timeout_s)
        self._root = root
        self._synced: set[Path] = set()
        self._sync_failed: StoreError | None = None

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        if self._sync_failed:
            raise self._sync_failed
        staged = f".staged/{uuid4().hex}"
        with self._errors(key):
            try:
                self._inner.put(staged, data, mode="create")
                self._sync(self._root / staged)
                self._inner.copy(staged, key, overwrite=False)
                self._sync_folders((self._root / key).parent)
            finally:
                with suppress(OSError):  # one that stays behind is seen by nobody
                    (self._root / staged).unlink(missing_ok=True)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        return [key for key in super().keys(prefix) if not key.startswith(".staged/")]

    def _sync_folders(self, folder: Path) -> None:
        """Sync `folder`; the first time also those above it, up to the one that holds the root."""
        self._sync(folder)
        if folder in self._synced:
            return
        above = folder
        while above != self._root.parent:
            above = above.parent
            self._sync(above)
        self._synced.add(folder)

    def _sync(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        except OSError as error:
            # After a failed fsync the kernel may drop the pages and report success the next time
            # (PostgreSQL wiki, "Fsync Errors"): nothing this process writes here can be believed any more.
            self._sync_failed = typed(error, self.url)
            raise
        finally:
            os.close(handle)


def _open_folder(url: str, root: Path, timeout_s: float) -> Store:
    if root == _home_store():
        root.parent.mkdir(parents=True, exist_ok=True)
    if root.exists() and not root.is_dir():
        raise UsageError("the store is a file, not a folder", where=str(root), allowed=ALLOWED_URLS)
    if not root.parent.is_dir():
        raise StoreMissingError(
            "the folder that should hold the store does not exist",
            where=str(root.parent),
            next_step=f"mkdir -p {root.parent}, or correct AUROPS_STORE",
        )
    try:
        root.mkdir(exist_ok=True)
        return FolderStore(url, root, LocalStore(root), timeout_s)
    except (BaseError, OSError) as error:
        raise typed(error, url) from error


def claim(store: Store, key: str, data: bytes, *, may_retry: Callable[[], bool]) -> bytes:
    """Create `key` unless it exists, and return what is there now: `data` means mine, anything else another's.

    A create whose answer was lost, or that a library sent twice, is told by its bytes: they must hold something that
    no other writer would write (a nonce).

    Args:
        store: Where.
        key: What to create.
        data: Its bytes.
        may_retry: Asked after each call that stayed without an answer; False gives up.

    Raises:
        StoreUnreachableError: `may_retry` said no while the outcome was unknown.
        StoreError: Any other refusal.
    """
    while True:
        try:
            store.create(key, data)
        except KeyTakenError:
            pass
        except StoreUnreachableError:
            if not may_retry():
                raise
        else:
            return data
        try:
            found = store.read(key)
        except StoreUnreachableError:
            if not may_retry():
                raise
            continue
        if found is not None:
            return found
