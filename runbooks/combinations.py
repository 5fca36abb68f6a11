"""Options that mean nothing beside another one, or without it: whoever gives them wants what would not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def refuse_beside(option: str, others: Mapping[str, object], why: str) -> None:
    """Refuse what means nothing beside an option that is given.

    Args:
        option: The option.
        others: The value of each option that means nothing beside it; None and False: not given.
        why: Why, in words; "it" is the option.

    Raises:
        UsageError: One of them is given.
    """
    if named := _given(others):
        raise UsageError(
            f"{option} cannot be given with {named}: {why}", where=named, next_step=f"leave out {named}, or {option}"
        )


def refuse_without(option: str, others: Mapping[str, object]) -> None:
    """Refuse what means nothing without an option that is not given.

    Args:
        option: The option.
        others: The value of each option that means nothing without it; None and False: not given.

    Raises:
        UsageError: One of them is given.
    """
    if named := _given(others):
        what = f"{named} means nothing without {option}"
        raise UsageError(what, where=named, next_step=f"leave out {named}, or give {option}, too")


def _given(others: Mapping[str, object]) -> str:
    return " and ".join(name for name, value in others.items() if value is not None and value is not False)
