"""`aurops init`: write the stack files of a new fleet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import UsageError
from components.place import Cloud
from stacks import config, residency, template
from stacks.fleet import Fleet
from stacks.fleet_check import check
from stacks.site import STACK_FILE, Site, repository

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(name="init", add_completion=False, rich_markup_mode=None)

FleetName = Annotated[str, typer.Option("--fleet", help="Short name, 1 to 12 letters and digits; cannot change later.")]
CloudName = Annotated[Cloud, typer.Option("--cloud", help="The cloud; run init once for each.")]
Regions = Annotated[list[str], typer.Option("--region", help="A region; once for each, in the failover's order.")]
Home = Annotated[str, typer.Option("--home", help="The region that is born primary; the first one by default.")]
Domain = Annotated[str, typer.Option("--domain", help="The host name that users call, such as api.example.com.")]
Zone = Annotated[str, typer.Option("--zone", help="Its DNS zone; by default the domain without the first label.")]
ZoneId = Annotated[str, typer.Option("--zone-id", help="Id of that zone; without it the global stack makes one.")]
Account = Annotated[str, typer.Option("--account", help="The account, subscription or project; refuse any other.")]
Image = Annotated[str, typer.Option("--image", help="Container image with tag or digest.")]
Owner = Annotated[str, typer.Option("--owner", help="Tag: who answers for it; the fleet's name by default.")]
CostCenter = Annotated[str, typer.Option("--cost-center", help="Tag: who pays; the fleet's name by default.")]
Environment = Annotated[str, typer.Option("--environment", help="Tag: what it is for.")]
DataClass = Annotated[str, typer.Option("--data-class", help="Tag: decides where data may lie (docs/policy.md).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the files; write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the files as JSON on standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the files that were listed as existing; no others.")]


@app.command()
def init(  # noqa: PLR0913 (each is an option)
    *,
    fleet: FleetName,
    cloud: CloudName,
    region: Regions,
    domain: Domain,
    home: Home = "",
    zone: Zone = "",
    zone_id: ZoneId = "",
    account: Account = "",
    image: Image = template.SAMPLE_IMAGE,
    owner: Owner = "",
    cost_center: CostCenter = "",
    environment: Environment = "production",
    data_class: DataClass = "confidential",
    dry_run: DryRun = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a stack file for each region, and one for what the cloud has once. Asks nothing."""
    zone = zone or domain.partition(".")[2]
    choices = template.Choices(
        *(fleet, cloud, tuple(region), home or region[0], domain, zone, zone_id, image, account),
        *(owner, cost_center, environment, data_class),
    )
    texts = template.files(choices)
    folder = Site(repository(Path.cwd())).stacks_dir
    fits(folder, texts)
    if not dry_run:
        write(folder, texts, force=force)
    if as_json:
        typer.echo(json.dumps({"written": not dry_run, "files": {f"stacks/{name}": texts[name] for name in texts}}))
    elif dry_run:
        typer.echo("\n".join(f"# stacks/{name}\n{text}" for name, text in texts.items()), nl=False)
    else:
        typer.echo(next_steps(choices, texts))


def fits(folder: Path, texts: Mapping[str, str]) -> None:
    """Check the new files together with the stack files that stay.

    Raises:
        ConfigError: A value is not allowed.
        FleetError: The files contradict each other, or one that stays.
        ResidencyError: Data would lie where its class may not.
    """
    stays = [file for file in folder.iterdir() if STACK_FILE.fullmatch(file.name) and file.name not in texts]
    others = {file.name.split(".")[1]: config.load_stack(file) for file in stays}
    fleet = Fleet({**others, **template.configurations(texts)})
    check(fleet)
    residency.check(fleet, folder.parent)


def write(folder: Path, texts: Mapping[str, str], *, force: bool) -> None:
    """Write the files.

    Raises:
        UsageError: One exists; nothing was written.
    """
    there = [f"stacks/{name}" for name in texts if (folder / name).exists()]
    if there and not force:
        raise UsageError(
            f"{len(there)} of the files exist",
            where=", ".join(there),
            next_step="choose other regions, or give --force to overwrite these",
        )
    for name, text in texts.items():
        (folder / name).write_text(text)


def next_steps(choices: template.Choices, texts: Mapping[str, str]) -> str:
    """What was written, and what to do now."""
    steps = [
        "look through the files: sizes, versions, tags, zones",
        "aurops preview --lab         see them come up on stand-in clouds",
        "pulumi login URL             the state, in no region that it protects",
        "aurops preview, aurops up    the real thing",
    ]
    if choices.image == template.SAMPLE_IMAGE:
        steps.insert(1, f"put your own image in place of {choices.image}")
    written = [f"wrote stacks/{name}" for name in texts]
    return "\n".join([*written, "next:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])
