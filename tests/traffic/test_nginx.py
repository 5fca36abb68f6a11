"""NGINX's configuration and steering file, rendered and read back."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.sites import SIDES, platforms
from tests.traffic.weights import weights
from traffic import nginx
from traffic.driver import Flow, Steering
from traffic.headers import EMPTY_LINE, PROBE_HEADER
from traffic.site import Kind, Site

SITE = platforms(Kind.NGINX)
counts = st.fixed_dictionaries({"v11": st.integers(0, 2**40), "baseline": st.integers(0, 2**40)})


def said(text: str, **counted: int) -> str:
    """What the script says once it has read this file; counted by side and what, with `_` between."""
    named = {key.replace("_", " ", 1): value for key, value in counted.items()}
    return json.dumps({"steering": json.loads(text), "counts": named})


@given(
    given_weights=weights() | st.just(dict.fromkeys(SIDES, 0)),
    epoch=st.integers(0, 2**40),
    before=counts,
)
def test_steering_survives_the_way_through_nginx(
    given_weights: dict[str, int], epoch: int, before: dict[str, int]
) -> None:
    """What was rendered is what is read back, for every weight and epoch; so is the version."""
    wanted = Steering(given_weights, epoch)
    rendered = nginx.render(SITE, wanted, before)
    active = nginx.active(SITE, said(rendered.text))
    assert (active.steering, active.version, active.instead_before) == (wanted, rendered.version, before)
    assert nginx.version_of(rendered.text) == rendered.version
    assert list(active.steering.weights) == list(SIDES)


@given(place=st.integers(0, 10**6), to=st.sampled_from("0123456789abc,"))
def test_a_file_that_somebody_edited_is_noticed(place: int, to: str) -> None:
    """Any other character anywhere makes it another's file."""
    text = nginx.render(SITE, Steering({"v11": 100, "v10": 9_900, "baseline": 0}, 7), {}).text
    place %= len(text)
    if text[place] != to:
        with pytest.raises(ValueError, match="not as aurops wrote it"):
            nginx.version_of(text[:place] + to + text[place + 1 :])


def test_a_sides_flow_is_what_the_script_counted() -> None:
    """What was never counted is 0; whether a side is well nobody knows."""
    text = nginx.render(SITE, Steering({"v11": 100, "v10": 9_900, "baseline": 0}, 7), {}).text
    counted = said(text, v11_requests=9, v11_under_way=2, v11_sockets=1, v11_instead=4)
    flows = nginx.active(SITE, counted).flows
    assert flows["v11"] == Flow(requests=9, under_way=2, sockets=1, instead=4, healthy=None)
    assert flows["v10"] == Flow()


@pytest.mark.parametrize(
    "answer",
    [
        "not json",
        "[]",
        "{}",
        '{"steering": {}, "counts": {}}',
        '{"steering": {"weights": [["v12", 10000]], "epoch": 1, "version": "1", "instead_before": {}}, "counts": {}}',
    ],
)
def test_an_answer_of_something_else_is_refused(answer: str) -> None:
    """Nothing is guessed from it, nor from one of a site with other sides."""
    with pytest.raises(ValueError, match=r"."):
        nginx.active(SITE, answer)


def conf(**more: object) -> str:
    """The configuration of a site."""
    return nginx.configuration(platforms(Kind.NGINX, **more))["nginx.conf"]


def test_only_a_write_with_a_shared_key_may_be_repeated() -> None:
    """`non_idempotent` stands where keyed writes go, and without shared keys nobody goes there."""
    assert conf().count("non_idempotent") == 1
    assert "$aurops_keyed {\n    default 0;" in conf()
    assert "$aurops_keyed {\n    default 1;" in conf(shared_keys=True)


def test_what_nginx_would_send_twice_is_never_sent_again() -> None:
    """It guards POST, PATCH and LOCK by itself; what is neither those nor a read has a place without second tries."""
    (guarded,) = re.findall(r"map \$request_method \$aurops_once \{ default 1; (.*) \}", conf())
    assert set(guarded.replace(" 0;", "").split()) == {"GET", "HEAD", "OPTIONS", "POST", "PATCH", "LOCK"}
    assert conf().count("proxy_next_upstream off;") == 1


def test_a_client_that_asked_lately_finds_its_connection_when_nginx_reloads() -> None:
    """Idle ones are closed at once by default, also while a request is on its way to them."""
    assert f"keepalive_min_timeout {nginx.KEPT_S}s;" in conf()


def test_only_a_websocket_is_treated_as_one() -> None:
    """Another `Upgrade` (h2c) is a request like any other, and its header goes no further."""
    assert conf().count("map $http_upgrade") == conf().count("~*^websocket$") == 3


def test_the_script_knows_the_site() -> None:
    """Backends, fallbacks, headers, and the folder with the steering file."""
    known: dict[str, Any] = json.loads(nginx.configuration(SITE)[nginx.SITE_FILE])
    assert known["instead"] == {"v11": "v10", "baseline": "v10"}
    assert known["backends"]["v10"] == {"127.0.0.1:11": 1}
    assert known["sticky"] == ["x-user-id", "x-api-key"]
    assert known["probe"] == PROBE_HEADER
    assert nginx.steering_file(Path(known["folder"])) == nginx.steering_file(SITE.folder)


def test_a_site_that_is_not_sticky_says_so() -> None:
    """Each request by itself."""
    site: Site = platforms(Kind.NGINX, sticky=None)
    assert json.loads(nginx.configuration(site)[nginx.SITE_FILE])["sticky"] is None


def test_the_script_takes_the_same_headers_for_empty_as_every_other_proxy() -> None:
    """It cannot ask Python for the expression: its own is that one, whole."""
    assert f"const EMPTY_LINE = /^{EMPTY_LINE}$/;" in nginx.SCRIPT.read_text()
