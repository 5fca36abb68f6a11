"""The links of a bed: they pass on everything, hold it while they are cut, and lose nothing."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from aurops.errors import OutsideError
from testbeds.local import layout, ports, wiring
from testbeds.local.layout import BLOCK_SIZE, REGIONS, VANTAGES, Layout, Link, Wiring
from testbeds.local.links import Way

SILENT_S = 0.2


def bed(folder: Path, first_port: int = 20_000) -> Layout:
    """A bed without links."""
    components = layout.Components(postgres_bin="", valkey="", envoy="")
    return layout.plan(uuid.uuid4().hex, folder, first_port, components, None)


def test_every_way_into_a_region_and_between_regions_has_a_link(tmp_path: Path) -> None:
    """From outside: agent and nodes; from each other region: database and cache; from inside: nothing between."""
    place = wiring.wire(bed(tmp_path), [30_000, 31_000])
    assert place.wiring is not None
    outside = wiring.seen_from(place, wiring.OUTSIDE)
    for plain, seen in zip(place.regions, outside.regions, strict=True):
        assert seen.agent_port != plain.agent_port
        assert set(seen.node_ports).isdisjoint(plain.node_ports)
    south = wiring.seen_from(place, "south")
    assert south.region("south") == place.region("south")
    assert south.region("north").postgres_port != place.region("north").postgres_port
    assert south.region("north").valkey_port != wiring.seen_from(place, "west").region("north").valkey_port
    used = [link.port for link in place.wiring.links]
    assert len(set(used)) == len(used) == 3 * 3 + 6 * 2 + 2 * len(VANTAGES)
    assert all(port % 1000 < BLOCK_SIZE for port in used)
    at_north = list(wiring.at_the_border(place, "north"))
    assert {link.source for link in at_north} == {wiring.OUTSIDE, *REGIONS}


def test_a_layout_with_links_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Every process of the bed sees the same links."""
    place = wiring.wire(bed(tmp_path), [30_000, 31_000])
    layout.save(place)
    assert layout.load(place.file) == place


def test_a_layout_of_another_version_says_so(tmp_path: Path) -> None:
    """A bed that was up before an upgrade is no bug: it is to be taken down."""
    made = bed(tmp_path)
    layout.save(made)
    old = json.loads(made.file.read_text())
    for change in ({"regions": [{}]}, {"grown": 1}):
        made.file.write_text(json.dumps(old | change))
        with pytest.raises(OutsideError, match="another version of aurops"):
            layout.load(made.file)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it is told."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(one,), daemon=True).start()

    def answer(one: socket.socket) -> None:
        with one:
            while data := one.recv(65536):
                one.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def place(tmp_path: Path, echo: int, run_module: Any, wait_for: Any) -> Layout:
    """A bed with one link, to the echo, that is served."""
    with ports.claim(None) as claimed:
        first = claimed.getsockname()[1]
    link = Link(source="outside", to="north", port=first + 1, to_port=echo)
    place = replace(bed(tmp_path, first), wiring=Wiring(control_port=first + 2, links=(link,), report_ports={}))
    layout.save(place)
    run_module("testbeds.local.links", f"--layout={place.file}", stdin=True)
    wait_for(lambda: listens(first + 2))
    return place


def listens(port: int) -> bool:
    """Whether somebody does."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def cut(place: Layout, *ways: Way) -> dict[str, Any]:
    """Cut the link so; without a way: heal it."""
    assert place.wiring is not None
    cuts = [{"port": place.wiring.links[0].port, "way": way} for way in ways]
    url = f"http://127.0.0.1:{place.wiring.control_port}/cut"
    answer = httpx.post(url, json={"cuts": cuts}, trust_env=False).raise_for_status()
    said: dict[str, Any] = answer.json()
    return said


def connect(place: Layout) -> socket.socket:
    """A connection by the link."""
    assert place.wiring is not None
    return socket.create_connection(("127.0.0.1", place.wiring.links[0].port), timeout=10)


def hear(one: socket.socket, within_s: float = 10.0) -> bytes | None:
    """What is said; None when nothing is."""
    one.settimeout(within_s)
    try:
        return one.recv(100)
    except TimeoutError:
        return None


@pytest.mark.parametrize("way", Way)
def test_a_cut_holds_what_is_said_and_delivers_it_late(way: Way, place: Layout) -> None:
    """An open connection stays open and silent; when it is healed, nothing of it is lost, in either direction."""
    with connect(place) as one:
        one.sendall(b"before")
        assert hear(one) == b"before"
        cut(place, way)
        one.sendall(b"during")
        assert hear(one, SILENT_S) is None
        cut(place)
        assert hear(one) == b"during"
        one.sendall(b"after")
        assert hear(one) == b"after"


@pytest.mark.parametrize("way", Way)
def test_a_connection_that_is_begun_during_a_cut_never_comes_about(way: Way, place: Layout) -> None:
    """Nobody answers on it, and what was sent is never delivered."""
    cut(place, way)
    with connect(place) as one:
        one.sendall(b"lost")
        assert hear(one, SILENT_S) is None
        cut(place)
        assert hear(one) in (b"", None)


def test_the_end_of_a_connection_is_handed_on(place: Layout) -> None:
    """Who stops sending still hears the rest; then it is over."""
    with connect(place) as one:
        one.sendall(b"last")
        one.shutdown(socket.SHUT_WR)
        assert hear(one) == b"last"
        assert hear(one) == b""


def test_an_unknown_link_and_an_unknown_way_are_refused(place: Layout) -> None:
    """Nothing is cut then."""
    assert place.wiring is not None
    url = f"http://127.0.0.1:{place.wiring.control_port}/cut"
    for wrong in ({"port": 1, "way": "both"}, {"port": place.wiring.links[0].port, "way": "sideways"}, "all"):
        assert httpx.post(url, json={"cuts": [wrong]}, trust_env=False).status_code == 400
    with connect(place) as one:
        one.sendall(b"well")
        assert hear(one) == b"well"
