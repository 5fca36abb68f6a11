"""What a person writes down for a cutover: which proxies, how far at a time, who approves, what must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from aurops import documents
from aurops.errors import UsageError
from aurops.gates.refusals import with_calendars
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate, CapacityCheck, Check, Gate, PortCheck, unique
from migration.hosts import Host, HostName
from migration.model import TOTAL_WEIGHT
from migration.probes import Probe
from traffic.watching import SILENT_S, Critical, Page, Watching

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_FILE = Path(__file__).parent / "cutover.schema.json"
REHEARSALS = 3
"""How often a rollback is rehearsed before the first percent, at least."""
_HOUR_S = 3600.0
_LONGEST_S = 366 * 24 * _HOUR_S
"""No phase takes longer than a year."""
_YEARS = range(2000, 3000)
"""Of a `start`: from there the phases can be counted in both directions."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True)


class Region(_Part):
    """A region whose traffic is moved as one."""

    name: Name
    """Its name."""
    proxies: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The proxies that steer its traffic; all of them take each step side by side."""
    probe: Probe
    """What is asked of it from outside, ten times a second, from phase 2 on: a read and an idempotent write."""


class Times(_Part):
    """How long the phases last, in seconds; a rehearsal plays the same in minutes."""

    prepare_s: float = Field(default=24 * _HOUR_S, ge=0, le=_LONGEST_S)
    """Phase 1 begins so long before `start`."""
    traffic_s: float = Field(default=2 * _HOUR_S, ge=0, le=_LONGEST_S)
    """Phase 2 ends so long after `start`, at the earliest; its last drain must be over by then."""
    validate_s: float = Field(default=72 * _HOUR_S, ge=0, le=_LONGEST_S)
    """Phase 3 ends so long after `start`, at the earliest."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.validate_s < self.traffic_s:
            raise ValueError("validate_s is before traffic_s: phase 3 would end before phase 2")
        return self


class Soak(_Part):
    """How long all must stay well after each step."""

    for_s: float = Field(gt=0)
    """For so long, seconds."""
    every_s: float = Field(gt=0)
    """Looked at so often, seconds."""


class SignersFile(_Part):
    """Who may approve."""

    allowed: str
    """The allowed-signers file (ssh-keygen(1)), relative to this one; the plan's digest covers it."""
    revoked: str = ""
    """A file of revoked keys; it may change while a run lasts."""


class CriticalGate(_Part):
    """A check of `watch` that is bad enough to go back at once, without asking anybody."""

    check: Annotated[str, Field(min_length=1)]
    """Its name in `watch`: what sends traffic back also keeps it from going forward."""
    for_s: float = Field(ge=0)
    """It must have said no at every look for so long, seconds; 0: one look is enough."""
    every_s: float = Field(default=1.0, gt=0, le=60)
    """The watcher looks so often, seconds."""


