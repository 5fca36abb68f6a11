"""Options that mean nothing beside one another, and reasons that say nothing, are refused before anything is done."""

from pathlib import Path

import pytest

from tests.runbooks.here import here

NOWHERE = "no-such-plan.yaml"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--rehearse", "--dry-run"], "--rehearse cannot be given with --dry-run"),
        (["--rehearse", "--wait"], "--rehearse cannot be given with --wait"),
        (["--rehearse", "--yes", "--lasts", "60"], "--rehearse cannot be given with --yes"),
        (["--rehearse", "--dry-run", "--yes"], "--rehearse cannot be given with --dry-run and --yes"),
        (["--lasts", "60"], "--lasts means nothing without --rehearse"),
        (["--lasts", "60", "--dry-run"], "--lasts means nothing without --rehearse"),
        (["--dry-run", "--wait"], "--dry-run cannot be given with --wait"),
        (["--dry-run", "--yes"], "--dry-run cannot be given with --yes"),
        (["--dry-run", "--report", "r.html"], "--dry-run cannot be given with --report"),
    ],
)
def test_a_cutover_refuses_options_that_mean_nothing_together(
    given: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with which of them to leave out; nothing is read, played or written. A release refuses the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("runbooks.cutover.cutover_file.read", lambda _: pytest.fail("the plan was read"))
    assert here("cutover", NOWHERE, *given) == 2
    told = capsys.readouterr()
    assert named in told.err
    assert "leave out" in told.err
    assert told.out == ""
    if named.startswith("--dry-run"):
        assert here("cutover", "release", NOWHERE, *given) == 2
        assert named in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--rehearse"],
        ["--rehearse", "--lasts", "60", "--json", "--report", "r.html"],
        ["--dry-run", "--json"],
        ["--wait", "--yes", "--report", "r.html"],
    ],
)
def test_options_that_mean_something_together_are_taken(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """They come as far as the plan, which is not there."""
    assert here("cutover", NOWHERE, *given) == 2
    told = capsys.readouterr().err
    assert NOWHERE in told
    assert "cannot be given" not in told


@pytest.mark.parametrize("reason", ["", " \t\n"])
@pytest.mark.parametrize(
    "command",
    [
        *(["hold", "RUN"], ["release", "RUN"], ["release", "RUN", "--gate", "by hand"], ["approve", "RUN", "--yes"]),
        *(["runs", "pause", "RUN"], ["runs", "abort", "RUN"], ["runs", "skip", "RUN", "west 5%"]),
        *(["halt"], ["watch", "hold"], ["rollback", "--file", "rollback.json"]),
    ],
    ids=" ".join,
)
def test_a_reason_that_others_are_shown_is_not_empty(
    command: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 in the same words, whoever is to read it; the store is not even opened."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    if command[0] == "rollback":
        monkeypatch.setattr("runbooks.rollback.back.read", lambda _: pytest.fail("the way back was read"))
    assert here(*command, "--reason", reason) == 2
    told = capsys.readouterr().err
    assert "no reason is given" in told
    assert "--reason" in told
    assert not (tmp_path / "store").exists()
