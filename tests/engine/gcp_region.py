"""A region of Google Cloud with every type that the fleet uses, as one inline program."""

from __future__ import annotations

import pulumi_gcp as gcp
from pulumi import Output, ResourceOptions

REGION = "us-central1"
PROJECT = "ledger-prod"


def region() -> None:
    """All of it, small."""
    identity = gcp.projects.ServiceIdentity("sql-agent", service="sqladmin.googleapis.com", project=PROJECT)
    gcp.projects.Service("sql", service="sqladmin.googleapis.com", disable_on_destroy=False)
    key = _key(identity)
    vpc = gcp.compute.Network("vpc", auto_create_subnetworks=False, routing_mode="GLOBAL")
    nodes = _network(vpc)
    connection = _private_access(vpc)
    _cluster(vpc, nodes, key)
    _data(vpc, nodes, key, connection)
    service = _service(nodes)
    _traffic(service)
    _around()


def _key(identity: gcp.projects.ServiceIdentity) -> gcp.kms.CryptoKey:
    ring = gcp.kms.KeyRing("ring", location=REGION)
    key = gcp.kms.CryptoKey("key", key_ring=ring.id, rotation_period="7776000s", labels={"team": "core"})
    gcp.kms.CryptoKeyIAMMember(
        "sql", crypto_key_id=key.id, role="roles/cloudkms.cryptoKeyEncrypterDecrypter", member=identity.member
    )
    gcp.kms.CryptoKeyIAMMember(
        "storage",
        crypto_key_id=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=gcp.storage.get_project_service_account_output().member,
    )
    return key