class Gates(_Part):
    """What else must be open, besides what every cutover asks for."""

    prepare: Annotated[tuple[Gate, ...], Field(min_length=1)]
    """Phase 1: dashboards answer, on-call has acknowledged. At least one."""
    traffic: Annotated[tuple[Gate, ...], Field(min_length=1)]
    """Before the first percent: approvals, the window. At least one approval. Windows and freezes are for every further
    step and drain, too, which ask for no more of `needs_s` than their own soak or drain."""
    step: tuple[Gate, ...] = ()
    """Before every further step, of every region."""
    validate_: Annotated[tuple[Gate, ...], Field(alias="validate", min_length=1)]
    """Phase 3: the validation suite, performance against the baseline, sign-offs. At least one."""
    hand_over: Annotated[tuple[Gate, ...], Field(min_length=1)]
    """Before the point of no return: approvals. At least one."""

    _unique = field_validator("prepare", "traffic", "step", "validate_", "hand_over")(unique)

    @field_validator("traffic", "hand_over")
    @classmethod
    def _approved(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        if not any(isinstance(gate, ApprovalGate) for gate in gates):
            raise ValueError("nobody approves: at least one gate of the kind approval")
        return gates


class Cutover(_Part):
    """A cutover from V10 to V11."""

    model_config = ConfigDict(title="An aurops cutover")

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    """The version of this format: 1."""
    service: Name
    """Which service; two cutovers of one service exclude one another."""
    because: str = ""
    """Only after a rollback, for `aurops cutover release`: what was found and mended since. People approve it."""
    start: AwareDatetime
    """T0, when traffic begins to move, with an offset: 2026-12-05T22:00:00+01:00."""
    sites: dict[Name, str]
    """For every proxy the file that describes it (traffic/site.py, docs/traffic.md), relative to this one."""
    proxy_hosts: dict[Name, HostName] = {}
    """The host of each proxy, as it calls itself (`hostname`); one that is not named is on the runner's."""
    operator_hosts: tuple[HostName, ...] = ()
    """From where people roll back: at least two, each with aurops and ssh access to every proxy's host."""
    hosts: tuple[Host, ...] = ()
    """How those are reached with ssh from one another, where their names do not do."""
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    """The regions, in the order in which they are moved, one after another."""
    steps: Annotated[tuple[float, ...], Field(min_length=1)] = (1, 5, 10, 25, 50, 75, 100)
    """Percent of traffic that V11 gets, step by step; the last is 100."""
    times: Times = Times()
    """How long the phases last."""
    soak: Soak
    """How long all must stay well after each step."""
    capacity: Annotated[tuple[Check, ...], Field(min_length=1)]
    """That V10 is warm and can take back the current peak; asked before each step and all the time between. At least
    one check of the kind capacity, which compares the two, and one for each V10 that the regions have by their site
    files: who cannot go back must not go forward."""
    watch: Annotated[tuple[Check, ...], Field(min_length=1)]
    """What must stay well while traffic moves: errors, latency. At least one check."""
    critical: tuple[CriticalGate, ...] = ()
    """Which checks of `watch` the watcher beside each proxy asks by itself, and rolls back when they say no, also with
    no runner and no store."""
    page: Page
    """Whom that watcher calls when it has rolled back or holds: url, url_env or argv."""
    heartbeat_s: float = Field(default=SILENT_S, ge=3, le=600, validate_default=True)
    """While V11 has traffic, a runner that was killed, or a critical gate that does not answer, holds the cutover and
    pages after so many seconds: 3 to 600, and no less than two `every_s` and one `timeout_s` of any critical gate."""
    drain_s: float = Field(default=120.0, ge=0, le=3600)
    """WebSockets that are left on V10 at 100% are closed over so many seconds."""
    gates: Gates
    """What else must be open."""
    signers: SignersFile
    """Who may approve."""

    _unique = field_validator("capacity", "watch")(unique)

    @field_validator("start")
    @classmethod
    def _is_a_day_to_plan(cls, start: AwareDatetime) -> AwareDatetime:
        if start.year not in _YEARS:
            raise ValueError(
                f"start is in the year {start.year}: phases before and after it cannot be counted from there"
            )
        return start

    @field_validator("heartbeat_s")
    @classmethod
    def _outlasts_looks(cls, heartbeat_s: float, known: ValidationInfo) -> float:
        """A gate that answers whenever it is asked must not count as one that does not: also one look may get lost."""
        checks = {check.name: check for check in known.data.get("watch", ())}
        for gate in known.data.get("critical", ()):
            if gate.check not in checks:  # as is said elsewhere
                continue
            timeout_s = checks[gate.check].timeout_s
            least_s = 2 * gate.every_s + timeout_s
            if heartbeat_s < least_s:
                raise ValueError(
                    f"{heartbeat_s:g} s are too short for the critical gate `{gate.check}`: two looks, each "
                    f"{gate.every_s:g} s after the last, and its time-out of {timeout_s:g} s take {least_s:g} s"
                )
        return heartbeat_s

    @field_validator("steps")
    @classmethod
    def _grow(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        grows = list(steps) == sorted(set(steps)) and steps[0] > 0 and steps[-1] == 100  # noqa: PLR2004 (percent)
        if not (grows and all((step * TOTAL_WEIGHT / 100) == round(step * TOTAL_WEIGHT / 100) for step in steps)):
            raise ValueError("steps grow from above 0 to exactly 100, in hundredths of a percent")
        return steps

    @model_validator(mode="after")
    def _names(self) -> Self:
        unique((*self.capacity, *self.watch))
        regions = [region.name for region in self.regions]
        proxies = [proxy for region in self.regions for proxy in region.proxies]
        for what, names in (("region", regions), ("proxy", proxies)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"a {what} is named twice: {', '.join(twice)}")
        if other := sorted(set(proxies) ^ set(self.sites)):
            raise ValueError(f"`sites` and the regions do not name the same proxies: {', '.join(other)}")
        if other := sorted(set(self.proxy_hosts) - set(proxies)):
            raise ValueError(f"`proxy_hosts` names other proxies: {', '.join(other)}")
        if len(set(self.operator_hosts)) < len(self.operator_hosts):
            raise ValueError("an operator's host is named twice")
        return self

    @model_validator(mode="after")
    def _critical(self) -> Self:
        known = {check.name: check.kind for check in self.watch}
        names = [gate.check for gate in self.critical]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"critical twice: {', '.join(twice)}")
        for name in names:
            if name not in known:
                raise ValueError(f"critical: `watch` has no check `{name}`; it has {', '.join(known)}")
            if known[name] == "port":
                raise ValueError(f"critical: `{name}` is a port, which the watcher beside a proxy cannot ask")
        return self

    def watching(self, run: str, proxy: str) -> Watching:
        """What the watcher beside a proxy is to obey."""
        known = {check.name: check for check in self.watch if not isinstance(check, PortCheck)}
        critical = tuple(
            Critical(check=known[gate.check], for_s=gate.for_s, every_s=gate.every_s) for gate in self.critical
        )
        return Watching(
            service=self.service, run=run, proxy=proxy, critical=critical, page=self.page, silent_s=self.heartbeat_s
        )

    @property
    def rehearsals(self) -> int:
        """How often a rollback is rehearsed: from each operator's host at least once."""
        return max(REHEARSALS, len(self.operator_hosts))

    @property
    def proxies(self) -> tuple[str, ...]:
        """All proxies, region by region."""
        return tuple(proxy for region in self.regions for proxy in region.proxies)

    def all_gates(self) -> dict[str, tuple[Gate, ...]]:
        """Every gate of the file by key."""
        gates = self.gates
        return {
            "gates.prepare": gates.prepare,
            "gates.traffic": gates.traffic,
            "gates.step": gates.step,
            "gates.validate": gates.validate_,
            "gates.hand_over": gates.hand_over,
            "capacity": self.capacity,
            "watch": self.watch,
        }


def read(file: Path) -> tuple[Cutover, Signers]:
    """The cutover in a file, with its freeze calendars and allowed signers read.

    Raises:
        UsageError: It cannot be read, or says what is not allowed: file, key, what is.
    """
    cutover = documents.load(file, Cutover)
    _refuse_unproven(cutover, f"{file}: capacity")
    folder = file.parent
    gates = {
        name: with_calendars(getattr(cutover.gates, name), folder, f"{file}: gates.{field.alias or name}")
        for name, field in type(cutover.gates).model_fields.items()
    }
    allowed = (folder / cutover.signers.allowed).absolute()
    revoked = (folder / cutover.signers.revoked).absolute() if cutover.signers.revoked else None
    try:
        text = allowed.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise UsageError(
            "the allowed signers cannot be read",
            where=f"{file}: signers.allowed: {allowed}",
            allowed='lines of ssh-keygen(1): NAME namespaces="aurops-approval" PUBLIC_KEY',
        ) from cause
    signers = Signers(text, str(allowed), str(revoked or ""))
    sites = {name: str((folder / path).absolute()) for name, path in cutover.sites.items()}
    _refuse_one_as_two(sites, str(file))
    regions = tuple(each.model_copy(update={"probe": each.probe.below(folder)}) for each in cutover.regions)
    updates = {"gates": cutover.gates.model_copy(update=gates), "sites": sites, "regions": regions}
    return cutover.model_copy(update=updates), signers


def _refuse_unproven(cutover: Cutover, where: str) -> None:
    """Only of a file, not of the plan in a run's journal: a run that was begun without goes on, and goes back."""
    if not any(isinstance(check, CapacityCheck) for check in cutover.capacity):
        what = "nothing proves that V10 can take the current peak: no check compares the two"
        allowed = "at least one check of the kind capacity, with `can_take` and `peak`"
        raise UsageError(what, where=where, allowed=allowed, next_step="docs/gates.md has one to copy")


def _refuse_one_as_two(sites: Mapping[str, str], where: str) -> None:
    """Two proxies of one site file would be one, which each step would move twice."""
    of_file = dict[Path, str]()
    for name, site in sites.items():
        if (other := of_file.setdefault(Path(site).resolve(), name)) != name:
            what = f"{other} and {name} are described by one file, {site}: they would be one proxy under two names"
            raise UsageError(what, where=f"{where}: sites.{name}", allowed="a site file for each proxy")


def schema_text() -> str:
    """The JSON Schema of these files, as it stands in `SCHEMA_FILE`; editors check by it while one types."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Cutover.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
