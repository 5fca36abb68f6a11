"""The stand-in for Google Cloud, through the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_gcp as gcp
import pytest
from pulumi import ResourceOptions
from pulumi.automation import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Engine
    from pulumi import automation as auto

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
KEY = "gcp:kms/cryptoKey:CryptoKey"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
CONFIG = {"gcp:project": "ledger-prod", "gcp:region": "us-central1"}


def stack(engine: Engine, program: Callable[[], None], name: str = "dev") -> auto.Stack:
    """A stack in the project."""
    return engine.stack(program, name=name, config=CONFIG)


def up(engine: Engine, program: Callable[[], None], name: str = "dev") -> None:
    """Bring it up."""
    stack(engine, program, name)
    engine.up(program, name=name)


def ids(engine: Engine, type_: str) -> list[str]:
    """Identifiers of the world's objects of a type."""
    return sorted(found.id for found in engine.lab.world.objects(type_))


def network(**changes: Any) -> None:
    """A network with one subnetwork."""
    vpc = gcp.compute.Network("vpc", auto_create_subnetworks=False, name=changes.get("name"))
    subnetwork = gcp.compute.Subnetwork(
        "nodes",
        name="nodes",
        network=vpc.id,
        ip_cidr_range=changes.get("block", "10.0.0.0/20"),
        private_ip_google_access=changes.get("private", True),
        description=changes.get("description"),
    )
    pulumi.export("subnetwork", subnetwork.id)
    pulumi.export("link", vpc.self_link)


def database(**changes: Any) -> None:
    """A database with what it needs: a network with a connection, and a key."""
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
    ring = gcp.kms.KeyRing("ring", location="us-central1", opts=ResourceOptions(retain_on_delete=False))
    key = gcp.kms.CryptoKey("key", key_ring=ring.id, rotation_period="7776000s")
    gcp.sql.DatabaseInstance(
        "ledger",
        name=changes.get("name", "ledger-us-central1"),
        database_version=changes.get("version", "POSTGRES_17"),
        encryption_key_name=key.id,
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


def test_a_stack_comes_up_and_stays_the_same(engine: Engine) -> None:
    """Identifiers and links have Google's own form, a second `up` changes nothing, `destroy` leaves an empty world."""
    first = stack(engine, network).up()
    (vpc,) = ids(engine, NETWORK)
    assert vpc.startswith("projects/ledger-prod/global/networks/vpc-")
    assert first.outputs["subnetwork"].value == "projects/ledger-prod/regions/us-central1/subnetworks/nodes"
    assert first.outputs["link"].value == f"https://www.googleapis.com/compute/v1/{vpc}"
    assert stack(engine, network).up().summary.resource_changes == {"same": 3}
    stack(engine, network).destroy()
    assert engine.lab.world.objects() == []


def test_a_database_comes_up(engine: Engine) -> None:
    """x"""
    first = stack(engine, database).up()
    assert stack(engine, database).up().summary.resource_changes == {"same": 7}
