"""What a former primary's log alone has."""

from pathlib import Path

import pytest

from testbeds.local import evidence
from testbeds.local.layout import REGIONS, Components, plan
from testbeds.local.postgres import role_settings
from testbeds.local.role import Role, RoleKeeper


def test_forks_are_read_from_a_history_file() -> None:
    """Each timeline that was left is known with the position at which it was."""
    history = "# comment\n1\t0/1A2B3C8\tno recovery target specified\n\n2\t1/0\tno recovery target specified\n"
    assert evidence.forks(history) == {1: 0x1A2B3C8, 2: 1 << 32}
    assert evidence.forks("") == {}


@pytest.mark.parametrize(
    ("timeline", "position", "name"),
    [
        (1, 0, "000000010000000000000000"),
        (2, 16 * 1024 * 1024, "000000020000000000000001"),
        (3, (1 << 32) + 5, "000000030000000100000000"),
        (16, (1 << 32) - 1, "0000001000000000000000FF"),
    ],
)
def test_a_position_lies_in_the_segment_that_postgresql_names(timeline: int, position: int, name: str) -> None:
    """Names are those of pg_walfile_name."""
    assert evidence.wal_file(timeline, position) == name


def test_commits_are_read_from_what_pg_waldump_says() -> None:
    """Number, time and position of each; an abort is none."""
    said = (
        "rmgr: Transaction len (rec/tot):     46/    46, tx:        745, lsn: 0/0175F8F0, prev 0/0175F8A8, "
        "desc: COMMIT 2026-11-24 22:22:07.859084 UTC\n"
        "rmgr: Transaction len (rec/tot):     34/    34, tx:        746, lsn: 0/0175F920, prev 0/0175F8F0, "
        "desc: ABORT 2026-11-24 22:22:07.860000 UTC\n"
        "rmgr: Transaction len (rec/tot):     82/    82, tx:        747, lsn: 1/00000028, prev 0/0175F920, "
        "desc: COMMIT 2026-11-24 22:22:08.000000 UTC; inval msgs: catcache 5\n"
    )
    assert evidence.commits(said) == (
        evidence.OnlyHere(745, "2026-11-24 22:22:07.859084 UTC", "0/0175F8F0"),
        evidence.OnlyHere(747, "2026-11-24 22:22:08.000000 UTC", "1/00000028"),
    )


def test_a_standby_has_its_voters_before_it_is_promoted(tmp_path: Path) -> None:
    """The quorum is set in every role, so that no commit of a promoted standby goes unconfirmed."""
    place = plan("b", tmp_path, 20_000, Components(postgres_bin="", valkey="", envoy=""), None)
    role = Role(fenced=False, following="north", voters=("north", "west"), cache_following=None)
    text = role_settings(role, "south", place)
    assert 'synchronous_standby_names = \'ANY 1 ("north", "west")\'' in text
    assert f"port={place.region('north').postgres_port} " in text
    assert "application_name=south " in text


def test_a_detached_standby_has_nobody_to_stream_from(tmp_path: Path) -> None:
    """Following nobody is an empty connection string: the one fence that needs nothing of the lost region."""
    place = plan("b", tmp_path, 20_000, Components(postgres_bin="", valkey="", envoy=""), None)
    role = Role(fenced=False, following=None, voters=REGIONS[1:], cache_following=None)
    assert "primary_conninfo = ''" in role_settings(role, "north", place)


def test_a_role_survives_a_restart(tmp_path: Path) -> None:
    """A region that was fenced is fenced when its agent comes back."""
    unborn = Role(fenced=False, following=None, voters=("south", "west"), cache_following=None)
    RoleKeeper(tmp_path / "role.json", unborn).change(fenced=True, following="west")
    kept = RoleKeeper(tmp_path / "role.json", unborn).now
    assert (kept.fenced, kept.following, kept.voters) == (True, "west", ("south", "west"))
