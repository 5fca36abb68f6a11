"""A check against a V10 and a gateway that are played."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurops.errors import OutsideError, UsageError
from migration.gateway.check.answers import Said
from migration.gateway.check.asking import Asked, place
from migration.gateway.check.check import ROUNDS, Check, Sides, endpoints_of
from migration.gateway.check.differences import Kind
from migration.gateway.check.questions import Aspect, Question
from migration.gateway.configuration import Gateway
from migration.gateway.methods import read_methods
from migration.gateway.protos import compile_protos
from testbeds.local.platforms.operations import OPERATIONS
from testbeds.local.platforms.protos import FOLDER
from tests.migration.gateway.test_configuration import PLAIN

METHODS = read_methods(compile_protos([FOLDER]))
ROWS: dict[str, Any] = {
    "items": [{"id": "a", "height": 7, "amount": 5}, {"id": "b", "height": 8, "amount": 6}],
    "next": "",
}
Answer = Callable[[Question], Said]


def said(body: Any, status: int = 200) -> Said:
    """An answer."""
    return Said(status, "application/json", json.dumps(body))


class Played(Asked):
    """A platform that answers by a function, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("played", "http://played")
        self._answer = answer
        self.heard: list[tuple[Question, str]] = []

    def ask(self, question: Question, request_id: str, key: str = "") -> Said:  # noqa: ARG002 (as the real one)
        """What the function says."""
        self.heard.append((question, key))
        return self._answer(question)


def same(_question: Question) -> Said:
    """The same rows, whatever is asked."""
    return said(ROWS)


def check(**changes: Any) -> Check:
    """A check of the sample's methods."""
    return Check(Gateway.model_validate({**PLAIN, **changes}), METHODS)


def test_reads_ask_nothing_that_could_change_anything() -> None:
    """Only safe methods (RFC 9110, 9.2.1) go to the platforms that serve, and no body."""
    v10, v11 = Played(same), Played(same)
    check().reads(Sides(v10, v10, v11))
    assert {question.verb for question, _ in v10.heard + v11.heard} == {"GET", "HEAD", "OPTIONS"}
    assert {question.body for question, _ in v10.heard + v11.heard} == {None}


def test_every_endpoint_is_asked_plainly_and_by_its_aspects() -> None:
    """All reads of the table with values that V10 has shown; and unknown paths, parameters, wrong values."""
    v10 = Played(same)
    one = check()
    one.reads(Sides(v10, v10, Played(same)))
    reads = {f"{each.method} {each.path}" for each in OPERATIONS if each.reads}
    assert set(one.report.endpoints) == reads
    targets = {question.target for question, _ in v10.heard}
    assert {"/v1/blocks/7", "/v1/accounts/a/sent", "/v1/blocks/7/transactions"} <= targets
    assert {question.aspect for question, _ in v10.heard} == {
        Aspect.PLAIN,
        Aspect.PARAMETER,
        Aspect.SLASH,
        Aspect.HEAD,
        Aspect.OPTIONS,
        Aspect.UNKNOWN_PARAMETER,
        Aspect.WRONG_VALUE,
        Aspect.NOT_THERE,
        Aspect.UNKNOWN_PATH,
        Aspect.UNKNOWN_METHOD,
    }


def found_if(differs: Callable[[Question], bool], next_page: str = "b") -> set[tuple[str, str]]:
    """Aspect and request of what is found of one endpoint when the gateway answers some questions otherwise."""
    rows = {**ROWS, "next": next_page}
    v10, v11 = (
        Played(lambda asked, no=no: said(None if no(asked) else rows)) for no in (lambda _asked: False, differs)
    )
    one = check()
    one.reads(Sides(v10, v10, v11))
    return {
        (each.question.aspect.value, str(each.question))
        for each in one.report.differences
        if each.question.method == "ledger.v11.Accounts.ListAccounts"
    }


@pytest.mark.parametrize("told", ["b", "/v1/accounts?limit=2&after=b", "https://v10/v1/accounts?after=b"])
def test_the_next_page_is_asked_for_with_what_v10s_answer_says(told: str) -> None:
    """A gateway that begins at the first page again is found, whether V10 gives a token or a link."""
    next_page = ("next page", "GET /v1/accounts?after=b")
    assert found_if(lambda question: "after=b" in question.target, told) == {
        ("with a parameter", "GET /v1/accounts?after=b"),
        next_page,
    }


def test_a_gateway_that_knows_no_slash_or_head_or_options_is_found() -> None:
    """As far as V10 knows them."""
    assert found_if(lambda question: question.target.endswith("/")) == {("slash at the end", "GET /v1/accounts/")}
    assert found_if(lambda question: question.verb == "HEAD") == {("HEAD", "HEAD /v1/accounts")}
    assert found_if(lambda question: question.verb == "OPTIONS") == {("OPTIONS", "OPTIONS /v1/accounts")}


