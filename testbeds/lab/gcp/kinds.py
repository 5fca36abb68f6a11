"""Type tokens of the resources that have rules of their own."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "gcp:serviceaccount/account:Account"
ADDRESS: Final = "gcp:compute/address:Address"
AUTHORIZATION: Final = "gcp:certificatemanager/dnsAuthorization:DnsAuthorization"
BACKEND: Final = "gcp:compute/backendService:BackendService"
BUCKET: Final = "gcp:storage/bucket:Bucket"
CACHE: Final = "gcp:memorystore/instance:Instance"
CERTIFICATE: Final = "gcp:certificatemanager/certificate:Certificate"
CERTIFICATE_MAP: Final = "gcp:certificatemanager/certificateMap:CertificateMap"
CLUSTER: Final = "gcp:container/cluster:Cluster"
CONNECTION: Final = "gcp:servicenetworking/connection:Connection"
FIREWALL: Final = "gcp:compute/firewall:Firewall"
GLOBAL_ADDRESS: Final = "gcp:compute/globalAddress:GlobalAddress"
GROUP: Final = "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup"
HEALTH_CHECK: Final = "gcp:compute/healthCheck:HealthCheck"
HTTPS_PROXY: Final = "gcp:compute/targetHttpsProxy:TargetHttpsProxy"
HTTP_PROXY: Final = "gcp:compute/targetHttpProxy:TargetHttpProxy"
KEY: Final = "gcp:kms/cryptoKey:CryptoKey"
KEY_RING: Final = "gcp:kms/keyRing:KeyRing"
MAP_ENTRY: Final = "gcp:certificatemanager/certificateMapEntry:CertificateMapEntry"
NAT: Final = "gcp:compute/routerNat:RouterNat"
NETWORK: Final = "gcp:compute/network:Network"
NODE_POOL: Final = "gcp:container/nodePool:NodePool"
PEERING: Final = "gcp:compute/networkPeering:NetworkPeering"
POLICY: Final = "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy"
RECORD: Final = "gcp:dns/recordSet:RecordSet"
ROUTER: Final = "gcp:compute/router:Router"
RULE: Final = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
RUN: Final = "gcp:cloudrunv2/service:Service"
SECRET: Final = "gcp:secretmanager/secret:Secret"  # noqa: S105 - a type token, no secret
SECRET_VERSION: Final = "gcp:secretmanager/secretVersion:SecretVersion"  # noqa: S105
SQL: Final = "gcp:sql/databaseInstance:DatabaseInstance"
SUBNETWORK: Final = "gcp:compute/subnetwork:Subnetwork"
URL_MAP: Final = "gcp:compute/uRLMap:URLMap"
ZONE: Final = "gcp:dns/managedZone:ManagedZone"

NAMES: Final = "gcp:names"
"""Kind under which the world notes names that may not be used again, whatever they named."""

GLOBAL_UNLESS_SAID: Final = frozenset({CERTIFICATE, AUTHORIZATION})
"""Types whose `location` is `global` where the program gives none (their documentation: Defaults to global)."""
