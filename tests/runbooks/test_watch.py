"""`aurops watch`, refused; at work on real processes: tests/e2e/test_watch.py."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from failover.targets.simulated import REGIONS, SimulatedTarget
from failover.watch import Change, Event
from failover.watch_metrics import Exposition, WatchMetrics
from runbooks import service
from tests.runbooks.here import here


class Closable(SimulatedTarget):
    """Three regions in memory that can be closed."""

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Closable:
    """The one bed that is up."""
    found = Closable()
    bed = SimpleNamespace(id="b1", agents=dict.fromkeys(REGIONS, ""), edge_url="", folder=tmp_path)
    monkeypatch.setattr(service.beds, "find", lambda _bed: bed)
    monkeypatch.setattr(service.beds, "touch", lambda _bed: None)
    monkeypatch.setattr(service, "LocalTarget", lambda *_: found)
    monkeypatch.setenv("AUROPS_STORE", (tmp_path / "store").as_uri())
    return found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mode: never\n", "every kind of loss is `never`"),
        ("quorum: 9\n", "9 vantage points must agree, and there are 3"),
        ("cooldown_s: 3\n", "did you mean 'cool_down_s'"),
        ("losses: {nodes: sometimes}\n", "policy.yaml: losses.nodes"),
        ("quorum: 1\n", "policy.yaml: quorum"),
        ("- mode\n", "here a mapping is needed"),
        ("mode: [\n", "policy.yaml, line 2"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(
    text: str, says: str, target: Closable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, by file and key, before anything is started or taken."""
    del target
    (tmp_path / "policy.yaml").write_text(text)
    assert here("watch", "--policy", str(tmp_path / "policy.yaml")) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "store" / "lease").exists()


def test_a_service_that_is_closed_is_not_watched(target: Closable, capsys: pytest.CaptureFixture[str]) -> None:
    """What a safe stop has closed is a person's."""
    target.weights = {}
    assert here("watch") == 2
    assert "not one region that serves" in capsys.readouterr().err


def test_hold_and_resume_are_seen_by_whoever_asks(target: Closable, capsys: pytest.CaptureFixture[str]) -> None:
    """They last without a watch, for the one that comes."""
    del target
    assert here("watch", "status") == 0
    assert here("watch", "hold", "--reason", "moving racks") == 0
    assert here("watch", "status") == 0
    assert here("watch", "resume") == 0
    assert here("watch", "status") == 0
    said = capsys.readouterr().out.splitlines()
    assert "nobody watches it; it may act by itself" in said[0]
    assert "moving racks" in said[2]
    assert "it may act by itself" in said[-1]


@pytest.mark.parametrize(
    "arguments",
    [*(["--metrics", address] for address in ("", "x", "127.0.0.1:", "99999999", "h:http")), ["--webhook", "ftp://x"]],
)
def test_an_address_that_cannot_be_meant_is_refused(
    arguments: list[str], target: Closable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with what is allowed, before anything is started or taken."""
    del target
    assert here("watch", *arguments) == 2
    assert f"where: {' '.join(arguments)}" in capsys.readouterr().err
    assert not (tmp_path / "store" / "lease").exists()


def test_a_taken_address_is_said() -> None:
    """Exit 3, with the address."""
    shown = WatchMetrics("s")
    said: list[str] = []
    with Exposition(shown, "127.0.0.1", 0, said.append):
        port = int(said[0].rsplit(":", 1)[-1].split("/", maxsplit=1)[0])
        with (
            pytest.raises(Exception, match="metrics cannot be served"),
            Exposition(shown, "127.0.0.1", port, said.append),
        ):
            pass


def test_every_kind_of_change_has_a_counter_from_the_start() -> None:
    """An alert on a rate needs the zero before the first event."""
    shown = WatchMetrics("s")
    shown.changed(Event(at="now", service="s", change=Change.MOVED, region="north", why="w", text="t"))
    counted = {
        sample.labels["change"]: sample.value
        for family in shown.registry.collect()
        for sample in family.samples
        if sample.name == "aurops_watch_changes_total"
    }
    assert counted == {change.value: float(change is Change.MOVED) for change in Change}
