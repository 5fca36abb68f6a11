"""The service on Azure: App Service on a zone-redundant plan. Never run against a real account.

One task is one machine of the plan. The app is reached by its own name; a name of ours is bound to it once a record
proves it, and its certificate is issued when that name leads here, which it does after the global stack is up: that
part is left to the settle wave (`Place.settled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import of, segment, send_logs
from components.clouds.azure_sizes import plan_size
from components.service.component import ServiceOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import AzureKeys, KeysOutputs
    from components.network.component import NetworkOutputs
    from components.service.spec import ServiceSpec

NOT_OFFERED: Final[Mapping[str, str]] = {
    "host_zone": "an app has no DNS zone for alias records: Traffic Manager leads to it by its resource id",
    "customer_key": "an app keeps no data; its settings are encrypted with Azure's own keys and can have no other",
    "deletion_protection": "an app holds nothing that a new one would not have",
}
LOGS: Final = ("AppServiceHTTPLogs", "AppServiceConsoleLogs", "AppServicePlatformLogs", "AppServiceAuditLogs")


def build(scope: Scope, spec: ServiceSpec, network: NetworkOutputs, keys: KeysOutputs) -> ServiceOutputs:
    """Make plan, app, name and autoscaling."""
    inside = of(keys)
    plan = make_plan(scope, spec, inside)
    app = make_app(scope, spec, network, inside, plan)
    if spec.certificate.domain:
        make_name(scope, spec, inside, plan, app, spec.certificate.domain)
    scale(scope, spec, inside, plan)
    send_logs(scope, inside, app.id, LOGS, spec.log_retention_days)
    return ServiceOutputs(scope.place, plan.name, app.name, app.default_host_name, "", spec.health_path, app.id)


def make_plan(scope: Scope, spec: ServiceSpec, inside: AzureKeys) -> azure.web.AppServicePlan:
    """Linux machines, spread over the region's zones; autoscaling moves their number."""
    name = scope.named("plan")
    return azure.web.AppServicePlan(
        name,
        resource_group_name=inside.group,
        kind="linux",
        reserved=True,
        zone_redundant=True,
        sku={"name": plan_size(spec), "capacity": spec.min_tasks},
        tags=scope.tags(name),
        opts=scope.opts(ignore=["sku.capacity"]),
    )


def make_app(
    scope: Scope, spec: ServiceSpec, network: NetworkOutputs, inside: AzureKeys, plan: azure.web.AppServicePlan
) -> azure.web.WebApp:
    """The app, and beside it a second place to warm up the next image in: a swap moves that image, so it is ignored."""
    name, slot = scope.named("app"), scope.named("slot")
    common = settings_of(spec, network, inside, plan)
    app = azure.web.WebApp(
        name,
        name=pulumi.Output.concat(scope.name, "-", inside.suffix),
        tags=scope.tags(name),
        opts=scope.opts(),
        **common,
    )
    azure.web.WebAppSlot(
        slot,
        name=app.name,
        slot="next",
        tags=scope.tags(slot),
        opts=scope.opts(ignore=["siteConfig.linuxFxVersion"]),
        **common,
    )
    return app


def settings_of(
    spec: ServiceSpec, network: NetworkOutputs, inside: AzureKeys, plan: azure.web.AppServicePlan
) -> dict[str, Any]:
    """What app and slot have alike: HTTPS only, an identity and no password.

    What goes to private addresses goes through our network; what goes to the Internet leaves by the plan's own way,
    which no single zone's NAT gateway can cut off.
    """
    return {
        "resource_group_name": inside.group,
        "kind": "app,linux,container",
        "reserved": True,
        "server_farm_id": plan.id,
        "https_only": True,
        "client_affinity_enabled": False,
        "ssh_enabled": False,
        "identity": {"type": azure.web.ManagedServiceIdentityType.SYSTEM_ASSIGNED},
        "virtual_network_subnet_id": apps_subnet(network),
        "site_config": site(spec),
    }


def apps_subnet(network: NetworkOutputs) -> pulumi.Input[str]:
    """The subnet that is given to App Service."""
    assert network.azure is not None, "a network of another cloud"  # noqa: S101 (built by hand: a bug)
    return network.azure.delegated["apps"]


