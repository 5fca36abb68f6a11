"""Envoy's configuration, rendered and read back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurops.errors import UsageError
from tests.traffic.sites import SIDES, dump, platforms, regions, stats
from tests.traffic.weights import weights
from traffic import envoy, envoy_routes
from traffic.driver import TOTAL_WEIGHT, Flow, Steering
from traffic.headers import KEY_HEADER, NO_ANSWER_HEADER, NOT_SENT_HEADER
from traffic.site import Site

counts = st.fixed_dictionaries({"v11": st.integers(0, 2**40), "baseline": st.integers(0, 2**40)})
CLOSED = dict.fromkeys(SIDES, 0)


def routes(site: Site, wanted: Steering) -> list[dict[str, Any]]:
    """The routes that are rendered."""
    found: list[dict[str, Any]] = json.loads(envoy_routes.render(site, wanted, {}).text)["resources"][0][
        "virtual_hosts"
    ][0]["routes"]
    return found


@given(given_weights=weights() | st.just(CLOSED), epoch=st.integers(0, 2**40), before=counts, shared=st.booleans())
def test_steering_survives_the_way_through_envoy(
    given_weights: dict[str, int], epoch: int, before: dict[str, int], *, shared: bool
) -> None:
    """What was rendered is what is read back, for every weight and epoch; so is the version."""
    site = platforms(shared_keys=shared)
    wanted = Steering(given_weights, epoch)
    rendered = envoy_routes.render(site, wanted, before)
    active = envoy_routes.active(site, dump(rendered.text), stats(site))
    assert active is not None
    assert (active.steering, active.version, active.instead_before) == (wanted, rendered.version, before)
    assert envoy_routes.version_of(rendered.text) == rendered.version
    assert envoy_routes.version_in_effect(site, dump(rendered.text)) == rendered.version
    assert rendered.version.startswith(f"{epoch}-")


@given(given_weights=weights(("north", "south", "west")), epoch=st.integers(0, 2**40))
def test_regions_are_read_back_too(given_weights: dict[str, int], epoch: int) -> None:
    """The same for sides that stand for themselves."""
    site = regions()
    rendered = envoy_routes.render(site, Steering(given_weights, epoch), {})
    active = envoy_routes.active(site, dump(rendered.text), stats(site))
    assert active is not None
    assert active.steering == Steering(given_weights, epoch)


@given(place=st.integers(0, 10**6), to=st.sampled_from("0123456789abc,"))
def test_a_file_that_somebody_edited_is_noticed(place: int, to: str) -> None:
    """Any other character anywhere makes it another's file."""
    text = envoy_routes.render(platforms(), Steering({"v11": 100, "v10": 9_900, "baseline": 0}, 7), {}).text
    place %= len(text)
    edited = text[:place] + to + text[place + 1 :]
    if json_or_none(edited) == json.loads(text):
        return
    with pytest.raises(ValueError, match="not as aurops wrote it"):
        envoy_routes.version_of(edited)


def json_or_none(text: str) -> object:
    """What a text says as JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def test_routes_of_different_weights_are_refused() -> None:
    """Whoever edits one of the routes that decide has not steered: nothing is guessed from it."""
    site = platforms()
    file = json.loads(envoy_routes.render(site, Steering({"v11": 100, "v10": 9_900, "baseline": 0}, 7), {}).text)
    decided = [
        r for r in file["resources"][0]["virtual_hosts"][0]["routes"] if "weighted_clusters" in r.get("route", {})
    ]
    decided[0]["route"] = json.loads(json.dumps(decided[0]["route"]))
    decided[0]["route"]["weighted_clusters"]["clusters"][0]["weight"] = 200
    with pytest.raises(ValueError, match="different weights"):
        envoy_routes.active(site, dump(json.dumps(file)), stats(site))


def test_a_dump_without_routes_means_nothing_is_in_effect() -> None:
    """Before Envoy has read its first routes the answer is None, not weights of 0."""
    assert envoy_routes.active(platforms(), "{}", stats(platforms())) is None


@pytest.mark.parametrize("text", ['{"configs": [{"version_info": "1"}]}', '{"configs": [3]}', "[]", "not json"])
def test_a_dump_of_something_else_is_refused(text: str) -> None:
    """Nothing is guessed from an answer that is not a dump of aurops' routes."""
    with pytest.raises(ValueError, match=r"."):
        envoy_routes.active(platforms(), text, stats(platforms()))


def test_routes_of_somebody_else_have_no_version_of_ours() -> None:
    """Whoever rolls back replaces them, and waits for his own; whoever observes is told that they are not ours."""
    for entry in ({"version_info": "7-abc", "route_config": {"virtual_hosts": []}}, {"version_info": "7-abc"}):
        text = json.dumps({"configs": [entry]})
        assert envoy_routes.version_in_effect(platforms(), text) == ""
        with pytest.raises(ValueError, match="not a dump of our routes"):
            envoy_routes.active(platforms(), text, stats(platforms()))


