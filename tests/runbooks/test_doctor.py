"""`aurops doctor` on machines that lack something."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from aurops.errors import OutsideError
from runbooks import doctor
from testbeds.local import components
from tests.runbooks.here import here

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of this test's own."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))


def test_what_is_there_is_named_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; each component, the store, and how far each target was ever tried for real."""
    assert here("doctor", "--json") == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"postgres", "valkey", "envoy", "store", "pulumi"} <= set(found)
    assert found["postgres"]["ok"]
    assert found["postgres"]["detail"][0].isdigit()
    assert found["store"]["detail"].endswith("/store")
    assert here("doctor") == 0
    text = capsys.readouterr().out
    assert "real processes on one machine" in text
    assert "never run against an account" in text


def test_what_is_missing_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1: a drill cannot run here; the component, and the next step."""

    def missing() -> None:
        raise OutsideError("no Envoy", next_step="make setup")

    missing.__name__ = "envoy"
    monkeypatch.setattr(components, "envoy", missing)
    assert here("doctor") == 1
    told = capsys.readouterr()
    assert "missing  envoy      no Envoy\n         next: make setup" in told.out
    assert "a local drill cannot run here: envoy missing" in told.err


def test_a_store_that_does_not_answer_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is examined like everything else; what was found besides is still said."""
    monkeypatch.setenv("AUROPS_STORE", "s3://none/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert here("doctor", "--json") == 1
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert not found["store"]["ok"]
    assert found["postgres"]["ok"]


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 3\n", "not a program", "#!/bin/sh\nexec sleep 60\n"])
def test_a_pulumi_that_does_not_work_is_a_finding_and_no_failure(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that fails, is no program, or hangs: it is named, a drill does not need it, and --version goes on."""
    program = tmp_path / "pulumi"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(doctor, "ANSWER_S", 0.5)
    assert here("doctor", "--json") == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["pulumi"]["detail"] == f"{program} does not run, or does not say its version"
    assert here("--version") == 0
    assert "pulumi CLI none that answers" in capsys.readouterr().out
