"""What the Google Cloud implementations share: names, labels, the provider, identities and where logs are kept.

Finding what the engine lost track of: a label's value may have 63 lower-case characters, so it cannot hold a URN. The
label `aurops-urn` holds `urn_label` of it instead, which whoever has the URN computes again and asks Cloud Asset
Inventory for (`labels.aurops-urn=…`). What carries no labels (subnets, routers, grants) is found by its name: it
begins with the resource's own and ends in the seven random digits that the provider adds.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_gcp as gcp

from components.network.component import GcpNetwork
from components.tags import URN_LABEL, urn_label

if TYPE_CHECKING:
    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.place import Place

NAME_LIMIT = 63
"""Compute Engine, "Naming resources"; the other services used here allow as much or more."""
SUFFIX = 8
"""What the provider adds to a name that it makes: a dash and seven digits."""
SETTINGS = "gcp:sql/databaseInstance:DatabaseInstance"
"""The only type used here whose labels are not its own property."""
ENCRYPTER = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


def zone_name(region: str, letter: str) -> str:
    """The zone's name: `us-central1` and `a` give `us-central1-a`."""
    return f"{region}-{letter}"


def shortened(name: str, limit: int = NAME_LIMIT - SUFFIX) -> str:
    """`name`, or its beginning and a hash of the whole where it is longer than `limit`."""
    if len(name) <= limit:
        return name
    digest = sha256(name.encode()).hexdigest()[:7]
    return f"{name[: limit - SUFFIX].rstrip('-')}-{digest}"


def build(place: Place, account_id: str | None) -> gcp.Provider:
    """Prepare a stack: everything with labels gets its `aurops-urn`, and one explicit provider serves every region.

    Args:
        place: Gives the region of everything that names none of its own.
        account_id: The project; resources and grants go there, whatever the shell's own configuration says.
    """
    pulumi.runtime.register_stack_transformation(label_with_urn)
    return gcp.Provider(f"{place.fleet}-gcp", project=account_id, region=place.region)


