"""A region's nodes as its agent commands them."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import aiohttp

from testbeds.local.commands import RefusedError
from testbeds.local.layout import LOOPBACK, Layout, Region
from traffic.headers import EPOCH_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

START_S = 20.0
EPOCH_S = 3.0
"""A node that has not confirmed its epoch by then is killed: that is as good as a refusal."""
VERIFY_S = 5.0


@dataclass(slots=True)
class _Node:
    name: str
    port: int
    process: asyncio.subprocess.Process | None = None
    epoch: int | None = None
    held: int | None = None
    met: bool = False
    """Whether it has answered since it was started; until then it holds no epoch and may still be starting."""

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


class Nodes:
    """The nodes of one region.

    Args:
        layout: The bed's.
        region: Which region.
    """

    def __init__(self, layout: Layout, region: Region) -> None:
        self._layout = layout
        self._region = region
        self._nodes = [_Node(f"{region.name}-{n}", port) for n, port in enumerate(region.node_ports, start=1)]

    def observe(self) -> list[dict[str, Any]]:
        """Name, whether it runs, the epoch that it serves (None: it refuses everything), and the one that it holds."""
        return [
            {
                "name": node.name,
                "running": node.running,
                "epoch": node.epoch if node.running else None,
                "held": node.held if node.running else None,
            }
            for node in self._nodes
        ]

    async def start(self) -> None:
        """Start those that do not run, without waiting; they hold no epoch."""
        for node in self._nodes:
            if not node.running:
                await self._start(node)

    async def set_epoch(self, epoch: int | None) -> None:
        """Have every node serve this epoch, or none: returns when each has confirmed it or is dead.

        Raises:
            RefusedError: With an epoch: no node has confirmed it.
        """
        if epoch is not None:
            await self.start()
        async with aiohttp.ClientSession() as session:
            served = await asyncio.gather(*(self._tell(session, node, "epoch", epoch) for node in self._nodes))
        for node, confirmed in zip(self._nodes, served, strict=True):
            node.epoch = confirmed
            node.held = node.held if confirmed is None else None
        if epoch is not None and not any(node.epoch == epoch for node in self._nodes):
            raise RefusedError(f"no node of {self._region.name} serves epoch {epoch}")

    async def hold(self, epoch: int | None) -> None:
        """Have every node hold the requests of this epoch, or none: returns when each has confirmed it or is dead.

        Raises:
            RefusedError: With an epoch: no node has confirmed it.
        """
        async with aiohttp.ClientSession() as session:
            held = await asyncio.gather(*(self._tell(session, node, "hold", epoch) for node in self._nodes))
        for node, confirmed in zip(self._nodes, held, strict=True):
            node.held = confirmed
        if epoch is not None and not any(epoch in (node.held, node.epoch) for node in self._nodes):
            raise RefusedError(f"no node of {self._region.name} holds requests of epoch {epoch}")

    async def verify_write(self, epoch: int) -> str:
        """A committed write through the first node that serves this epoch, read back there; returns its name.

        Raises:
            RefusedError: No node serves the epoch, or none confirms the write within `VERIFY_S`.
        """
        serving = [node for node in self._nodes if node.running and node.epoch == epoch]
        if not serving:
            raise RefusedError(f"no node of {self._region.name} serves epoch {epoch}")
        vantage = f"agent-{self._region.name}"
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(VERIFY_S), headers={EPOCH_HEADER: str(epoch)}
                ) as session,
                session.post(f"{serving[0].url}/probe", json={"vantage": vantage, "n": epoch}) as answer,
            ):
                if answer.status != 200:  # noqa: PLR2004  # the one status that means committed
                    raise RefusedError(f"{serving[0].name} did not confirm a write: {await answer.text()}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RefusedError(f"{serving[0].name} did not confirm a write within {VERIFY_S} s: {error}") from error
        return f"{vantage}:{epoch}"

    async def _tell(self, session: aiohttp.ClientSession, node: _Node, what: str, epoch: int | None) -> int | None:
        """Have a node serve or hold an epoch; what it confirms. One that does not answer is killed."""
        if not node.running or (epoch is None and not node.met):
            return None
        try:
            limit_s = EPOCH_S if node.met else START_S
            confirmed = await asyncio.wait_for(
                self._ask(session, f"{node.url}/{what}", node, {"epoch": epoch}), limit_s
            )
        except TimeoutError:
            if node.process is not None:
                node.process.kill()
            return None
        node.met = True
        return confirmed

    async def _ask(
        self, session: aiohttp.ClientSession, url: str, node: _Node, body: Mapping[str, int | None]
    ) -> int | None:
        """Tell a node until it answers: it may still be starting."""
        while node.running:
            try:
                async with session.put(url, json=body) as answer:
                    epoch = (await answer.json())["epoch"]
                    return None if epoch is None else int(epoch)
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)
        return None

    async def _start(self, node: _Node) -> None:
        command = [
            "testbeds.local.node",
            f"--layout={self._layout.file}",
            f"--region={self._region.name}",
            f"--port={node.port}",
        ]
        with self._log(node) as log:
            node.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._region.folder,
            )
        node.epoch, node.held, node.met = None, None, False

    def _log(self, node: _Node) -> BinaryIO:
        return Path(self._region.folder, f"{node.name}.log").open("ab")
