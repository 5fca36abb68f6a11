from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

APP, SLOT, PLAN = "web:WebApp", "web:WebAppSlot", "web:AppServicePlan"


def made(*, settled: bool = False, **spec: object) -> Graph:
    """A service."""

    def program() -> None:
        k = parts.keys(parts.place(settled=settled))
        parts.service(parts.network(k), k, **spec)

    return run(program)


def test_the_plan_spans_zones_and_others_move_its_size(azure_home: Graph) -> None:
    """Zone-redundant, one machine per task; the number is autoscaling's, the size the smallest that holds a task."""
    plan = azure_home.one(PLAN)
    assert (plan.inputs["zoneRedundant"], plan.inputs["sku"]) == (True, {"name": "P0v3", "capacity": 3})
    assert plan.ignored == {"sku.capacity"}
    scaling = azure_home.one("monitor:AutoscaleSetting").inputs
    assert scaling["profiles"][0]["capacity"] == {"minimum": "3", "maximum": "30", "default": "3"}


def test_app_and_slot_speak_tls_only_and_know_no_password(azure_home: Graph) -> None:
    """HTTPS only, TLS 1.2 or newer, no FTP, an identity, our network for what is private; health decides."""
    for node in (azure_home.one(APP), azure_home.one(SLOT)):
        given, site = node.inputs, node.inputs["siteConfig"]
        assert (given["httpsOnly"], site["minTlsVersion"], site["ftpsState"]) == (True, "1.2", "Disabled")
        assert given["identity"] == {"type": "SystemAssigned"}
        assert given["virtualNetworkSubnetId"].endswith("/apps")
        assert site["healthCheckPath"] == "/health"
        assert {"name": "WEBSITES_PORT", "value": "8080"} in site["appSettings"]


def test_a_swap_of_slots_is_not_taken_back(azure_home: Graph) -> None:
    """The slot's image is whatever was put there last; the app's is the spec's."""
    assert azure_home.one(SLOT).ignored == {"siteConfig.linuxFxVersion"}
    assert azure_home.one(APP).inputs["siteConfig"]["linuxFxVersion"] == "DOCKER|registry.example.com/web:1.2"


def test_the_name_is_proved_once_and_bound_everywhere(azure_home: Graph) -> None:
    """With the zone the record is made, and the name is bound after it; without, it is bound all the same."""
    proof = azure_home.one("dns:RecordSet", "name-proof")
    assert (proof.inputs["relativeRecordSetName"], proof.inputs["recordType"]) == ("asuid.api", "TXT")
    assert proof.inputs["txtRecords"] == [{"value": ["PROOF"]}]
    assert proof.urn in azure_home.one("web:WebAppHostNameBinding").depends_on
    elsewhere = made(certificate={"domain": "api.example.com"})
    assert not elsewhere.of("dns:RecordSet")
    assert elsewhere.one("web:WebAppHostNameBinding").inputs["hostName"] == "api.example.com"


def test_the_certificate_is_issued_when_the_name_leads_here(azure_home: Graph) -> None:
    """Not before the settle wave, which adds the certificate and changes the binding, and nothing else."""
    assert not azure_home.of("web:Certificate")
    before, after = made(), made(settled=True)
    assert after.names() - before.names() == {("azure-native:web:Certificate", "pay-web-certificate")}
    assert before.names() <= after.names()
    bound = after.one("web:WebAppHostNameBinding").inputs
    assert (bound["sslState"], bound["thumbprint"]) == ("SniEnabled", "F00D")


def test_a_certificate_that_exists_is_bound_at_once() -> None:
    """With its thumbprint none is issued, before the settle wave or in it."""
    for settled in (False, True):
        graph = made(settled=settled, azure={"thumbprint": "A" * 40})
        assert not graph.of("web:Certificate")
        assert graph.one("web:WebAppHostNameBinding").inputs["thumbprint"] == "A" * 40
