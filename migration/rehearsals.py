"""Rehearsed rollbacks of a cutover: each a run of its own, with a journal and a report.

Every proxy is rolled back as in earnest, by what lies ready, side by side; its latch is released when that took effect.
Only a run that did so at all proxies of the plan, and ended well, counts before the first percent moves.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aurops import execution, report_rows
from aurops.calls import CallPool
from aurops.errors import AuropsError, OutsideError
from aurops.files import write_durably
from aurops.history import History, Outcome
from aurops.journal import Journal, RecordKind, list_runs
from aurops.plan import Answer, CallUnknownError, Observation, StaleEpochError
from aurops.ports import Rehearsed
from aurops.report import Figure, Report

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from aurops.clock import Clock
    from aurops.journal import Record
    from aurops.plan import Json
    from aurops.store import Store
    from migration.model import Target

KIND = "rehearsal"
"""The goal in the first record of such a run."""


class Rehearsals:
    """The rehearsed rollbacks of one cutover.

    Args:
        store: Holds the runs.
        clock: Time.
        run: The cutover's.
        service: Its service.
        proxies: All of its proxies.
        target: They.
        reports: The folder for their HTML reports; None: none are written.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        run: str,
        service: str,
        proxies: tuple[str, ...],
        target: Target,
        *,
        reports: Path | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._run = run
        self._service = service
        self._proxies = proxies
        self._target = target
        self._reports = reports

    def rehearse(self, number: int, reason: str, epoch: int, timeout_s: float) -> Answer:
        """One rehearsal at every proxy.

        Args:
            number: Which, from 1.
            reason: What its latches say.
            epoch: Of the cutover.
            timeout_s: How long a proxy may take.

        Raises:
            CallUnknownError: Of a proxy nobody knows whether it was rolled back.
            StaleEpochError: A proxy obeys a newer epoch.
            AuropsError: It did not end well, and which run tells why.
        """
        about: dict[str, Json] = {"after": self._run, "service": self._service, "number": number}
        journal = execution.begin(
            self._store, self._clock, KIND, about | {"reason": reason, "proxies": list(self._proxies)}
        )
        for proxy in self._proxies:
            intent: dict[str, Json] = {"stage": "rehearse", "step": _step(proxy), "action": KIND, "reason": reason}
            journal.append(RecordKind.INTENT, intent | {"arguments": {"proxy": proxy}, "no_return": False})
        with CallPool(len(self._proxies), KIND) as pool:
            calls = {
                proxy: pool.submit(self._target.rehearse, proxy, reason, epoch, timeout_s) for proxy in self._proxies
            }
        errors = [error for proxy, call in calls.items() if (error := _conclude(journal, proxy, call))]
        journal.append(RecordKind.FINISHED, {"outcome": "failed" if errors else "done"})
        said: dict[str, Json] = {"rehearsal": journal.run, **self._report(journal)}
        if errors:
            raise _worst(errors, journal.run)
        took_s = {proxy: call.result().data.get("took_s", 0.0) for proxy, call in calls.items()}
        return Answer(said | {"took_s": max(float(str(each)) for each in took_s.values()), "proxies": dict(took_s)})

    def rehearsed(self, timeout_s: float) -> Observation[Rehearsed]:  # noqa: ARG002 (the protocol's)
        """Which rehearsals of this cutover ended well, and which did not, by their own journals."""
        at_s = self._clock.now_s()
        well: list[str] = []
        not_well: list[str] = []
        try:
            for run in list_runs(self._store):
                if f"-{KIND}-" not in run:
                    continue
                history = History(Journal.open(self._store, run, self._clock).records)
                if history.kind != KIND or history.arguments.get("after") != self._run:
                    continue
                whole = all(history.latched(_step(proxy)) for proxy in self._proxies)
                (well if history.finished == "done" and whole else not_well).append(run)
        except AuropsError as error:
            return Observation(None, at_s, self._store.url, error.what)
        return Observation(Rehearsed(tuple(well), tuple(not_well)), at_s, self._store.url)

    def _report(self, journal: Journal) -> dict[str, Json]:
        """Write its report, if anywhere: the file, and its SHA-256."""
        if self._reports is None:
            return {}
        file, html = self._reports / f"{journal.run}.html", report(journal.records).to_html()
        try:
            self._reports.mkdir(parents=True, exist_ok=True)
            write_durably(file, html)
        except OSError as cause:
            what = f"the report of the rehearsal cannot be written: {cause.strerror}"
            raise OutsideError(what, where=str(file), next_step="make room, then aurops runs resume") from cause
        return {"report": str(file), "report_digest": hashlib.sha256(html.encode()).hexdigest()}


def report(records: tuple[Record, ...]) -> Report:
    """The report of a rehearsed rollback, from its journal alone; times are seconds since its first record."""
    about = History(records).arguments
    took_s = [float(str(record.data["took_s"])) for record in records if "took_s" in record.data]
    slowest = Figure(
        name="Rolled back",
        measured=max(took_s, default=None),
        unit="s",
        means="The slowest proxy: from the call until its counters and its steering say that V10 gets everything.",
    )
    return report_rows.report(records).model_copy(
        update={
            "title": f"Rollback of {about['service']}, rehearsal {about['number']}",
            "summary": f"At {', '.join(about['proxies'])}, before the first percent of run {about['after']}.",
            "objectives": (slowest,),
        }
    )


def _step(proxy: str) -> str:
    return f"roll back {proxy}"


def _conclude(journal: Journal, proxy: str, call: Future[Answer]) -> Exception | None:
    """Journal how a proxy's call ended; what went wrong."""
    error = call.exception()
    if error is None:
        journal.append(RecordKind.RESULT, {"step": _step(proxy), "outcome": Outcome.DONE.value, **call.result().data})
        return None
    if not isinstance(error, Exception):
        raise error
    outcome = Outcome.UNKNOWN if isinstance(error, CallUnknownError) else Outcome.FAILED
    journal.append(RecordKind.RESULT, {"step": _step(proxy), "outcome": outcome.value, "error": str(error)})
    return error


def _worst(errors: list[Exception], run: str) -> Exception:
    """What the cutover must know: that its epoch is over, that nobody knows, or why it failed."""
    for kind in (StaleEpochError, CallUnknownError):
        if found := next((error for error in errors if isinstance(error, kind)), None):
            return found
    why = errors[0].what if isinstance(errors[0], AuropsError) else str(errors[0])
    return OutsideError(f"the rehearsed rollback did not end well: {why}", where=f"run {run}")
