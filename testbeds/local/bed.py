"""Test beds as their users see them: bring one up, find it, run processes in it, take it down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import ValidationError

from aurops.clock import Clock, RealClock
from aurops.errors import OutsideError, UsageError
from testbeds.local import guardian, state
from testbeds.local.processes import BED_MARK
from testbeds.local.state import BedState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IDLE_S = 900.0
"""A bed that nobody has touched for so long ends by itself."""
DOWN_S = 20.0
ANSWER_S = 5.0
REVIVE_S = 40.0
_POLL_S = 0.02
# These would steer PostgreSQL's programs and clients away from the bed (libpq, environment variables).
_FOREIGN = ("PG", "AUROPS_")


def up(
    *,
    idle_s: float = IDLE_S,
    first_port: int | None = None,
    linked: bool = False,
    limited: str | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> BedState:
    """Bring a bed up; returns when a write was committed in it. Whatever goes wrong, nothing is left.

    Args:
        idle_s: It ends after so many seconds without `touch`; > 0.
        first_port: First of the consecutive loopback ports that it takes; None: free ones.
        linked: With links between its places, that can be cut (testbeds/local/wiring.py).
        limited: The region whose database gets a small volume of its own (testbeds/local/volumes.py); None: none.
        progress: Told how far it is.

    Raises:
        UsageError: `idle_s` is not positive.
        OutsideError: A component is missing, a port is taken, or a process of the bed failed.
    """
    if idle_s <= 0:
        raise UsageError(f"The idle time is not positive: {idle_s} s.", allowed="more than 0 seconds")
    asked_at_s = RealClock().now_s()
    folder = _make_folder()
    bed = state.identifier(folder)
    options = [f"--bed={bed}", f"--folder={folder}", f"--idle-s={idle_s}", f"--asked-at-s={asked_at_s}"]
    options += [] if first_port is None else [f"--first-port={first_port}"]
    options += ["--linked"] if linked else []
    options += [] if limited is None else [f"--limited={limited}"]
    try:
        _start_supervisor(bed, folder, options, progress)
        return _read(folder)
    except BaseException:
        guardian.clean(bed, folder)
        raise


def beds() -> tuple[BedState, ...]:
    """This user's beds that are up."""
    found = []
    for folder in state.folders():
        try:
            found.append(_read(folder))
        except OutsideError:
            continue  # coming up, going down, or a remnant
    return tuple(bed for bed in found if bed.alive)


def find(bed_id: str | None = None) -> BedState:
    """The bed of this id; without an id the only one.

    Raises:
        UsageError: There is none, or several and no id was given.
    """
    up_now = {bed.id: bed for bed in beds()}
    names = ", ".join(up_now) or None
    if bed_id is not None and bed_id not in up_now:
        raise UsageError(f"No test bed {bed_id} is up.", allowed=names, next_step="`aurops local up` brings one up.")
    if bed_id is None and not up_now:
        raise UsageError("No test bed is up.", next_step="`aurops local up` brings one up.")
    if bed_id is None and len(up_now) > 1:
        raise UsageError("Several test beds are up.", allowed=names, next_step="Name one.")
    return up_now[bed_id] if bed_id else next(iter(up_now.values()))


def status(bed: BedState) -> dict[str, Any]:
    """What the bed's agents and its edge observe now (the supervisor's `GET /status`).

    Raises:
        OutsideError: The supervisor does not answer.
    """
    answer: dict[str, Any] = _call("GET", f"{bed.control_url}/status").json()
    return answer


def touch(bed: BedState) -> None:
    """Keep the bed from ending for idleness.

    Raises:
        OutsideError: The supervisor does not answer.
    """
    _call("POST", f"{bed.control_url}/touch")


def revive(bed: BedState, region: str) -> None:
    """The power of a killed region is back: its agent starts again, and nothing that could write.

    Raises:
        OutsideError: The supervisor or the region's agent does not answer.
    """
    _call("POST", f"{bed.control_url}/revive", {"region": region}, REVIVE_S)