def site(spec: ServiceSpec) -> azure.web.SiteConfigArgsDict:
    """How the container runs. An instance that fails the health check is taken out, then replaced."""
    settings = {
        **spec.environment,
        "WEBSITES_PORT": str(spec.port),
        "WEBSITES_ENABLE_APP_SERVICE_STORAGE": "false",
        # Minutes out of rotation before a sick machine is replaced; two is the least (App Service, "Health check").
        "WEBSITE_HEALTHCHECK_MAXPINGFAILURES": "2",
    }
    return {
        "linux_fx_version": f"DOCKER|{spec.image}",
        "app_settings": [{"name": key, "value": settings[key]} for key in sorted(settings)],
        "acr_use_managed_identity_creds": True,
        "always_on": True,
        "health_check_path": spec.health_path,
        "http20_enabled": True,
        "min_tls_version": azure.web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
        "scm_min_tls_version": azure.web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
        "ftps_state": azure.web.FtpsState.DISABLED,
        "remote_debugging_enabled": False,
    }


def make_name(
    scope: Scope,
    spec: ServiceSpec,
    inside: AzureKeys,
    plan: azure.web.AppServicePlan,
    app: azure.web.WebApp,
    domain: str,
) -> None:
    """Bind our name; whoever is given the zone proves it for every region of the subscription."""
    proof = [prove(scope, app, domain, spec.certificate.zone_id)] if spec.certificate.zone_id else []
    thumbprint: pulumi.Input[str] | None = spec.azure.thumbprint
    if thumbprint is None and scope.place.settled:
        thumbprint = issue(scope, inside, plan, domain).thumbprint
    azure.web.WebAppHostNameBinding(
        scope.named("name"),
        name=app.name,
        resource_group_name=inside.group,
        host_name=domain,
        ssl_state=azure.web.SslState.SNI_ENABLED if thumbprint is not None else None,
        thumbprint=thumbprint,
        opts=scope.opts(depends_on=proof),
    )


def issue(scope: Scope, inside: AzureKeys, plan: azure.web.AppServicePlan, domain: str) -> azure.web.Certificate:
    """A certificate that Azure issues and renews, while the name leads to this app through Traffic Manager."""
    name = scope.named("certificate")
    return azure.web.Certificate(
        name,
        resource_group_name=inside.group,
        server_farm_id=plan.id,
        canonical_name=domain,
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def prove(scope: Scope, app: azure.web.WebApp, domain: str, zone_id: str) -> azure.dns.RecordSet:
    """The record by which App Service sees that the name is ours: the same for all apps of a subscription.

    Source: App Service documentation, "Set up an existing custom domain", the `asuid` record.
    """
    zone = zone_id.rpartition("/")[2]
    return azure.dns.RecordSet(
        scope.named("name-proof"),
        resource_group_name=segment(zone_id, "resourceGroups"),
        zone_name=zone,
        record_type="TXT",
        relative_record_set_name=f"asuid.{domain.removesuffix(zone).rstrip('.')}".rstrip("."),
        ttl=60,
        txt_records=[{"value": [app.custom_domain_verification_id.apply(str)]}],
        opts=scope.opts(),
    )


def scale(scope: Scope, spec: ServiceSpec, inside: AzureKeys, plan: azure.web.AppServicePlan) -> None:
    """Follow CPU use between `min_tasks` and `max_tasks`: out quickly, in slowly and only when half is idle."""
    name = scope.named("scaling")
    least, most = str(spec.min_tasks), str(spec.max_tasks)
    azure.monitor.AutoscaleSetting(
        name,
        resource_group_name=inside.group,
        target_resource_uri=plan.id,
        enabled=True,
        profiles=[
            {
                "name": "cpu",
                "capacity": {"minimum": least, "maximum": most, "default": least},
                "rules": [
                    step(plan, spec.cpu_target_percent, up=True),
                    step(plan, spec.cpu_target_percent // 2, up=False),
                ],
            }
        ],
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def step(plan: azure.web.AppServicePlan, percent: int, *, up: bool) -> azure.monitor.ScaleRuleArgsDict:
    """One more machine above, or one less below a percentage."""
    above, below = azure.monitor.ComparisonOperationType.GREATER_THAN, azure.monitor.ComparisonOperationType.LESS_THAN
    direction = azure.monitor.ScaleDirection.INCREASE if up else azure.monitor.ScaleDirection.DECREASE
    return {
        "metric_trigger": {
            "metric_name": "CpuPercentage",
            "metric_resource_uri": plan.id,
            "operator": above if up else below,
            "statistic": azure.monitor.MetricStatisticType.AVERAGE,
            "threshold": percent,
            "time_aggregation": azure.monitor.TimeAggregationType.AVERAGE,
            "time_grain": "PT1M",
            "time_window": "PT5M" if up else "PT10M",
        },
        "scale_action": {
            "direction": direction,
            "type": azure.monitor.ScaleType.CHANGE_COUNT,
            "value": "1",
            "cooldown": "PT1M" if up else "PT5M",
        },
    }
