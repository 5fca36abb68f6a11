"""The load client."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from failover.ledger import Outcome, read
from testbeds.local.client import Arrivals, Load, classify, schedule


def test_arrivals_repeat_for_the_same_seed_and_have_the_rate_asked() -> None:
    """Two drills with one seed meet the same load."""
    load = Load("r", rate_per_s=50, duration_s=100, seed=7)
    arrivals = list(schedule(load))
    assert arrivals == list(schedule(load))
    assert arrivals != list(schedule(replace(load, seed=8)))
    assert len(arrivals) == pytest.approx(5000, rel=0.05)
    assert arrivals[-1] < 100


def test_constant_arrivals_are_evenly_spaced() -> None:
    """The other choice: one request per 1/rate."""
    arrivals = list(schedule(Load("r", rate_per_s=4, duration_s=2, arrivals=Arrivals.CONSTANT)))
    assert arrivals == [0.25 * number for number in range(1, 8)]


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        (200, {}, b'{"id":"r-1"}', Outcome.OK),
        (200, {}, b'{"id":"r-2"}', Outcome.INFO),
        (200, {}, b"", Outcome.INFO),
        (202, {}, b'{"outcome":"info"}', Outcome.INFO),
        (503, {"x-aurops-not-sent": "1"}, b'{"error":"epoch"}', Outcome.FAIL),
        (503, {"x-aurops-not-sent": "1"}, b"no healthy upstream", Outcome.FAIL),
        (503, {}, b"upstream connect error or disconnect/reset before headers", Outcome.INFO),
        (504, {}, b"upstream request timeout", Outcome.INFO),
        (500, {}, b"[1]", Outcome.INFO),
    ],
)
def test_only_what_was_certainly_not_executed_is_a_failure(
    status: int, headers: dict[str, str], body: bytes, outcome: Outcome
) -> None:
    """Everything that leaves a doubt is `info`."""
    assert classify(status, headers, body, "r-1")[0] is outcome


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("ok", "ok"), ("closed", "fail"), ("gateway", "info"), ("reset", "info"), ("hang", "info")],
)
def test_every_request_gets_the_outcome_that_its_answer_proves(
    proxy: Any, run_module: Any, tmp_path: Path, mode: str, outcome: str
) -> None:
    """The ledger holds each request once, sent once, with region and epoch where the answer named them."""
    proxy.mode = mode
    timeout_s = 0.3 if mode == "hang" else 10.0  # a busy machine answers late, but it does answer
    client = start(run_module, proxy.url, tmp_path, "--duration-s", 0.5, "--timeout-s", timeout_s)
    assert client.wait(20) == 0
    entries = read(tmp_path / "ledger.jsonl").entries
    assert entries
    assert {entry.outcome for entry in entries} == {outcome}
    assert sorted(entry.id for entry in entries) == sorted(proxy.seen)
    if mode == "ok":
        assert {(entry.region, entry.epoch, entry.cached) for entry in entries} == {("north", 4, True)}


def test_a_proxy_that_does_not_listen_is_a_failure_of_every_request(run_module: Any, tmp_path: Path) -> None:
    """Without a connection nothing was sent."""
    client = start(run_module, "http://127.0.0.1:1", tmp_path, "--duration-s", 0.3)
    assert client.wait(20) == 0
    assert {entry.outcome for entry in read(tmp_path / "ledger.jsonl").entries} == {Outcome.FAIL}


def test_slow_answers_hold_up_no_arrivals(proxy: Any, run_module: Any, tmp_path: Path) -> None:
    """An open loop: while nothing is answered, requests are sent as scheduled, all before the first one is given up."""
    proxy.mode = "hang"
    arguments = ("--duration-s", 0.5, "--timeout-s", 2, "--rate-per-s", 200, "--arrivals", "constant")
    assert start(run_module, proxy.url, tmp_path, *arguments).wait(20) == 0
    entries = sorted(read(tmp_path / "ledger.jsonl").entries, key=lambda entry: entry.intended_s)
    assert len(entries) == 99
    assert max(entry.sent_s for entry in entries) < min(entry.end_s for entry in entries)
    assert all(after.intended_s - before.intended_s == pytest.approx(0.005) for before, after in pairwise(entries))


def test_on_sigterm_requests_under_way_still_get_their_outcome(
    proxy: Any, run_module: Any, tmp_path: Path, wait_for: Any
) -> None:
    """The end of a drill tears no hole into the evidence."""
    proxy.mode = "hang"
    client = start(run_module, proxy.url, tmp_path, "--timeout-s", 1)
    wait_for(lambda: len(proxy.seen) > 20)
    client.send_signal(signal.SIGTERM)
    assert client.wait(20) == 0
    entries = read(tmp_path / "ledger.jsonl").entries
    assert sorted(entry.id for entry in entries) == sorted(proxy.seen)
    assert {entry.error for entry in entries} == {"time-out"}


def start(
    run_module: Callable[..., subprocess.Popen[bytes]], url: str, folder: Path, *arguments: object
) -> subprocess.Popen[bytes]:
    """Start the client with its ledger in this folder."""
    return run_module(
        "testbeds.local.client", "--url", url, "--run", "r", "--ledger", folder / "ledger.jsonl", *arguments
    )
