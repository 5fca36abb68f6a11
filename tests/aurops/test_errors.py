"""Errors for people."""

from __future__ import annotations

import pickle
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from aurops.errors import AuropsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def kinds(of: type[AuropsError]) -> Iterator[type[AuropsError]]:
    """An error and everything that derives from it."""
    yield of
    for each in of.__subclasses__():
        yield from kinds(each)


def test_an_error_says_the_same_in_another_process() -> None:
    """What one process raises another can show: words, place, next step and exit code survive, also of subclasses."""
    import_module("stacks.engine_errors")
    given = UsageError("no such region", where="stacks/x.yaml: region", allowed="a, b", next_step="choose one")
    for kind in set(kinds(AuropsError)):
        error = kind.__new__(kind)
        error.__dict__ |= vars(given)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert type(again) is kind
        assert (str(again), again.exit_code) == (str(given), kind.exit_code)


def test_what_is_raised_again_can_be_caught_by_its_class() -> None:
    """A pickled error is raised like any other."""
    with pytest.raises(UsageError, match="no such region"):
        raise pickle.loads(pickle.dumps(UsageError("no such region")))  # noqa: S301 - our own
