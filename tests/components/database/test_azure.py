from __future__ import annotations

from typing import TYPE_CHECKING

from components.database.component import Birth
from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

SERVER, FOLLOW = "dbforpostgresql:Server", "dbforpostgresql:VirtualEndpoint"


def test_home_has_a_second_server_in_another_zone(azure_home: Graph) -> None:
    """The home region's server is born with one, and with the engine's major version."""
    given = azure_home.one(SERVER).inputs
    assert given["highAvailability"] == {"mode": "ZoneRedundant", "standbyAvailabilityZone": "2"}
    assert (given["availabilityZone"], given["version"], given["createMode"]) == ("1", "17", "Create")


def test_a_region_that_joins_replicates_from_home(azure_secondary: Graph) -> None:
    """It names its source, and neither a version, nor a second server, nor a database, nor an administrator."""
    given = azure_secondary.one(SERVER).inputs
    assert (given["createMode"], given["sourceServerResourceId"]) == ("Replica", parts.SOURCE)
    assert not {"version", "highAvailability"} & set(given)
    assert not azure_secondary.of("dbforpostgresql:Database")
    assert not azure_secondary.of("dbforpostgresql:AdministratorsMicrosoftEntra")


def test_every_server_is_safe(azure_home: Graph, azure_secondary: Graph) -> None:
    """The region's own key by the keys' identity, our own subnet, 14 days of backups, no password, protected."""
    for graph, region in ((azure_home, "eastus"), (azure_secondary, "westeurope")):
        server = graph.one(SERVER)
        given = server.inputs
        key = given["dataEncryption"]
        assert (key["type"], key["primaryKeyURI"].rpartition("/keys/")[2]) == ("AzureKeyVault", "data")
        assert f"/resourceGroups/pay-{region}/" in key["primaryUserAssignedIdentityId"]
        assert list(given["identity"]["userAssignedIdentities"]) == [key["primaryUserAssignedIdentityId"]]
        assert given["network"]["delegatedSubnetResourceId"].endswith("/postgresql")
        assert given["network"]["privateDnsZoneArmResourceId"].endswith("pay.private.postgres.database.azure.com")
        assert (given["backup"]["backupRetentionDays"], server.protect) == (14, True)
        assert (given["authConfig"]["passwordAuth"], given["authConfig"]["activeDirectoryAuth"]) == (
            "Disabled",
            "Enabled",
        )
        assert "administratorLoginPassword" not in given


def test_connections_must_use_tls(azure_home: Graph) -> None:
    """`require_secure_transport` is on and TLS is 1.2 or newer; parameters are set one after another."""
    settings = azure_home.of("dbforpostgresql:Configuration")
    values = {node.inputs["configurationName"]: node.inputs["value"] for node in settings.values()}
    assert values["require_secure_transport"] == "on"
    assert values["ssl_min_protocol_version"] == "TLSv1.2"
    first, second, _ = settings["pay-db-log-min-duration-statement"], *list(settings.values())[1:]
    assert first.urn in second.depends_on


def test_the_writer_is_found_by_a_name_that_follows_it() -> None:
    """Every region knows the name beforehand; only the region that stands by makes it, in home's group."""
    seen = []

    def program(birth: Birth, region: str) -> None:
        k = parts.keys(parts.place(region))
        net = parts.network(k, None if birth.home else parts.HOME)
        spec = {"standby_region": "westeurope"} if birth.home else {}
        parts.database(net, k, birth, **spec).outputs.writer_endpoint.apply(seen.append)  # type: ignore[union-attr]

    standing_by = run(lambda: program(Birth(parts.SOURCE, is_standby=True), "westeurope"))
    third = run(lambda: program(Birth(parts.SOURCE), "southeastasia"))
    home = run(lambda: program(Birth(), "eastus"))
    follow = standing_by.one(FOLLOW)
    assert (follow.inputs["resourceGroupName"], follow.inputs["serverName"]) == ("pay-eastus", "pay-db-home")
    assert follow.inputs["members"] == [standing_by.one(SERVER).inputs["serverName"]]
    assert "members" in follow.ignored
    assert not third.of(FOLLOW)
    assert not home.of(FOLLOW)
    name = home.one(SERVER).inputs["serverName"]
    assert seen == [f"{each}.writer.postgres.database.azure.com" for each in ("pay-db-home", "pay-db-home", name)]


def test_what_a_promotion_moves_is_ignored(azure_home: Graph, azure_secondary: Graph) -> None:
    """Source, role, second server and zones are not Pulumi's to put back."""
    for graph in (azure_home, azure_secondary):
        assert {
            *("createMode", "replicationRole", "sourceServerResourceId", "highAvailability", "availabilityZone"),
            "storage.storageSizeGB",
        } <= graph.one(SERVER).ignored
