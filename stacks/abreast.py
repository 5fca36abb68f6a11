"""The same work on several stacks side by side; one that fails takes nothing from the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from aurops.errors import AuropsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def abreast(stacks: Sequence[str], work: Callable[[str], T]) -> tuple[dict[str, T], dict[str, AuropsError]]:
    """Do the work for each stack in a thread of its own.

    Returns:
        Results and errors by stack, in the order given. An error that is none of ours is raised.
    """
    results: dict[str, T] = {}
    errors: dict[str, AuropsError] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(stacks)), thread_name_prefix="stack") as pool:
        futures = {stack: pool.submit(work, stack) for stack in stacks}
    for stack, future in futures.items():
        try:
            results[stack] = future.result()
        except AuropsError as error:
            errors[stack] = error
    return results, errors


def first_error(errors: dict[str, AuropsError]) -> AuropsError | None:
    """The one that decides the exit code: that of the first stack; the others are named in it."""
    if not errors:
        return None
    stack, error = next(iter(errors.items()))
    others = [name for name in errors if name != stack]
    if others:
        error.what = f"{error.what} (and {len(others)} more: {', '.join(others)})"
    return error
