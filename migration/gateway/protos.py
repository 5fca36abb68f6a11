"""Reads protos: compiles them to a descriptor set, with everything that they import in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from aurops.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPILE_S = 60.0
ALWAYS = ("google/rpc/error_details.proto", "google/rpc/status.proto")
"""Errors carry these; Envoy prints only the messages that it has a descriptor of."""


def compile_protos(roots: Sequence[Path]) -> FileDescriptorSet:
    """All protos under these folders, compiled by grpcio-tools' protoc.

    Args:
        roots: Folders; imports are relative to them. Google's annotations (googleapis-common-protos) are always there.

    Raises:
        UsageError: There is no proto, or one is wrong: protoc's words, with file and line.
        OutsideError: protoc does not end.
    """
    files = [str(file.relative_to(root)) for root in roots for file in sorted(root.rglob("*.proto"))]
    if not files:
        raise UsageError("there is no proto", where=", ".join(map(str, roots)), allowed="folders with *.proto files")
    includes = [*map(str, roots), *map(str, _common_protos())]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "set.pb")
        command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{each}" for each in includes)]
        command += ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}", *files, *ALWAYS]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_S)
        except subprocess.TimeoutExpired as error:
            raise OutsideError(f"protoc did not end within {COMPILE_S:g} s", where=", ".join(includes)) from error
        if done.returncode:
            raise UsageError(
                f"the protos do not compile:{os.linesep}{done.stderr.strip()}", where=", ".join(map(str, roots))
            )
        return FileDescriptorSet.FromString(out.read_bytes())


def _common_protos() -> list[Path]:
    """The folders that hold `google/api` and `google/protobuf`, of googleapis-common-protos and grpcio-tools."""
    folders = []
    for module, above, inside in (("google.api.http_pb2", 3, ""), ("grpc_tools", 1, "_proto")):
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise OutsideError(f"{module} is missing", where=sys.prefix, next_step="`make setup` installs it")
        folders.append(Path(spec.origin).parents[above - 1] / inside)
    return folders
