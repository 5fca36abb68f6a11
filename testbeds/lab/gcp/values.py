"""Outputs that programs read and that a made-up string would not serve: links, endpoints, addresses, accounts.

Every host that something would connect to is under `lab.invalid`, a name that can never resolve (RFC 6761). A
`selfLink` is an identifier that happens to be a URL and has Google's own form.
"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.filling import MOMENT, digest
from testbeds.lab.gcp.identity import project_number
from testbeds.lab.gcp.kinds import GLOBAL_ADDRESS, NETWORK
from testbeds.lab.gcp.ranges import ranges_of
from testbeds.lab.gcp.references import at, find, leaf
from testbeds.lab.wire import Json, Object, child, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.world import World


@dataclass(frozen=True)
class Fresh:
    """An object that has an identifier and no outputs yet.

    Args:
        token: Its type.
        id: Its identifier.
        inputs: What was asked for.
        project: Its project.
        place: Its `region`, `location`, `zone`, where it has them.
    """

    token: str
    id: str
    inputs: Object
    project: str
    place: Mapping[str, str]

    @property
    def region(self) -> str:
        """Its region; empty for a global one."""
        return self.place.get("region", "")

    @property
    def number(self) -> str:
        """Number of its project."""
        return project_number(self.project)


_LINKS: Final[Mapping[str, str]] = {
    "compute": "https://www.googleapis.com/compute/v1/{id}",
    "container": "https://container.googleapis.com/v1/{id}",
    "sql": "https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{id}",
    "storage": "https://www.googleapis.com/storage/v1/b/{id}",
}

_AGENTS: Final[Mapping[str, str]] = {
    "artifactregistry": "gcp-sa-artifactregistry",
    "compute": "compute-system",
    "container": "container-engine-robot",
    "run": "serverless-robot-prod",
    "servicenetworking": "service-networking",
    "sqladmin": "gcp-sa-cloud-sql",
    "storage": "gs-project-accounts",
}
"""Domain of a service's agent (IAM documentation, "Service agents"); every other one is `gcp-sa-<service>`."""


def agent(service: str, project: str) -> str:
    """The address of a service's agent in a project, such as `service-123@gcp-sa-cloud-sql.iam.gserviceaccount.com`."""
    name = service.partition(".")[0]
    domain = _AGENTS.get(name, f"gcp-sa-{name}")
    return f"service-{project_number(project)}@{domain}.iam.gserviceaccount.com"


def known(new: Fresh, world: World) -> Object:
    """Realistic top-level outputs of an object, by name."""
    values: Object = {"project": new.project, "creationTimestamp": MOMENT, "deletionPolicy": "DELETE"}
    values |= dict(new.place)
    link = _LINKS.get(new.token.split(":")[1].split("/", maxsplit=1)[0])
    if link:
        values["selfLink"] = link.format(id=new.id, project=new.project)
    if "name" not in new.inputs:
        values["name"] = new.id
    special = _BY_TYPE.get(new.token)
    return values | (special(new, world) if special else {})


def merged(own: Json, asked: Json) -> Json:
    """What the cloud knows of a block, under what was asked for."""
    if isinstance(own, dict) and isinstance(asked, dict):
        return own | {name: merged(own.get(name), value) for name, value in asked.items()}
    return asked


def _address_of(*seed: str) -> str:
    # 203.0.113.0/24 is reserved for documents (RFC 5737).
    return f"203.0.113.{int(digest(*seed, length=2), 16)}"


def _inside(*seed: str) -> str:
    # 100.64.0.0/10 is shared address space (RFC 6598): no program's own range.
    return str(ipaddress.ip_address("100.64.0.0") + int(digest(*seed, length=5), 16))


def _subnetwork(new: Fresh, world: World) -> Object:  # noqa: ARG001
    block = text(new.inputs, "ipCidrRange")
    gateway = str(ipaddress.ip_network(block, strict=False)[1]) if block else ""
    return {"gatewayAddress": gateway, "purpose": "PRIVATE", "stackType": "IPV4_ONLY"}


