"""What AKS and App Service refuse (their documentation, by service)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.asked import Asked, Coming, existing
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.wire import Object, children, flag, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.world import World, WorldObject

CLUSTER: Final = "azure-native:containerservice:ManagedCluster"
POOL: Final = "azure-native:containerservice:AgentPool"
PLAN: Final = "azure-native:web:AppServicePlan"
APP: Final = "azure-native:web:WebApp"
SLOT: Final = "azure-native:web:WebAppSlot"

_MINOR: Final = re.compile(r"^(\d+)\.(\d+)")
_POOL_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,11}")
_DNS_PREFIX: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,52}[A-Za-z0-9])?")
_SLOTS: Final = ("Standard", "Premium", "PremiumV2", "PremiumV3", "PremiumMV3", "PremiumV4", "Isolated", "IsolatedV2")
_ZONAL_PLANS: Final = ("PremiumV2", "PremiumV3", "PremiumMV3", "PremiumV4", "IsolatedV2")


def refused_inputs(asked: Asked) -> Iterator[Failure]:
    """Refusals that need no look at the world."""
    if asked.token == CLUSTER:
        yield from _cluster(asked)
    if asked.token == POOL:
        yield from _pool(asked.news, "", is_new=not asked.olds)
        yield from _version("orchestratorVersion", asked.news, asked.olds)
    if asked.token == PLAN:
        yield from _plan(asked)


def _cluster(asked: Asked) -> Iterator[Failure]:
    news = asked.news
    prefix = word(news, "dnsPrefix")
    if prefix and not _DNS_PREFIX.fullmatch(prefix):
        yield Failure("dnsPrefix", f"InvalidDNSPrefix: {prefix!r}; 1 to 54 letters, digits and hyphens")
    pools = children(news, "agentPoolProfiles")
    for index, pool in enumerate(pools):
        yield from _pool(pool, f"agentPoolProfiles[{index}].", is_new=not asked.olds)
    if pools and not asked.olds and not any(word(pool, "mode") == "System" for pool in pools):
        yield Failure("agentPoolProfiles", "InvalidParameter: a cluster needs a pool with mode System")
    if flag(news, "disableLocalAccounts") and not news.get("aadProfile"):
        yield Failure("disableLocalAccounts", "needs aadProfile: nobody could sign in")
    yield from _version("kubernetesVersion", news, asked.olds)


def _pool(pool: Object, at: str, *, is_new: bool) -> Iterator[Failure]:
    name = word(pool, "agentPoolName", word(pool, "name"))
    if name and not _POOL_NAME.fullmatch(name):
        where = "agentPoolName" if pool.get("agentPoolName") else "name"
        yield Failure(
            f"{at}{where}", f"InvalidParameter: {name!r}; 1 to 12 lower-case letters and digits, a letter first"
        )
    low, count, high = (pool.get(key) for key in ("minCount", "count", "maxCount"))
    scales = flag(pool, "enableAutoScaling")
    if scales and (low is None or high is None):
        yield Failure(f"{at}minCount", "InvalidParameter: enableAutoScaling needs minCount and maxCount")
    if scales and isinstance(low, int) and isinstance(high, int) and low > high:
        yield Failure(f"{at}minCount", f"InvalidParameter: {low} is more than maxCount {high}")
    # Of a pool that exists the limits may move past its count; the autoscaler follows (Azure/AKS#1758).
    if (
        is_new
        and scales
        and isinstance(count, int)
        and isinstance(low, int)
        and isinstance(high, int)
        and not low <= count <= high
    ):
        yield Failure(f"{at}count", f"InvalidParameter: {count} is not between minCount {low} and maxCount {high}")


def _version(path: str, news: Object, olds: Object) -> Iterator[Failure]:
    old, new = _MINOR.match(word(olds, path)), _MINOR.match(word(news, path))
    if old is None or new is None:
        return
    step = int(new[2]) - int(old[2])
    if step < 0:
        yield Failure(path, f"OperationNotAllowed: {old[0]} cannot be downgraded to {new[0]}")
    if step > 1:
        allowed = f"{old[1]}.{int(old[2]) + 1}"
        yield Failure(path, f"OperationNotAllowed: from {old[0]} one minor version at a time: {allowed}")


def _plan(asked: Asked) -> Iterator[Failure]:
    tier, workers = word(asked.news, "sku.tier"), (asked.news.get("sku") or {})
    if not flag(asked.news, "zoneRedundant"):
        return
    if tier and tier not in _ZONAL_PLANS:
        yield Failure("zoneRedundant", f"needs one of the tiers {', '.join(_ZONAL_PLANS)}; this is {tier}")
    if not asked.tables.zones.get(asked.region, ("?",)):
        yield Failure("zoneRedundant", f"{asked.region} has no availability zones")
    capacity = workers.get("capacity") if isinstance(workers, dict) else None
    if isinstance(capacity, int) and capacity < 2:  # noqa: PLR2004 - App Service, "Reliability", minimum instances
        yield Failure("sku.capacity", f"a zone-redundant plan has at least 2 instances; this has {capacity}")


def refuse_create(coming: Coming, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: The service refuses the object.
    """
    if coming.token == SLOT:
        app = existing(world, APP, coming.id.rsplit("/slots/", 1)[0])
        tier = _tier(word(app.inputs, "serverFarmId"), world) if app else ""
        if tier and tier not in _SLOTS:
            raise RefusedError("Conflict", f"the tier {tier} has no deployment slots")
    if coming.token in (APP, SLOT):
        _plan_is_near(coming, world)


def _tier(plan_id: str, world: World) -> str:
    plan = existing(world, PLAN, plan_id)
    return word(plan.inputs, "sku.tier") if plan else ""


def _plan_is_near(coming: Coming, world: World) -> None:
    plan_id = word(coming.inputs, "serverFarmId")
    plan = existing(world, PLAN, plan_id)
    if plan_id and plan is None:
        raise RefusedError("NotFound", f"there is no App Service plan {plan_id}")
    if plan is not None and coming.region and plan.region != coming.region:
        raise RefusedError("BadRequest", f"the plan is in {plan.region}, the app would be in {coming.region}")


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """An agent pool cannot be newer than its cluster.

    Raises:
        RefusedError: It would be.
    """
    if current.type == POOL:
        cluster = existing(world, CLUSTER, current.id.rsplit("/agentPools/", 1)[0])
        own, its = (
            _MINOR.match(word(inputs, "orchestratorVersion")),
            _MINOR.match(word(cluster.outputs, "currentKubernetesVersion") if cluster else ""),
        )
        if own and its and int(own[2]) > int(its[2]):
            raise RefusedError("NodePoolMcVersionIncompatible", f"{own[0]} is newer than the cluster's {its[0]}")
