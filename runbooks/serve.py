"""`aurops runs serve`: runs in a browser on this machine, as their journals say, read-only, behind a token."""

from __future__ import annotations

import json
import secrets
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, quote, urlsplit

import typer

from aurops import page, report_rows
from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError, UsageError
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.report import Verdict
from aurops.store import default_store_url, open_store

if TYPE_CHECKING:
    from aurops.report import Report
    from aurops.store import Store

LOOPBACK = ("127.0.0.1", "localhost")
REFRESH_S = 5
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing is kept, asked for elsewhere, framed, or told to whom a link leads."""


class Pages:
    """What is shown, made anew when a journal has grown.

    Args:
        store: Where runs are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._journals: dict[str, Journal] = {}
        """The run that is looked at: what was read of it is not read again."""
        self._made: dict[str, tuple[object, Report, str]] = {}
        """By run: what tells its page from a later one (`_state`), and that page."""

    def index(self, token: str) -> str:
        """All runs, latest first."""
        runs = list(reversed(list_runs(self._store)))
        return page.render("runbooks/runs.html.j2", {}, runs=runs, token=token, quote=quote)

    def run(self, run: str) -> tuple[str, bool]:
        """A run's page, and whether it may still change.

        Raises:
            UsageError: There is no such run.
            AuropsError: Its journal cannot be read, or is not what was written.
        """
        if run not in list_runs(self._store):
            raise UsageError(f"there is no run `{run}`", next_step="go back to the list")
        with self._lock:  # whoever comes meanwhile gets the same page
            journal = self._read(run)
            state = _state(journal, self._store)
            if run not in self._made or self._made[run][0] != state:
                made = report_of(journal, self._store)
                live = f"looked at again every {REFRESH_S} s" if made.verdict is Verdict.OPEN else ""
                self._made = {run: (state, made, made.to_html(live=live))}
            _, made, html = self._made[run]
        return html, made.verdict is Verdict.OPEN

    def _read(self, run: str) -> Journal:
        """Its journal as it stands: as a whole at first, then what is new; as a whole again after it was wrong."""
        known = self._journals.pop(run, None)
        if known is None:
            known = Journal.open(self._store, run, RealClock())
        else:
            known.read_on()
        self._journals = {run: known}
        return known


def _state(journal: Journal, store: Store) -> object:
    """What a run's page is made of: its last hash; of a cutover its rollbacks, too, whose journals are their own."""
    if History(journal.records[:1]).kind != "cutover":
        return journal.head_hash
    from runbooks import cutover_reports  # noqa: PLC0415 (it brings a plan's model along)

    return journal.head_hash, cutover_reports.rolled_back(journal, store)


