"""What `aurops drift` prints: the answer first, every cause apart, and nothing of a cloud's read as markup."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from aurops.errors import AnswerIsNoError, OutsideError
from runbooks import drift_output
from runbooks.drift import conclude
from stacks.drift import BY_HAND, Cause, Drifted, Mend, StackDrift
from tests.runbooks.here import here

URN = "urn:pulumi:s::aurops::aurops:index:Keys$aws:kms/key:Key::payments-key"
UP = Mend("takes it back", "aurops up s1 --refresh")


def drifted(stack: str, cause: Cause, key: str = "size", before: str | None = "1", after: str | None = "2") -> Drifted:
    """A difference."""
    mend = () if cause is Cause.NOISE else (UP,)
    return Drifted(stack, URN, "aws:kms/key:Key", cause, BY_HAND, key, before, after, mend, ("f.yaml: a.b",))


FOUND = (
    StackDrift("s1", (drifted("s1", Cause.HAND), drifted("s1", Cause.NOISE, "etag")), passed_over=3),
    StackDrift("s2"),
    StackDrift("s3", error=OutsideError("no access", where="stack s3", next_step="log in")),
)


def test_a_person_reads_a_row_per_stack_then_each_cause_with_its_command() -> None:
    """Values and noise only when asked for."""
    told = drift_output.text(FOUND, ["s4"], diff=False).splitlines()
    assert [line.split(maxsplit=1) for line in told[:4]] == [
        ["s1", "1 by hand, 1 noise"],
        ["s2", "as it should be"],
        ["s3", "failed"],
        ["s4", "not up"],
    ]
    assert "Changed by hand: 1" in told
    assert "    s1: aurops up s1 --refresh  (takes it back)" in told
    assert "        to keep it: f.yaml: a.b" in told
    assert not any("→" in line or "etag" in line for line in told)
    whole = drift_output.text(FOUND, [], diff=True)
    assert "size: 1 → 2" in whole
    assert "etag: 1 → 2" in whole
    assert "Passed over: 3" in whole


def test_long_values_are_cut_to_where_they_differ() -> None:
    """What is alike before and after it is left out."""
    one = drifted("s1", Cause.HAND, "policy", '"' + "x" * 500 + 'allow"', '"' + "x" * 500 + 'deny"')
    told = drift_output.text([StackDrift("s1", (one,))], [], diff=True)
    (line,) = [line for line in told.splitlines() if "→" in line]
    assert "allow" in line.split("→")[0]
    assert "deny" in line.split("→")[1]
    assert len(line) < 250


def test_nothing_that_a_cloud_says_moves_a_terminal() -> None:
    """Control characters are written out."""
    one = drifted("s1", Cause.HAND, "k\x1b[2J", "1", '"\x1b]0;mine\x07\u202e"')
    told = drift_output.text([StackDrift("s1", (one,))], [], diff=True)
    assert not {"\x1b", "\x07", "\u202e"} & set(told)
    assert "\\x1b" in told


def test_a_summary_takes_nothing_from_a_cloud_as_markup() -> None:
    """Names and values come from outside: they stand in code, and end neither a cell nor a fold."""
    evil = '"</details><script>x</script> [a](http://b) | `code` @everyone ![i](u)\n## head"'
    told = drift_output.markdown([StackDrift("s1", (drifted("s1", Cause.HAND, "k", "1", evil),))], [])
    rows = MarkdownIt("commonmark").enable("table").parse(told)
    kinds = {child.type for token in rows for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "softbreak"}
    assert not {token.type for token in rows} & {"html_block", "fence"}
    (row,) = [line for line in told.splitlines() if "aws:kms/key:Key" in line]
    assert row.count("|") == 7


def test_a_summary_has_the_answer_first_and_folds_noise() -> None:
    """And counts what it leaves out."""
    told = drift_output.markdown(FOUND, ["s4"])
    assert told.startswith("## Drift: 1 difference between state and cloud; 1 stack could not be compared\n")
    assert "**s3 could not be compared:** no access" in told
    assert told.index("<details><summary>Provider noise: 1") > told.index("### Changed by hand: 1")
    assert "- `aurops up s1 --refresh` takes it back" in told
    many = tuple(drifted("s1", Cause.HAND, f"k{n}") for n in range(450))
    long = drift_output.markdown([StackDrift("s1", many)], [])
    assert "400 more are in the JSON" in long
    worst = tuple(drifted("s1", cause, "`" * 300, "`" * 3000, "|" * 3000) for cause in Cause for _ in range(60))
    assert len(drift_output.markdown([StackDrift("s1", worst)], []).encode()) < 1 << 20
    assert drift_output.markdown([StackDrift("s2")], []).startswith("## Drift: state and cloud agree\n")


def test_nothing_that_could_be_compared_is_no_good_news() -> None:
    """A backend that holds no stack, or stacks that all fail, is not state and cloud that agree."""
    none = drift_output.markdown([], ["s4"])
    assert none.startswith("## Drift: no stack is up, so nothing was compared\n")
    assert drift_output.text([], ["s4"], diff=False).endswith("No stack is up, so nothing was compared")
    assert drift_output.markdown(FOUND[2:], []).startswith("## Drift: 1 stack could not be compared\n")
    assert drift_output.markdown(FOUND[1:], []).startswith(
        "## Drift: state and cloud agree; 1 stack could not be compared\n"
    )


def test_the_document_carries_its_schema_and_all_of_it() -> None:
    """For programs."""
    told = json.loads(json.dumps(drift_output.document(FOUND, ["s4"])))
    assert (told["schema"], told["not_up"]) == (1, ["s4"])
    first, _, failed = told["stacks"]
    assert first["counts"] == {"gone": 0, "hand": 1, "failover": 0, "noise": 1}
    assert first["drifted"][0]["mend"] == [{"does": "takes it back", "command": "aurops up s1 --refresh"}]
    assert (failed["error"]["what"], failed["error"]["exit_code"]) == ("no access", 3)


def test_noise_alone_is_yes_drift_is_no_and_a_failure_is_neither() -> None:
    """The exit code: 0, 1, or that of what could not be looked at."""
    conclude([StackDrift("s1", (drifted("s1", Cause.NOISE),)), StackDrift("s2")], lab=False)
    with pytest.raises(AnswerIsNoError, match="in 1 place"):
        conclude(FOUND[:2], lab=False)
    with pytest.raises(OutsideError, match="no access"):
        conclude(FOUND, lab=False)


@pytest.mark.parametrize(("lab", "where"), [(True, "the lab"), (False, "backend s3://states")])
def test_a_backend_with_nothing_up_is_no_yes(
    lab: bool,  # noqa: FBT001 (a column of the table)
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit 3: nothing was compared; it names the backend that was asked, which may be the wrong one."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    with pytest.raises(OutsideError, match="no stack is up, so nothing was compared") as caught:
        conclude([], lab=lab)
    assert caught.value.where == where
    assert "aurops up" in (caught.value.next_step or "")


def test_one_answer_has_one_form() -> None:
    """Exit 2 before anything is looked at."""
    assert here("drift", "--lab", "--json", "--markdown", "-") == 2