def label_with_urn(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A stack transformation: whatever carries labels also carries `aurops-urn`."""
    urn = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{args.type_}::{args.name}"
    for key in ("labels", "resource_labels"):
        if args.type_.startswith("gcp:") and args.props.get(key) is not None:
            props = {**args.props, key: _with(args.props[key], urn)}
            return pulumi.ResourceTransformationResult(props, args.opts)
    if args.type_ == SETTINGS:
        settings: Any = args.props["settings"]
        props = {**args.props, "settings": {**settings, "user_labels": _with(settings["user_labels"], urn)}}
        return pulumi.ResourceTransformationResult(props, args.opts)
    return None


def _with(labels: pulumi.Input[dict[str, str]], urn: str) -> pulumi.Output[dict[str, str]]:
    return pulumi.Output.from_input(labels).apply(lambda given: {**given, URN_LABEL: urn_label(urn)})


def labels(scope: Scope) -> dict[str, str]:
    """Labels of a child: the place's tags. Its name is no label: Google Cloud shows names anyway."""
    return dict(scope.place.tags)


def project(scope: Scope) -> pulumi.Output[gcp.organizations.GetProjectResult]:
    """The provider's project, with its id and its number."""
    return gcp.organizations.get_project_output(opts=pulumi.InvokeOptions(parent=scope.parent))


def details(network: NetworkOutputs) -> GcpNetwork:
    """What services need of the network; one that was brought along is taken to have the usual names."""
    return network.gcp or GcpNetwork("pods", "services", network.id)


def reachable(network: NetworkOutputs) -> pulumi.Output[str]:
    """The network's name, known once Google's own services can be reached over it."""
    access = details(network).access
    return pulumi.Output.all(network.id, access).apply(lambda known: str(known[0]))


def account(scope: Scope, part: str, why: str, *roles: str) -> gcp.serviceaccount.Account:
    """A service account of our own instead of the project's default one, which may edit everything.

    Args:
        scope: Of the component that owns it.
        part: Its name within the component. An account's name is the project's, so the region is in it.
        why: What it is for.
        roles: What it may do in the project, such as `roles/logging.logWriter`.
    """
    name = scope.named(part)
    made = gcp.serviceaccount.Account(
        name,
        account_id=shortened(f"{name}-{scope.place.region}", 30),  # 6 to 30 characters (IAM, "Create service accounts")
        display_name=why,
        opts=scope.opts(),
    )
    for role in roles:
        short = role.rsplit("/", 1)[-1].replace(".", "-").lower()
        gcp.projects.IAMMember(
            f"{name}-{short}", project=made.project, role=role, member=made.member, opts=scope.opts()
        )
    return made


def keep_logs(
    scope: Scope, part: str, wanted: pulumi.Input[str], key: pulumi.Input[str], retention_days: int
) -> gcp.logging.ProjectBucketConfig:
    """Keep some of the project's logs in a bucket of their own, encrypted with our key, and nowhere else.

    Without it they lie in `_Default`: another key, another region, 30 days. (Cloud Logging, "Route log entries".)

    Args:
        scope: Of the component whose logs they are.
        part: Its name within the component.
        wanted: The filter, in Cloud Logging's query language.
        key: The key.
        retention_days: Days until they are forgotten.
    """
    name = scope.named(part)
    bucket = gcp.logging.ProjectBucketConfig(
        name,
        project=project(scope).project_id,
        location=scope.place.region,
        # The name of a deleted bucket stays taken for a week; a rebuilt stack has another key, and so another name.
        bucket_id=pulumi.Output.concat(name, "-", pulumi.Output.from_input(key).apply(_digest)),
        description=f"{name} in {scope.place.region}",
        retention_days=retention_days,
        cmek_settings={"kms_key_name": key},
        opts=scope.opts(),
    )
    sink = gcp.logging.ProjectSink(
        name,
        destination=pulumi.Output.concat("logging.googleapis.com/", bucket.id),
        filter=wanted,
        unique_writer_identity=True,
        opts=scope.opts(),
    )
    gcp.logging.ProjectExclusion(name, filter=wanted, opts=scope.opts(depends_on=[sink]))
    return bucket


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:7]


def make_ring(scope: Scope, part: str, region: str) -> gcp.kms.KeyRing:
    """A place for keys. Neither it nor a key can be deleted, so the provider gives it a name that is never used again.

    Source: Cloud KMS, "Object hierarchy": a resource's name stays taken for ever.
    """
    return gcp.kms.KeyRing(scope.named(part), location=region, opts=scope.opts(holds_data=True))


def make_key(
    scope: Scope, part: str, ring: gcp.kms.KeyRing, rotation_period_days: int, deletion_window_days: int
) -> gcp.kms.CryptoKey:
    """One symmetric key that rotates."""
    return gcp.kms.CryptoKey(
        scope.named(part),
        key_ring=ring.id,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=f"{rotation_period_days * 86400}s",
        destroy_scheduled_duration=f"{deletion_window_days * 86400}s",
        labels=labels(scope),
        opts=scope.opts(holds_data=True),
    )


def usable(key: gcp.kms.CryptoKey, grants: list[gcp.kms.CryptoKeyIAMMember]) -> pulumi.Output[str]:
    """The key's name, known only once all grants are: whoever names the key waits for them."""
    return pulumi.Output.all(key.id, *(grant.id for grant in grants)).apply(lambda known: str(known[0]))


def dns_zone(scope: Scope, zone: str) -> gcp.dns.ManagedZone:
    """A zone of names, on request, signed."""
    return gcp.dns.ManagedZone(
        scope.named("zone"),
        dns_name=f"{zone}.",
        description=f"{zone} of {scope.place.fleet}",
        dnssec_config={"state": "on"},
        force_destroy=False,
        labels=labels(scope),
        opts=scope.opts(holds_data=True),
    )