def _network(vpc: gcp.compute.Network) -> gcp.compute.Subnetwork:
    nodes = gcp.compute.Subnetwork(
        "nodes",
        network=vpc.id,
        ip_cidr_range="10.0.0.0/20",
        private_ip_google_access=True,
        log_config={"aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.5, "metadata": "INCLUDE_ALL_METADATA"},
        secondary_ip_ranges=[
            {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"},
            {"rangeName": "services", "ipCidrRange": "10.0.16.0/20"},
        ],
    )
    router = gcp.compute.Router("router", network=vpc.id)
    address = gcp.compute.Address("nat", address_type="EXTERNAL")
    gcp.compute.RouterNat(
        "nat",
        router=router.name,
        nat_ip_allocate_option="MANUAL_ONLY",
        nat_ips=[address.self_link],
        source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
        subnetworks=[{"name": nodes.id, "sourceIpRangesToNats": ["ALL_IP_RANGES"]}],
    )
    other = gcp.compute.Network("other", auto_create_subnetworks=False)
    gcp.compute.NetworkPeering("other", network=vpc.self_link, peer_network=other.self_link)
    gcp.compute.Firewall("deny", network=vpc.id, denies=[{"protocol": "all"}], source_ranges=["0.0.0.0/0"])
    return nodes


def _private_access(vpc: gcp.compute.Network) -> gcp.servicenetworking.Connection:
    reserved = gcp.compute.GlobalAddress(
        "services", network=vpc.id, purpose="VPC_PEERING", address_type="INTERNAL", prefix_length=16
    )
    return gcp.servicenetworking.Connection(
        "services",
        network=vpc.id,
        service="servicenetworking.googleapis.com",
        reserved_peering_ranges=[reserved.name],
    )


def _cluster(vpc: gcp.compute.Network, nodes: gcp.compute.Subnetwork, key: gcp.kms.CryptoKey) -> None:
    account = gcp.serviceaccount.Account("nodes", account_id="fleet-nodes")
    gcp.projects.IAMMember("nodes", project=PROJECT, role="roles/container.nodeServiceAccount", member=account.member)
    cluster = gcp.container.Cluster(
        "fleet",
        name="fleet",
        location=REGION,
        network=vpc.id,
        subnetwork=nodes.id,
        initial_node_count=1,
        remove_default_node_pool=True,
        datapath_provider="ADVANCED_DATAPATH",
        database_encryption={"state": "ENCRYPTED", "keyName": key.id},
        ip_allocation_policy={"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"},
        private_cluster_config={"enablePrivateNodes": True, "masterIpv4CidrBlock": "172.16.0.0/28"},
        workload_identity_config={"workloadPool": f"{PROJECT}.svc.id.goog"},
        resource_labels={"team": "core"},
        deletion_protection=False,
    )
    gcp.container.NodePool(
        "system",
        cluster=cluster.id,
        node_locations=[f"{REGION}-a", f"{REGION}-b"],
        autoscaling={"minNodeCount": 1, "maxNodeCount": 3},
        node_config={
            "machineType": "n2-standard-4",
            "serviceAccount": account.email,
            "shieldedInstanceConfig": {"enableSecureBoot": True},
            "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        },
    )
    gcp.serviceaccount.IAMMember(
        "workload",
        service_account_id=account.name,
        role="roles/iam.workloadIdentityUser",
        member=Output.concat("serviceAccount:", PROJECT, ".svc.id.goog[ledger/api]"),
    )


def _data(
    vpc: gcp.compute.Network,
    nodes: gcp.compute.Subnetwork,
    key: gcp.kms.CryptoKey,
    connection: gcp.servicenetworking.Connection,
) -> None:
    database = gcp.sql.DatabaseInstance(
        "ledger",
        database_version="POSTGRES_17",
        encryption_key_name=key.id,
        deletion_protection=False,
        settings={
            "tier": "db-perf-optimized-N-2",
            "edition": "ENTERPRISE_PLUS",
            "availabilityType": "REGIONAL",
            "backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True},
            "ipConfiguration": {"ipv4Enabled": False, "privateNetwork": vpc.id, "sslMode": "ENCRYPTED_ONLY"},
            "userLabels": {"team": "core"},
        },
        opts=ResourceOptions(depends_on=[connection]),
    )
    gcp.sql.Database("ledger", instance=database.name)
    gcp.sql.User("owner", instance=database.name, password_wo="correct horse", password_wo_version=1)  # noqa: S106
    policy = gcp.networkconnectivity.ServiceConnectionPolicy(
        "cache",
        location=REGION,
        service_class="gcp-memorystore",
        network=vpc.id,
        psc_config={"subnetworks": [nodes.id]},
    )
    gcp.memorystore.Instance(
        "cache",
        instance_id="cache",
        location=REGION,
        shard_count=1,
        deletion_protection_enabled=False,
        desired_auto_created_endpoints=[{"network": vpc.id, "projectId": PROJECT}],
        opts=ResourceOptions(depends_on=[policy]),
    )
    bucket = gcp.storage.Bucket(
        "archive",
        location=REGION,
        encryption={"defaultKmsKeyName": key.id},
        retention_policy={"retentionPeriod": "220752000"},
        uniform_bucket_level_access=True,
    )
    gcp.storage.BucketIAMMember("reader", bucket=bucket.name, role="roles/storage.objectViewer", member="group:a@b.c")
    secret = gcp.secretmanager.Secret("owner", secret_id="owner", replication={"auto": {}})  # noqa: S106 - a name
    gcp.secretmanager.SecretVersion(
        "owner",
        secret=secret.id,
        secret_data_wo="correct horse",  # noqa: S106 - the lab's
        secret_data_wo_version="1",  # noqa: S106 - a number
    )
    gcp.secretmanager.SecretIamMember(
        "reader", secret_id=secret.id, role="roles/secretmanager.secretAccessor", member="group:a@b.c"
    )


def _service(nodes: gcp.compute.Subnetwork) -> gcp.cloudrunv2.Service:
    service = gcp.cloudrunv2.Service(
        "api",
        name="api",
        location=REGION,
        ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
        deletion_protection=False,
        template={
            "containers": [{"image": "registry.example/api@sha256:0"}],
            "scaling": {"minInstanceCount": 1, "maxInstanceCount": 4},
            "vpcAccess": {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [{"subnetwork": nodes.id}]},
        },
    )
    gcp.cloudrunv2.ServiceIamMember(
        "all", name=service.name, location=REGION, role="roles/run.invoker", member="allUsers"
    )
    return service


def _traffic(service: gcp.cloudrunv2.Service) -> None:
    group = gcp.compute.RegionNetworkEndpointGroup(
        "api", region=REGION, network_endpoint_type="SERVERLESS", cloud_run={"service": service.name}
    )
    armor = gcp.compute.SecurityPolicy("armor", type="CLOUD_ARMOR")
    backend = gcp.compute.BackendService(
        "api",
        load_balancing_scheme="EXTERNAL_MANAGED",
        protocol="HTTPS",
        backends=[{"group": group.id}],
        security_policy=armor.id,
    )
    url_map = gcp.compute.URLMap("api", default_service=backend.id)
    authorization = gcp.certificatemanager.DnsAuthorization("api", domain="api.example.com")
    certificate = gcp.certificatemanager.Certificate(
        "api", managed={"domains": ["api.example.com"], "dnsAuthorizations": [authorization.id]}
    )
    certificates = gcp.certificatemanager.CertificateMap("api")
    gcp.certificatemanager.CertificateMapEntry(
        "api", map=certificates.name, hostname="api.example.com", certificates=[certificate.id]
    )
    tls = gcp.compute.SSLPolicy("tls", min_tls_version="TLS_1_2", profile="MODERN")
    proxy = gcp.compute.TargetHttpsProxy(
        "api",
        url_map=url_map.id,
        ssl_policy=tls.id,
        certificate_map=Output.concat("//certificatemanager.googleapis.com/", certificates.id),
    )
    address = gcp.compute.GlobalAddress("front")
    gcp.compute.GlobalForwardingRule(
        "api", target=proxy.id, ip_address=address.address, load_balancing_scheme="EXTERNAL_MANAGED", port_range="443"
    )
    zone = gcp.dns.ManagedZone("zone", dns_name="example.com.")
    gcp.dns.RecordSet(
        "api", managed_zone=zone.name, name="api.example.com.", type="A", ttl=60, rrdatas=[address.address]
    )


def _around() -> None:
    gcp.compute.HealthCheck("health", https_health_check={"port": 443})
    gcp.compute.RegionHealthCheck("health", https_health_check={"port": 443})
    gcp.compute.ManagedSslCertificate("classic", managed={"domains": ["old.example.com"]})
    redirect = gcp.compute.URLMap("redirect", default_url_redirect={"httpsRedirect": True, "stripQuery": False})
    gcp.compute.TargetHttpProxy("redirect", url_map=redirect.id)
    pages = gcp.storage.Bucket("pages", location="US")
    gcp.compute.BackendBucket("pages", bucket_name=pages.name, enable_cdn=True)
    gcp.logging.ProjectBucketConfig("logs", project=PROJECT, location="global", bucket_id="_Default", retention_days=90)
    gcp.artifactregistry.Repository("images", repository_id="images", format="DOCKER", location=REGION)
    gcp.monitoring.AlertPolicy(
        "errors",
        combiner="OR",
        display_name="errors",
        conditions=[{"displayName": "errors", "conditionMatchedLog": {"filter": "severity=ERROR"}}],
    )
