"""The backend of benchmarks that takes exactly so long."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from google.protobuf import json_format

from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms.v11 import messages
from testbeds.local.ports import claim

if TYPE_CHECKING:
    from collections.abc import Iterator

DELAY_S = 0.02


@pytest.fixture(scope="module")
def late() -> Iterator[str]:
    """Where one runs."""
    with claim(None) as claimed:
        port = claimed.getsockname()[1] + 1
        child = subprocess.Popen(
            [sys.executable, "-m", "testbeds.local.platforms.late", str(port), str(1000 * DELAY_S)]
        )
        try:
            yield f"{LOOPBACK}:{port}"
        finally:
            child.kill()
            child.wait()


def test_grpc_and_rest_give_one_transaction_and_never_early(late: str) -> None:
    """A real gRPC client and an HTTP client get the same transaction, never before its time."""
    transaction = messages()["Transaction"]
    with grpc.insecure_channel(late) as channel, httpx.Client(trust_env=False) as client:
        grpc.channel_ready_future(channel).result(timeout=20)
        call = channel.unary_unary(
            "/ledger.v11.Transactions/GetTransaction",
            request_serializer=bytes,
            response_deserializer=transaction.FromString,
        )
        for _ in range(3):
            began_s = time.monotonic()
            made = call(b"")
            called_s = time.monotonic()
            answer = client.get(f"http://{late}/v1/transactions/bench")
            assert called_s - began_s >= DELAY_S
            assert time.monotonic() - called_s >= DELAY_S
            told = json_format.MessageToDict(made, always_print_fields_with_no_presence=True)
            assert told == answer.json()
            assert told["amount"] == str(2**53 + 1)


def test_grpc_answers_many_streams_at_once(late: str) -> None:
    """Two thousand calls in flight on one connection are all answered: windows and pings are served."""
    with grpc.insecure_channel(late) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/ledger.v11.Transactions/GetTransaction", request_serializer=bytes
        )
        grpc.channel_ready_future(channel).result(timeout=20)
        waiting = [call.future(b"x" * 200) for _ in range(2000)]
        assert len({each.result(timeout=20) for each in waiting}) == 1
