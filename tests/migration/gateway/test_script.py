"""What the gateway makes of V11's answers, in the Lua that Envoy runs."""

import json
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.gateway.configuration import V10, Refusal
from migration.gateway.methods import Method, read_methods
from migration.gateway.protos import compile_protos
from tests.migration.gateway.lua import Script

PROTO = """
syntax = "proto3";
package trial;
import "google/api/annotations.proto";
import "google/protobuf/wrappers.proto";
message All {
  int64 a = 1; uint64 b = 2; sint64 c_c = 3; fixed64 d = 4; sfixed64 e = 5;
  int32 small = 6; string text = 7; double real = 8; bool yes = 9; bytes raw = 10;
  repeated int64 many = 11; repeated All all = 12; All one = 13;
  map<string, int64> by_name = 14; map<int64, All> by_number = 15; map<string, string> texts = 16;
  google.protobuf.Int64Value wrapped = 17; google.protobuf.UInt64Value bare = 18;
  Other other = 19; optional int64 maybe = 20; repeated Other others = 21;
}
// The same names, and nothing in it is a 64-bit integer.
message Other { string a = 1; repeated string many = 2; map<string, string> by_name = 3; Other other = 4; }
message Ask { string id = 1; }
service Trial {
  rpc Get(Ask) returns (All) { option (google.api.http) = { get: "/all/{id}" }; }
  rpc Make(Ask) returns (All) { option (google.api.http) = { post: "/all" body: "*" }; }
  rpc GetOther(Ask) returns (Other) { option (google.api.http) = { get: "/other/{id}" }; }
  rpc Watch(Ask) returns (stream All) { option (google.api.http) = { get: "/watch" }; }
}
"""
ERROR = {"error": {"code": "{code}", "message": "{message}", "status": "{status}", "id": "{request_id}"}}
WAYS = V10.model_validate(
    {
        "status": {"trial.*.Make": 201},
        "error": ERROR,
        "reasons": {"WRONG_STATE": {"status": 409, "code": "E_STATE"}},
        "codes": {"INTERNAL": {"message": 'something "went" wrong: {message}'}},
    }
)


@pytest.fixture(scope="module")
def methods(tmp_path_factory: pytest.TempPathFactory) -> tuple[Method, ...]:
    """The trial's methods."""
    folder = tmp_path_factory.mktemp("protos")
    (folder / "trial.proto").write_text(PROTO)
    return read_methods(compile_protos([folder]))


@pytest.fixture(scope="module")
def script(methods: tuple[Method, ...]) -> Script:
    """Their script."""
    return Script(methods, WAYS)


def printed(message: Any) -> str:
    """A message as the transcoder prints it."""
    fields = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def wanted(message: Any) -> Any:
    """A message as V10 prints it, by a walk of its own: over the message, not over its text."""
    made = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            made[field.json_name] = {str(key): one(inner, value[key]) for key in value}
        elif field.is_repeated:
            made[field.json_name] = [one(field, each) for each in value]
        elif not field.has_presence or message.HasField(field.name):
            made[field.json_name] = one(field, value)
    return made


def one(field: Any, value: Any) -> Any:
    """One value as V10 prints it."""
    if field.message_type and field.message_type.full_name.startswith("google.protobuf."):
        return value.value
    if field.message_type:
        return wanted(value)
    return "" if field.type == field.TYPE_BYTES else value


long = st.integers(-(2**63), 2**63 - 1)
unsigned = st.integers(0, 2**64 - 1)
text = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ['"a":"5"', "\\", '\\"', ',"many":["1"]', '{"a":"1', '"', "}]", 'x\\\\"', '"a":']
)
other = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "a": text | long.map(str),
            "many": st.lists(long.map(str), max_size=2),
            "by_name": st.dictionaries(text, long.map(str), max_size=2),
            "other": other,
        },
    )
)
everything = st.deferred(
    lambda: st.fixed_dictionaries(
        {"a": long, "c_c": long, "b": unsigned},
        optional={
            "d": unsigned,
            "e": long,
            "small": st.integers(-(2**31), 2**31 - 1),
            "text": text | long.map(str),
            "yes": st.booleans(),
            "many": st.lists(long, max_size=3),
            "all": st.lists(everything, max_size=2),
            "one": everything,
            "by_name": st.dictionaries(text, long, max_size=3),
            "by_number": st.dictionaries(long.map(str), everything, max_size=2),
            "texts": st.dictionaries(text, text | long.map(str), max_size=2),
            "wrapped": long,
            "bare": unsigned,
            "other": other,
            "maybe": long,
            "others": st.lists(other, max_size=2),
        },
    )
)