def test_each_parameter_of_a_query_is_asked_with_a_value_that_v10_has_shown_or_that_fits(tmp_path: Path) -> None:
    """Texts, choices, yes and no, integers of 64 bits, lists; one question for each."""
    (tmp_path / "t.proto").write_text(
        'syntax = "proto3"; package t; import "google/api/annotations.proto"; enum E { A = 0; B = 1; }'
        "message Q { string owner = 1; E state = 2; bool frozen = 3; int64 min_height = 4; repeated string tags = 5;"
        "  int32 page_size = 6; string page_token = 7; int64 height = 8; double ratio = 9; }"
        'message M {} service S { rpc L(Q) returns (M) { option (google.api.http) = { get: "/l" }; } }'
    )
    v10 = Played(
        lambda _question: said({"rows": [{"owner": "o", "state": "A", "height": 2**60}], "nextPageToken": "n"})
    )
    one = Check(Gateway.model_validate(PLAIN), read_methods(compile_protos([tmp_path])))
    one.reads(Sides(v10, v10, v10))
    asked = {question.target for question, _ in v10.heard if question.aspect is Aspect.PARAMETER}
    assert {each for each in asked if "tags" not in each} == {
        "/l?owner=o",
        "/l?state=A",
        "/l?frozen=true",
        "/l?minHeight=2",
        "/l?pageSize=2",
        "/l?pageToken=n",
        f"/l?height={2**60}",
        "/l?ratio=0.5",
    }
    assert any(each.startswith("/l?tags=aurops-check-tags") for each in asked)


def test_what_was_not_seen_is_said_in_the_last_line_also_when_nothing_differs() -> None:
    """A V10 that refuses everything shows nothing, and the exit code alone would not tell."""
    refuses, answers = Played(lambda _question: said({}, 404)), Played(same)
    nothing, everything = check(), check()
    nothing.reads(Sides(refuses, refuses, refuses))
    everything.reads(Sides(answers, answers, answers))
    everything.only_v10([])
    reads = len(everything.report.endpoints)
    *_, last = nothing.report.lines()
    assert last.startswith("nothing differs in what was seen; NOT shown")
    assert f"{reads} of {reads} endpoints were never seen to succeed" in last
    assert [*everything.report.lines()][-1] == f"all {reads} endpoints were seen to answer as V10 does"


def test_a_read_that_differs_is_asked_again_and_counts_only_if_it_lasts() -> None:
    """What somebody else changed between two questions differs once."""
    asked: list[str] = []

    def once(question: Question) -> Said:
        asked.append(str(question))
        fresh = str(question) == "GET /v1/assets" and asked.count("GET /v1/assets") == 1
        return said({**ROWS, "next": "x"} if fresh else ROWS)

    def always(question: Question) -> Said:
        return said({**ROWS, "next": "x"} if str(question) == "GET /v1/assets" else ROWS)

    first, second = check(), check()
    v10 = Played(same)
    first.reads(Sides(v10, v10, Played(once)))
    assert first.report.differences == []
    second.reads(Sides(v10, v10, Played(always)))
    (found,) = second.report.differences
    assert (found.difference.field, found.question.method) == ("next", "ledger.v11.Assets.ListAssets")
    assert asked.count("GET /v1/assets") < ROUNDS


@pytest.mark.parametrize(("now", "kind"), [({"nowMs": "3"}, Kind.TYPE), ({}, Kind.MISSING)])
def test_a_time_that_has_become_a_text_or_is_gone_is_found_although_times_are_noise(
    now: dict[str, str], kind: Kind
) -> None:
    """In each round it is another time."""
    ticks, time = itertools.count(1_764_400_000_000), "/v1/system/time"
    v10 = Played(lambda question: said({"nowMs": next(ticks)}) if question.target.startswith(time) else same(question))
    v11 = Played(lambda question: said(now) if question.target.startswith(time) else same(question))
    one = check()
    one.reads(Sides(v10, v10, v11))
    found = {(each.question.method, each.difference.field, each.difference.kind) for each in one.report.differences}
    assert found == {("ledger.v11.System.GetTime", "nowMs", kind)}


def test_a_length_that_is_accepted_hides_no_wrong_type_in_the_elements() -> None:
    """V11 may list fewer; what it lists has V10's types."""

    def shorter(question: Question) -> Said:
        rows = [{**ROWS["items"][0], "amount": "5"}]
        return said({**ROWS, "items": rows} if str(question) == "GET /v1/assets" else ROWS)

    one, v10 = check(accept=[{"field": "items[]", "because": "V11 lists what is final"}]), Played(same)
    one.reads(Sides(v10, v10, Played(shorter)))
    found = [(each.difference.field, each.difference.kind) for each in one.report.differences]
    assert found == [("items[].amount", Kind.TYPE)]