def down(bed: BedState, clock: Clock | None = None) -> None:
    """End the bed; returns when nothing of it is left.

    Raises:
        OutsideError: Something is left after `DOWN_S`.
    """
    clock = clock or RealClock()
    try:
        if bed.alive:
            _call("POST", f"{bed.control_url}/down")
        else:
            guardian.clean(bed.id, bed.folder)  # in case that its guardian was killed as well
    except OutsideError:
        guardian.clean(bed.id, bed.folder)  # a supervisor that does not answer: frozen, or just ending
    deadline_s = clock.now_s() + DOWN_S
    while bed.folder.exists() or guardian.living(bed.id, bed.folder):
        if clock.now_s() > deadline_s:
            raise OutsideError(
                "The test bed did not end.", where=str(bed.folder), next_step="`aurops local down --all`"
            )
        clock.sleep(_POLL_S)


def down_all() -> tuple[str, ...]:
    """End every bed of this user, and remove what beds whose supervisor and guardian were killed have left.

    Returns:
        Ids of the beds ended.

    Raises:
        OutsideError: A bed did not end.
    """
    ended = []
    for folder in state.folders():
        bed_id = state.identifier(folder)
        try:
            down(_read(folder))
        except OutsideError:
            guardian.clean(bed_id, folder)
        ended.append(bed_id)
    return tuple(ended)


def start_process(bed: BedState, module: str, args: Sequence[str], log_name: str) -> int:
    """Start `python -m module` as a process of the bed: detached, ended with it, and by nothing else.

    Args:
        bed: The bed.
        module: Dotted name of the module.
        args: Its arguments.
        log_name: File in the bed's folder that takes its output.

    Returns:
        Its process id.
    """
    with (bed.folder / log_name).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=bed.folder,
            env=_environment(bed.id),
            start_new_session=True,
        )
    _reap(child)
    return child.pid


def _make_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=state.PREFIX))
    # As root, PostgreSQL runs as another user, who must come through to its own folder inside.
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder


def _environment(bed_id: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    # Plain HTTP on loopback: reading the machine's certificates would cost each process 50 ms of its start.
    return {**kept, "SSL_CERT_FILE": os.devnull, BED_MARK: bed_id}


def _start_supervisor(bed: str, folder: Path, options: list[str], progress: Callable[[str], None]) -> None:
    """Start the supervisor and listen to it until it is ready.

    Raises:
        OutsideError: It says so, or it ended without a word.
    """
    log_file = folder / "supervisor.log"
    with log_file.open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "testbeds.local.supervisor", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env=_environment(bed),
            start_new_session=True,
        )
    _reap(supervisor)
    with supervisor.stdout as said:  # type: ignore[union-attr]  # it is a pipe
        for line in said:
            told = json.loads(line)
            if "progress" in told:
                progress(told["progress"])
            elif "failed" in told:
                raise OutsideError(**told["failed"])
            elif "ready" in told:
                return
    text = log_file.read_text(errors="replace")[-800:].strip() if log_file.exists() else ""
    raise OutsideError(f"The test bed's supervisor ended: {text}", where=str(folder))


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Take note of a child's end, whenever that is; it may outlive this process."""
    threading.Thread(target=child.wait, daemon=True).start()


def _read(folder: Path) -> BedState:
    try:
        return BedState.model_validate_json((folder / state.FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise OutsideError(f"There is no test bed: {error}", where=str(folder)) from error


def _call(method: str, url: str, body: object = None, seconds: float = ANSWER_S) -> httpx.Response:
    try:
        answer = httpx.request(method, url, json=body, timeout=seconds, trust_env=False)
        return answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise OutsideError(f"The test bed refused: {error.response.text}", where=url) from error
    except httpx.HTTPError as error:
        raise OutsideError(
            f"The test bed does not answer: {error!r}", where=url, next_step="`aurops local down --all`, then `up`."
        ) from error
