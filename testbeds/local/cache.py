"""One region's Valkey as its agent commands it. The cache holds no truth: losing it loses speed, never a write."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from testbeds.local.commands import RefusedError
from testbeds.local.layout import LOOPBACK, Layout, Region

ANSWER_S = 1.0
START_S = 10.0
_ROLES = {"master": "primary", "slave": "replica"}


class Cache:
    """One region's Valkey server.

    Args:
        layout: The bed's.
        region: Which region.
    """

    def __init__(self, layout: Layout, region: Region) -> None:
        self._program = layout.components.valkey
        self._region = region
        self._process: asyncio.subprocess.Process | None = None
        self._client = Valkey(
            host=LOOPBACK, port=region.valkey_port, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S
        )

    @property
    def running(self) -> bool:
        """Whether the server process lives."""
        return self._process is not None and self._process.returncode is None

    async def role(self) -> str:
        """`primary`, `replica`, or `down` when it does not answer."""
        if self.running:
            with suppress(ValkeyError, OSError):
                return _ROLES[str((await self._client.info("replication"))["role"])]
        return "down"

    async def follow(self, primary: Region) -> None:
        """Copy `primary`'s cache from now on; started when it does not run.

        Raises:
            RefusedError: It does not answer.
        """
        await self._replicate(LOOPBACK, primary.valkey_port)

    async def promote(self) -> None:
        """Accept writes from now on; started, empty, when it does not run.

        Raises:
            RefusedError: It does not answer.
        """
        await self._replicate("NO", "ONE")  # how Valkey spells "of nobody"

    async def _replicate(self, host: str, port: int | str) -> None:
        await self._start()
        try:
            await self._client.execute_command("REPLICAOF", host, port)  # type: ignore[no-untyped-call]
        except (ValkeyError, OSError) as error:
            raise RefusedError(f"Valkey of {self._region.name} does not answer: {error}") from error

    async def _start(self) -> None:
        if self.running:
            return
        arguments = {
            "--port": str(self._region.valkey_port),
            "--bind": LOOPBACK,
            "--dir": self._region.folder,
            "--logfile": str(Path(self._region.folder, "valkey.log")),
            "--save": "",  # never on disk: a cache that comes back is empty and copies its primary's
            "--appendonly": "no",
            "--repl-diskless-sync-delay": "0",
            "--set-proc-title": "no",  # a title is written over the environment, and with it over the bed's mark
        }
        self._process = process = await asyncio.create_subprocess_exec(
            self._program,
            *(word for pair in arguments.items() for word in pair),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._region.folder,
            start_new_session=True,
        )
        deadline_s = asyncio.get_running_loop().time() + START_S
        while await self.role() == "down":
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline_s:
                raise RefusedError(f"Valkey of {self._region.name} does not start; see valkey.log in its folder")
            await asyncio.sleep(0.01)
