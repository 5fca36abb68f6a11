"""What a watch shows to Prometheus.

Names end in their unit, as https://prometheus.io/docs/practices/naming/ asks; ages are left to the reader: a time stamp
that stands still says more than an age that a stopped process no longer updates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, start_http_server

from aurops.errors import OutsideError
from failover.detector import Vote
from failover.policy import Action, State
from failover.watch import Change

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from wsgiref.simple_server import WSGIServer

    from failover.policy import Finding
    from failover.standing import Desk
    from failover.watch import Event
    from failover.watching import Watching


class WatchMetrics:
    """The metrics of one watch.

    Args:
        service: Its label.
    """

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        states, actions = [state.value for state in State], [action.value for action in Action]
        self._state = self._enum("aurops_watch_state", "What is known of the region in force.", states)
        self._action = self._enum("aurops_watch_action", "What follows from it.", actions)
        self._judged = self._gauge("aurops_watch_judged_timestamp_seconds", "When it was last judged, wall time.")
        self._hands_off = self._gauge("aurops_watch_hands_off", "1: a person holds it, or the store is lost.")
        self._store_lost = self._gauge("aurops_watch_store_lost", "1: the store cannot be read or written.")
        self._in_force = self._gauge("aurops_region_in_force", "1: clients are sent there.", "region")
        self._unprotected = self._gauge("aurops_region_unprotected", "1: no copy of the one that writes.", "region")
        self._failures = self._gauge(
            "aurops_vantage_consecutive_failures", "Failed probes in a row; NaN: no report.", "vantage"
        )
        self._voting = self._gauge("aurops_vantage_voting", "1: its report is fresh.", "vantage")
        self._changes = Counter(
            "aurops_watch_changes",
            "Events told, by what they are about.",
            ["service", "change"],
            registry=self.registry,
        )
        for change in Change:
            self._changes.labels(service, change.value)

    def _enum(self, name: str, means: str, states: list[str]) -> Enum:
        made = Enum(name, means, ["service"], states=states, registry=self.registry)
        return made.labels(self._service)

    def _gauge(self, name: str, means: str, *labels: str) -> Gauge:
        return Gauge(name, means, ["service", *labels], registry=self.registry)

    def judged(self, found: Finding, watching: Watching, desk: Desk) -> None:
        """Note a judgement."""
        self._state.state(found.state.value)
        self._action.state(found.action.value)
        self._judged.labels(self._service).set_to_current_time()
        self._hands_off.labels(self._service).set(bool(desk.standing.hands_off))
        self._store_lost.labels(self._service).set(bool(desk.standing.lost))
        for vote in watching.verdict.evidence if watching.verdict else ():
            failures = float("nan") if vote.consecutive_failures is None else vote.consecutive_failures
            self._failures.labels(self._service, vote.vantage).set(failures)
            self._voting.labels(self._service, vote.vantage).set(vote.vote is not Vote.UNKNOWN)
        if watching.world is not None:
            unprotected = watching.world.unprotected(watching.region)
            for region in watching.world.regions:
                self._in_force.labels(self._service, region).set(bool(watching.world.weight(region)))
                self._unprotected.labels(self._service, region).set(region in unprotected)

    def changed(self, event: Event) -> None:
        """Count an event."""
        self._changes.labels(self._service, event.change.value).inc()


class Exposition:
    """Serves metrics over HTTP at `/metrics`; a context manager.

    Args:
        metrics: What.
        host: Address of this machine.
        port: 0 takes a free one.
        tell: Told where.

    Raises:
        OutsideError: On entering: it is taken, or not this machine's.
    """

    def __init__(self, metrics: WatchMetrics, host: str, port: int, tell: Callable[[str], None]) -> None:
        self._metrics = metrics
        self._host, self._port = host, port
        self._tell = tell
        self._serving: tuple[WSGIServer, threading.Thread] | None = None

    def __enter__(self) -> Self:
        try:
            self._serving = start_http_server(self._port, self._host, self._metrics.registry)
        except OSError as error:
            where = f"--metrics {self._host}:{self._port}"
            raise OutsideError(f"metrics cannot be served: {error.strerror or error}", where=where) from error
        self._tell(f"metrics at http://{self._host}:{self._serving[0].server_port}/metrics")
        return self

    def __exit__(self, *_: object) -> None:
        if self._serving is not None:
            server, thread = self._serving
            server.shutdown()
            server.server_close()
            thread.join()
