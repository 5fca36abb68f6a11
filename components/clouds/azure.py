"""What the Azure implementations share: provider, names, rights, logs, ways in, and the tag that finds things again.

Names: a resource group is called after fleet and region, so that a person at night can type it. What has to be unique
in the world gets a suffix that is a function of subscription, fleet and region (`suffix_of`). Everything else is left
to azure-native, which appends eight random digits.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.tags import URN_TAG, URN_TAG_PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.base import Scope
    from components.edge.spec import EdgeSpec
    from components.keys.component import AzureKeys, KeysOutputs
    from components.keys.spec import Purpose
    from components.place import Place
    from components.traffic.spec import TrafficSpec

ROLES: Final[Mapping[str, str]] = {
    "AKS RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Key Vault Contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "Key Vault Crypto Service Encryption User": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
}
"""Azure's own roles and their ids (Azure documentation, "Azure built-in roles")."""

ZONE_NUMBERS: Final[Mapping[str, str]] = {"a": "1", "b": "2", "c": "3"}
"""Azure numbers the zones of a region."""

RECORD_TTL_S: Final = 300
"""Of records that lead to a name or an address that never changes."""

_NO_COLON: Final = frozenset({"dns", "privatedns", "trafficmanager"})
_OF_AN_API_VERSION: Final = re.compile(r"azure-native:\w+/v[0-9]")


def build(place: Place, account_id: str | None) -> azure.Provider:
    """Prepare a stack: tags that find things again, no aliases of other API versions, and one explicit provider.

    Args:
        place: Gives the location of everything that names none of its own.
        account_id: The subscription; without one, that of whoever is signed in.
    """
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    pulumi.runtime.register_stack_transformation(drop_aliases)
    return azure.Provider(f"{place.fleet}-azure", location=place.region, subscription_id=account_id)


