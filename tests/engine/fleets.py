"""A small fleet in a folder of its own, and the real `aurops` acting on it in a lab of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from stacks.site import Site
from testbeds.lab.session import LabSession, lab_session
from testbeds.lab.world import World
from tests.inside import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.wire import Json
    from testbeds.lab.world import WorldObject

ROOT = Path(__file__).parents[2]
HOME, EU = "aws-us-east-1", "aws-eu-west-1"
KEPT = ("schema", "fleet", "cloud", "region", "home", "tags", "network", "database")
IN_ONE_GO = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}


def in_one_go(lab: LabSession) -> Site:
    """The lab for an engine that writes its state at its end only, which saves half its time: not to be killed."""
    return Site(lab.work_dir, {**lab.env, **IN_ONE_GO}, is_lab=True)


@dataclass(frozen=True)
class SmallFleet:
    """A home region and a secondary, each with a network and its part of the database.

    Args:
        folder: Stands in for the repository; the current folder of every command.
        state: Store, lab and everything else that a command leaves.
        session: Environment of an open session of the lab; empty: each command opens its own.
    """

    folder: Path
    state: Path
    session: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, stacks: tuple[str, ...] = (HOME, EU), kept: tuple[str, ...] = KEPT) -> SmallFleet:
        """Cut the repository's own stack files down."""
        folder, state = root / "fleet", root / "state"
        (folder / "stacks").mkdir(parents=True)
        state.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        yaml = YAML()
        for stack in stacks:
            whole = yaml.load(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
            region = whole["config"]["aurops:region"]
            small = {key: region[key] for key in kept if key in region}  # an archive is home's alone
            if region["cloud"] != "gcp":  # which has no other
                small["network"] = {**small["network"], "nat": "single"}
            yaml.dump({"config": {"aurops:region": small}}, folder / "stacks" / f"Pulumi.{stack}.yaml")
        return cls(folder, state)

    def copy(self, root: Path) -> SmallFleet:
        """The same fleet, state and lab included, in another folder: what is done to it leaves this one alone."""
        return SmallFleet(
            shutil.copytree(self.folder, root / "fleet"), shutil.copytree(self.state, root / "state", symlinks=True)
        )

    @contextmanager
    def open(self) -> Iterator[SmallFleet]:
        """The same fleet in one session of its lab, as within `aurops lab run`: servers start once, not per command."""
        with lab_session(self.folder, folder=self.state / "lab") as lab:
            yield replace(self, session=lab.env)

    def env(self) -> dict[str, str]:
        """The environment of every command."""
        own = {"AUROPS_STORE": str(self.state / "store"), "AUROPS_LAB_HOME": str(self.state / "lab")}
        return {**os.environ, **self.session, **own, "NO_COLOR": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, so that a signal can be meant for it alone."""
        command = [sys.executable, "-m", "runbooks", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def aurops(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end and check its exit code; what it said on both streams.

        In this process: to import the program and the clouds' SDKs takes longer than most commands.
        """
        done = inside(self.folder, self.env(), *arguments)
        assert done.returncode == code, (
            f"aurops {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout + done.stderr

    def objects(self, type_: str | None = None) -> list[WorldObject]:
        """What exists in the lab's cloud."""
        with closing(World(self.state / "lab" / "world.sqlite")) as world:
            return world.objects(type_)

    def tamper(self, type_: str, path: str, value: Json) -> None:
        """Change a property of the first object of a type behind the program's back."""
        with closing(World(self.state / "lab" / "world.sqlite")) as world:
            world.tamper(world.objects(type_)[0].id, path, value, type_=type_)
