"""Drills as files: which fault, where, under which load, and what must hold. `failover-test --fault` is shorthand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aurops import documents
from aurops.errors import UsageError
from failover.drill import DrillOrder
from failover.faults import FAULTS, Answer, fault_named
from failover.measurement import Objective

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SCHEMA_FILE = Path(__file__).parent / "experiment.schema.json"
RTO_S = 3.0
AFTER_S = 3.0
LOOK_ON_S = 6.5
"""Longer than the policy waits before it calls a person about what it cannot be sure of."""
_EXPIRES_S = 60.0
_LEAST_REQUESTS = Objective().min_requests


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Load(_Part):
    """The clients; they write through the real traffic path, and wait for no answer before they send the next."""

    rate_per_s: float = Field(default=60.0, ge=20, le=1000)
    """Writes per second, 20 to 1000: with fewer no second of the drill can be judged."""
    seed: int = 1
    """Seed of the arrivals: a whole number."""
    seconds: float | None = Field(default=None, gt=0, le=60)
    """Load after the answer, with the fault still in effect, more than 0 and up to 60 s: after traffic is open again
    (and on until clients are well, for 20 s at most), after a person was called, or for so long when nobody may move;
    without it 3 s, or 6.5 s when nobody may move."""


class Objectives(_Part):
    """What must hold, else the drill has failed."""

    rto_s: float | None = Field(default=None, ge=0)
    """Longest time to recover, in seconds, 0 or more; only for a fault that deserves a failover, without it 3."""
    rpo: int = Field(default=0, ge=0)
    """Acknowledged writes that may be lost, 0 or more."""
    success_ratio: float = Field(default=0.99, gt=0, le=1)
    """A second is good when at least this part of its writes was acknowledged: more than 0, up to 1."""
    p99_s: float = Field(default=0.5, gt=0)
    """… and the 99th percentile of their latencies is below this, in seconds."""


class Steady(_Part):
    """How long the service must be well: before, else the drill shows nothing; after, else something is left behind."""

    before_s: float = Field(default=3.0, ge=1, le=60)
    """Before the fault, 1 to 60 s."""
    after_s: float = Field(default=3.0, ge=1, le=60)
    """After its undo, 1 to 60 s."""


class Experiment(_Part):
    """One drill."""

    model_config = ConfigDict(title="An aurops experiment", populate_by_name=True)

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    """The version of this format: 1."""
    fault: Annotated[str, Field(json_schema_extra={"enum": list(FAULTS)})]
    """The fault's name; `aurops doctor` says which can be done on this machine."""
    region: str | None = None
    """Where; without it the region that serves, or for a fault of a standby the first one."""
    load: Load
    """The clients; `{}` takes the defaults."""
    objectives: Objectives = Objectives()
    """What must hold."""
    steady: Steady = Steady()
    """How long the service must be well before and after."""

    @model_validator(mode="before")
    @classmethod
    def _load_for_objectives(cls, given: Any) -> Any:
        if isinstance(given, dict) and "objectives" in given and "load" not in given:
            raise ValueError("objectives without load: without clients nobody would see whether they hold")
        return given

    @model_validator(mode="after")
    def _enough_to_judge(self) -> Self:
        shortest_s = min(self.steady.before_s, self.steady.after_s)
        expected = self.load.rate_per_s * (shortest_s - self.objectives.p99_s)
        if expected < _LEAST_REQUESTS:
            what = (
                f"{self.load.rate_per_s:g} writes/s for {shortest_s:g} s less p99_s are {max(expected, 0):.0f} requests"
            )
            raise ValueError(f"{what}: fewer than {_LEAST_REQUESTS} show nothing")
        return self

    def order(
        self, *, regions: Sequence[str], serving: str, possible: Collection[str] = FAULTS, where: str = ""
    ) -> DrillOrder:
        """What a drill is to do, on a target.

        Args:
            regions: The target's regions, in order of preference.
            serving: The one that serves.
            possible: The faults that the target can do.
            where: The experiment's file, for errors; empty: options of the command line.

        Raises:
            UsageError: The target has no such fault or region, or the fault does not go with the region or objectives.
        """
        region = self._region(regions, serving, possible, where)
        answer = fault_named(self.fault).case(serves=region == serving).answer
        if answer is not Answer.FAIL_OVER and self.objectives.rto_s is not None:
            what = f"the fault `{self.fault}` in {region} deserves no failover: there is no recovery to be timed"
            raise UsageError(what, where=_at("objectives.rto_s", where), allowed="leave it out")
        seconds = self.load.seconds or (LOOK_ON_S if answer is Answer.DO_NOTHING else AFTER_S)
        return DrillOrder(
            self.fault,
            region,
            tuple(regions),
            rate_per_s=self.load.rate_per_s,
            steady_s=self.steady.before_s,
            after_s=seconds,
            seed=self.load.seed,
            objective=Objective(success_ratio=self.objectives.success_ratio, p99_s=self.objectives.p99_s),
            fault_expires_s=_EXPIRES_S + seconds,
            rto_limit_s=RTO_S if self.objectives.rto_s is None else self.objectives.rto_s,
            rpo_limit=self.objectives.rpo,
            serving=serving,
            steady_after_s=self.steady.after_s,
        )

    def _region(self, regions: Sequence[str], serving: str, possible: Collection[str], where: str) -> str:
        if self.fault not in possible:
            known = self.fault in FAULTS
            what = f"the target cannot do the fault `{self.fault}`" if known else f"there is no fault `{self.fault}`"
            raise UsageError(what, where=_at("fault", where), allowed=", ".join(possible))
        fault = fault_named(self.fault)
        standby = next(name for name in regions if name != serving)
        region = self.region or (serving if fault.serving else standby)
        if region not in regions:
            what = f"there is no region `{region}`"
            raise UsageError(what, where=_at("region", where), allowed=", ".join(regions))
        if (fault.serving if region == serving else fault.standby) is None:
            kind = "the region that serves" if region == serving else "a standby"
            fitting = [name for name in regions if (fault.serving if name == serving else fault.standby)]
            what = f"the fault `{self.fault}` makes no sense in {region}, {kind}"
            raise UsageError(what, where=_at("region", where), allowed=", ".join(fitting))
        return region


def _at(key: str, where: str) -> str:
    return f"{where}: {key}" if where else f"--{key.rsplit('.', 1)[-1].removesuffix('_s')}"


def read(file: Path) -> Experiment:
    """The experiment in a file.

    Raises:
        UsageError: It cannot be read, or says what is not allowed: file, key, what is.
    """
    return documents.load(file, Experiment)


def schema_text() -> str:
    """The JSON Schema of these files, as it stands in `SCHEMA_FILE`; editors check by it while one types."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
