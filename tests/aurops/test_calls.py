"""Calls under way are waited for, and none begins once the work is being stopped."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from aurops.calls import Calls


def test_stopping_waits_for_the_call_under_way() -> None:
    """A thread that no pool knows of counts like any other."""
    calls, begun, may_end = Calls(), threading.Event(), threading.Event()
    ended: list[str] = []

    def call() -> None:
        with calls.under_way():
            begun.set()
            assert may_end.wait(10)
            ended.append("call")

    def stop() -> None:
        calls.stop()
        ended.append("stop")

    caller, stopper = threading.Thread(target=call), threading.Thread(target=stop)
    caller.start()
    assert begun.wait(10)
    stopper.start()
    stopper.join(0.05)
    assert stopper.is_alive(), "it did not wait"
    may_end.set()
    stopper.join(10)
    caller.join(10)
    assert ended == ["call", "stop"]


def test_no_call_begins_after_the_stop() -> None:
    """A thread that was started but had not come to its call yet does not make it."""
    calls = Calls()
    calls.stop()
    with pytest.raises(CancelledError), calls.under_way():
        pytest.fail("it began")