def report_of(journal: Journal, store: Store) -> Report:
    """The report of a run of any kind."""
    if (kind := History(journal.records[:1]).kind) == "cutover":
        from runbooks import cutover_reports  # noqa: PLC0415 (it brings a plan's model along)

        return cutover_reports.report_of(journal, store)
    if kind == "rehearsal":
        from migration import rehearsals  # noqa: PLC0415 (only who asks for one)

        return rehearsals.report(journal.records)
    return report_rows.report(journal.records)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of this very host and port, with the token; everything else is refused."""

    server: Server
    server_version, sys_version = "aurops", ""
    timeout = 10.0

    def do_GET(self) -> None:
        """A page, or why there is none."""
        try:
            url = urlsplit(self.path)
        except ValueError:
            return self._say(HTTPStatus.BAD_REQUEST, "This is no address.")
        if self._refused(url.query):
            return None
        try:
            self._show(url.path)
        except UsageError as error:
            self._say(HTTPStatus.NOT_FOUND, error.what)
        except AuropsError as error:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, str(error), refresh=True)

    def do_HEAD(self) -> None:
        """The same without its body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Nothing is changed from here."""
        if not self._is_foreign():
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, "This page only shows.", Allow="GET, HEAD")

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_POST  # noqa: N815 (http.server's names)

    def _show(self, path: str) -> None:
        folder, _, run = path.removeprefix("/").partition("/")
        if not folder:
            self._send(HTTPStatus.OK, self.server.pages.index(self.server.token), refresh=True)
        elif folder == "runs" and run:
            html, may_change = self.server.pages.run(run)
            self._send(HTTPStatus.OK, html, refresh=may_change)
        else:
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _is_foreign(self) -> bool:
        """Refuse what was meant for another name: a page elsewhere whose name now leads here (DNS rebinding)."""
        port = self.server.server_address[1]
        if self.headers.get_all("Host", []) in [[f"{name}:{port}"] for name in LOOPBACK]:
            return False
        self._say(HTTPStatus.MISDIRECTED_REQUEST, "This is not the host that was asked.")
        return True

    def _refused(self, query: str) -> bool:
        if self._is_foreign():
            return True
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        given = parse_qs(query).get("token", [bearer])[0]
        if secrets.compare_digest(given.encode(), self.server.token.encode()):
            return False
        self._say(HTTPStatus.UNAUTHORIZED, "The token is missing or wrong: `aurops runs serve` printed the address.")
        return True

    def _say(self, status: HTTPStatus, text: str, *, refresh: bool = False, **headers: str) -> None:
        self._send(status, text + "\n", refresh=refresh, kind="text/plain", **headers)

    def _send(
        self, status: HTTPStatus, text: str, *, refresh: bool = False, kind: str = "text/html", **headers: str
    ) -> None:
        body = text.encode()
        own = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), **headers}
        own |= {"Refresh": str(REFRESH_S)} if refresh else {}
        self.send_response(status)
        for name, value in (_HEADERS | own).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The token would be in it."""


class Server(ThreadingHTTPServer):
    """A thread for each browser; one that goes away in the middle is nothing to tell."""

    def __init__(self, address: tuple[str, int], pages: Pages, token: str) -> None:
        self.pages = pages
        self.token = token
        super().__init__(address, Handler)

    def handle_error(self, *_: object) -> None:
        """Say what went wrong with an answer, unless nobody waits for it any more."""
        error = sys.exception()
        if not isinstance(error, (ConnectionError, TimeoutError)):
            typer.echo(f"aurops: a page could not be made: {type(error).__name__}: {error}", err=True)


def listening(store: Store, host: str, port: int, token: str) -> Server:
    """A server that is bound, and not yet at work.

    Args:
        store: Where runs are.
        host: A name of this machine's loopback.
        port: 0: a free one.
        token: What a request must bring.

    Raises:
        UsageError: The host is not loopback.
        OutsideError: The port is taken.
    """
    if host not in LOOPBACK:
        raise UsageError(
            "runs are served on loopback only: a journal says how production is reached",
            where=f"--host {host}",
            allowed=", ".join(LOOPBACK),
            next_step="from another machine: ssh -L PORT:127.0.0.1:PORT, with the same port at both ends",
        )
    try:
        return Server((host, port), Pages(store), token)
    except OSError as cause:
        raise OutsideError(f"nothing can listen there: {cause.strerror}", where=f"--port {port}") from cause


def serve(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Which run; without it a list.")] = None,
    *,
    host: Annotated[str, typer.Option(help="A name of this machine's loopback; no other is allowed.")] = LOOPBACK[0],
    port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Show runs in a browser on this machine, read-only, until Ctrl-C; prints the address with its token."""
    store, token = open_store(default_store_url()), secrets.token_urlsafe(24)
    if run is not None:
        Journal.open(store, run, RealClock())
    with listening(store, host, port, token) as server:
        path = f"/runs/{quote(run)}" if run else "/"
        url = f"http://{host}:{server.server_address[1]}{path}?token={token}"
        typer.echo(json.dumps({"url": url}) if as_json else url)
        server.serve_forever(poll_interval=0.2)
