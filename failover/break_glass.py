"""When the store is lost and nobody can wait: act all the same, with a folder of this machine as the store.

No lease of the service is held then. What keeps an older holder from acting is only its own deadline (it cannot renew
or journal without the store either, when it is lost to all) and the targets that refuse an older epoch. The folder's
journal is the record; `aurops runs bring-back` copies it to the store when that is well again. The folder's own lease
only keeps two on this machine from doing this at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from aurops.journal import list_runs
from aurops.lease import LeaseExpiredError
from aurops.store import StoreError, open_store, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store

LEAP = 100
"""Added to the highest epoch that a target reports: a holder may have taken some that no target has heard of yet."""


def local_store() -> Store:
    """The folder that stands in for a lost store, whatever `AUROPS_STORE` says; made when it is missing."""
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return open_store(folder.as_uri())


def holds(run: str) -> bool:
    """Whether a run was ever acted on in that folder."""
    return _folder().is_dir() and run in list_runs(local_store())


def _folder() -> Path:
    return state_folder() / "break-glass"


def run(
    url: str,
    find: Callable[[Store], Journal],
    act: Callable[[Journal, Store, int], Result],
    *,
    allowed: bool,
    warn: Callable[[str], None],
) -> tuple[Journal, Result]:
    """Act on a run in the store; when that is lost, before or while acting, go on in the local folder.

    Args:
        url: The store.
        find: Begins or opens the journal in a store.
        act: Executes it there; the number is how far its epoch must be above those that are known.
        allowed: A person said `--break-glass`.
        warn: Told loudly what that means.

    Raises:
        StoreError: The store is lost, and nobody said `--break-glass`; or the folder is lost, too.
        LeaseExpiredError: The same, seen at the lease; or it ran out though the store is well.
    """
    journal = None
    try:
        store = open_store(url)
        journal = find(store)
        return journal, act(journal, store, 0)
    except (StoreError, LeaseExpiredError) as lost:
        if isinstance(lost, LeaseExpiredError) and _answers(url):
            raise
        if not allowed:
            wait = f"{lost.next_step}; if" if lost.next_step else "if"
            lost.next_step = f"{wait} you cannot wait for the store: the same command with --break-glass"
            raise
        local = local_store()
        warn(
            f"THE STORE IS LOST: {lost.what}\n"
            "  Going on without it and without a lease: only targets that refuse an older epoch stop another holder.\n"
            "  Make sure that nobody else acts on this service.\n"
            f"  The record is now {local.url}; when the store is well: aurops runs bring-back RUN"
        )
        journal = journal.copy_to(local) if journal else find(local)
        return journal, act(journal, local, LEAP)


def _answers(url: str) -> bool:
    """Whether the store can be written: a lease that ran out then ran out for another reason."""
    probe = f"probe/{uuid4().hex}"
    try:
        store = open_store(url)
        store.create(probe, b"")
        store.delete(probe)
    except StoreError:
        return False
    return True
