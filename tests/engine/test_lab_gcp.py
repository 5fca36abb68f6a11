"""The stand-in for Google Cloud, through the real engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import ResourceOptions
from pulumi.automation import CommandError

from tests.engine.gcp_region import region

if TYPE_CHECKING:
    from conftest import Engine

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
RING = "gcp:kms/keyRing:KeyRing"
KEY = "gcp:kms/cryptoKey:CryptoKey"
BUCKET = "gcp:storage/bucket:Bucket"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"


def ids(engine: Engine, type_: str) -> list[str]:
    """Identifiers of the world's objects of a type."""
    return sorted(found.id for found in engine.lab.world.objects(type_))


def network(**changes: Any) -> None:
    """A network with one subnetwork, and an address with a label."""
    vpc = gcp.compute.Network("vpc", auto_create_subnetworks=False, name=changes.get("name"))
    subnetwork = gcp.compute.Subnetwork(
        "nodes",
        name="nodes",
        network=vpc.id,
        ip_cidr_range=changes.get("block", "10.0.0.0/20"),
        private_ip_google_access=changes.get("private", True),
        description=changes.get("description"),
    )
    front = gcp.compute.GlobalAddress("front", labels={"team": "core"})
    pulumi.export("subnetwork", subnetwork.id)
    pulumi.export("labels", front.effective_labels)
    pulumi.export("link", vpc.self_link)


def look_ups() -> None:
    """The network, and what a program asks of its surroundings."""
    network()
    project = gcp.organizations.get_project_output()
    pulumi.export("project", project.project_id)
    pulumi.export("number", project.number)
    pulumi.export("zones", gcp.compute.get_zones_output(region="us-east1").names)
    pulumi.export("agent", gcp.storage.get_project_service_account_output().email_address)
    pulumi.export("region", gcp.organizations.get_client_config_output().region)


def bucket(name: str | None = None) -> None:
    """A bucket; without a name the provider makes one up."""
    gcp.storage.Bucket("archive", location="us-central1", name=name)


