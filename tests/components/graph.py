"""Records what a Pulumi program registers, with parent, protection and ignored changes, and runs no provider."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
from pulumi.runtime import mocks, rpc, settings

from tests.components import answers_azure, answers_gcp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ACCOUNT = "123456789012"
UNKNOWN = "<unknown>"
"""Stands for a value that is not known in a preview."""


@dataclass(frozen=True)
class Node:
    """One registered resource."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    protect: bool
    ignored: frozenset[str]
    depends_on: frozenset[str]
    aliases: tuple[str, ...]
    provider: str
    custom: bool


@dataclass
class Graph:
    """Everything that a program registered, and what it exported."""

    nodes: list[Node] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)

    def of(self, type_: str) -> dict[str, Node]:
        """Resources of a type (`ec2/vpc:Vpc`), by name; the provider's own prefix may be left out."""
        return {n.name: n for n in sorted(self.nodes, key=lambda n: n.urn) if n.type.split(":", 1)[1] == type_}

    def one(self, type_: str, ending: str = "") -> Node:
        """The only resource of a type whose name ends so."""
        (node,) = [node for name, node in self.of(type_).items() if name.endswith(ending)]
        return node

    def names(self) -> set[tuple[str, str]]:
        """Type and name of every resource."""
        return {(node.type, node.name) for node in self.nodes}


class EngineRefusalError(grpc.RpcError):
    """What the engine answers to an invoke that it cannot serve."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class Answers(mocks.Mocks):
    """Plays provider: ids and ARNs derived from the name, inputs echoed, the few invokes that components make."""

    outputs: Mapping[str, Mapping[str, Any]] = {
        "aws:eks/cluster:Cluster": {
            "endpoint": "https://eks.example",
            "certificateAuthority": {"data": "Q0E="},
            "identities": [{"oidcs": [{"issuer": "https://oidc.example/id/1"}]}],
            "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
        },
        "aws:lb/loadBalancer:LoadBalancer": {
            "dnsName": "lb.example",
            "zoneId": "ZLB",
            "arnSuffix": "app/lb/1",
        },
        "aws:lb/targetGroup:TargetGroup": {"arnSuffix": "targetgroup/tg/1"},
        "aws:acm/certificate:Certificate": {
            "domainValidationOptions": [
                {
                    "domainName": "x",
                    "resourceRecordName": "_v.example.com",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_w.acm.example",
                }
            ]
        },
        "aws:rds/cluster:Cluster": {
            "clusterIdentifier": "db",
            "endpoint": "writer.example",
            "readerEndpoint": "reader.example",
            "engineVersionActual": "17.5",
        },
        "aws:elasticache/replicationGroup:ReplicationGroup": {"configurationEndpointAddress": "cache.example"},
        "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": {"globalReplicationGroupId": "ldgnf-cache"},
        "aws:route53/zone:Zone": {"zoneId": "ZMADE"},
        "aws:route53recoverycontrol/cluster:Cluster": {
            "clusterEndpoints": [{"endpoint": "https://arc.example", "region": "us-east-1"}]
        },
        **answers_gcp.OUTPUTS,
    }

    def __init__(self, upstream: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.upstream = upstream or {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """The state that a provider would return."""
        if args.typ.startswith("azure-native:"):
            return answers_azure.outputs(args.typ, args.name, args.inputs)
        arn = f"arn:aws:mock:::{args.name}"
        known = {"arn": arn} | dict.fromkeys(("name", "keyId", "bucket", "nodeGroupName"), args.name)
        return f"{args.name}-id", {**known, **self.outputs.get(args.typ, {}), **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        """Answer an invoke; one that nobody foresaw is an error."""
        if args.token.startswith("azure-native:"):
            return answers_azure.call(args.token, args.args)
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": "arn", "userId": "me", "id": "me"}
            case "aws:secretsmanager/getRandomPassword:getRandomPassword":
                return {"randomPassword": "drawn"}
            case "aws:secretsmanager/getSecretVersion:getSecretVersion":
                return {"secretString": "drawn", "secretId": args.args["secretId"]}
            case "pulumi:pulumi:readStackOutputs":
                return self._read(args.args["name"])
        if args.token in answers_gcp.CALLS:
            return answers_gcp.CALLS[args.token]
        raise AssertionError(f"no answer for {args.token}")

    def _read(self, name: str) -> dict[str, Any]:
        stack = name.rsplit("/", 1)[-1]
        if stack not in self.upstream:
            raise EngineRefusalError(f"unknown stack {stack!r}")
        return {"name": name, "outputs": self.upstream[stack]}


class Recorder(mocks.MockMonitor):
    """A monitor that keeps what `MockResourceArgs` drops."""

    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.graph = Graph()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the monitor's RPC name
        """Record, then answer."""
        response = super().RegisterResource(request)
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        node = Node(
            urn=response.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=whole(inputs),
            protect=request.protect,
            ignored=frozenset(request.ignoreChanges),
            depends_on=frozenset(request.dependencies),
            aliases=tuple(alias.spec.type or alias.spec.name or alias.urn for alias in request.aliases),
            provider=request.provider,
            custom=request.custom,
        )
        self.graph.nodes.append(node)
        return response


def whole(value: Any) -> Any:
    """Integers arrive as floats over the wire; give them back as integers, and secrets as their value."""
    if isinstance(value, pulumi.output.Unknown):
        return UNKNOWN
    if rpc.is_rpc_secret(value):
        return {"secret": whole(rpc.unwrap_rpc_secret(value))}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return value


def run(
    program: Callable[[], Any],
    *,
    stack: str = "test",
    preview: bool = False,
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
) -> Graph:
    """Run a program to its end and return what it registered."""
    recorder = Recorder(Answers(upstream))
    with event_loop() as loop:
        # What a program that failed left behind would be waited for for ever; `pulumi.runtime.test` clears it too.
        settings.SETTINGS.outputs.clear()
        mocks.set_mocks(recorder.mocks, "aurops", stack, preview, monitor=recorder)
        loop.run_until_complete(pulumi.runtime.stack.wait_for_rpcs())
        recorder.graph.nodes.clear()
        recorder.graph.exports = loop.run_until_complete(_collect(program))
    return recorder.graph


async def _collect(program: Callable[[], Any]) -> dict[str, Any]:
    root = settings.get_root_resource()
    assert isinstance(root, pulumi.runtime.stack.Stack)
    root.outputs = {}
    root._transformations = []
    program()
    await pulumi.runtime.stack.wait_for_rpcs()
    exported = {}
    for key, value in root.outputs.items():
        output = pulumi.Output.from_input(value)
        exported[key] = await output.future(with_unknowns=True)
    return exported


@contextlib.contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of our own for one program; the loops that the SDK wants in its threads are closed with it."""
    loop, others = asyncio.new_event_loop(), list[asyncio.AbstractEventLoop]()

    def own_loop() -> None:
        others.append(asyncio.new_event_loop())
        asyncio.set_event_loop(others[-1])

    with ThreadPoolExecutor(initializer=own_loop) as threads:
        loop.set_default_executor(threads)
        asyncio.set_event_loop(loop)
        try:
            yield loop
        finally:
            # A program that failed leaves outputs that nothing will ever resolve.
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            asyncio.set_event_loop(None)
            for each in (loop, *others):
                each.close()