def tag_with_urn(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A stack transformation: whatever carries tags also carries `aurops:urn`.

    DNS and Traffic Manager take no colon in a tag's name: there it is `aurops-urn` (Azure documentation, "Use tags to
    organize your Azure resources", Limitations).
    """
    if not args.type_.startswith("azure-native:") or args.props.get("tags") is None:
        return None
    value = f"{pulumi.get_stack()}::{pulumi.get_project()}::{args.type_}::{args.name}"
    key = URN_TAG_PLAIN if args.type_.split(":")[1] in _NO_COLON else URN_TAG
    tags = pulumi.Output.from_input(args.props["tags"]).apply(lambda given: {**given, key: value})
    return pulumi.ResourceTransformationResult({**args.props, "tags": tags}, args.opts)


def drop_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A stack transformation: without the aliases by which a type is known under its other API versions.

    A subnet has 60 of them, and they cost 1.2 s a preview. They serve stacks that an older provider made, which no
    fleet of ours was. Aliases of our own name no API version and stay.
    """
    if not args.type_.startswith("azure-native:") or not args.opts.aliases:
        return None
    opts = pulumi.ResourceOptions.merge(args.opts, None)
    opts.aliases = [alias for alias in args.opts.aliases if not _names_an_api_version(alias)]
    return pulumi.ResourceTransformationResult(args.props, opts)


def _names_an_api_version(alias: pulumi.Input[pulumi.Alias | str]) -> bool:
    kind = alias.type_ if isinstance(alias, pulumi.Alias) else None
    return isinstance(kind, str) and _OF_AN_API_VERSION.match(kind) is not None


def of(keys: KeysOutputs) -> AzureKeys:
    """Azure's part of the keys, which every other component needs."""
    assert keys.azure is not None, "keys of another cloud"  # noqa: S101 (built by hand for another cloud: a bug)
    return keys.azure


def suffix_of(subscription: str, fleet: str, region: str) -> str:
    """Eight digits that end a name that has to be unique in the world: the same at each run, another elsewhere."""
    return hashlib.sha256(f"{subscription}/{fleet}/{region}".encode()).hexdigest()[:8]


def fit(name: str, longest: int) -> str:
    """The name, or its beginning and a digest of the whole where Azure allows no more than `longest` characters."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 7].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def client(scope: Scope) -> pulumi.Output[azure.authorization.GetClientConfigResult]:
    """Who runs this, and in which subscription and tenant."""
    return azure.authorization.get_client_config_output(opts=pulumi.InvokeOptions(parent=scope.parent))


def group(scope: Scope, region: str) -> azure.resources.ResourceGroup:
    """The resource group that everything of a stack is put into."""
    name = scope.named("group")
    return azure.resources.ResourceGroup(
        name,
        resource_group_name=f"{scope.place.fleet}-{region}",
        location=scope.place.region,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def segment(identifier: pulumi.Input[str], kind: str) -> pulumi.Output[str]:
    """The name that stands after `kind` in a resource id: `resourceGroups`, `virtualNetworks`."""

    def pick(text: str) -> str:
        parts = text.split("/")
        return parts[parts.index(kind) + 1]

    return pulumi.Output.from_input(identifier).apply(pick)


def identity(scope: Scope, part: str, inside: AzureKeys) -> azure.managedidentity.UserAssignedIdentity:
    """An identity that is there before whatever uses it, so that it has its rights in time."""
    name = scope.named(part)
    return azure.managedidentity.UserAssignedIdentity(
        name, resource_group_name=inside.group, tags=scope.tags(name), opts=scope.opts()
    )


def grant(
    scope: Scope, part: str, role: str, principal_id: pulumi.Input[str], target: pulumi.Input[str]
) -> azure.authorization.RoleAssignment:
    """Give an identity one of Azure's own roles on one resource.

    Naming the kind of principal keeps Azure from looking it up, which fails for seconds after it was made.
    """
    return azure.authorization.RoleAssignment(
        scope.named(part),
        principal_id=principal_id,
        principal_type=azure.authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=role_definition(role, target),
        scope=target,
        opts=scope.opts(),
    )


def role_definition(role: str, target: pulumi.Input[str]) -> pulumi.Output[str]:
    """The full id of one of Azure's own roles, in the subscription of what it is given on."""
    kind = "providers/Microsoft.Authorization/roleDefinitions"
    return pulumi.Output.format("/subscriptions/{}/{}/{}", segment(target, "subscriptions"), kind, ROLES[role])


def reach_privately(
    scope: Scope,
    part: str,
    inside: AzureKeys,
    subnet_id: pulumi.Input[str],
    target: pulumi.Input[str],
    kind: str,
    zone_id: pulumi.Input[str],
) -> None:
    """A private endpoint, and its name in the private DNS zone that resolves to it.

    Args:
        scope: Of the component that owns it.
        part: Ends its name.
        inside: Where.
        subnet_id: The subnet that it takes an address of.
        target: What it leads to.
        kind: Azure's word for the part of the target, such as `vault`.
        zone_id: The private DNS zone.
    """
    name = scope.named(part)
    endpoint = azure.network.PrivateEndpoint(
        name,
        resource_group_name=inside.group,
        subnet={"id": subnet_id},
        private_link_service_connections=[{"name": part, "private_link_service_id": target, "group_ids": [kind]}],
        tags=scope.tags(name),
        opts=scope.opts(),
    )
    azure.network.PrivateDnsZoneGroup(
        f"{name}-names",
        resource_group_name=inside.group,
        private_endpoint_name=endpoint.name,
        private_dns_zone_group_name="default",
        private_dns_zone_configs=[{"name": part, "private_dns_zone_id": zone_id}],
        opts=scope.opts(),
    )


def under_our_key(keys: KeysOutputs, purpose: Purpose) -> azure.storage.EncryptionArgsDict:
    """What a storage account is told of a key: vault and name but no version, so that it takes up a rotated one."""
    url = pulumi.Output.from_input(keys.by_purpose[purpose])
    return {
        "key_source": azure.storage.KeySource.MICROSOFT_KEYVAULT,
        "key_vault_properties": {
            "key_vault_uri": url.apply(lambda known: known.partition("/keys/")[0]),
            "key_name": url.apply(lambda known: known.rpartition("/")[2]),
        },
        "encryption_identity": {"encryption_user_assigned_identity": of(keys).identity_id},
    }


def send_logs(
    scope: Scope,
    inside: AzureKeys,
    target: pulumi.Input[str],
    categories: Sequence[str],
    retention_days: int,
) -> None:
    """A workspace that forgets after `retention_days`, and the setting that sends a resource's logs there.

    It is encrypted with Azure's own key: one of ours needs a dedicated cluster, which begins at 100 GB a day (Azure
    Monitor documentation, "Customer-managed keys").
    """
    name = scope.named("logs")
    workspace = azure.operationalinsights.Workspace(
        name,
        resource_group_name=inside.group,
        sku={"name": "PerGB2018"},
        retention_in_days=retention_days,
        # Who may read logs is decided by roles; nobody signs in with the workspace's key.
        features={"disable_local_auth": True, "enable_log_access_using_only_resource_permissions": True},
        tags=scope.tags(name),
        opts=scope.opts(),
    )
    azure.monitor.DiagnosticSetting(
        scope.named("log-setting"),
        resource_uri=target,
        workspace_id=workspace.id,
        logs=[{"category": category, "enabled": True} for category in categories],
        opts=scope.opts(),
    )


def account(
    scope: Scope,
    part: str,
    keys: KeysOutputs,
    purpose: Purpose,
    *,
    sku: str,
    is_open: bool = False,
    has_keys: bool = False,
) -> azure.storage.StorageAccount:
    """A storage account: our key, TLS 1.2, nothing anonymous.

    Args:
        scope: Of the component that owns it.
        part: Ends the resource's name, and stands in the account's: at most 4 letters, because 24 is all it may have.
        keys: Of the region.
        purpose: Which of them.
        sku: How often and how far it is copied.
        is_open: Let everyone who has a role in Entra reach it over the network, not Azure's own services only.
        has_keys: Let who has the account's key in, too.
    """
    inside, name = of(keys), scope.named(part)
    others = azure.storage.DefaultAction.ALLOW if is_open else azure.storage.DefaultAction.DENY
    return azure.storage.StorageAccount(
        name,
        account_name=pulumi.Output.concat(scope.place.fleet, part, inside.suffix),
        resource_group_name=inside.group,
        kind=azure.storage.Kind.STORAGE_V2,
        sku={"name": sku},
        identity={"type": "UserAssigned", "user_assigned_identities": [inside.identity_id]},
        encryption=under_our_key(keys, purpose),
        network_rule_set={"default_action": others, "bypass": azure.storage.Bypass.AZURE_SERVICES},
        minimum_tls_version=azure.storage.MinimumTlsVersion.TLS1_2,
        enable_https_traffic_only=True,
        allow_blob_public_access=False,
        allow_shared_key_access=has_keys,
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=scope.is_locked),
    )


