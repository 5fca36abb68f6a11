"""Everything that a fleet on Azure is made of, made in the stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.lab.filling import preview
from tests.testbeds.lab.azure_things import HOME, make, refusals

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object

APP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/fleet/providers/Microsoft.Web/sites/payments"
THINGS: tuple[tuple[str, Object], ...] = tuple(
    (one["type"], one["inputs"]) for one in json.loads((Path(__file__).parent / "azure-fleet.json").read_text())
)
"""One of each type that Azure's components use, in an order in which they can be made."""


def test_a_whole_fleet_is_accepted_and_goes_again(azure: Azure) -> None:
    """Every type that Azure's components use: its inputs pass, its outputs are complete, and it can be deleted."""
    watcher = {
        "resourceGroupName": "NetworkWatcherRG",
        "networkWatcherName": "NetworkWatcher_eastus",
        "location": "eastus",
    }
    make(azure, "azure-native:network:NetworkWatcher", {**watcher})
    for name, inputs in THINGS:
        token = f"azure-native:{name}"
        assert refusals(azure, token, inputs) == "", token
        made = make(azure, token, inputs)
        outputs = azure.resource(token).outputs
        assert [field for field, rule in outputs.items() if rule.required and made.outputs.get(field) is None] == [], (
            token
        )
        assert made.outputs["azureApiVersion"], token
        told = preview(made.inputs, made.outputs, outputs)
        assert set(told) == set(outputs), token
    for one in reversed(azure.world.objects()):
        azure.refuse_delete(one)
        azure.world.remove(one.seq)
    assert azure.world.objects() == []


def test_what_a_fleet_reads_is_of_the_right_form(azure: Azure) -> None:
    """Hosts that cannot be reached, principals that are GUIDs, the region that an account is copied to."""
    made = {name: make(azure, f"azure-native:{name}", inputs) for name, inputs in THINGS[:-1]}
    app, account = made["web:WebApp"].outputs, made["storage:StorageAccount"].outputs
    assert app["defaultHostName"] == "payments.azurewebsites.lab.invalid"
    assert len(str(app["identity"]["principalId"])) == 36  # type: ignore[call-overload, index]
    assert (account["primaryLocation"], account["secondaryLocation"]) == ("eastus", "westus")
    assert made["trafficmanager:Profile"].outputs["dnsConfig"]["fqdn"] == "payments.trafficmanager.lab.invalid"  # type: ignore[call-overload, index]
    assert made["keyvault:Key"].outputs["keyUri"] == "https://payments.vault.lab.invalid/keys/data"
    assert str(made["containerservice:ManagedCluster"].outputs["fqdn"]).endswith(".hcp.eastus.lab.invalid")
    assert azure.find("azure-native:web:WebApp", APP, {}, HOME) == made["web:WebApp"]
