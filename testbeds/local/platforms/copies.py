"""Restores a V10's ledger into a V11's database: `python -m testbeds.local.platforms.copies --rocks F --conninfo C`.

The V10 is not running; what the database had is replaced. Answers to idempotency keys and counts of executions come
along.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from testbeds.local.platforms.postgres_store import PostgresStore
from testbeds.local.platforms.rocks import RocksStore


async def restore(rocks: Path, conninfo: str) -> None:
    """Replace all that is in the database by what is in the RocksDB."""
    source, target = RocksStore(rocks), await PostgresStore.open(conninfo)
    try:
        await target.replace(source.everything())
    finally:
        source.close()
        await target.close()


def main() -> None:
    """Restore."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rocks", required=True, type=Path)
    parser.add_argument("--conninfo", required=True)
    arguments = parser.parse_args()
    asyncio.run(restore(arguments.rocks, arguments.conninfo))


if __name__ == "__main__":
    main()