def test_writes_are_asked_of_all_three_alike_and_again_with_their_key() -> None:
    """The same bodies under the same keys, with integers that no JavaScript number holds; then all is read back."""
    v10, again, v11 = Played(same), Played(same), Played(same)
    check().writes(Sides(v10, again, v11))
    copies = [
        [(str(question), question.body, key) for question, key in each.heard if question.verb != "GET"]
        for each in (v10, again, v11)
    ]
    assert copies[0] == copies[1] == copies[2]
    assert any(body and str(2**53 + 1) in body for _, body, _ in copies[0])
    repeated = [key for question, key in v10.heard if question.aspect is Aspect.AGAIN]
    plain = [key for question, key in v10.heard if question.aspect is Aspect.PLAIN and key]
    assert repeated
    assert set(repeated) <= set(plain)
    assert v11.heard[-1][0].verb == "GET"


def test_copies_that_differ_are_refused_before_anything_is_written() -> None:
    """Two V10s from different backups would let every difference pass for noise."""
    one, other = Played(same), Played(lambda _question: said({**ROWS, "next": "x"}))
    with pytest.raises(UsageError, match=r"do not hold the same: .* next"):
        check().writes(Sides(one, other, Played(same)))
    assert {question.verb for question, _ in one.heard + other.heard} == {"GET"}


def test_what_v10_itself_changes_between_two_answers_makes_no_copies_unlike() -> None:
    """A time in each answer is noise; then the writes are asked."""
    ticks = itertools.count()
    one, other = (Played(lambda _question: said({**ROWS, "nowMs": next(ticks)})) for _ in range(2))
    v11 = Played(same)
    check().writes(Sides(one, other, v11))
    assert any(question.verb == "POST" for question, _ in v11.heard)


def test_whether_v10s_own_endpoints_are_known_is_told() -> None:
    """Without its OpenAPI document nobody knows what only V10 has."""
    unknown, known = check(), check()
    known.only_v10([])
    for one, there in ((unknown, False), (known, True)):
        assert one.report.as_json()["only_v10_known"] is there
        assert any("no `openapi`" in line for line in one.report.lines()) is not there


@pytest.mark.parametrize(
    ("one", "other", "same_place"),
    [
        ("http://ledger:80/", "http://LEDGER", True),
        ("https://ledger", "https://ledger:443/", True),
        ("http://localhost:81", "http://127.0.0.1:81", True),
        ("http://ledger", "https://ledger", False),
        ("http://ledger:81", "http://ledger:82", False),
    ],
)
def test_an_address_is_known_however_it_is_written(one: str, other: str, *, same_place: bool) -> None:
    """A copy that is the serving platform under another spelling is found."""
    assert (place(one) == place(other)) is same_place


def test_an_accepted_difference_does_not_count_and_its_reason_is_told() -> None:
    """Only the field and the methods that were named; the same field elsewhere counts."""

    def other(question: Question) -> Said:
        return said({**ROWS, "next": "x"} if str(question) in ("GET /v1/assets", "GET /v1/blocks") else ROWS)

    accept = [{"methods": "*.ListAssets", "field": "next", "because": "it was never used"}]
    one, v10 = check(accept=accept), Played(same)
    one.reads(Sides(v10, v10, Played(other)))
    assert {each.question.method for each in one.report.differences} == {"ledger.v11.Blocks.ListBlocks"}
    assert {each.because for each in one.report.accepted} == {"it was never used"}
    assert any("it was never used" in line for line in one.report.lines())


def test_what_only_v10_has_is_told() -> None:
    """By its OpenAPI document; how a variable is called does not matter."""
    one = check()
    document = {
        "paths": {"/v1/blocks/{n}": {"get": {}, "summary": "a block"}, "/v1/old/{id}": {"get": {}, "delete": {}}}
    }
    one.only_v10(endpoints_of(document))
    assert [str(each.question) for each in one.report.differences] == ["GET /v1/old/{id}", "DELETE /v1/old/{id}"]


def test_who_is_not_there_is_no_difference() -> None:
    """A gateway that answers nothing at all is said to be away, and nothing is concluded."""
    away = Played(lambda _question: Said(0, "", "ConnectError"))
    here = Played(same)
    for sides in (Sides(here, here, away), Sides(away, away, here)):
        with pytest.raises(OutsideError, match="does not answer"):
            check().reads(sides)
    with pytest.raises(UsageError, match="no address"):
        Asked("V10", "localhost:80")
