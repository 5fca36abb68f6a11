"""What is there in Azure though no program made it, and what a preview tells of identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.cloud import RefusedError
from testbeds.lab.filling import preview
from testbeds.lab.wire import UNKNOWN, child
from tests.testbeds.lab.azure_things import ACCOUNT, GROUP, make, network

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object

RECORD: Object = {
    "resourceGroupName": "dns",
    "zoneName": "example.com",
    "recordType": "CNAME",
    "relativeRecordSetName": "api",
}


def test_a_region_is_born_with_its_watcher(azure: Azure) -> None:
    """A flow log needs no watcher of ours: Azure makes one with the first network of a region."""
    vnet = network(azure, "home", "10.0.0.0/16")
    log: Object = {
        "resourceGroupName": "NetworkWatcherRG",
        "networkWatcherName": "NetworkWatcher_eastus",
        "flowLogName": "fleet",
        "targetResourceId": vnet.id,
        "storageId": "/subscriptions/s/resourceGroups/fleet/providers/Microsoft.Storage/storageAccounts/logs",
    }
    assert make(azure, "azure-native:network:FlowLog", log).id.endswith("/NetworkWatcher_eastus/flowLogs/fleet")


def test_a_zone_may_be_brought_along(azure: Azure) -> None:
    """Records go into a zone that the lab never saw; once it has a zone, another one must exist too."""
    assert make(azure, "azure-native:dns:RecordSet", RECORD).id.endswith("/dnsZones/example.com/CNAME/api")
    make(azure, "azure-native:dns:Zone", {**GROUP, "location": "global", "zoneName": "example.org"})
    with pytest.raises(RefusedError, match="resource group 'dns' could not be found"):
        make(azure, "azure-native:dns:RecordSet", {**RECORD, "relativeRecordSetName": "other"})


@pytest.mark.parametrize("known", [True, False])
def test_a_preview_tells_identities_as_azure_answers_them(azure: Azure, *, known: bool) -> None:
    """They are asked for as a list and answered as a mapping, which is unknown while one of them is."""
    asked: Object = {"identity": {"type": "UserAssigned", "userAssignedIdentities": ["/mine" if known else UNKNOWN]}}
    told = child(preview(asked, {}, azure.resource(ACCOUNT).outputs), "identity")
    assert told["userAssignedIdentities"] == ({"/mine": UNKNOWN} if known else UNKNOWN)
