"""Drills as files."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from aurops.errors import UsageError
from failover import experiments
from failover.drill import DrillOrder
from failover.experiments import Experiment
from failover.faults import FAULTS, Answer

SHIPPED = sorted((Path(__file__).parents[2] / "testbeds" / "local" / "experiments").glob("*.yaml"))
REGIONS = ("north", "south", "west")
WHOLE = """
schema: 1
fault: kill
region: north
load: {rate_per_s: 80, seed: 7, seconds: 4}
objectives: {rto_s: 2.5, rpo: 1, success_ratio: 0.95, p99_s: 0.25}
steady: {before_s: 2, after_s: 5}
"""


def read(tmp_path: Path, text: str) -> DrillOrder:
    """What a drill is to do by this file."""
    file = tmp_path / "one.yaml"
    file.write_text(text)
    return experiments.read(file).order(regions=REGIONS, serving="north", where=file.name)


def test_every_key_of_an_experiment_reaches_the_drill(tmp_path: Path) -> None:
    """Fault, region, load, objectives, steady state: nothing is read and then forgotten."""
    order = read(tmp_path, WHOLE)
    assert (order.fault, order.region, order.serving) == ("kill", "north", "north")
    assert (order.rate_per_s, order.seed, order.after_s) == (80, 7, 4)
    assert (order.rto_limit_s, order.rpo_limit) == (2.5, 1)
    assert (order.objective.success_ratio, order.objective.p99_s) == (0.95, 0.25)
    assert (order.steady_s, order.steady_after_s) == (2, 5)
    assert order.fault_expires_s > order.after_s


def test_what_is_left_out_has_a_default_that_fits_the_fault(tmp_path: Path) -> None:
    """A fault of a standby goes to one; where nobody may move it is looked on for longer than the policy waits."""
    assert read(tmp_path, "fault: kill\nload: {}").region == "north"
    standby = read(tmp_path, "fault: slow-replica\nload: {}")
    assert (standby.region, standby.in_force) == ("south", "north")
    assert standby.after_s > 5
    assert read(tmp_path, "fault: double\nload: {}").after_s == 3


@pytest.mark.parametrize(
    ("text", "where", "says", "allowed"),
    [
        ("fault: kill\nload: {}\nregoin: north", "one.yaml: regoin", "did you mean 'region'?", "region"),
        ("fault: kill\nload: {rate: 9}", "one.yaml: load.rate", "not a known key", "rate_per_s"),
        ("fault: flood\nload: {}", "one.yaml: fault", "there is no fault `flood`", "flapping"),
        ("fault: kill\nload: {}\nregion: moon", "one.yaml: region", "no region `moon`", "north, south, west"),
        ("fault: double\nload: {}\nregion: south", "one.yaml: region", "makes no sense in south", "north"),
        ("fault: slow-replica\nload: {}\nregion: north", "one.yaml: region", "the region that serves", "south, west"),
        ("fault: kill\nobjectives: {rpo: 0}", "one.yaml", "objectives without load", None),
        ("fault: kill", "one.yaml: load", "'load' is missing", "takes the defaults"),
        ("fault: cache\nload: {}\nobjectives: {rto_s: 1}", "objectives.rto_s", "no recovery to be timed", "leave it"),
        ("fault: kill\nload: {rate_per_s: 5}", "load.rate_per_s", "greater than or equal to 20", "20 to 1000"),
        ("fault: kill\nload: {rate_per_s: 20}\nsteady: {before_s: 1}", "one.yaml", "show nothing", None),
        ("schema: 2\nfault: kill\nload: {}", "one.yaml: schema", "", "version of this format"),
        ("- fault", "one.yaml", "mapping is needed", "fault"),
        ("fault: [", "one.yaml", "not YAML", "valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place_and_what_is_allowed(
    text: str, where: str, says: str, allowed: str | None, tmp_path: Path
) -> None:
    """File, key, what would do: before anything is started."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert where in str(caught.value.where)
    assert says in caught.value.what
    assert allowed is None or allowed in str(caught.value.allowed)


def test_a_fault_that_the_target_cannot_do_is_refused(tmp_path: Path) -> None:
    """What it can do is named."""
    file = tmp_path / "one.yaml"
    file.write_text("fault: kill\nload: {}")
    with pytest.raises(UsageError) as caught:
        experiments.read(file).order(regions=REGIONS, serving="north", possible=["freeze"], where="one.yaml")
    assert caught.value.what == "the target cannot do the fault `kill`"
    assert caught.value.allowed == "freeze"


def test_the_schema_is_the_models_own() -> None:
    """Editors check by what aurops reads."""
    assert experiments.SCHEMA_FILE.read_text() == experiments.schema_text(), "run: python -m failover.experiments"
    jsonschema.Draft202012Validator.check_schema(json.loads(experiments.schema_text()))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_experiment_satisfies_the_schema_and_can_be_ordered(file: Path) -> None:
    """They are there to be copied."""
    schema = json.loads(experiments.SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator(schema).validate(YAML(typ="safe").load(file.read_text()))
    assert experiments.read(file).order(regions=REGIONS, serving="north").case.answer in Answer


def test_there_is_a_shipped_experiment_for_every_fault() -> None:
    """One file each, by its name."""
    assert {file.stem for file in SHIPPED} >= set(FAULTS)
    assert all(experiments.read(file).fault == file.stem for file in SHIPPED if file.stem in FAULTS)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    """An unknown key and an unknown fault are underlined while one types."""
    validator = jsonschema.Draft202012Validator(json.loads(experiments.schema_text()))
    assert validator.is_valid({"fault": "kill", "load": {}})
    for wrong in ({"fault": "flood", "load": {}}, {"fault": "kill"}, {"fault": "kill", "load": {}, "regoin": "north"}):
        assert not validator.is_valid(wrong)


def test_the_shorthand_is_the_same_model() -> None:
    """A fault alone is an experiment with defaults."""
    order = Experiment.model_validate({"fault": "freeze", "load": {}}).order(regions=REGIONS, serving="north")
    assert order == Experiment(fault="freeze", load=experiments.Load()).order(regions=REGIONS, serving="north")