def dns_zone(scope: Scope, zone: str, inside: azure.resources.ResourceGroup) -> azure.dns.Zone:
    """A zone of names, on request."""
    name = scope.named("zone")
    return azure.dns.Zone(
        name,
        zone_name=zone,
        location="global",
        resource_group_name=inside.name,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def unique(scope: Scope, record: str, where: str, ttl_s: int) -> azure.trafficmanager.DnsConfigArgsDict:
    """The host name of a name's profile, one of its kind in the world.

    Args:
        scope: Of the component that owns it.
        record: The name.
        where: What its resource group is called after, beside the fleet.
        ttl_s: Seconds that a client may go on using an answer.
    """
    head = fit(scope.named(record.replace(".", "-")), 54)
    ending = client(scope).subscription_id.apply(lambda known: suffix_of(known, scope.place.fleet, where))
    return {"relative_name": pulumi.Output.concat(head, "-", ending), "ttl": ttl_s}


def profile(
    scope: Scope,
    spec: TrafficSpec | EdgeSpec,
    record: str,
    inside: azure.resources.ResourceGroup,
    dns: azure.trafficmanager.DnsConfigArgsDict,
    method: azure.trafficmanager.TrafficRoutingMethod,
    path: pulumi.Input[str],
) -> azure.trafficmanager.Profile:
    """How one name chooses, and how Traffic Manager asks over HTTPS whether what it leads to is well.

    Timeouts: 5 to 9 s with checks each 10 s, 5 to 10 s with 30 (Traffic Manager documentation, "Endpoint monitoring").

    Args:
        scope: Of the component that owns it.
        spec: How often is asked, and after how many failures it gives up.
        record: The name.
        inside: The resource group.
        dns: Its host name.
        method: How it chooses.
        path: What it asks for.
    """
    name = scope.named(record.replace(".", "-"))
    return azure.trafficmanager.Profile(
        name,
        profile_name=fit(name, 63),
        resource_group_name=inside.name,
        location="global",
        traffic_routing_method=method,
        dns_config=dns,
        monitor_config={
            "protocol": azure.trafficmanager.MonitorProtocol.HTTPS,
            "port": 443,
            "path": path,
            "interval_in_seconds": spec.check_interval_s,
            "timeout_in_seconds": 5,
            "tolerated_number_of_failures": spec.failure_threshold - 1,
        },
        tags=scope.tags(name),
        # The service writes back what it sees: endpoints are resources of their own.
        opts=scope.opts(ignore=["endpoints"]),
    )


def lead_to(
    scope: Scope, part: str, zone_id: pulumi.Input[str], zone: str, name: str, host: pulumi.Input[str]
) -> azure.dns.RecordSet:
    """The record by which a name of the zone leads to a host."""
    return azure.dns.RecordSet(
        scope.named(part),
        resource_group_name=segment(zone_id, "resourceGroups"),
        zone_name=zone,
        record_type="CNAME",
        relative_record_set_name=name.removesuffix(f".{zone}"),
        ttl=RECORD_TTL_S,
        cname_record={"cname": host},
        opts=scope.opts(),
    )
