"""Envoy's configuration, rendered and read back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traffic import envoy
from traffic.driver import Active, Steering

REGIONS = ("north", "south", "west")
weights = st.fixed_dictionaries({region: st.integers(0, 10_000) for region in REGIONS})


def dump(routes: str) -> str:
    """What Envoy's config_dump says once it has taken these routes."""
    file = json.loads(routes)
    entry = {"version_info": file["version_info"], "route_config": file["resources"][0]}
    return json.dumps({"configs": [entry]})


@given(weights=weights, epoch=st.integers(0, 2**40))
def test_steering_survives_the_way_through_envoy(weights: dict[str, int], epoch: int) -> None:
    """What was rendered is what is read back, for every weight and epoch."""
    wanted = Steering(weights, epoch)
    assert envoy.active(dump(envoy.routes(wanted, "7"))) == Active(wanted, "7")


def test_a_dump_without_routes_means_nothing_is_in_effect() -> None:
    """Before Envoy has read its first routes the answer is None, not weights of 0."""
    assert envoy.active("{}") is None


@pytest.mark.parametrize("text", ['{"configs": [{"version_info": "1"}]}', '{"configs": [3]}', "[]", "not json"])
def test_a_dump_of_something_else_is_refused(text: str) -> None:
    """Nothing is guessed from an answer that is not a dump of aurops' routes."""
    with pytest.raises(ValueError, match=r"."):
        envoy.active(text)


def test_requests_under_way_are_those_sent_and_those_that_wait_for_a_connection() -> None:
    """Both are counted for each region; other statistics are not."""
    names = ("north.upstream_rq_active", "north.upstream_rq_pending_active", "north.upstream_rq_total")
    stats = {
        "stats": [{"name": f"cluster.{name}", "value": value} for name, value in zip(names, (2, 1, 9), strict=True)]
    }
    assert envoy.under_way(json.dumps(stats), ["north"]) == {"north": 3}


@pytest.mark.parametrize("text", ['{"stats": []}', '{"stats": 3}', "[]", "not json"])
def test_a_region_without_statistics_is_not_taken_for_drained(text: str) -> None:
    """What Envoy does not say is unknown, never 0."""
    with pytest.raises(ValueError, match=r"."):
        envoy.under_way(text, ["north"])


def test_closed_routes_say_that_nothing_was_sent() -> None:
    """With all weights 0 every route answers 503 itself and marks the reply as never sent."""
    configuration = json.loads(envoy.routes(Steering(dict.fromkeys(REGIONS, 0), 3), "1"))["resources"][0]
    for route in configuration["virtual_hosts"][0]["routes"]:
        assert route["direct_response"]["status"] == 503
        assert envoy.NOT_SENT_HEADER in json.dumps(route["response_headers_to_add"])


@pytest.mark.parametrize("bad", [{}, {"north": -1}])
def test_impossible_weights_are_refused(bad: dict[str, int]) -> None:
    """No region, or a negative weight, is an error before anything is written."""
    with pytest.raises(ValueError, match="weights"):
        Steering(bad, 1)


def test_bootstrap_names_every_node_and_never_retries() -> None:
    """Each region is one static cluster with all of its nodes; nothing in the configuration retries."""
    listening = envoy.Listening(proxy_port=1, admin_port=2, routes_file=Path("/bed/edge/routes.json"))
    text = envoy.bootstrap(listening, {"north": [11, 12], "south": [21, 22]})
    clusters = json.loads(text)["static_resources"]["clusters"]
    assert [cluster["name"] for cluster in clusters] == ["north", "south"]
    assert all(len(cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2 for cluster in clusters)
    assert "retry_policy" not in text
