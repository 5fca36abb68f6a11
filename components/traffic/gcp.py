"""Names on Google Cloud: global external Application Load Balancers over Cloud Run. Never run against a real account.

Each name has an address, a proxy and a URL map of its own, so that a change of one never touches another. What leads
to a region is a backend service over its serverless network endpoint group, and those have no health checks: Cloud Run
tells the load balancer how well a region is. A backend service over several regions serves each user from the nearest
one that is well: `latency`. Several backend services with weights serve `weighted`, and `failover` too, with all
weight on the first region; nothing but a failover moves it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import dns_zone, labels, shortened
from components.traffic.component import Backend, TrafficOutputs
from components.traffic.spec import Record, Routing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.traffic.spec import TrafficSpec

NOT_OFFERED: Final[Mapping[str, str]] = {
    "health_checks": "a serverless network endpoint group has none: Cloud Run itself says how well a region is",
    "switches": "there is no switch outside of the control plane: a failover changes the weights of the URL map",
    "control_endpoints": "routing controls with endpoints of their own are AWS's",
}
SCHEME = "EXTERNAL_MANAGED"
"""Said everywhere: the provider's default changed once, and all parts must agree."""
TTL_S = 300
"""A name's address never changes: regions change behind it."""
# Cloud Armor, "Preconfigured WAF rules": sensitivity 1 has next to no false positives.
ATTACKS = ("sqli", "xss", "lfi", "rfi", "rce", "methodenforcement", "scannerdetection", "protocolattack")
Services: TypeAlias = dict[str, gcp.compute.BackendService]


def build(scope: Scope, spec: TrafficSpec, backends: Mapping[str, Backend]) -> TrafficOutputs:
    """Make what all names share, then each name."""
    zone = spec.zone_id or dns_zone(scope, spec.zone).name
    armor = make_armor(scope)
    tls = gcp.compute.SSLPolicy(scope.named("tls"), profile="MODERN", min_tls_version="TLS_1_2", opts=scope.opts())
    certificates = gcp.certificatemanager.CertificateMap(
        scope.named("certificates"), labels=labels(scope), opts=scope.opts()
    )
    steered = [record for record in spec.records if record.routing is not Routing.LATENCY]
    regions = sorted(frozenset[str]().union(*(record.all_regions() for record in steered)))
    services = {region: make_service(scope, f"to-{region}", {region: backends[region]}, armor) for region in regions}
    issued: list[gcp.certificatemanager.Certificate] = []
    addresses: dict[str, pulumi.Input[str]] = {}
    steering: dict[str, pulumi.Input[str]] = {}
    for record in spec.records:
        if record.routing is Routing.LATENCY:
            near = {region: backends[region] for region in sorted(record.regions)}
            routes = map_nearest(scope, record, make_service(scope, f"near-{slug(record)}", near, armor))
        else:
            routes = map_by_weight(scope, record, services)
            steering[record.name] = routes.id
        issued.append(certify(scope, record, zone, certificates))
        addresses[record.name] = lead(scope, record, zone, routes, certificates, tls)
    serve_strangers(scope, issued[0], certificates)
    controls = {region: service.id for region, service in services.items()}
    return TrafficOutputs(scope.place, zone, addresses, {}, {}, [], controls, steering)


def slug(record: Record) -> str:
    """The name as a part of a resource's name."""
    return record.name.replace(".", "-")


def child(scope: Scope, *parts: str) -> str:
    """The name of a child; a long host name is cut, because Google Cloud allows 63 characters."""
    return shortened(scope.named(*parts))


def make_armor(scope: Scope) -> gcp.compute.SecurityPolicy:
    """Cloud Armor: the usual attacks are refused, floods are learned and reported, everybody else comes in."""
    refuse: list[gcp.compute.SecurityPolicyRuleArgsDict] = [
        {
            "action": "deny(403)",
            "priority": 1000 + number,
            "description": attack,
            "match": {"expr": {"expression": f"evaluatePreconfiguredWaf('{attack}-v33-stable', {{'sensitivity': 1}})"}},
        }
        for number, attack in enumerate(ATTACKS)
    ]
    rest: gcp.compute.SecurityPolicyRuleArgsDict = {
        "action": "allow",
        "priority": 2147483647,
        "description": "everybody else",
        "match": {"versioned_expr": "SRC_IPS_V1", "config": {"src_ip_ranges": ["*"]}},
    }
    return gcp.compute.SecurityPolicy(
        scope.named("armor"),
        type="CLOUD_ARMOR",
        adaptive_protection_config={"layer7_ddos_defense_config": {"enable": True}},
        labels=labels(scope),
        rules=[*refuse, rest],
        opts=scope.opts(),
    )


