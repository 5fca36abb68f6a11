"""One region's PostgreSQL as a set of programs: its configuration, starting, stopping, rewinding, copying.

Settings that matter to losing nothing, and why:

- `shared_memory_type` and `dynamic_shared_memory_type` are mmap: kill -9 then leaves no shared memory but the small
  System V segment that every PostgreSQL keeps as an interlock; the guardian removes that one.
- `wal_keep_size`: pg_rewind after kill -9 needs WAL that crash recovery would have recycled (it failed 6 of 6 without).
- Data checksums, which pg_rewind needs as much as `wal_log_hints`, are on (`initdb --data-checksums`).
- `wal_retrieve_retry_interval`: a standby pointed at another primary looks again after 100 ms, not 5 s.
- The two time-outs let each side of a stream notice within 5 s that the other is frozen. Nothing waits for them: a
  failover detaches standbys by command.
- `fsync` stays on: an acknowledgement here means what it means in production. Copying and rewinding are not synced:
  what they make is needed only as long as the machine runs, and can be made again.
- `max_connections` and `max_wal_senders` stay at what initdb wrote into the control file: with less, a fresh standby
  refuses to start.
- `io_method = sync` and no logical replication: five processes fewer to start per region. `io_method` default is
  `worker` in PostgreSQL 18.

Configuration lies outside the data folder, because pg_rewind and pg_basebackup overwrite what lies inside.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local import processes, segments
from testbeds.local.layout import LOOPBACK, Layout, Region

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.local.role import Role

SUPERUSER = "postgres"
NOBODY = 65534
"""User that PostgreSQL runs as when the bed is root's: PostgreSQL refuses root."""
STOP_S = 5.0
"""How long a stop may take before everything left is killed."""
REWIND_S = 60.0
STANDBY_SIGNAL = "standby.signal"

_CONFIGURATION = """\
data_directory = '{data}'
hba_file = '{folder}/pg_hba.conf'
ident_file = '{folder}/pg_ident.conf'
listen_addresses = '{loopback}'
port = {port}
unix_socket_directories = ''
shared_memory_type = mmap
dynamic_shared_memory_type = mmap
huge_pages = off
shared_buffers = 16MB
wal_level = replica
hot_standby = on
wal_keep_size = 256MB
wal_retrieve_retry_interval = 100ms
wal_receiver_status_interval = 1s
wal_receiver_timeout = 5s
wal_sender_timeout = 5s
synchronous_commit = on
fsync = on
io_method = sync
max_logical_replication_workers = 0
jit = off
log_checkpoints = off
timezone = UTC
log_timezone = UTC
include '{folder}/role.conf'
"""
_TRUST_LOOPBACK = f"""\
host all all {LOOPBACK}/32 trust
host replication all {LOOPBACK}/32 trust
"""


class ProgramError(Exception):
    """A PostgreSQL program failed.

    Args:
        program: Which.
        said: All that it printed.
    """

    def __init__(self, program: str, said: str) -> None:
        self.said = said
        super().__init__(f"{program}: {said[-600:].strip()}")


def conninfo(region: Region, application_name: str, database: str = SUPERUSER) -> str:
    """How to reach a region's PostgreSQL.

    Args:
        region: Whose.
        application_name: Who asks; for a standby its region, by which quorums are counted.
        database: Database name.
    """
    return (
        f"host={LOOPBACK} port={region.postgres_port} user={SUPERUSER} dbname={database} connect_timeout=2 "
        f"application_name={application_name} sslmode=disable gssencmode=disable"
    )


def role_settings(role: Role, own: str, layout: Layout) -> str:
    """The settings that follow from a region's role, as a configuration file.

    The voters are set in standbys too, where they have no effect: a promoted standby then asks for its quorum from
    its first commit on, without waiting for any process to read a changed file.
    """
    upstream = conninfo(layout.region(role.following), own) if role.following else ""
    names = ", ".join(f'"{voter}"' for voter in role.voters)
    quorum = f"ANY 1 ({names})" if names else ""
    return f"primary_conninfo = '{upstream}'\nsynchronous_standby_names = '{quorum}'\n"


