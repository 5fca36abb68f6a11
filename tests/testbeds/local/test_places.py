"""Where things of a bed are: ports, folders, programs, shared memory."""

import ctypes
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from aurops.errors import OutsideError
from testbeds.local import components, layout, ports, segments, state
from testbeds.local.layout import BLOCK_SIZE, LOOPBACK, Components


def a_layout(folder: Path) -> layout.Layout:
    """A layout in this folder."""
    programs = Components(postgres_bin="/pg/bin", valkey="/valkey-server", envoy="/envoy")
    return layout.plan("b1", folder, 20_000, programs, postgres_uid=None)


def test_a_layout_survives_its_file(tmp_path: Path) -> None:
    """What the supervisor writes is what every process of the bed reads."""
    place = a_layout(tmp_path)
    layout.save(place)
    assert layout.load(place.file) == place


def test_every_port_of_a_bed_is_its_own_and_within_the_block(tmp_path: Path) -> None:
    """No two servers of a bed share a port, and none leaves the block that was claimed."""
    place = a_layout(tmp_path)
    used = [place.control_port, place.proxy_port, place.admin_port, place.edge_port]
    for region in place.regions:
        used += [region.agent_port, region.postgres_port, region.valkey_port, *region.node_ports]
    assert sorted(used) == list(range(20_000, 20_000 + BLOCK_SIZE))


def test_two_claims_never_share_a_block() -> None:
    """A claimed block stays claimed as long as its socket lives, and is free again afterwards."""
    first = ports.claim(None)
    base = first.getsockname()[1]
    with pytest.raises(OutsideError, match=f"Port {base} is taken"):
        ports.claim(base)
    first.close()
    ports.claim(base).close()


def test_a_port_taken_within_the_block_is_named() -> None:
    """A stranger's server in the middle of the block asked for is an error that names its port."""
    with ports.claim(None) as free:
        base = free.getsockname()[1]
    with socket.create_server((LOOPBACK, base + 5)), pytest.raises(OutsideError, match=f"Port {base + 5} is taken"):
        ports.claim(base)


@pytest.mark.parametrize("impossible", [70_000, -1])
def test_an_impossible_port_is_an_error_for_people(impossible: int) -> None:
    """A number that is no port is refused, not a traceback."""
    with pytest.raises(OutsideError, match="cannot be used"):
        ports.claim(impossible)


def program(folder: Path, name: str, says: str) -> None:
    """A program that says so."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
    (folder / name).chmod(0o755)


def test_a_component_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person has on PATH overrides the package."""
    program(tmp_path, "valkey-server", "Valkey server v=8.0.1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert components.valkey() == components.Found(tmp_path / "valkey-server", "8.0.1", "PATH")


@pytest.mark.parametrize(
    ("version", "tools", "why"),
    [
        ("17.2", components.POSTGRES_TOOLS, "it has 17.2, 18 is needed"),
        ("18.1", ("postgres", "initdb"), "lacks pg_rewind, pg_basebackup, pg_waldump"),
    ],
)
def test_a_postgresql_on_path_that_will_not_do_is_passed_over_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, tools: tuple[str, ...], why: str
) -> None:
    """An older PostgreSQL, or one without the tools that a failover needs, is not used, and `origin` says why."""
    for tool in tools:
        program(tmp_path, tool, f"postgres PostgreSQL {version}")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = components.postgres()
    assert found.path != tmp_path
    assert why in found.origin


def test_a_whole_postgresql_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL 18 with all tools on PATH overrides the package."""
    for tool in components.POSTGRES_TOOLS:
        program(tmp_path, tool, "postgres PostgreSQL 18.3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert components.postgres() == components.Found(tmp_path, "18.3", "PATH")


def test_a_missing_component_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package and without one on PATH the error names the component and the command that installs it."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(components, "find_spec", lambda _name: None)
    with pytest.raises(OutsideError, match="Envoy is missing") as caught:
        components.envoy()
    assert "make setup" in str(caught.value)


def test_folders_of_beds_are_those_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only folders with the beds' prefix count."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "aurops-bed-1").mkdir()
    (tmp_path / "something").mkdir()
    assert [state.identifier(folder) for folder in state.folders()] == ["1"]


def make_segment(folder: Path) -> int:
    """Have a process, which then ends, make a segment named after the folder as PostgreSQL does; returns its id."""
    key = ctypes.c_int32(folder.stat().st_ino).value
    code = f"import ctypes; print(ctypes.CDLL(None).shmget({key}, 56, 0o1600))"
    return int(subprocess.check_output([sys.executable, "-c", code]))


def test_a_segment_left_by_a_dead_server_is_removed(tmp_path: Path) -> None:
    """The shared memory that a killed PostgreSQL leaves is found by its data folder, and removed."""
    segment = make_segment(tmp_path)
    assert segments.left_by(tmp_path) == {segment}
    segments.remove(tmp_path)
    assert segments.left_by(tmp_path) == set()


def test_a_segment_whose_creator_lives_is_left_alone(tmp_path: Path) -> None:
    """A server that is only just starting keeps what it has made."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(ctypes.c_int32(tmp_path.stat().st_ino).value, 56, 0o1600)
    try:
        assert segments.left_by(tmp_path) == set()
    finally:
        libc.shmctl(segment, 0, None)


def test_a_folder_that_does_not_exist_has_left_nothing(tmp_path: Path) -> None:
    """Cleaning up after a bed that never had data is no error."""
    segments.remove(tmp_path / os.urandom(4).hex())


def test_a_segment_of_a_data_folder_that_nobody_else_sees_is_found_by_what_was_noted(tmp_path: Path) -> None:
    """A database on a volume of its region's own leaves nothing behind either."""
    hidden = tmp_path / "volume" / "data"
    hidden.mkdir(parents=True)
    segments.remember(hidden, tmp_path / "data.inodes")
    segment = make_segment(hidden)
    hidden.rmdir()
    assert segments.left_by(tmp_path / "data") == {segment}
    segments.remove(tmp_path / "data")
    assert segments.left_by(tmp_path / "data") == set()
