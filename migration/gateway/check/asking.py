"""Asks a platform over HTTP, and takes whatever comes for an answer."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Self

import httpx

from aurops.errors import OutsideError, UsageError
from migration.gateway.check.answers import Said

if TYPE_CHECKING:
    from types import TracebackType

    from migration.gateway.check.questions import Question

ANSWER_S = 30.0
NOT_COMPARED = {
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "upgrade",
    "via",
}
"""Headers that belong to one connection or say who serves (RFC 9110, 7.6.1 and 10.2.4); content-type is a field of its
own."""
OURS = "x-aurops-"
REQUEST_ID, IDEMPOTENCY_KEY = "x-request-id", "idempotency-key"


class Asked:
    """One platform, or one gateway. A context manager.

    Args:
        name: What it is called in errors.
        url: Its address.
        ca: Who signed its certificate, PEM; empty: as this machine knows them.

    Raises:
        UsageError: The address is none, or the certificate cannot be read.
    """

    def __init__(self, name: str, url: str, ca: str = "") -> None:
        self._name = name
        self._url = url.rstrip("/")
        if not self._url.startswith(("http://", "https://")):
            raise UsageError(f"this is no address of {name}: {url!r}", allowed="http://… or https://…")
        try:
            self._client = httpx.Client(timeout=ANSWER_S, trust_env=False, verify=_trusted(ca), http2=False)
        except OSError as error:
            raise UsageError(f"the authority's certificate cannot be read: {error}", where=ca) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def ask(self, question: Question, request_id: str, key: str = "") -> Said:
        """The answer; what did not come is one of status 0.

        Args:
            question: The request.
            request_id: Its `x-request-id`.
            key: Its idempotency key; empty: none.
        """
        headers = {REQUEST_ID: request_id} | ({IDEMPOTENCY_KEY: key} if key else {})
        if question.body is not None:
            headers["content-type"] = "application/json"
        try:
            said = self._client.request(
                question.verb, f"{self._url}{question.target}", content=question.body, headers=headers
            )
        except httpx.HTTPError as error:
            return Said(0, "", f"{type(error).__name__}: {error}")
        others = sorted((name, value) for name, value in said.headers.items() if _counts(name))
        return Said(said.status_code, said.headers.get("content-type", ""), said.text, tuple(others))

    def must_answer(self, question: Question, request_id: str, key: str = "") -> Said:
        """The answer of a platform without which nothing can be said.

        Raises:
            OutsideError: None came.
        """
        said = self.ask(question, request_id, key)
        if not said.status:
            raise OutsideError(
                f"{self._name} does not answer: {said.body}",
                where=f"{question.verb} {self._url}{question.target}",
                next_step="check the address, and that it is up; nothing was concluded",
            )
        return said


def place(url: str) -> tuple[str, int | None]:
    """Host and port that an address leads to, however it is written.

    Raises:
        UsageError: It is none.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UsageError(f"this is no address: {url!r}", allowed="http://… or https://…") from error
    host = parsed.host.lower().rstrip(".")
    port = parsed.port or {"http": 80, "https": 443}.get(parsed.scheme)
    return ("127.0.0.1" if host in ("localhost", "::1") else host), port


def _counts(name: str) -> bool:
    return name not in NOT_COMPARED and not name.startswith(OURS)


def _trusted(ca: str) -> ssl.SSLContext | bool:
    if not ca:
        return True
    return ssl.create_default_context(cafile=ca)