def made(methods: tuple[Method, ...], fields: dict[str, Any]) -> Any:
    """A message of these fields."""
    return json_format.ParseDict(fields, message_factory.GetMessageClass(methods[0].answer)())


@given(fields=everything)
def test_every_64_bit_integer_becomes_a_number_and_nothing_else_changes(
    methods: tuple[Method, ...], script: Script, fields: dict[str, Any]
) -> None:
    """Lists, maps, wrappers, nested messages; texts that look like fields and fields of the same name stay."""
    message = made(methods, fields)
    _, body = script.answer("/trial.Trial/Get", printed(message))
    assert json.loads(body) == wanted(message)


@given(rows=st.lists(everything, max_size=3))
@settings(max_examples=30)
def test_a_stream_is_converted_message_by_message(
    methods: tuple[Method, ...], script: Script, rows: list[dict[str, Any]]
) -> None:
    """The chunks that the transcoder makes: a bracket or a comma before each message, a bracket at the end."""
    messages = [made(methods, row) for row in rows]
    chunks = [f"{',' if n else '['}{printed(message)}" for n, message in enumerate(messages)]
    _, body = script.answer("/trial.Trial/Watch", [*chunks, "]" if chunks else "[]"])
    assert json.loads(body) == [wanted(message) for message in messages]


def test_an_answer_has_the_status_and_content_type_of_v10_and_no_trace_of_grpc(script: Script) -> None:
    """What was created is 201; gRPC's headers and the gateway's own do not leave."""
    sent = {"grpc-status": "0", "grpc-message": "", "content-type": "application/json"}
    headers, _ = script.answer("/trial.Trial/Make", "{}", sent)
    assert headers == {":status": "201", "content-type": "application/json; charset=utf-8"}


def refused(script: Script, status: str, body: dict[str, Any], request_id: str = "r") -> tuple[str, Any]:
    """Status and body of an error."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    headers, said = script.answer("/trial.Trial/Get", text, {":status": status, "x-aurops-request-id": request_id})
    return headers[":status"], json.loads(said)["error"]


def status_of(code: int, message: str, reason: str = "") -> dict[str, Any]:
    """What the transcoder makes of a gRPC error."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "d", "metadata": {}}
    return {"code": code, "message": message, "details": [info] if reason else []}


def test_an_error_has_v10s_body_with_v11s_reason(script: Script) -> None:
    """The reason is the code; a mapped one has V10's status and code; without a reason gRPC's own name stands there."""
    assert refused(script, "404", status_of(5, "no", "NO_BLOCK")) == (
        "404",
        {"code": "NO_BLOCK", "message": "no", "status": 404, "id": "r"},
    )
    state = refused(script, "400", status_of(9, "is", "WRONG_STATE"))
    assert (state[0], state[1]["code"], state[1]["status"]) == ("409", "E_STATE", 409)
    assert refused(script, "404", status_of(5, "no"))[1]["code"] == "NOT_FOUND"
    assert refused(script, "500", status_of(13, "x"))[1]["message"] == 'something "went" wrong: x'


@given(message=text, request_id=st.text(st.characters(max_codepoint=127), min_size=1))
def test_whatever_a_message_or_an_id_holds_the_error_is_json(script: Script, message: str, request_id: str) -> None:
    """Quotes, backslashes, per cent signs and control characters arrive as they were sent."""
    _, error = refused(script, "404", status_of(5, message, "NO_BLOCK"), request_id)
    assert (error["message"], error["id"]) == (message, request_id)


@pytest.mark.parametrize("body", ['{"a":"5"}', '{"code":404,"message":"no"}'])
def test_envoys_own_replies_pass_untouched(script: Script, body: str) -> None:
    """They have V10's form already, also where that looks like gRPC's."""
    local = {":status": "404", "x-aurops-not-sent": "1"}
    assert script.answer("/trial.Trial/Get", body, {**local, "x-aurops-request-id": ""}) == (local, body)


def test_a_method_without_such_integers_is_not_even_looked_at(script: Script) -> None:
    """Its body is passed on as it comes."""
    assert script.answer("/trial.Trial/GetOther", '{"a":"5"}')[1] == '{"a":"5"}'


def test_refusals_may_leave_things_to_v11() -> None:
    """A refusal without a status, a code or a message changes none of them."""
    assert Refusal() == Refusal(status=None, code=None, message=None)