@pytest.mark.parametrize("text", ['{"configs": [3]}', "[]", "not json"])
def test_the_version_in_what_is_no_dump_is_not_taken_for_none(text: str) -> None:
    """No routes yet is an answer; this is none."""
    assert envoy_routes.version_in_effect(platforms(), "{}") == ""
    with pytest.raises(ValueError, match=r"."):
        envoy_routes.version_in_effect(platforms(), text)


def test_a_sides_flow_counts_what_its_backends_serve() -> None:
    """Sent, waiting for a connection, and what the way back was given in another one's place."""
    site = platforms()
    counted = stats(
        site,
        v11__upstream_rq_total=9,
        v11__upstream_rq_active=2,
        v11__upstream_rq_pending_active=1,
        v11__membership_healthy=1,
        v11_or_v10__upstream_rq_total=4,
        v11_or_v10__upstream_rq_active=3,
        v10__upstream_rq_total=20,
        v10__upstream_rq_active=5,
    )
    flows = envoy_routes.flows(site, counted)
    assert flows["v11"] == Flow(requests=9, under_way=3, instead=4, healthy=1)
    assert flows["v10"] == Flow(requests=24, under_way=8, healthy=0)


@pytest.mark.parametrize(("attempts", "successes", "starting"), [(9, 0, True), (10, 0, False), (2, 1, False)])
def test_a_side_that_was_asked_seldom_since_envoy_started_is_not_known_to_be_dead(
    attempts: int, successes: int, *, starting: bool
) -> None:
    """It is not well, but a gateway in the same Envoy did not listen yet when it was asked first."""
    counted = {"v11__health_check__attempt": attempts, "v11__health_check__success": successes}
    flow = envoy_routes.flows(platforms(), stats(platforms(), **counted))["v11"]
    assert (flow.healthy, flow.starting) == (0, starting)


@pytest.mark.parametrize("text", ['{"stats": []}', '{"stats": 3}', "[]", "not json"])
def test_a_side_without_statistics_is_not_taken_for_drained(text: str) -> None:
    """What Envoy does not say is unknown, never 0."""
    with pytest.raises(ValueError, match=r"."):
        envoy_routes.flows(platforms(), text)


@pytest.mark.parametrize("site", [regions(), platforms()])
def test_closed_routes_say_that_nothing_was_sent(site: Site) -> None:
    """With all weights 0 every route answers 503 itself and marks the reply as never sent."""
    for route in routes(site, Steering(dict.fromkeys(site.names, 0), 3)):
        assert route["direct_response"]["status"] == 503
        assert NOT_SENT_HEADER in json.dumps(route["response_headers_to_add"])


@pytest.mark.parametrize(
    "bad", [{}, {"north": -1}, {"v11": 5_000, "v10": 5_001}, {"v11": 9_999}, {"v11": 10_001, "v10": -1}]
)
def test_weights_that_do_not_sum_are_refused(bad: dict[str, int]) -> None:
    """No side, a negative weight, or another sum is an error before anything is written."""
    with pytest.raises(UsageError, match="weights"):
        Steering(bad, 1)


def test_regions_stand_for_themselves() -> None:
    """Each region is one static cluster with all of its nodes; nothing retries, checks health or falls back."""
    site = regions()
    text = envoy.bootstrap(site) + json.dumps(routes(site, Steering({"north": TOTAL_WEIGHT, "south": 0, "west": 0}, 1)))
    clusters = envoy.clusters(site)
    assert [cluster["name"] for cluster in clusters] == ["north", "south", "west"]
    assert all(len(json.loads(json.dumps(c))["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 2 for c in clusters)
    assert not any(word in text for word in ("retry_policy", "health_checks", "aggregate", "hash_policy"))


@pytest.mark.parametrize("shared", [True, False])
def test_only_what_may_be_repeated_is_sent_again_without_an_answer(*, shared: bool) -> None:
    """Reads, and writes with a key where both sides look keys up in one place; never another write."""
    site = platforms(shared_keys=shared)
    found = routes(site, Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, 1))
    again = {
        route["match"]["headers"][0]["name"]
        for route in found
        if NO_ANSWER_HEADER in json.dumps(route.get("route", {}).get("retry_policy", {}))
    }
    assert again == ({":method", KEY_HEADER} if shared else {":method"})
    assert found[-1]["route"]["retry_policy"]["retry_on"].split(",") == [
        "connect-failure",
        "refused-stream",
        "reset-before-request",
        "retriable-headers",
    ]


def test_a_reply_to_a_write_that_was_repeated_never_says_that_it_was_not_sent() -> None:
    """The last try's failure says nothing of the first."""
    text = json.dumps(envoy.local_replies(shared_keys=True))
    assert KEY_HEADER in text
    assert "invert_match" in text
    assert KEY_HEADER not in json.dumps(envoy.local_replies())
