"""V11's methods, read from descriptors."""

from pathlib import Path

import pytest

from aurops.errors import UsageError
from migration.gateway.methods import Method, read_methods
from migration.gateway.protos import compile_protos

HEAD = 'syntax = "proto3";\npackage t;\nimport "google/api/annotations.proto";\nmessage M { string id = 1; M m = 2; }\n'


def methods(folder: Path, *lines: str) -> tuple[Method, ...]:
    """The methods of one service."""
    (folder / "t.proto").write_text(HEAD + "service S {\n" + "\n".join(lines) + "\n}\n")
    return read_methods(compile_protos([folder]))


def test_every_way_to_a_method_is_found(tmp_path: Path) -> None:
    """Additional bindings and other verbs count; a method that REST does not reach is left out."""
    one, two = methods(
        tmp_path,
        "rpc A(M) returns (M) { option (google.api.http) = {",
        'get: "/a/{id}" additional_bindings { get: "/b/{m.id}" } }; }',
        'rpc B(M) returns (stream M) { option (google.api.http) = { custom: { kind: "OPTIONS" path: "/a" } }; }',
        "rpc C(M) returns (M);",
    )
    assert [(each.verb, each.path) for each in one.bindings] == [("GET", "/a/{id}"), ("GET", "/b/{m.id}")]
    assert (one.full_name, one.path, one.reads, one.streams) == ("t.S.A", "/t.S/A", True, False)
    assert (two.bindings[0].verb, two.streams, two.reads) == ("OPTIONS", True, False)


def test_a_post_that_the_protos_call_harmless_may_be_sent_again(tmp_path: Path) -> None:
    """A search by POST reads, when its idempotency_level says so; any other POST does not."""
    search, write = methods(
        tmp_path,
        "rpc A(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS;",
        'option (google.api.http) = { post: "/a" body: "*" }; }',
        'rpc B(M) returns (M) { option (google.api.http) = { post: "/b" body: "*" }; }',
    )
    assert (search.reads, write.reads) == (True, False)


def test_a_path_is_filled_in_its_places(tmp_path: Path) -> None:
    """Also where a variable has a pattern of its own."""
    (one,) = methods(
        tmp_path, 'rpc A(M) returns (M) { option (google.api.http) = { get: "/a/{id=shelves/*}/b/{m.id}:undo" }; }'
    )
    assert one.bindings[0].variables == ("id", "m.id")
    assert one.bindings[0].filled({"id": "x", "m.id": "y"}) == "/a/shelves/x/b/y:undo"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["rpc A(M) returns (M);"], "no method of the protos has a google.api.http annotation"),
        (
            [
                'rpc A(M) returns (M) { option (google.api.http) = { get: "/a/{id}" }; }',
                'rpc B(M) returns (M) { option (google.api.http) = { get: "/a/{m.id}" }; }',
            ],
            "t.S.A and t.S.B are both reached by GET /a/",
        ),
        (['rpc A(stream M) returns (M) { option (google.api.http) = { post: "/a" body: "*" }; }'], "takes a stream"),
        (
            ['rpc A(M) returns (M) { option (google.api.http) = { get: "/a" response_body: "id" }; }'],
            "the response_body of t.S.A is no message",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(tmp_path: Path, lines: list[str], said: str) -> None:
    """Nothing annotated, two methods in one place, a stream to the server, an answer that is no message."""
    with pytest.raises(UsageError, match=said):
        methods(tmp_path, *lines)
