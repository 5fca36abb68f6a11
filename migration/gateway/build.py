"""Builds a gateway: from its file and V11's protos to a folder that Envoy is started with."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from aurops.files import write_durably
from migration.gateway.envoy import BOOTSTRAP, render
from migration.gateway.methods import Method, read_methods
from migration.gateway.protos import compile_protos
from traffic.starting import begin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from migration.gateway.configuration import Gateway, Tls
    from traffic.site import Site

VALIDATE_S = 60.0
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Built:
    """A gateway that was built.

    Args:
        methods: V11's methods that REST reaches.
        files: The files written, by name, with the SHA-256 of each.
        validated_by: The Envoy that has read and accepted the configuration; empty: none has.
        began_at: The side that an edge without a steering file was given all traffic to; empty: it had one, or is none.
    """

    methods: tuple[Method, ...]
    files: Mapping[str, str]
    validated_by: str
    began_at: str = ""

    @property
    def endpoints(self) -> int:
        """Ways in which REST reaches the methods."""
        return sum(len(method.bindings) for method in self.methods)

    @property
    def streams(self) -> int:
        """Methods that answer with a stream."""
        return sum(method.streams for method in self.methods)


def build(gateway: Gateway, out: Path, envoy: Path | None, envoy_version: str = "") -> Built:
    """Write a gateway's files; what Envoy does not accept is not written.

    Args:
        gateway: What it is told.
        out: The folder; made when it is not there.
        envoy: Validates; None: nobody does.
        envoy_version: Its version.

    Raises:
        UsageError: The protos or a certificate are wrong, a pattern fits no method, the edge waits less long than a
            method may take, `out` is a file, or Envoy refuses the configuration.
        OutsideError: Envoy does not run.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("this is no folder", where=str(out))
    for name, tls in (("edge_tls", gateway.edge_tls), ("v11.tls", gateway.v11.tls)):
        if tls is not None:
            _check_certificate(name, tls)
    compiled = compile_protos(gateway.protos)
    methods = read_methods(compiled)
    _check_patterns(gateway, [each.full_name for each in methods])
    if gateway.site:
        _check_patience(gateway, gateway.site, methods)
    if envoy is not None:
        _validate(gateway, compiled, methods, envoy)
    files = render(gateway, compiled, methods, out.absolute())
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_durably(out / name, text)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return Built(methods, digests, envoy_version if envoy else "", begin(gateway.site) if gateway.site else "")


def _check_patterns(gateway: Gateway, methods: Sequence[str]) -> None:
    """What is said of methods is said of some: a name that is misspelt would leave its method as it is by default.

    Raises:
        UsageError: A pattern fits none.
    """
    said = [
        *(("timeouts.methods_s", each) for each in gateway.timeouts.methods_s),
        *(("v10.status", each) for each in gateway.v10.status),
        *(("examples", each) for each in gateway.examples),
    ]
    for key, pattern in said:
        if not any(fnmatchcase(name, pattern) for name in methods):
            near = get_close_matches(pattern, methods, 1) or methods[:1]
            raise UsageError(
                f"{pattern!r} fits no method that REST reaches",
                where=f"{key} in the gateway's file",
                allowed=f"full names of methods, with * for any letters, such as {', '.join(near)}",
                next_step="nothing was written",
            )


def _check_patience(gateway: Gateway, site: Site, methods: Sequence[Method]) -> None:
    """The edge waits as long as each method may take: its time-out is for the whole answer, and cuts a stream in two.

    Raises:
        UsageError: It does not.
    """
    allowed = {each.full_name: gateway.timeouts.of(each.full_name, streams=each.streams) for each in methods}
    cut = [(name, key, limit_s) for name, (key, limit_s) in allowed.items() if limit_s > site.timeout_s]
    if not cut:
        return
    longest_s = max(limit_s for _, _, limit_s in cut)
    keys = sorted({f"timeouts.{key}" for _, key, _ in cut})
    named = ", ".join(f"{name} ({limit_s:g} s by timeouts.{key})" for name, key, limit_s in cut[:_NAMED])
    more = f" and {len(cut) - _NAMED} more" if len(cut) > _NAMED else ""
    raise UsageError(
        f"the edge gives up after {site.timeout_s:g} s, and would cut what may take longer behind it: {named}{more}",
        where=f"{gateway.edge}: timeout_s",
        allowed=f"at least {longest_s:g}; or in the gateway's file {' and '.join(keys)} of at most {site.timeout_s:g}",
        next_step="raise the one or lower the other; nothing was written",
    )


def _validate(gateway: Gateway, compiled: FileDescriptorSet, methods: Sequence[Method], envoy: Path) -> None:
    """Have Envoy read the configuration as it would at its start, without listening anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in render(gateway, compiled, methods, Path(folder)).items():
            Path(folder, name).write_text(text)
        command = [str(envoy), "--mode", "validate", "-c", str(Path(folder, BOOTSTRAP)), "--log-level", "error"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=VALIDATE_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OutsideError(f"Envoy does not validate: {error}", where=str(envoy)) from error
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise UsageError(
            f"Envoy refuses this configuration: {said[-1] if said else 'without a word'}",
            where=str(envoy),
            next_step="nothing was written; mend the gateway's file",
        )


def _check_certificate(name: str, tls: Tls) -> None:
    """Certificate and key belong together, and the authority is one where it is needed.

    Raises:
        UsageError: One cannot be read, or they do not go together.
    """
    files = [tls.certificate, tls.key] + ([tls.authority] if tls.server_name else [])
    for file in files:
        if not (tls.folder / file).is_file():
            raise UsageError("there is no such file", where=f"{name}: {tls.folder / file}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.folder / tls.certificate, tls.folder / tls.key)
        if tls.server_name:
            context.load_verify_locations(tls.folder / tls.authority)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"certificate, key and authority do not go together: {error}",
            where=f"{name}: {tls.folder}",
            next_step="Envoy would keep the ones that it has; put all files of one certificate there",
        ) from error