def _external_address(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {"address": _address_of(new.id), "users": []}


def _global_address(new: Fresh, world: World) -> Object:
    """A range for services is chosen where the network has room, as Google does when no address is asked for."""
    for there in world.objects(GLOBAL_ADDRESS, id_=new.id):
        return {"address": there.outputs.get("address")}
    length = new.inputs.get("prefixLength")
    if new.inputs.get("purpose") != "VPC_PEERING" or not isinstance(length, int):
        return {"address": _address_of(new.id), "labelFingerprint": digest(new.id, length=8)}
    taken = [each.block for each in ranges_of(text(new.inputs, "network"), world)]
    # From the top, where programs seldom put theirs: a subnetwork that comes later would meet it.
    size = 2 ** (32 - max(length, 9))
    last = ipaddress.ip_network("10.0.0.0/8").broadcast_address
    starts = range(int(last) + 1 - size, int(ipaddress.ip_address("10.0.0.0")) - 1, -size)
    room = (ipaddress.ip_network((start, max(length, 9))) for start in starts)
    free = next(block for block in room if not any(block.overlaps(one) for one in taken))
    return {"address": str(free.network_address)}


def _cluster(new: Fresh, world: World) -> Object:  # noqa: ARG001
    authority = base64.b64encode(f"lab certificate authority of {new.id}".encode()).decode()
    host = f"{digest(new.id, length=32)}.{new.region or 'global'}.gke.lab.invalid"
    by_name: Json = child(child(new.inputs, "controlPlaneEndpointsConfig"), "dnsEndpointConfig") | {
        "endpoint": f"gke-{digest(new.id, length=20)}-{new.number}.{new.region}.gke.lab.invalid"
    }
    version = text(new.inputs, "minMasterVersion", "1.34.1-gke.1000000")
    return {
        "endpoint": host,
        "masterAuth": {"clusterCaCertificate": authority, "clientCertificate": "", "clientKey": ""},
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": by_name},
        "privateClusterConfig": {
            "privateEndpoint": host.replace(".gke.", ".private.gke."),
            "publicEndpoint": host,
        },
        "masterVersion": version,
        "nodeVersion": version,
        "servicesIpv4Cidr": "34.118.224.0/20",
        "clusterIpv4Cidr": "10.4.0.0/14",
        "operation": None,
    }


def _node_pool(new: Fresh, world: World) -> Object:  # noqa: ARG001
    group = f"projects/{new.project}/zones/{new.region}-a/instanceGroupManagers/gke-{digest(new.id, length=8)}-grp"
    link = f"https://www.googleapis.com/compute/v1/{group}"
    managed: list[Json] = [link]
    groups: list[Json] = [link.replace("instanceGroupManagers", "instanceGroups")]
    return {"managedInstanceGroupUrls": managed, "instanceGroupUrls": groups}


def _run_service(new: Fresh, world: World) -> Object:  # noqa: ARG001
    name = text(new.inputs, "name")
    host = f"https://{name}-{new.number}.{new.region}.run.lab.invalid"
    ready = f"{new.id}/revisions/{name}-00001-{digest(new.id, length=3)}"
    urls: list[Json] = [host]
    return {"uri": host, "urls": urls, "latestReadyRevision": ready, "latestCreatedRevision": ready}


def _database_instance(new: Fresh, world: World) -> Object:  # noqa: ARG001
    private = bool(list(at(new.inputs, "settings.ipConfiguration.privateNetwork")))
    address = _inside(new.id) if private else _address_of(new.id)
    addresses: list[Json] = [{"ipAddress": address, "type": "PRIVATE" if private else "PRIMARY", "timeToRetire": ""}]
    own_account = f"p{new.number}-{digest(new.id, length=6)}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    replica = bool(text(new.inputs, "masterInstanceName"))
    return {
        "connectionName": f"{new.project}:{new.region}:{new.id}",
        "dnsName": f"{digest(new.id, length=12)}.{new.region}.sql.lab.invalid.",
        "firstIpAddress": address,
        "instanceType": "READ_REPLICA_INSTANCE" if replica else "CLOUD_SQL_INSTANCE",
        "ipAddresses": addresses,
        "privateIpAddress": address if private else "",
        "publicIpAddress": "" if private else address,
        "replicationCluster": _replication_cluster(new, replica=replica),
        "serviceAccountEmailAddress": own_account,
    }


def _replication_cluster(new: Fresh, *, replica: bool) -> Json:
    """The write endpoint follows the primary (Cloud SQL documentation, "Write endpoint"): Enterprise Plus, private."""
    plus = text(child(new.inputs, "settings"), "edition") == "ENTERPRISE_PLUS"
    private = bool(list(at(new.inputs, "settings.ipConfiguration.privateNetwork")))
    host = f"{digest(new.project, new.id, length=12)}.global.sql-psa.lab.invalid." if plus and private else ""
    return {"drReplica": False, "failoverDrReplicaName": "", "psaWriteEndpoint": "" if replica else host}


def _memorystore(new: Fresh, world: World) -> Object:  # noqa: ARG001
    """Its addresses are in `endpoints` alone: the older outputs stay empty for endpoints that it makes itself."""
    kinds = ("PRIMARY", "READER") if text(new.inputs, "mode") == "CLUSTER_DISABLED" else ("DISCOVERY",)
    network = next(at(new.inputs, "desiredAutoCreatedEndpoints.network"), "")
    connections: list[Json] = [
        {
            "pscAutoConnection": {
                "connectionType": f"CONNECTION_TYPE_{kind}",
                "ipAddress": _inside(new.id, kind),
                "network": network,
                "port": 6379,
                "projectId": new.project,
            }
        }
        for kind in kinds
    ]
    replication: Object = {}
    primary = child(child(new.inputs, "crossInstanceReplicationConfig"), "primaryInstance")
    if primary:
        members: Object = {"primaryInstances": [primary], "secondaryInstances": [{"instance": new.id}]}
        replication = {"crossInstanceReplicationConfig": {"memberships": [members], "updateTime": MOMENT}}
    return replication | {
        "endpoints": [{"connections": connections}],
        "state": "ACTIVE",
        "uid": digest(new.id, length=32),
        "engineVersion": "VALKEY_8_0",
        "nodeType": "HIGHMEM_MEDIUM",
    }


def _account(new: Fresh, world: World) -> Object:  # noqa: ARG001
    email = leaf(new.id)
    unique = str(10**20 + int(digest(new.id), 16) % 10**20)
    return {"email": email, "member": f"serviceAccount:{email}", "name": new.id, "uniqueId": unique}


def _service_identity(new: Fresh, world: World) -> Object:  # noqa: ARG001
    email = agent(text(new.inputs, "service"), new.project)
    return {"email": email, "member": f"serviceAccount:{email}"}


def _key(new: Fresh, world: World) -> Object:  # noqa: ARG001
    primaries: list[Json] = [{"name": f"{new.id}/cryptoKeyVersions/1", "state": "ENABLED"}]
    return {"primaries": primaries}


def _secret(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {"name": f"projects/{new.number}/secrets/{leaf(new.id)}"}


def _secret_version(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {"version": leaf(new.id), "name": new.id}


def _bucket(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {"url": f"gs://{new.id}", "projectNumber": int(new.number), "storageClass": "STANDARD"}


def _zone(new: Fresh, world: World) -> Object:  # noqa: ARG001
    servers: list[Json] = [f"ns-cloud-a{number}.googledomains.lab.invalid." for number in (1, 2, 3, 4)]
    return {"nameServers": servers, "managedZoneId": str(int(digest(new.id, length=15), 16))}


def _authorization(new: Fresh, world: World) -> Object:  # noqa: ARG001
    domain = text(new.inputs, "domain")
    data = f"{digest(new.id, length=8)}.authorize.certificatemanager.lab.invalid."
    records: list[Json] = [{"name": f"_acme-challenge.{domain}.", "type": "CNAME", "data": data}]
    return {"dnsResourceRecords": records}


def _forwarding_rule(new: Fresh, world: World) -> Object:
    """The address that the rule names, or one of its own."""
    named = find(world, GLOBAL_ADDRESS, text(new.inputs, "ipAddress"))
    return {"ipAddress": text(named.outputs, "address") if named else _address_of(new.id)}


def _connection(new: Fresh, world: World) -> Object:
    network = find(world, NETWORK, text(new.inputs, "network"))
    return {"peering": "servicenetworking-googleapis-com", "network": network.id if network else ""}


def _network(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {
        "numericId": str(int(digest(new.id, length=15), 16)),
        "gatewayIpv4": "",
        "mtu": 1460,
        "routingMode": "REGIONAL",
    }


def _repository(new: Fresh, world: World) -> Object:  # noqa: ARG001
    repository = leaf(new.id)
    host = f"{new.place.get('location')}-docker.pkg.lab.invalid/{new.project}/{repository}"
    return {"name": repository, "registryUri": host}


def _health_check(new: Fresh, world: World) -> Object:  # noqa: ARG001
    kind = next((name for name in new.inputs if name.endswith("HealthCheck")), "").removesuffix("HealthCheck")
    return {
        "type": kind.upper(),
        "checkIntervalSec": 5,
        "timeoutSec": 5,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
    }


def _neg(new: Fresh, world: World) -> Object:  # noqa: ARG001
    return {"networkEndpointType": "SERVERLESS"}


_BY_TYPE: Final[Mapping[str, Callable[[Fresh, World], Object]]] = {
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:certificatemanager/dnsAuthorization:DnsAuthorization": _authorization,
    "gcp:cloudrunv2/service:Service": _run_service,
    "gcp:compute/address:Address": _external_address,
    GLOBAL_ADDRESS: _global_address,
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": _forwarding_rule,
    "gcp:compute/healthCheck:HealthCheck": _health_check,
    NETWORK: _network,
    "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": _neg,
    "gcp:compute/subnetwork:Subnetwork": _subnetwork,
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:container/nodePool:NodePool": _node_pool,
    "gcp:dns/managedZone:ManagedZone": _zone,
    "gcp:kms/cryptoKey:CryptoKey": _key,
    "gcp:memorystore/instance:Instance": _memorystore,
    "gcp:projects/serviceIdentity:ServiceIdentity": _service_identity,
    "gcp:secretmanager/secret:Secret": _secret,
    "gcp:secretmanager/secretVersion:SecretVersion": _secret_version,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:servicenetworking/connection:Connection": _connection,
    "gcp:sql/databaseInstance:DatabaseInstance": _database_instance,
    "gcp:storage/bucket:Bucket": _bucket,
}
