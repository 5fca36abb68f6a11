"""The description of a proxy: what is refused, and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from aurops import documents
from aurops.errors import UsageError
from tests.traffic.sites import platforms
from traffic.site import Site


def changed(**more: object) -> dict[str, Any]:
    """A good description with something else in it."""
    good: dict[str, Any] = json.loads(platforms().model_dump_json(by_alias=True))
    return {**good, **more}


def side(name: str, **more: object) -> dict[str, Any]:
    """A side."""
    return {"name": name, "backends": ["127.0.0.1:1"], **more}


def test_a_description_survives_its_file(tmp_path: Path) -> None:
    """What was written is what is read."""
    file = tmp_path / "site.json"
    file.write_text(platforms().model_dump_json(by_alias=True))
    assert documents.load(file, Site) == platforms()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"admin": "10.0.0.1:9901"}, "only loopback is allowed"),
        ({"listens": "127.0.0.1:9901", "admin": "127.0.0.1:9901"}, "each needs its own"),
        ({"listens": "0.0.0.0:9901", "admin": "127.0.0.1:09901"}, "are one port"),
        ({"listens": "localhost:9901", "admin": "127.0.0.1:9901"}, "are one port"),
        ({"sides": [side("v11"), side("v11")]}, "the same name"),
        ({"sides": [side("v11", instead="v10")]}, "v10 is not a side"),
        ({"sides": [side("v11", instead="v10"), side("v10", instead="v10")]}, "stands by itself"),
        ({"sides": [side("a", instead="b"), side("b"), side("c", instead="d"), side("d")]}, "one way back"),
        ({"sides": [side("V11")]}, "name"),
        ({"sides": [side("v11", backends=["no port"])]}, "backends"),
        ({"sides": [side("v11", backends=[])]}, "backends"),
        ({"sides": []}, "sides"),
        ({"kind": "haproxy"}, "kind"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"schema": 2}, "schema"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_description_that_does_not_hang_together_is_refused(
    wrong: dict[str, object], says: str, tmp_path: Path
) -> None:
    """With the file and what is wrong, before any proxy is asked."""
    file = tmp_path / "site.json"
    file.write_text(json.dumps(changed(**wrong)))
    with pytest.raises(UsageError) as refused:
        documents.load(file, Site)
    assert says in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"admn": "127.0.0.1:1"}, "'admn' is not a known key; did you mean 'admin'?"),
        ({"sticky": 5, "admin": "127.0.0.1:1"}, "here a mapping is needed, not 5"),
        ({}, "'admin' is missing"),
    ],
)
def test_a_key_that_is_misspelt_is_named_as_it_stands_there(
    wrong: dict[str, object], says: str, tmp_path: Path
) -> None:
    """Of a key that must be there the file says no more than the wrong word; that is what has to be found in it."""
    right = {"kind": "envoy", "folder": "/e", "listens": "127.0.0.1:2", "sides": [{"name": "v10", "backends": ["a:1"]}]}
    file = tmp_path / "site.json"
    file.write_text(json.dumps(right | wrong))
    with pytest.raises(UsageError) as refused:
        documents.load(file, Site)
    assert refused.value.what == says
