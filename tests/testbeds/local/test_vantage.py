"""A vantage point as a process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from failover.detector import Report


@pytest.fixture
def vantage(proxy: Any, run_module: Any, tmp_path: Path, wait_for: Any) -> Iterator[httpx.Client]:
    """A client of a vantage point that probes north through the fake proxy."""
    ready = tmp_path / "ready.json"
    files = ("--ready", ready, "--log", tmp_path / "probes.jsonl")
    run_module("testbeds.local.vantage", "--name", "one", "--region", "north", "--url", proxy.url, *files)
    wait_for(ready.exists)
    with httpx.Client(base_url=json.loads(ready.read_text())["url"], trust_env=False) as client:
        yield client


def report(vantage: httpx.Client) -> Report:
    """What it says now."""
    return Report.model_validate_json(vantage.get("/report").content)


def test_good_probes_are_reported_as_no_failures(
    vantage: httpx.Client, proxy: Any, wait_for: Any, tmp_path: Path
) -> None:
    """It probes the region in force through the proxy, and logs each probe."""
    wait_for(lambda: report(vantage).last_ok_s is not None)
    assert report(vantage).consecutive_failures == 0
    assert set(proxy.probed) == {"north"}
    logged = json.loads((tmp_path / "probes.jsonl").read_text().splitlines()[0])
    assert (logged["vantage"], logged["region"], logged["ok"]) == ("one", "north", True)


@pytest.mark.parametrize(("mode", "why"), [("hang", "no answer"), ("closed", "HTTP 503"), ("reset", "Disconnected")])
def test_failures_are_counted_until_a_probe_succeeds(
    vantage: httpx.Client, proxy: Any, wait_for: Any, mode: str, why: str
) -> None:
    """A time-out, a refusal and a reset are failures alike, with the reason; one good probe ends the count."""
    proxy.mode = mode
    wait_for(lambda: report(vantage).consecutive_failures >= 3)
    assert why in (report(vantage).error or "")
    proxy.mode = "ok"
    wait_for(lambda: report(vantage).consecutive_failures == 0)


def test_another_region_is_watched_on_demand_and_counted_from_zero(
    vantage: httpx.Client, proxy: Any, wait_for: Any
) -> None:
    """After a failover the failures of the old region are forgotten."""
    proxy.mode = "closed"
    wait_for(lambda: report(vantage).consecutive_failures >= 2)
    proxy.mode = "ok"
    assert vantage.post("/watch", json={"region": "south"}).status_code == 200
    wait_for(lambda: proxy.probed[-1] == "south")
    assert (report(vantage).region, report(vantage).consecutive_failures) == ("south", 0)


@pytest.mark.parametrize("body", ['{"region": "east"}', "no JSON", "[]"])
def test_an_unknown_region_is_refused(vantage: httpx.Client, body: str) -> None:
    """A wrong order changes nothing and says what is allowed."""
    answer = vantage.post("/watch", content=body)
    assert answer.status_code == 400
    assert report(vantage).region == "north"