def kubeconfig(host: str) -> str:
    """Leads to a cluster."""
    cluster = {"name": "c", "cluster": {"server": f"https://{host}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    return json.dumps({"clusters": [cluster], "contexts": [context], "current-context": "c", "users": []})


def database(**changes: Any) -> None:
    """A database with what it needs: a network with a connection."""
    vpc = gcp.compute.Network("vpc", auto_create_subnetworks=False)
    reserved = gcp.compute.GlobalAddress(
        "services", network=vpc.id, purpose="VPC_PEERING", address_type="INTERNAL", prefix_length=16
    )
    connection = gcp.servicenetworking.Connection(
        "services",
        network=vpc.id,
        service="servicenetworking.googleapis.com",
        reserved_peering_ranges=[reserved.name],
    )
    gcp.sql.DatabaseInstance(
        "ledger",
        name=changes.get("name", "ledger-us-central1"),
        database_version=changes.get("version", "POSTGRES_17"),
        deletion_protection=changes.get("protected"),
        settings={
            "tier": changes.get("tier", "db-perf-optimized-N-2"),
            "edition": "ENTERPRISE_PLUS",
            "availabilityType": "REGIONAL",
            "diskSize": changes.get("disk_gib", 100),
            "backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True},
            "ipConfiguration": {"ipv4Enabled": False, "privateNetwork": vpc.id},
        },
        opts=ResourceOptions(depends_on=[connection]),
    )


def test_a_region_comes_up_stays_the_same_and_goes(engine: Engine) -> None:
    """Every type that the fleet uses: a second preview is empty, and `destroy` leaves nothing but the keys."""
    engine.up(region)
    assert {found.type for found in engine.lab.world.objects()} >= {
        NETWORK,
        KEY,
        SQL,
        "gcp:memorystore/instance:Instance",
    }
    assert engine.operations(region) == {}
    engine.stack(region).destroy()
    assert {found.type for found in engine.lab.world.objects()} == {RING, KEY}


def test_identifiers_and_look_ups_have_googles_form(engine: Engine) -> None:
    """Relative names, links, labels with the provider's own one, and a service's agent by the project's number."""
    engine.up(look_ups)
    outputs = engine.outputs()
    (vpc,) = ids(engine, NETWORK)
    assert vpc.startswith("projects/ledger-prod/global/networks/vpc-")
    assert outputs["subnetwork"] == "projects/ledger-prod/regions/us-central1/subnetworks/nodes"
    assert outputs["link"] == f"https://www.googleapis.com/compute/v1/{vpc}"
    assert outputs["labels"] == {"goog-pulumi-provisioned": "true", "team": "core"}
    assert (outputs["project"], outputs["region"]) == ("ledger-prod", "us-central1")
    assert outputs["zones"] == ["us-east1-b", "us-east1-c", "us-east1-d"]
    assert outputs["agent"] == f"service-{outputs['number']}@gs-project-accounts.iam.gserviceaccount.com"


def test_what_changes_in_place_and_what_replaces(engine: Engine) -> None:
    """A flag changes in place, a description does not; a range is widened in place and never shrunk (magic-modules)."""
    engine.up(network)
    assert engine.operations(network) == {}
    assert engine.operations(lambda: network(private=False)) == {"nodes": "update"}
    assert engine.operations(lambda: network(block="10.0.0.0/18")) == {"nodes": "update"}
    for change in ({"description": "x"}, {"block": "10.0.0.0/22"}):
        (operation,) = engine.operations(lambda change=change: network(**change)).values()
        assert operation in ("delete-replaced", "replace")
    before = ids(engine, SUBNETWORK)
    engine.up(lambda: network(block="10.0.0.0/18"))
    assert ids(engine, SUBNETWORK) == before


def test_refresh_sees_what_was_changed_behind_the_back_and_up_repairs_it(engine: Engine) -> None:
    """Drift: tampering shows in a refresh, and the next `up` restores what the program says."""
    engine.up(network)
    (subnetwork,) = engine.lab.world.objects(SUBNETWORK)
    engine.lab.world.tamper(subnetwork.id, "privateIpGoogleAccess", value=False)
    assert engine.stack(network).refresh().summary.resource_changes == {"same": 3, "update": 1}
    engine.up(network)
    (repaired,) = engine.lab.world.objects(SUBNETWORK)
    assert repaired.outputs["privateIpGoogleAccess"] is True


def test_a_second_object_is_made_unless_the_name_is_taken(engine: Engine) -> None:
    """Names that the provider makes up differ from stack to stack; the program's own is refused when it is taken."""
    engine.up(bucket, name="one")
    engine.up(bucket, name="two")
    assert len(set(ids(engine, BUCKET))) == 2
    (first, _) = ids(engine, BUCKET)
    with pytest.raises(CommandError, match="all projects share the names"):
        engine.up(lambda: bucket(first), name="three")


def test_a_database_is_protected_and_its_name_spent(engine: Engine) -> None:
    """Deletion protection is on unless the program says no; a deleted instance's name is not free for a week."""
    engine.up(database)
    with pytest.raises(CommandError, match="POSTGRES_17 cannot become POSTGRES_16"):
        engine.stack(lambda: database(version="POSTGRES_16")).preview()
    assert engine.operations(lambda: database(disk_gib=50))["ledger"] in ("delete-replaced", "replace")
    with pytest.raises(CommandError, match="deletionProtection=false"):
        engine.stack(database).destroy()
    engine.up(lambda: database(protected=False))
    engine.stack(lambda: database(protected=False)).destroy()
    assert engine.lab.world.objects() == []
    with pytest.raises(CommandError, match="can be used again one week after"):
        engine.up(database)


def test_a_key_is_only_forgotten_and_can_be_adopted(engine: Engine) -> None:
    """A key ring stays after `destroy`; making it again is refused, importing it is not."""

    def ring(adopt: str | None = None) -> None:
        gcp.kms.KeyRing("ring", name="ledger", location="us-central1", opts=ResourceOptions(import_=adopt))

    engine.up(ring)
    engine.stack(ring).destroy()
    (there,) = ids(engine, RING)
    with pytest.raises(CommandError, match="it can only be imported"):
        engine.up(ring)
    engine.up(lambda: ring(there))
    assert ids(engine, RING) == [there]


def test_kubernetes_answers_on_gke(engine: Engine) -> None:
    """A manifest reaches the cluster by its endpoint, and a claim finds GKE's default storage class."""

    def program() -> None:
        cluster = gcp.container.Cluster("fleet", name="fleet", location="us-central1", initial_node_count=1)
        config = cluster.endpoint.apply(kubeconfig)
        provider = kubernetes.Provider("fleet", kubeconfig=config)
        labels = {"app": "store"}
        kubernetes.apps.v1.StatefulSet(
            "store",
            spec={
                "serviceName": "store",
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "store", "image": "registry.example/store"}]},
                },
                "volumeClaimTemplates": [
                    {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}
                ],
            },
            opts=ResourceOptions(provider=provider),
        )

    engine.up(program)
    (cluster,) = engine.lab.world.objects("gcp:container/cluster:Cluster")
    (store,) = engine.lab.world.objects("kubernetes:apps/v1:StatefulSet")
    assert store.region == f"https://{cluster.outputs['endpoint']}"
