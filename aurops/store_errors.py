"""What a store can refuse, and how that is read off an obstore error."""

from __future__ import annotations

import errno
import re

from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, UnauthenticatedError

from aurops.errors import OutsideError


class StoreError(OutsideError):
    """The store did not do what was asked."""


class KeyTakenError(StoreError):
    """Somebody (perhaps this process, in a try whose answer was lost) created the key before."""


class StoreUnreachableError(StoreError):
    """No answer, or not in time.

    Args:
        may_have_landed: True when a create may have taken effect all the same: read the key to know.
    """

    def __init__(self, what: str, *, where: str, may_have_landed: bool) -> None:
        self.may_have_landed = may_have_landed
        unknown = "; whether the write landed is unknown" if may_have_landed else ""
        super().__init__(
            what + unknown, where=where, next_step="check the network and AWS_ENDPOINT_URL, then repeat the command"
        )


class StoreReadOnlyError(StoreError):
    """The store can be read, but this user may not write there."""


class StoreDeniedError(StoreError):
    """The store refused these credentials."""


class StoreFullError(StoreError):
    """No space or no quota is left."""


class StoreMissingError(StoreError):
    """The bucket, container or folder that should hold the store does not exist."""


class KeyMissingError(StoreError):
    """The key does not exist; becomes None or nothing before anybody outside sees it."""


_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_STATUS = re.compile(r"status code: (\d{3})")


def first_line(error: Exception) -> str:
    """Of an obstore error: the sentence, without its debug dump."""
    return str(error).split("\n", 1)[0]


def typed(error: Exception, where: str) -> StoreError:  # noqa: PLR0911 (a table of one line per kind reads best)
    """The error for people behind obstore's: it says most of what it knows in its text only (obstore 0.12)."""
    text = str(error)
    what = first_line(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else 0
    if isinstance(error, AlreadyExistsError):
        return KeyTakenError("the key exists", where=where)
    if _NO_BUCKET.search(text):
        return StoreMissingError(
            "the store's bucket or container does not exist",
            where=where,
            next_step="create it (outside the regions it protects), or correct AUROPS_STORE",
        )
    if isinstance(error, FileNotFoundError):
        return KeyMissingError("the key does not exist", where=where)
    if status in {401, 403} or isinstance(error, UnauthenticatedError):
        return StoreDeniedError(
            f"the store refused these credentials: {what}", where=where, next_step="log in again, or ask for access"
        )
    if number := _errno(error, text):
        return _typed_os(number, what, where)
    if 400 <= status < 500 and status not in {408, 429}:  # noqa: PLR2004 (HTTP status classes)
        return StoreError(f"the store refused the request: {what}", where=where)
    landed = "kind: Connect" not in text
    return StoreUnreachableError(f"the store did not answer: {what}", where=where, may_have_landed=landed)


def _errno(error: Exception, text: str) -> int:
    """The system's error number, of folders only: a refused connection carries one too. 0 for anything else."""
    if isinstance(error, PermissionDeniedError):
        return errno.EACCES
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _OS_ERROR.search(text) if "LocalFileSystem" in text else None
    return int(found[1]) if found else 0


def _typed_os(number: int, what: str, where: str) -> StoreError:
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFullError(
            "the store is full", where=where, next_step="free space there, then `aurops runs resume` the run"
        )
    if number in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return StoreReadOnlyError(
            "the store cannot be written by this user",
            where=where,
            next_step="make it writable, or choose another with AUROPS_STORE",
        )
    return StoreError(f"the store failed: {what}", where=where, next_step="see that the disk is well")
