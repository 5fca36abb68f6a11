"""Stores of every kind that one machine can hold."""

from __future__ import annotations

import logging
import urllib.request
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

from aurops.store import Store, open_store
from tests.aurops.contenders import Hooked, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server on a free loopback port, with the bucket `runs`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for each of a schedule's 90 requests
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    make = urllib.request.Request(f"{endpoint}/runs", method="PUT")  # noqa: S310 (our own loopback server)
    urllib.request.urlopen(make, timeout=10).close()  # noqa: S310
    yield endpoint
    server.stop()


@pytest.fixture
def s3_env(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of somebody who uses that server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return s3_endpoint


@pytest.fixture(params=["file", "memory", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A URL of each kind, empty for each test."""
    if request.param == "s3":
        request.getfixturevalue("s3_env")
        return f"s3://runs/{tmp_path.name}"
    return "memory://" if request.param == "memory" else str(tmp_path / "store")


@pytest.fixture
def store(store_url: str) -> Store:
    """An empty store of each kind; patient, for a busy machine's slow answer is no lost one."""
    return open_store(store_url, timeout_s=60.0)


@pytest.fixture
def scene() -> Scene:
    """An empty store and a clock."""
    return Scene()


@pytest.fixture
def hooked(scene: Scene) -> Hooked:
    """The scene's store behind hooks."""
    return Hooked(scene.store)
