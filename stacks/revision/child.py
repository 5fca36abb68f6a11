"""Runs the programs of a tree, which may be of another version of aurops: records them, or serves them to the engine.

What a tree must offer is `stacks.program.main(folder, settle=…)`, run under Pulumi's protocol. Our own modules are
imported first; then the tree's come first on the path, and the names of ours are forgotten: what the program imports is
the tree's, while we go on with what we have.

    python -m stacks.revision.child FOLDER ANSWERS     one JSON object a line in, one out
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import pulumi.log
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from stacks.recording import record
from stacks.revision.messages import Failure, Known, StackRecord, Task
from stacks.revision.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stacks.graph import Graph
    from stacks.recording import Answers

_SERVED = 8
"""Engines that are served at a time."""


class _NeedsError(Exception):
    """The program reads a stack that is recorded later."""


class _Answers:
    """A provider's answers from the lab, another stack's from the task."""

    def __init__(self, lab: Any, stacks: frozenset[str], task: Task) -> None:
        self.needed: str | None = None
        self._lab = lab
        self._stacks = stacks
        self._task = task

    def resource(self, urn: str, inputs: Mapping[str, Any], provider: str) -> tuple[str, Mapping[str, Any]]:
        answer: tuple[str, Mapping[str, Any]] = self._lab.resource(urn, inputs, provider)
        return answer

    def call(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._lab.call(token, arguments, provider)
        return answer

    def stack(self, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._task.exports.get(name)
        if found is None and name in self._stacks and name not in (*self._task.absent, self._task.stack):
            self.needed = self.needed or name
            raise _NeedsError(name)
        return found


class Child:
    """The programs of one tree.

    Args:
        tree: The tree.
        lab: Answers for providers; `begin` before each program.
    """

    def __init__(self, tree: Tree, lab: Any) -> None:
        self._tree = tree
        self._lab = lab
        self._lock = threading.Lock()
        self._servers: list[grpc.Server] = []
        self._refused: dict[str, Failure] = {}

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what one line asks for."""
        try:
            if "record" in asked:
                return self._record(Task.read(asked["record"]))
            if "refused" in asked:
                failure = self._refused.get(asked["refused"])
                return {"refused": failure and failure.document()}
            return {"address": self._serve(settle=asked["serve"] == "settle")}
        except Exception as error:  # noqa: BLE001 (a program may raise anything; whoever asked is told)
            return {"error": Failure.of(error, self._tree.folder).document()}

    def _program(self, *, settle: bool) -> None:
        # One at a time: the SDKs import their modules lazily, which two threads must not do at once.
        with self._lock:
            main: Callable[..., None] = import_module("stacks.program").main
            main(self._tree.stacks_dir, **({"settle": True} if settle else {}))

    def _record(self, task: Task) -> dict[str, Any]:
        self._lab.begin()
        answers = _Answers(self._lab, frozenset(self._tree.files()), task)
        settings = self._tree.settings(task.stack)
        try:
            graph = record(
                lambda: self._program(settle=task.settle),
                cast("Answers", answers),
                stack=task.stack,
                project=settings.project,
                config=settings.config,
            )
        except Exception:
            if answers.needed:
                return {"needs": answers.needed}
            raise
        return {"record": _known(graph, settings.besides).document()}

    def _serve(self, *, settle: bool) -> str:
        """Serve the programs to engines, on loopback; until this process ends."""

        def program() -> None:
            try:
                self._program(settle=settle)
            except Exception as error:
                self._refused[pulumi.get_stack()] = Failure.of(error, self._tree.folder)
                if hasattr(error, "exit_code"):  # one of the tree's own: for people, without a traceback
                    raise pulumi.RunError(str(error)) from None
                raise

        server = grpc.server(ThreadPoolExecutor(_SERVED))
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(server)
        return f"127.0.0.1:{port}"


def _known(graph: Graph, besides: Mapping[str, Any]) -> StackRecord:
    made = tuple(Known(node.urn, node.type, node.protect) for node in graph.nodes if node.custom)
    return StackRecord(graph.digest(besides), graph.exports, tuple(graph.reads), graph.opaque, made)


def adopt(tree: Tree) -> None:
    """Let every import from here on find the tree's modules, if it has the program."""
    if not tree.has_program:
        return
    brought = {each.name for each in tree.folder.iterdir() if (each / "__init__.py").is_file()}
    for name in [name for name in sys.modules if name.partition(".")[0] in brought]:
        del sys.modules[name]
    sys.path.insert(0, str(tree.folder))


def main() -> None:
    """Answer line by line until there is no more."""
    folder, where = sys.argv[1:]
    module, _, name = where.partition(":")
    lab = getattr(import_module(module), name)()
    # What a program prints must not get between the answers.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # As in stacks/engine.py: nobody reads the SDK's debug lines, and looking for cycles costs more than it frees.
    pulumi.log.debug = cast("Any", lambda *_args, **_options: None)
    gc.disable()
    tree = Tree(Path(folder))
    ours = dict(sys.modules)  # they stay alive under other names than the program's
    child = Child(tree, lab)
    adopt(tree)
    for line in sys.stdin:
        told.write(json.dumps(child.answer(json.loads(line))) + "\n")
        told.flush()
    ours.clear()
    os._exit(0)  # engines that are still served are nobody's any more


if __name__ == "__main__":
    main()
