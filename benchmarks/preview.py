"""`aurops preview` of the whole fleet against `pulumi preview` of one stack after another, on the same stand-ins.

Run: python benchmarks/preview.py [N] [--empty-only | --up-only]    (default N=5 rounds; needs pulumi and its Python
language host on PATH; AUROPS_ALLOW_BUSY=1 to measure on a busy machine all the same)

Both sides are whole commands in the same lab, one after the other in each round, taking turns to be first. `empty`: the
stacks exist and hold nothing; `up`: all of them are up, and the previews find nothing to do. CPU is user + system time
of the command with all of its children, and of the lab's servers, which both sides share. The floor is CPU / cores:
no schedule can be faster on this machine.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.config import load
from stacks.engine import EngineStack, Operation
from stacks.fleet import Kind, waves
from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]
CORES = len(os.sched_getaffinity(0))
LOAD_LIMIT = 0.5


@dataclass(frozen=True)
class Sample:
    """One measured command.

    Args:
        wall_s: From its start to its end.
        cpu_s: CPU time of it, its children and the lab's servers.
    """

    wall_s: float
    cpu_s: float


def servers_cpu_s(lab: LabSession) -> float:
    """CPU time of the lab's servers so far, seconds."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if b"testbeds.lab.server" in command and str(lab.folder).encode() in command:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(lab: LabSession, run: Callable[[], None]) -> Sample:
    """Run it and take its times."""
    before, servers_s, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), servers_cpu_s(lab), time.perf_counter()
    run()
    wall_s, after = time.perf_counter() - start_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    own_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(wall_s, own_s + servers_cpu_s(lab) - servers_s)


def command(lab: LabSession, *arguments: str, cwd: Path | None = None) -> None:
    """Run a command in the lab's environment, and in its work dir unless told, as a user would."""
    env = dict(lab.env)
    done = subprocess.run(arguments, cwd=cwd or lab.work_dir, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def ours(lab: LabSession) -> None:
    """`aurops preview --lab` as a user types it; inside of a session it shares that session's lab."""
    command(lab, sys.executable, "-m", "runbooks", "preview", "--lab", cwd=ROOT)


def theirs(lab: LabSession, stacks: Sequence[str]) -> None:
    """One stack after another by the CLI and its Python language host."""
    for stack in stacks:
        command(lab, "pulumi", "preview", "--non-interactive", "--color", "never", "--stack", stack)


def rounds(lab: LabSession, stacks: Sequence[str], count: int) -> dict[str, list[Sample]]:
    """Both sides in turn; the first round is thrown away, it compiles bytecode and fills caches."""
    sides: dict[str, Callable[[], None]] = {"pulumi": lambda: theirs(lab, stacks), "aurops": lambda: ours(lab)}
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(count + 1):
        for name in sorted(sides, reverse=bool(number % 2)):
            sample = measure(lab, sides[name])
            if number:
                samples[name].append(sample)
    return samples


def report(state: str, samples: dict[str, list[Sample]]) -> None:
    """Print medians, spread and ratios."""
    wall_s, floor_s = {}, {}
    for name, taken in samples.items():
        walls, cpus = [each.wall_s for each in taken], [each.cpu_s for each in taken]
        wall_s[name], floor_s[name] = statistics.median(walls), statistics.median(cpus) / CORES
        print(
            f"{state:6} {name:7} n={len(taken)}  wall median {wall_s[name]:6.2f} s  min {min(walls):6.2f}  "
            f"max {max(walls):6.2f}  CPU median {statistics.median(cpus):6.2f} s  "
            f"wall / floor {wall_s[name] / floor_s[name]:.2f}"
        )
    print(f"{state:6} pulumi / aurops: {wall_s['pulumi'] / wall_s['aurops']:.2f} (medians)")


def bring_up(site: Site) -> None:
    """All stacks, in their waves."""
    for wave in waves(load(site.stacks_dir), Kind.CREATE):
        for stack in wave:
            EngineStack(site, stack).run(Operation.UP)


def main() -> None:
    """Print the figures of both states."""
    if not (shutil.which("pulumi") and shutil.which("pulumi-language-python")):
        print("skipped: pulumi and pulumi-language-python must be on PATH")
        return
    if os.getloadavg()[0] > LOAD_LIMIT * CORES and not os.environ.get("AUROPS_ALLOW_BUSY"):
        sys.exit(f"the machine is busy (load {os.getloadavg()[0]:.1f}): wait, or set AUROPS_ALLOW_BUSY=1")
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    count = numbers[0] if numbers else 5
    with tempfile.TemporaryDirectory(prefix="aurops-bench-") as name, lab_session(ROOT, folder=Path(name)) as lab:
        site = Site(lab.work_dir, lab.env, is_lab=True)
        stacks = tuple(load(site.stacks_dir).stacks)
        for stack in stacks:
            command(lab, "pulumi", "stack", "init", "--no-select", stack)
        if "--up-only" not in sys.argv:
            report("empty", rounds(lab, stacks, count))
        if "--empty-only" not in sys.argv:
            bring_up(site)
            report("up", rounds(lab, stacks, count))


if __name__ == "__main__":
    main()
