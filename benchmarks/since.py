"""`aurops preview --lab --since HEAD` for a change of one stack of thirteen, and of all: cold, then warm.

Run: python benchmarks/since.py [N] [STACK]...     (default N=3 rounds, stack aws-us-east-1; `all` for a change that
touches every stack; needs pulumi on PATH and a clone in git; AUROPS_ALLOW_BUSY=1 to measure on a busy machine)

Each round has a cache of its own. Cold: the revision is recorded and what is needed of it brought up; warm: the same
command once more, with its baseline in the cache. The change is one tag more, committed
nowhere. Wanted, for one stack: under 60 s cold and under 15 s warm. CPU is user + system time of the command and its
children, without the lab's servers.
"""

from __future__ import annotations

import json
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

from aurops.caches import CACHE_HOME

ROOT = Path(__file__).parents[1]
PARTS = ("Pulumi.yaml", "aurops", "components", "failover", "migration", "runbooks", "stacks", "testbeds", "traffic")
CORES = len(os.sched_getaffinity(0))
LOAD_LIMIT = 0.5
WHO = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Sample:
    """One measured command."""

    wall_s: float
    cpu_s: float
    baseline_s: float
    previewed: int


def clone(folder: Path) -> None:
    """A repository of its own with what the stacks need, committed."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / part)
    (folder / ".gitignore").write_text("__pycache__/\n")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "before")):
        subprocess.run(["git", "-C", folder, *WHO, *command], check=True)


def touch(folder: Path, stack: str) -> None:
    """Another tag for a stack, or for all."""
    files = (
        [folder / "stacks" / f"Pulumi.{stack}.yaml"] if stack != "all" else (folder / "stacks").glob("Pulumi.*.yaml")
    )
    for file in files:
        text = file.read_text()
        key = "    tags:\n"
        if key not in text:
            sys.exit(f"{file.name} has no tags to change")
        file.write_text(text.replace(key, f"{key}      bench: changed\n", 1))


def measure(folder: Path, cache: Path) -> Sample:
    """Run the command as a user would."""
    before, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "runbooks", "preview", "--lab", "--since", "HEAD", "--json"]
    env = {**os.environ, CACHE_HOME: str(cache)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - start_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found = json.loads(done.stdout)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(wall_s, cpu_s, found["baseline"]["seconds"], len(found["stacks"]))


def report(stack: str, state: str, samples: list[Sample]) -> None:
    """Print median and spread."""
    walls, cpus = [each.wall_s for each in samples], [each.cpu_s for each in samples]
    print(
        f"{stack:20} {state:5} n={len(samples)}  wall median {statistics.median(walls):6.2f} s  min {min(walls):6.2f}  "
        f"max {max(walls):6.2f}  CPU median {statistics.median(cpus):6.2f} s  "
        f"baseline median {statistics.median(each.baseline_s for each in samples):6.2f} s  "
        f"previewed {samples[0].previewed}",
        flush=True,
    )


def main() -> None:
    """Print the figures."""
    if not (shutil.which("pulumi") and shutil.which("git")):
        print("skipped: pulumi and git must be on PATH")
        return
    if os.getloadavg()[0] > LOAD_LIMIT * CORES and not os.environ.get("AUROPS_ALLOW_BUSY"):
        sys.exit(f"the machine is busy (load {os.getloadavg()[0]:.1f}): wait, or set AUROPS_ALLOW_BUSY=1")
    count = next((int(each) for each in sys.argv[1:] if each.isdigit()), 3)
    for stack in [each for each in sys.argv[1:] if not each.isdigit()] or ["aws-us-east-1"]:
        cold, warm = list[Sample](), list[Sample]()
        with tempfile.TemporaryDirectory(prefix="aurops-bench-") as name:
            folder = Path(name) / "clone"
            clone(folder)
            touch(folder, stack)
            for number in range(count):
                for samples in (cold, warm):
                    samples.append(measure(folder, Path(name) / f"cache-{number}"))
        report(stack, "cold", cold)
        report(stack, "warm", warm)


if __name__ == "__main__":
    main()
