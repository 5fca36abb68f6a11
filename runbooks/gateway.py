"""`aurops gateway`: builds the gateway before V11, and asks whether it answers as V10 does."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import documents
from aurops.errors import AnswerIsNoError, OutsideError, UsageError
from migration.gateway import configuration
from migration.gateway.build import build as build_gateway
from migration.gateway.check.asking import Asked, place
from migration.gateway.check.check import Check, Sides, endpoints_of
from migration.gateway.methods import read_methods
from migration.gateway.protos import compile_protos
from runbooks.sites import AsJson  # noqa: TC001 (Typer reads it)
from runbooks.terminal import timeline
from testbeds.local import components
from traffic.site import Site
from traffic.starting import prepare

if TYPE_CHECKING:
    from migration.gateway.build import Built
    from migration.gateway.check.report import Report
    from migration.gateway.configuration import Gateway

app = typer.Typer(name="gateway", add_completion=False, no_args_is_help=True, rich_markup_mode=None)
COPIES = 2

File = Annotated[Path, typer.Argument(metavar="FILE", help="The gateway's file (docs/gateway.md).")]
SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="The file that describes the proxy (docs/traffic.md).")]
Out = Annotated[Path, typer.Option("--out", help="The folder to write to; Envoy is started with its envoy.json.")]
V10 = Annotated[str, typer.Option("--v10", help="V10's address, such as http://10.0.0.1:8080; only read.")]
Url = Annotated[str, typer.Option("--gateway", help="The gateway's address, V11 behind it; only read.")]
V10Copy = Annotated[list[str] | None, typer.Option("--v10-copy", help="A V10 on a restored copy, twice; written to.")]
UrlCopy = Annotated[str, typer.Option("--gateway-copy", help="A gateway whose V11 has a restored copy; written to.")]
Authority = Annotated[str, typer.Option("--ca", help="Who signed the certificates of those asked, PEM.")]
All = Annotated[bool, typer.Option("--all", help="Exit 1 also when an endpoint was never seen to succeed.")]


@app.command()
def build(file: File, *, out: Out, as_json: AsJson = False) -> None:
    """Write Envoy's configuration for a gateway.

    Envoy itself reads it first; what it does not accept is not written.
    """
    gateway = configuration.load(file)
    envoy = _envoy()
    built = build_gateway(gateway, out, envoy.path if envoy else None, envoy.version if envoy else "")
    if as_json:
        typer.echo(json.dumps(_as_json(built, out)))
        return
    typer.echo(f"{len(built.methods)} methods at {built.endpoints} endpoints, {built.streams} of them streams")
    typer.echo(f"validated by Envoy {built.validated_by}" if built.validated_by else "not validated: no Envoy here")
    typer.echo("\n".join(f"wrote {out / name}" for name in built.files))
    if built.began_at:
        typer.echo(f"the edge had no steering: everything goes to {built.began_at}")


@app.command()
def edge(file: SiteFile, *, as_json: AsJson = False) -> None:
    """Write what an Envoy or NGINX that steers starts with.

    It goes into the proxy's own folder. Its own binary reads it first; what that does not accept is not written.
    Weights that it has are left alone. An edge that is built along with a gateway (build) needs none of this.
    """
    prepared = prepare(documents.load(file, Site))
    watcher = [sys.executable, "-m", "traffic.watcher", "--site", str(file.absolute())]  # a service has another folder
    if as_json:
        said = {"written": [str(each) for each in prepared.written], "began_at": prepared.began_at or None}
        typer.echo(json.dumps(said | {"start": prepared.command, "watcher": watcher}))
        return
    typer.echo("\n".join(f"wrote {each}" for each in prepared.written) or "unchanged")
    if prepared.began_at:
        typer.echo(f"it had no steering: everything goes to {prepared.began_at}")
    typer.echo(f"start it with: {shlex.join(prepared.command)}")
    typer.echo(f"and beside it: {shlex.join(watcher)}")


@app.command()
def check(  # noqa: PLR0913 (its options)
    file: File,
    *,
    v10: V10,
    gateway: Url,
    v10_copy: V10Copy = None,
    gateway_copy: UrlCopy = "",
    ca: Authority = "",
    every: All = False,
    as_json: AsJson = False,
) -> None:
    """Ask V10 and the gateway the same; exit 1 when they differ.

    Every endpoint is asked: V10 twice, to know its noise; reads as they are, writes only of the copies. The last
    line says what was not seen: exit 0 says only that nothing differed in what was.
    """
    asked = configuration.load(file)
    copies = _copies(v10_copy or [], gateway_copy, (v10, gateway))
    report = _check(asked, (v10, v10, gateway), copies, ca)
    typer.echo(json.dumps(report.as_json()) if as_json else "\n".join(report.lines()))
    if report.differences or (every and report.unshown):
        what = f"{len(report.differences)} differences, {len(report.unshown)} endpoints never seen to succeed"
        raise AnswerIsNoError(f"the gateway is not shown to answer as V10 does: {what}", where=gateway)


def _check(gateway: Gateway, urls: tuple[str, str, str], copies: tuple[str, str, str] | None, ca: str) -> Report:
    methods = read_methods(compile_protos(gateway.protos))
    with ExitStack() as stack, timeline() as told:
        check = Check(gateway, methods, told.tell)
        if gateway.openapi:
            check.only_v10(endpoints_of(configuration.read_openapi(gateway.openapi)))
        check.reads(_sides(stack, urls, ca))
        if copies:
            check.writes(_sides(stack, copies, ca))
        check.report.without_writes = copies is None
        return check.report


def _sides(stack: ExitStack, urls: tuple[str, str, str], ca: str) -> Sides:
    names = ("V10", "V10", "the gateway")
    v10, again, v11 = (stack.enter_context(Asked(name, url, ca)) for name, url in zip(names, urls, strict=True))
    return Sides(v10, again, v11)


def _copies(v10: list[str], gateway: str, serving: tuple[str, str]) -> tuple[str, str, str] | None:
    """The copies that may be written to.

    Raises:
        UsageError: There are not three, or one of them is a platform that serves.
    """
    if not v10 and not gateway:
        return None
    copies = [*v10, gateway]
    if len(v10) != COPIES or not gateway or len({place(url) for url in copies}) < len(copies):
        raise UsageError(
            "writes need three restored copies",
            where="--v10-copy, --gateway-copy",
            allowed="--v10-copy twice, with two copies restored from one backup, and --gateway-copy once",
        )
    for url in copies:
        if place(url) in map(place, serving):
            raise UsageError(
                f"{url} is no copy: it is asked as the platform that serves, and would be written to",
                where="--v10-copy, --gateway-copy",
                allowed="addresses other than --v10's and --gateway's",
            )
    return v10[0], v10[1], gateway


def _envoy() -> components.Found | None:
    try:
        return components.envoy()
    except OutsideError:
        return None


def _as_json(built: Built, out: Path) -> dict[str, object]:
    return {
        "methods": len(built.methods),
        "endpoints": built.endpoints,
        "streams": built.streams,
        "validated_by": built.validated_by or None,
        "began_at": built.began_at or None,
        "files": {str(out / name): digest for name, digest in built.files.items()},
    }
