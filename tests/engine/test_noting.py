"""An `up` moves no traffic: what others have moved of what it writes stays as they left it, without `--refresh` too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from aurops.inventories import Inventories
from aurops.plan import Step
from aurops.store import open_store
from components.base import load
from components.edge.component import Edge
from components.place import Cloud, Place
from runbooks.deployments import LabHealth
from runbooks.finders import LabFinder
from stacks import program
from stacks.deploy import Action, Goal, Order
from stacks.deployment import Deployment
from stacks.fleet import EDGE, Kind
from tests.components.parts_edge import HOSTS, spec
from tests.engine.fleets import in_one_go
from tests.engine.test_edge import ACCOUNTS, ADDRESSES, HEAVY, PLACES, WEIGHTS, ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.session import LabSession

STOOD, STANDS = "198.51.100.4", "198.51.100.44"


def edge(cloud: Cloud, host: str, address: str) -> None:
    """An edge whose DNS is a cloud's, three clouds by weight; AWS's entrance is found at this host and address."""
    place = Place(cloud, PLACES[cloud], "pay", {"team": "platform"}, protect=False)
    provider = load("clouds", cloud)(place, ACCOUNTS[cloud])
    addresses = {"addresses": {**ADDRESSES["addresses"], "aws": address}}
    options = {"zone_id": ZONES[cloud], "check_interval_s": 30}
    wanted = spec(options, steering="weighted", weights=WEIGHTS, gcp=addresses)
    hosts: Mapping[Cloud, Mapping[str, str]] = {**HOSTS, Cloud.AWS: dict.fromkeys(HOSTS[Cloud.AWS], host)}
    Edge("pay-edge", wanted, hosts, place, pulumi.ResourceOptions(providers=[provider]))


@pytest.mark.parametrize(
    "cloud", [Cloud.AWS, *(pytest.param(each, marks=pytest.mark.campaign) for each in (Cloud.AZURE, Cloud.GCP))]
)
def test_an_up_sends_no_traffic_back_to_where_an_operator_took_it_from(
    shared_lab: LabSession, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight that was moved stays when something else of the same record changes, and that is told."""
    lab, (kind, path) = shared_lab, HEAVY[cloud]
    for found in lab.world.objects():
        lab.world.remove(found.seq)
    for file in (lab.folder / "state").rglob(f"{EDGE}.json*"):
        file.unlink()
    order = Order(Goal.UP, Kind.CHANGE, ((EDGE,),), is_lab=True)
    work = Deployment(
        in_one_go(lab),
        order,
        inventories=Inventories(open_store("memory://"), is_lab=True),
        health=LabHealth(lab),
        finder=LabFinder(lab.world),
    )

    def up(host: str, address: str) -> Mapping[str, object]:
        monkeypatch.setattr(program, "main", lambda *_, **__: edge(cloud, host, address))
        step: Step[None] = Step(f"up {EDGE}", Action.UP, "", lambda _: None, {"stack": EDGE})
        while (answer := work.call(step, 1)).waiting:
            pass
        return answer.data

    def weights() -> list[str]:
        return [str(one.outputs) for one in lab.world.objects(kind) if "'weight': 7" in str(one.outputs)]

    try:
        assert "mended" not in up("front.aws.example", STOOD)
        heavy = next(one for one in lab.world.objects(kind) if "'weight': 80" in str(one.inputs))
        lab.world.tamper(heavy.id, path, 7, type_=kind)
        told = up("new-front.aws.example", STANDS)
        assert told["counts"].get("update"), told  # type: ignore[attr-defined]
        assert len(weights()) == 1, lab.world.objects(kind)
        assert any(each in weights()[0] for each in (STANDS, "new-front.aws.example"))
        (mended,) = told["mended"]  # type: ignore[misc]
        assert str(mended).startswith("took note of what others may have moved of pay-edge-")
        assert "mended" not in up("new-front.aws.example", STANDS)
    finally:
        work.close()
