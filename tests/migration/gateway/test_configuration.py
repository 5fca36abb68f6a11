"""A gateway's file, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from aurops.errors import UsageError
from migration.gateway import configuration
from testbeds.local.platforms.protos import FOLDER

PLAIN: dict[str, Any] = {
    "schema": 1,
    "protos": [str(FOLDER)],
    "listens": "127.0.0.1:8081",
    "admin": "127.0.0.1:9901",
    "v11": {"hosts": ["127.0.0.1:50051"]},
}
SIDE = {"name": "v11", "backends": ["127.0.0.1:8081"], "health_path": "/health"}
EDGE = {"kind": "envoy", "folder": "/e", "listens": "127.0.0.1:1", "admin": "127.0.0.1:2", "sides": [SIDE]}


def written(folder: Path, **changes: Any) -> Path:
    """A gateway's file with these keys changed; None takes one out."""
    file = folder / "gateway.yaml"
    file.write_text(json.dumps({key: value for key, value in {**PLAIN, **changes}.items() if value is not None}))
    return file


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Whoever calls the command from elsewhere means the same folders."""
    (tmp_path / "api").mkdir()
    tls = {"folder": "tls", "server_name": "v11"}
    v11 = {**PLAIN["v11"], "tls": tls}
    gateway = configuration.load(written(tmp_path, protos=["api"], v11=v11, openapi="v10.json"))
    assert gateway.protos == (tmp_path / "api",)
    assert gateway.v11.tls is not None
    assert gateway.v11.tls.folder == tmp_path / "tls"
    assert gateway.openapi == tmp_path / "v10.json"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "schema"),
        ({"protos": ["nowhere"]}, "there is no such folder"),
        ({"protos": []}, "protos"),
        ({"listens": "8081"}, "listens"),
        ({"admin": None}, "admin is needed without an edge"),
        ({"edge": "edge.yaml"}, "not allowed with one"),
        ({"edge_tls": {"folder": "t"}}, "edge_tls without an edge"),
        ({"v11": {**PLAIN["v11"], "tls": {"folder": "t"}}}, "any certificate of that authority would do"),
        ({"v11": {**PLAIN["v11"], "sockets": ["127.0.0.1:1"]}}, "go together"),
        ({"v11": {"hosts": []}}, "v11.hosts"),
        ({"timeouts": {"call_s": 0}}, "timeouts.call_s"),
        ({"v10": {"codes": {"NOPE": {}}}}, "v10.codes.NOPE"),
        ({"v10": {"status": {"*": 42}}}, "v10.status"),
        ({"v10": {"error": {"code": "{cod}"}}}, "nothing is put in for {cod}; only for {code}, {status}"),
        ({"v10": {"codes": {"ABORTED": {"message": "{msg}"}}}}, "nothing is put in for {msg}; only for {message}"),
        ({"v10": {"refusal": {}}}, "did you mean 'refusals'"),
        ({"accept": [{"field": "a"}]}, "because"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """File, key, what is allowed; nothing is guessed."""
    with pytest.raises(UsageError) as refused:
        configuration.load(written(tmp_path, **changes))
    assert said in str(refused.value)
    assert "gateway.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sides": [{**SIDE, "backends": ["127.0.0.1:9"]}]}, "nobody's backend"),
        ({"kind": "nginx"}, "the edge is nginx"),
    ],
)
def test_an_edge_that_does_not_lead_to_the_gateway_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """The edge's own file is named."""
    (tmp_path / "edge.yaml").write_text(json.dumps({**EDGE, **changes}))
    with pytest.raises(UsageError) as refused:
        configuration.load(written(tmp_path, edge="edge.yaml", admin=None))
    assert said in str(refused.value)
    assert "edge.yaml" in str(refused.value)


def test_the_first_pattern_that_fits_counts() -> None:
    """The order in the file decides."""
    patterns = {"a.B.*": 1, "a.*": 2}
    assert configuration.first_fit(patterns, "a.B.C") == 1
    assert configuration.first_fit(patterns, "a.C.D") == 2
    assert configuration.first_fit(patterns, "b.C.D") is None


@pytest.mark.parametrize("text", ["[1]", "openapi: 3.1.0", "{"])
def test_an_openapi_document_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Without paths nothing can be said of V10's endpoints."""
    file = tmp_path / "openapi.yaml"
    file.write_text(text)
    with pytest.raises(UsageError):
        configuration.read_openapi(file)