async def make_template(layout: Layout, folder: Path) -> None:
    """Make a fresh data folder; its copies are one cluster, because they share its system identifier.

    Raises:
        ProgramError: initdb failed.
    """
    arguments = ["-D", str(folder), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    arguments += ["--data-checksums", "--no-sync", "--no-instructions"]
    await run(layout, "initdb", *arguments, seconds=REWIND_S)


def _named_user(layout: Layout) -> list[str]:
    """What the programs are run by where the user id has no account, as in many a container.

    initdb and the single-user server that pg_rewind runs refuse such an id (username.c, get_user_name_or_exit). In a
    user namespace the same id goes by the name of `nobody`, and its files stay its own.
    """
    try:
        pwd.getpwuid(os.geteuid() if layout.postgres_uid is None else layout.postgres_uid)
    except KeyError:
        return ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
    return []


async def run(layout: Layout, program: str, *arguments: str, seconds: float, asked: str = "") -> str:
    """Run one of PostgreSQL's programs as the user that PostgreSQL runs as; returns what it printed.

    Args:
        layout: The bed's.
        program: Its name.
        arguments: Its arguments.
        seconds: Longest time that it may take.
        asked: Its standard input.

    Raises:
        ProgramError: It failed, or took longer than `seconds`.
    """
    process = await asyncio.create_subprocess_exec(
        *_named_user(layout),
        str(Path(layout.components.postgres_bin, program)),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        user=layout.postgres_uid,
        group=layout.postgres_uid,
        extra_groups=_no_groups(layout),
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(asked.encode()), seconds)
    except TimeoutError as error:
        process.kill()
        raise ProgramError(program, f"took longer than {seconds} s") from error
    text = said.decode(errors="replace")
    if process.returncode:
        raise ProgramError(program, text)
    return text


def own(layout: Layout, path: Path) -> None:
    """Give a file or folder to the user that PostgreSQL runs as."""
    if layout.postgres_uid is not None:
        os.chown(path, layout.postgres_uid, layout.postgres_uid)


class Server:
    """One region's PostgreSQL server process and data folder.

    Args:
        layout: The bed's.
        region: Which region.
    """

    def __init__(self, layout: Layout, region: Region) -> None:
        self._layout = layout
        self._region = region
        self._folder = Path(region.folder)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log_file(self) -> Path:
        """What PostgreSQL says."""
        return self._folder / "postgres.log"

    @property
    def running(self) -> bool:
        """Whether the server process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def born(self) -> bool:
        """Whether there is a data folder."""
        return (self._region.data / "PG_VERSION").exists()

    @property
    def standby(self) -> bool:
        """Whether it starts, or has started, as a standby (not yet promoted)."""
        return (self._region.data / STANDBY_SIGNAL).exists()

    def adopt(self, template: Path) -> None:
        """Take a fresh data folder as its own, unless it has one."""
        if self.born:
            return
        if self._region.limited:  # another file system
            own(self._layout, self._region.volume)
            subprocess.run(["cp", "-a", str(template), str(self._region.data)], check=True)
        else:
            template.rename(self._region.data)

    def configure(self, role: Role) -> None:
        """Write the configuration files; a running server reads them at `reload`."""
        place = {
            "data": self._region.data,
            "folder": self._folder,
            "port": self._region.postgres_port,
            "loopback": LOOPBACK,
        }
        texts: Mapping[str, str] = {
            "postgresql.conf": _CONFIGURATION.format(**place),
            "pg_hba.conf": _TRUST_LOOPBACK,
            "pg_ident.conf": "",
            "role.conf": role_settings(role, self._region.name, self._layout),
        }
        for name, text in texts.items():
            temporary = self._folder / f".{name}.new"
            temporary.write_text(text)
            temporary.replace(self._folder / name)

    def become_standby(self) -> None:
        """From its next start on it is a standby."""
        (self._region.data / STANDBY_SIGNAL).touch()
        own(self._layout, self._region.data / STANDBY_SIGNAL)

    async def start(self) -> None:
        """Start the server process, without waiting until it answers."""
        self._clear_lock()
        if self._region.limited:
            segments.remember(self._region.data, self._folder / "data.inodes")
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                Path(self._layout.components.postgres_bin, "postgres"),
                "-D",
                str(self._region.data),
                f"--config-file={self._folder / 'postgresql.conf'}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._region.data,
                start_new_session=True,
                user=self._layout.postgres_uid,
                group=self._layout.postgres_uid,
                extra_groups=_no_groups(self._layout),
            )

    def reload(self) -> None:
        """Have the server read its configuration again."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGHUP)

    async def stop(self, *, cleanly: bool = False) -> None:
        """End the server without letting any waiting commit go: SIGQUIT, then SIGKILL for whatever is left.

        A standby is stopped by SIGINT: it acknowledges to nobody, and pg_rewind then finds it shut down. So is a
        primary that hands over: it sends its log up to the last record to every attached standby, and waits until they
        have it on disk (walsender.c, WalSndDone). A commit that waits for its quorum is then neither acknowledged nor
        undone; the client's connection breaks.

        Args:
            cleanly: The primary hands over.
        """
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGINT if self.standby or cleanly else signal.SIGQUIT)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        # Children of a killed server end by themselves, but a start is refused as long as one lives.
        while left := processes.working_in(self._region.data):
            processes.send(left, signal.SIGKILL)
            await asyncio.sleep(0.01)
        self._process = None

    async def rewind(self, primary: Region) -> None:
        """Make a stopped server's data a fit start for a standby of `primary`, by pg_rewind (recovers a crash itself).

        Raises:
            ProgramError: pg_rewind failed; the data folder may be unusable.
        """
        self._clear_lock()
        await run(
            self._layout,
            "pg_rewind",
            f"--target-pgdata={self._region.data}",
            f"--source-server={conninfo(primary, f'rewind-{self._region.name}')}",
            f"--config-file={self._folder / 'postgresql.conf'}",
            "--no-sync",
            seconds=REWIND_S,
        )

    def _clear_lock(self) -> None:
        """Remove what says that a server runs here, unless one does.

        PostgreSQL takes a killed server for a living one while its zombie is there (miscinit.c, CreateLockFile), and
        in a container whose first process reaps nobody that is for ever.
        """
        if not processes.working_in(self._region.data):
            (self._region.data / "postmaster.pid").unlink(missing_ok=True)

    async def copy_from(self, primary: Region) -> None:
        """Replace a stopped server's data by a copy of `primary`'s.

        Raises:
            ProgramError: pg_basebackup failed.
        """
        segments.remove(self._region.data)  # what the crashed server has left is named after the folder
        shutil.rmtree(self._region.data, ignore_errors=True)
        source = conninfo(primary, f"copy-{self._region.name}")
        arguments = ["-D", str(self._region.data), "-d", source, "--checkpoint=fast", "--no-sync", "-X", "stream"]
        await run(self._layout, "pg_basebackup", *arguments, seconds=REWIND_S)


def _no_groups(layout: Layout) -> list[int] | None:
    """Root's groups are not handed on; an ordinary user keeps (and may not change) its own."""
    return None if layout.postgres_uid is None else []
