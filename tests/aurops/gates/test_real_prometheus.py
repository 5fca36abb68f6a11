"""The tiny server of the other tests answers as the real one does: a sample of them against a real Prometheus."""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from aurops.clock import RealClock
from aurops.gates import capacity, prometheus
from aurops.gates.finding import Finding, State
from aurops.gates.spec import CapacityCheck, PrometheusCheck

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no `prometheus` on PATH"),
]
CLOCK = RealClock()


def until(done: object, what: str, limit_s: float = 30.0) -> None:
    """Wait for a condition."""
    deadline_s = CLOCK.now_s() + limit_s
    while not done():  # type: ignore[operator]
        assert CLOCK.now_s() < deadline_s, what
        CLOCK.sleep(0.2)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes itself every second."""
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "p.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: self\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{port}']\n"
    )
    command = ["prometheus", f"--config.file={folder}/p.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=log, stdout=log)
    try:
        until(lambda: look(f"http://127.0.0.1:{port}", "up").state is State.OPEN, (folder / "log").read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def look(url: str, query: str, **more: object) -> Finding:
    """One look: at least 1."""
    said = {"kind": "prometheus", "name": "g", "url": url, "query": query, "value": {"at_least": 1}} | more
    check = PrometheusCheck.model_validate(said)
    return prometheus.judge(check, prometheus.look(check, CLOCK), CLOCK.wall())


def test_it_answers_as_the_tiny_one_does(url: str) -> None:
    """Open, closed, nothing, NaN, refused: the same states for the same reasons."""
    assert look(url, 'up{job="self"}').why == "1"
    assert "is not at least 1" in look(url, 'up{job="self"} - 1').why
    assert look(url, "nothing_like_it").why == "the query returns nothing"
    found = look(url, "up / 0 - up / 0")
    assert (found.state, "no number to judge" in found.why) == (State.UNKNOWN, True)
    assert look(url, "sum(up) or vector(0)", fresh=['up{job="self"}']).state is State.OPEN
    refused = look(url, "label_replace(up, '1bad', '', '', '')")
    assert (refused.state, refused.why.startswith("Prometheus refuses: ")) == (State.UNKNOWN, True), refused.why


def test_every_selector_of_a_query_is_asked_for_its_age(url: str) -> None:
    """Labels with quotes, offsets and matchers come through; the age is that of the last scrape."""
    until(lambda: look(url, "up offset 2s").state is State.OPEN, "there are samples of two seconds ago")
    found = look(url, 'up{job=~"se.*",instance!="a\\"b"} and up{job!~"x"} offset 2s')
    assert found.state is State.OPEN, found.why
    assert 0 <= found.age_s < 10


def test_a_range_that_reaches_before_the_first_sample_is_not_whole(url: str) -> None:
    """A minute before it was started nobody measured."""
    until(lambda: look(url, "up", over_s=3, step_s=1).state is State.OPEN, "three whole seconds")
    found = look(url, "up", over_s=600, step_s=15)
    assert (found.state, " from 600 s to " in found.why) == (State.UNKNOWN, True), found.why


def test_an_old_sample_is_stale_although_the_server_still_answers_with_it(url: str) -> None:
    """With a limit below the scrape interval the true age of the sample is what decides."""
    until(lambda: look(url, "up", max_age_s=0.001).state is State.UNKNOWN, "older than a millisecond")
    assert "stale: the last sample of up is" in look(url, "up", max_age_s=0.001).why


def test_a_capacity_is_compared_with_the_peak_of_a_day(url: str) -> None:
    """The query that docs/gates.md gives for a peak; what returns nothing, or several series, proves nothing."""

    def compared(can_take: str, peak: str) -> Finding:
        asked = [{"kind": "prometheus", "url": url, "query": query} for query in (can_take, peak)]
        said = {"kind": "capacity", "name": "g", "can_take": asked[0], "peak": asked[1]}
        check = CapacityCheck.model_validate(said)
        return capacity.judge(check, capacity.look(check, CLOCK, CLOCK.wall()), CLOCK.wall())

    peak = "max_over_time(sum(rate(prometheus_http_requests_total[5m]))[1d:1m])"
    until(
        lambda: look(url, peak, value={"at_least": 0.001}).state is State.OPEN,
        "the next whole minute, to which a subquery keeps",
        90,
    )
    found = compared("1e6 * up", peak)
    assert found.state is State.OPEN, found.why
    assert "enough for the peak of " in found.why
    assert compared("1e-9 * up", peak).state is State.CLOSED
    assert "nothing" in compared("1e6 * up", "max_over_time(nothing_like_it[1d])").why
    assert compared("up", "prometheus_http_requests_total").state is State.UNKNOWN
