"""The clouds' provider servers: Pulumi's provider protocol on loopback, for every engine of one lab session.

Run by `session.py` as `python -m testbeds.lab.server`: this process imports what they need once and then becomes one
process for each cloud, which saves two thirds of the time that a session takes to open. The engine reaches them through
the shims on PATH. Provider instances share their cloud's server and are told apart by their connection: the engine
opens one for each.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

from aurops.clock import Clock, RealClock
from aurops.processes import Process
from testbeds.lab import LAB_VARIABLE
from testbeds.lab.changes import Change, Outcome, Subject, compare, is_write_only
from testbeds.lab.checking import Failure, check
from testbeds.lab.cloud import Cloud, RefusedError, Settings
from testbeds.lab.filling import preview
from testbeds.lab.folder import CLOUDS, LabFolder
from testbeds.lab.paths import covers
from testbeds.lab.shapes import UnknownTypeError
from testbeds.lab.wire import DEFAULTS, UNKNOWN, Object, from_struct, has_unknown, to_struct
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WATCH_EVERY_S = 0.2
_KINDS = {
    (Outcome.ADD, False): pb.PropertyDiff.ADD,
    (Outcome.ADD, True): pb.PropertyDiff.ADD_REPLACE,
    (Outcome.DELETE, False): pb.PropertyDiff.DELETE,
    (Outcome.DELETE, True): pb.PropertyDiff.DELETE_REPLACE,
    (Outcome.UPDATE, False): pb.PropertyDiff.UPDATE,
    (Outcome.UPDATE, True): pb.PropertyDiff.UPDATE_REPLACE,
}


class LabProvider(ResourceProviderServicer):
    """Pulumi's provider protocol over a cloud and its world.

    Args:
        cloud: Whose rules hold.
        clock: For the latency.
        latency_s: Seconds from the moment an object exists to the moment the engine hears of it (≥ 0). A crash in
            between is the one that leaves an object nobody knows of.
        expired: Whether the person's credentials have expired: the provider then starts and answers nothing else.
    """

    def __init__(self, cloud: Cloud, clock: Clock, latency_s: float, *, expired: bool = False) -> None:
        self._cloud = cloud
        self._clock = clock
        self._latency_s = latency_s
        self._expired = expired
        self._settings: dict[str, Settings] = {}

    # The methods below are named by Pulumi's protocol: proto/pulumi/provider.proto says what each means.
    # ruff: noqa: N802, ARG002, D102

    def Handshake(
        self, request: pb.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> pb.ProviderHandshakeResponse:
        return pb.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._cloud.version)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def CheckConfig(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        news = from_struct(request.news)
        failures = []
        if not has_unknown(news):
            try:
                self._cloud.settings(news)
            except RefusedError as error:
                failures.append(pb.CheckFailure(reason=str(error)))
        return pb.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:
        same = from_struct(request.old_inputs) == from_struct(request.news)
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE if same else pb.DiffResponse.DIFF_SOME)

    def Configure(self, request: pb.ConfigureRequest, context: grpc.ServicerContext) -> pb.ConfigureResponse:
        with _refusals(context, f"configuring {self._cloud.name}"):
            if self._expired:
                raise RefusedError(*self._cloud.expired)
            self._settings[context.peer()] = self._cloud.settings(from_struct(request.args))
        return pb.ConfigureResponse(supportsPreview=True)

    def _of(self, context: grpc.ServicerContext) -> Settings:
        return self._settings.get(context.peer(), Settings())

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        token, name = _type_of(request.urn), _name_of(request.urn)
        settings, olds, news = self._of(context), from_struct(request.olds), from_struct(request.news)
        if not settings.known:
            return pb.CheckResponse(inputs=request.news)
        try:
            resource = self._cloud.resource(token)
        except UnknownTypeError:
            return pb.CheckResponse(failures=[pb.CheckFailure(reason=f"{self._cloud.name} has no type {token}")])
        news.pop(DEFAULTS, None)
        inputs = self._cloud.fill_defaults(token, name, news, olds, request.urn, settings)
        failures = check(inputs, resource.inputs, self._cloud.table(token))
        failures = failures or tuple(self._cloud.refuse_inputs(token, inputs, olds, settings))
        return pb.CheckResponse(inputs=to_struct(inputs), failures=[_failure(one) for one in failures])

    def Diff(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:
        token = _type_of(request.urn)
        resource, table = self._cloud.resource(token), self._cloud.table(token)
        asked, wanted = from_struct(request.old_inputs), from_struct(request.news)
        subject = Subject(asked, {}, wanted, resource.inputs, {})
        if self._cloud.compares_state:
            subject = Subject(asked, from_struct(request.olds), wanted, resource.inputs, resource.outputs)
        changes = [
            one
            for one in compare(subject, table)
            if not any(covers(pattern, one.path) for pattern in request.ignoreChanges)
        ]
        return _diff(changes, delete_first=self._cloud.delete_first(token, asked, wanted))

    def Create(self, request: pb.CreateRequest, context: grpc.ServicerContext) -> pb.CreateResponse:
        token, inputs = _type_of(request.urn), from_struct(request.properties)
        resource = self._cloud.resource(token)
        if request.preview:
            told = preview(inputs, {}, resource.outputs, self._cloud.table(token).computed)
            return pb.CreateResponse(properties=to_struct(told))
        settings = self._of(context)
        with _refusals(context, f"creating {_name_of(request.urn)}"), self._cloud.world.exclusive():
            made = self._cloud.make(token, inputs, settings)
            new = NewObject(token, made.region, made.id, self._kept(token, inputs), made.outputs, made.tags)
            self._add(new)
        self._clock.sleep(self._latency_s)
        return pb.CreateResponse(id=made.id, properties=to_struct(made.outputs))

    def _add(self, new: NewObject) -> None:
        there = self._cloud.world.objects(new.type, id_=new.id, region=new.region)
        if there and self._cloud.table(new.type).setting:
            self._cloud.world.change(there[-1].seq, new.inputs, new.outputs, new.tags)
        else:
            self._cloud.world.add(new)

    def _kept(self, token: str, inputs: Object) -> Object:
        fields = self._cloud.resource(token).inputs
        return {name: value for name, value in inputs.items() if not is_write_only(name, fields)}

    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> pb.UpdateResponse:
        token, inputs, olds = _type_of(request.urn), from_struct(request.news), from_struct(request.olds)
        if request.preview:
            told = preview(inputs, olds, self._cloud.resource(token).outputs, self._cloud.table(token).computed)
            there = self._cloud.find(token, request.id, olds, self._of(context))
            counted = self._cloud.counted(there, inputs) if there else {}
            told |= {name: UNKNOWN for name, value in counted.items() if value != olds.get(name)}
            return pb.UpdateResponse(properties=to_struct(told))
        with _refusals(context, f"updating {_name_of(request.urn)}"), self._cloud.world.exclusive():
            current = self._cloud.find(token, request.id, olds, self._of(context))
            if current is None:
                raise RefusedError("NotFound", f"{token} {request.id} does not exist")
            made = self._cloud.alter(current, inputs, self._of(context))
            self._cloud.world.change(current.seq, self._kept(token, inputs), made.outputs, made.tags)
        self._clock.sleep(self._latency_s)
        return pb.UpdateResponse(properties=to_struct(made.outputs))

    def Delete(self, request: pb.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        olds = from_struct(request.properties)
        with _refusals(context, f"deleting {_name_of(request.urn)}"), self._cloud.world.exclusive():
            current = self._cloud.find(_type_of(request.urn), request.id, olds, self._of(context))
            if current is not None:  # gone already: what was wanted
                self._cloud.refuse_delete(current)
                if not self._cloud.keeps(current):
                    self._cloud.world.remove(current.seq)
        self._clock.sleep(self._latency_s)
        return Empty()

    def Read(self, request: pb.ReadRequest, context: grpc.ServicerContext) -> pb.ReadResponse:
        token, asked = _type_of(request.urn), from_struct(request.inputs)
        current = self._cloud.find(token, request.id, from_struct(request.properties), self._of(context))
        if current is None:
            return pb.ReadResponse()
        hidden = {name: value for name, value in asked.items() if name not in self._kept(token, asked)}
        inputs = to_struct(current.inputs | hidden)
        return pb.ReadResponse(id=current.id, inputs=inputs, properties=to_struct(current.outputs))

    def Invoke(self, request: pb.InvokeRequest, context: grpc.ServicerContext) -> pb.InvokeResponse:
        with _refusals(context, request.tok):
            answer = self._cloud.invoke(request.tok, from_struct(request.args), self._of(context))
        response = pb.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(answer))  # the field is named by a word of Python's
        return response


@contextmanager
def _refusals(context: grpc.ServicerContext, doing: str) -> Iterator[None]:
    """The cloud's refusal becomes the engine's error."""
    try:
        yield
    except (RefusedError, UnknownTypeError) as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{doing}: {error}")
        raise  # not reached: abort raises


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


def _failure(failure: Failure) -> pb.CheckFailure:
    return pb.CheckFailure(
        property=failure.path, reason=f"{failure.path}: {failure.reason}" if failure.path else failure.reason
    )


def _diff(changes: Iterable[Change], *, delete_first: bool) -> pb.DiffResponse:
    changes = tuple(changes)
    replaces = sorted({one.top for one in changes if one.replaces})
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if changes else pb.DiffResponse.DIFF_NONE,
        diffs=sorted({one.top for one in changes}),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and delete_first,
        hasDetailedDiff=True,
        detailedDiff={
            one.path: pb.PropertyDiff(kind=_KINDS[one.outcome, one.replaces], inputDiff=False) for one in changes
        },
    )


def _serve(provider: LabProvider) -> tuple[grpc.Server, int]:
    limit = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=limit)
    add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _publish(file: Path, port: int) -> None:
    """Write the port in one move: whoever sees the file sees all of it."""
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(f"{port}\n")
    fresh.replace(file)


def _serve_until_over(cloud: Cloud, file: Path, args: argparse.Namespace) -> None:
    server, port = _serve(LabProvider(cloud, RealClock(), args.latency_s, expired=args.expired))
    _publish(file, port)
    over, parent = threading.Event(), os.getppid()
    while args.session.is_alive() and os.getppid() == parent and not over.wait(_WATCH_EVERY_S):
        pass
    server.stop(grace=None)


def _become(name: str, place: LabFolder, args: argparse.Namespace) -> NoReturn:
    """Go on as the server of one cloud, which `ps -o comm` then tells from the others, and end as such."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        with suppress(OSError):  # a nicety of Linux
            Path("/proc/self/comm").write_text(f"lab {CLOUDS[name]}", encoding="ascii")
        cloud: Cloud = import_module(f"testbeds.lab.{CLOUDS[name]}.cloud").connect(World(place.world))
        _serve_until_over(cloud, place.port_file(name), args)
        code = 0
    except BaseException:  # noqa: BLE001 (this process ends here, and its parent's handlers are not for it)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve_all(place: LabFolder, args: argparse.Namespace) -> int:
    """Start a server for each cloud, and wait until all have ended; a signal to end is for all of them.

    One that cannot start ends the others too. One that is killed does not: that is a provider which died.
    """
    servers: set[int] = set()
    ending = threading.Event()

    def end(*_: object) -> None:
        ending.set()
        for pid in servers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    for name in CLOUDS:
        # A signal waits meanwhile: a server is either known to the handler or not begun.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        if not ending.is_set():
            if (pid := os.fork()) == 0:
                _become(name, place, args)
            servers.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    failed = 0
    while servers:
        pid, status = os.wait()
        servers.discard(pid)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            failed = 1
            end()
    return failed


def main() -> int:
    """Serve until the session that started this has gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--session", type=Process.parse, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--expired", action="store_true")
    args = parser.parse_args()
    if LAB_VARIABLE not in os.environ:
        sys.exit(f"the lab's providers run in a lab session only ({LAB_VARIABLE} is not set): use --lab")
    for module in CLOUDS.values():
        import_module(f"testbeds.lab.{module}.cloud")
    gc.freeze()  # what is shared stays shared
    gc.set_threshold(100_000, 50, 1_000)
    return _serve_all(LabFolder(args.folder), args)


if __name__ == "__main__":
    sys.exit(main())
