"""The pieces of the drivers' bed: tallies, frames, load."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from testbeds.local.ports import claim
from testbeds.local.steering import websocket
from testbeds.local.steering.load import Outcome
from testbeds.local.steering.tally import Tally


def test_a_tally_outlives_whoever_counts_and_says_how_far_it_is(tmp_path: Path) -> None:
    """Another reader of the file sees what was counted."""
    mine = Tally.make(tmp_path / "tally", 4)
    assert Tally(tmp_path / "tally").filled() == 0
    mine.add(0)
    mine.add(1)
    mine.add(1)
    assert Tally(tmp_path / "tally").read() == bytes([1, 2, 0, 0])
    assert Tally(tmp_path / "tally").filled() == 2


@given(text=st.binary(max_size=125), masked=st.booleans(), rest=st.binary(max_size=10))
def test_a_frame_survives_its_way(text: bytes, *, masked: bool, rest: bytes) -> None:
    """Also in pieces, and with the next one behind it."""
    sent = websocket.text(text, masked=masked)
    assert websocket.take(sent + rest) == (websocket.Frame(websocket.TEXT, text), rest)
    assert websocket.take(sent[:-1])[0] is None or not text


def test_a_close_frame_says_its_code() -> None:
    """1012; without one 1005, as RFC 6455 says."""
    frame, _ = websocket.take(websocket.close(websocket.SERVICE_RESTART))
    assert frame is not None
    assert (frame.opcode, frame.code) == (websocket.CLOSE, 1012)
    assert websocket.Frame(websocket.CLOSE, b"").code == 1005


def test_load_and_server_count_the_same(tmp_path: Path, run_module: Any, wait_for: Any) -> None:
    """Each request once in both; a key is executed once; sockets are closed with 1012 when they are drained."""
    with claim(None) as claimed:
        port = claimed.getsockname()[1] + 1
    for name in ("executed", "keyed", "ledger", "answered"):
        Tally.make(tmp_path / name, 300)
    files = [f"--executed={tmp_path / 'executed'}", f"--keyed={tmp_path / 'keyed'}"]
    run_module("testbeds.local.steering.server", f"--port={port}", *files, stdin=True)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"))
    said = tmp_path / "said"
    sent = [f"--ledger={tmp_path / 'ledger'}", f"--answered={tmp_path / 'answered'}", "--sides=v11"]
    options = [f"--port={port}", "--kinds=post,get,keyed", "--connections=4", "--sockets=2", "--until-told"]
    load = run_module("testbeds.local.steering.load", *options, *sent, f"--result={said}")
    wait_for(lambda: Counter(Tally(tmp_path / "ledger").read()) == {Outcome.ACKNOWLEDGED: 300})
    httpx.post(f"http://127.0.0.1:{port}/writes/2", headers={"idempotency-key": "2"}, trust_env=False)
    assert list(Tally(tmp_path / "executed").read()) == [1, 0, 1] * 100
    drained = httpx.post(f"http://127.0.0.1:{port}/drain", json={"over_s": 0}, trust_env=False)
    assert drained.text == "2"
    wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/sockets", trust_env=False).text == "4")
    load.send_signal(signal.SIGTERM)
    load.wait(10)
    result = json.loads(said.read_text())
    assert result["outcomes"] == {f"{kind} acknowledged": 100 for kind in ("post", "get", "keyed")}
    assert (result["closed"], result["dropped"]) == ({"1012": 2}, 0)


def answers(url: str) -> bool:
    """Whether somebody does."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False
