"""The child's side of `stacks.cloud_process`."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from typing import TYPE_CHECKING

from stacks.cloud_process import Done, Progress
from stacks.preview import preview_here

if TYPE_CHECKING:
    from stacks.changes import Changes
    from stacks.cloud_process import Work

_TELL_EVERY_S = 0.2
"""How often a child says how far a stack is: each time it sends all of the changes so far, without inputs."""


def main() -> None:
    """Be the child."""
    work: Work = pickle.load(sys.stdin.buffer)  # noqa: S301 (our own parent wrote it)
    # What a program prints must not get between the pickles.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    last_s: dict[str, float] = {}

    def tell(stack: str, changes: Changes) -> None:
        now_s = time.monotonic()
        if now_s - last_s.get(stack, 0.0) >= _TELL_EVERY_S:
            last_s[stack] = now_s
            send(Progress(stack, changes.without_inputs()))

    def send(message: object) -> None:
        data = pickle.dumps(message)  # whole, before a thread of another stack writes
        told.write(data)
        told.flush()

    try:
        send(Done(preview_here(work.site, work.stacks, tell, refresh=work.refresh)))
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever interrupted us says so itself; a parent that is gone needs no answer.
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
