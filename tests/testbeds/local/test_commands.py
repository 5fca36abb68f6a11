"""Commands that a fencing epoch guards."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from testbeds.local.commands import Act, Body, Commands, Epochs, OlderEpochError, RefusedError

Client = TestClient[web.Request, web.Application]


@given(epochs=st.lists(st.integers(1, 20), max_size=30))
def test_no_epoch_is_admitted_after_a_higher_one(tmp_path_factory: pytest.TempPathFactory, epochs: list[int]) -> None:
    """Whatever the order, and with a restart before each, an epoch is admitted exactly when none was higher."""
    file = tmp_path_factory.mktemp("epochs") / "epoch"
    highest = 0
    for epoch in epochs:
        keeper = Epochs(file)
        assert keeper.highest == highest
        if epoch < highest:
            with pytest.raises(OlderEpochError):
                keeper.admit(epoch)
        else:
            keeper.admit(epoch)
        highest = max(highest, epoch)


def serve(commands: Commands, acts: dict[str, Act], use: Callable[[Client], Awaitable[None]]) -> None:
    """Serve these commands and use them."""

    async def run() -> None:
        app = web.Application()
        app.add_routes([web.post(path, commands.handler(act)) for path, act in acts.items()])
        async with TestClient(TestServer(app)) as client:
            await use(client)

    asyncio.run(run())


def test_commands_run_one_at_a_time_and_an_older_one_that_waited_is_refused(tmp_path: Path) -> None:
    """A command of an old epoch that waits behind a newer one is refused when its turn comes."""
    done: list[int] = []

    async def use(client: Client) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        gates.update(begun=begun, go_on=go_on)
        newer = asyncio.create_task(client.post("/slow", json={"epoch": 2}))
        await begun.wait()
        older = asyncio.create_task(client.post("/quick", json={"epoch": 1}))
        await asyncio.sleep(0)
        go_on.set()
        assert (await newer).status == 200
        refused = await older
        assert (refused.status, await refused.json()) == (409, {"error": "older epoch", "highest_epoch": 2})

    gates: dict[str, asyncio.Event] = {}

    async def slow(epoch: int, _body: Body) -> Body:
        gates["begun"].set()
        await gates["go_on"].wait()
        done.append(epoch)
        return {}

    async def quick(epoch: int, _body: Body) -> Body:
        done.append(epoch)
        return {}

    serve(Commands(Epochs(tmp_path / "epoch")), {"/slow": slow, "/quick": quick}, use)
    assert done == [2]


def test_an_epoch_is_on_disk_before_its_command_acts(tmp_path: Path) -> None:
    """A crash in the middle of a command cannot let an older one in afterwards."""

    async def act(epoch: int, _body: Body) -> Body:
        assert Epochs(tmp_path / "epoch").highest == epoch
        raise RefusedError("crashed here")

    async def use(client: Client) -> None:
        answer = await client.post("/act", json={"epoch": 7})
        assert (answer.status, await answer.json()) == (503, {"error": "crashed here"})

    serve(Commands(Epochs(tmp_path / "epoch")), {"/act": act}, use)
    assert Epochs(tmp_path / "epoch").highest == 7


def test_a_command_goes_on_when_its_caller_hangs_up(tmp_path: Path) -> None:
    """A caller that gives up leaves no command half done."""
    finished: list[bool] = []

    async def use(client: Client) -> None:
        begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        gates.update(begun=begun, go_on=go_on, done=done)
        call = asyncio.create_task(client.post("/act", json={"epoch": 1}))
        await begun.wait()
        call.cancel()
        await client.session.close()
        go_on.set()
        await asyncio.wait_for(done.wait(), 5)

    gates: dict[str, asyncio.Event] = {}

    async def act(_epoch: int, _body: Body) -> Body:
        gates["begun"].set()
        await gates["go_on"].wait()
        finished.append(True)
        gates["done"].set()
        return {}

    serve(Commands(Epochs(tmp_path / "epoch")), {"/act": act}, use)
    assert finished == [True]