def make_service(
    scope: Scope, part: str, regions: Mapping[str, Backend], armor: gcp.compute.SecurityPolicy
) -> gcp.compute.BackendService:
    """What leads to some regions: to the nearest that Cloud Run calls well."""
    return gcp.compute.BackendService(
        child(scope, part),
        load_balancing_scheme=SCHEME,
        protocol="HTTPS",
        backends=[{"group": regions[region].target or ""} for region in sorted(regions)],
        security_policy=armor.id,
        log_config={"enable": True, "sample_rate": 1.0},
        opts=scope.opts(),
    )


def map_nearest(scope: Scope, record: Record, near: gcp.compute.BackendService) -> gcp.compute.URLMap:
    """Everything goes to one backend service, which knows all regions."""
    return gcp.compute.URLMap(child(scope, slug(record), "map"), default_service=near.id, opts=scope.opts())


def map_by_weight(scope: Scope, record: Record, services: Services) -> gcp.compute.URLMap:
    """Regions by weight; an operator or a failover moves the weights, and they are not Pulumi's to put back.

    The engine can only ignore them together with the list of regions. So the regions are in the map's name: others
    make another map, with the weights of the specification.
    """
    weights = record.weights or {region: 0 if place else 100 for place, region in enumerate(record.order)}
    regions = sorted(weights)
    which = sha256(" ".join(regions).encode()).hexdigest()[:7]
    return gcp.compute.URLMap(
        child(scope, slug(record), "map", which),
        default_route_action={
            "weighted_backend_services": [
                {"backend_service": services[region].id, "weight": weights[region]} for region in regions
            ]
        },
        opts=scope.opts(ignore=["defaultRouteAction"]),
    )


def certify(
    scope: Scope, record: Record, zone: pulumi.Input[str], certificates: gcp.certificatemanager.CertificateMap
) -> gcp.certificatemanager.Certificate:
    """The name's certificate, renewed by Google, for which a record in the zone proves that the name is ours."""
    name = child(scope, slug(record), "certificate")
    proof = gcp.certificatemanager.DnsAuthorization(name, domain=record.name, labels=labels(scope), opts=scope.opts())
    wanted = proof.dns_resource_records[0]
    gcp.dns.RecordSet(
        child(scope, slug(record), "certificate-proof"),
        managed_zone=zone,
        name=wanted.name,
        type=wanted.type,
        ttl=TTL_S,
        rrdatas=[wanted.data],
        opts=scope.opts(),
    )
    issued = gcp.certificatemanager.Certificate(
        name,
        managed={"domains": [record.name], "dns_authorizations": [proof.id]},
        labels=labels(scope),
        opts=scope.opts(),
    )
    gcp.certificatemanager.CertificateMapEntry(
        name,
        map=certificates.name,
        hostname=record.name,
        certificates=[issued.id],
        labels=labels(scope),
        opts=scope.opts(),
    )
    return issued


def serve_strangers(
    scope: Scope, issued: gcp.certificatemanager.Certificate, certificates: gcp.certificatemanager.CertificateMap
) -> None:
    """Who names no host, or none of ours, gets a certificate all the same: a health check does not validate it.

    Without a primary entry the load balancer ends the handshake (Certificate Manager API, CertificateMapEntry.Matcher).
    """
    gcp.certificatemanager.CertificateMapEntry(
        scope.named("certificate-primary"),
        map=certificates.name,
        matcher="PRIMARY",
        certificates=[issued.id],
        labels=labels(scope),
        opts=scope.opts(),
    )


def lead(
    scope: Scope,
    record: Record,
    zone: pulumi.Input[str],
    routes: gcp.compute.URLMap,
    certificates: gcp.certificatemanager.CertificateMap,
    tls: gcp.compute.SSLPolicy,
) -> pulumi.Output[str]:
    """The name's address, HTTPS alone, and the record; returns the address."""
    name = child(scope, slug(record))
    address = gcp.compute.GlobalAddress(name, address_type="EXTERNAL", labels=labels(scope), opts=scope.opts())
    proxy = gcp.compute.TargetHttpsProxy(
        name,
        url_map=routes.id,
        certificate_map=pulumi.Output.concat("//certificatemanager.googleapis.com/", certificates.id),
        ssl_policy=tls.id,
        opts=scope.opts(),
    )
    gcp.compute.GlobalForwardingRule(
        name,
        load_balancing_scheme=SCHEME,
        target=proxy.id,
        ip_address=address.address,
        ip_protocol="TCP",
        port_range="443",
        labels=labels(scope),
        opts=scope.opts(),
    )
    gcp.dns.RecordSet(
        name,
        managed_zone=zone,
        name=f"{record.name}.",
        type="A",
        ttl=TTL_S,
        rrdatas=[address.address],
        opts=scope.opts(),
    )
    return address.address
