"""`aurops up`: bring stacks up, wave by wave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aurops.history import History
from aurops.store import default_store_url, open_store
from runbooks import deployments, drift_output, plans
from runbooks import drift as drifting
from runbooks import preview as previewing
from runbooks.sites import AsJson, Lab, Stacks, open_site
from runbooks.terminal import confirm, raise_lowest, timeline
from stacks import config as files
from stacks import deploy, residency
from stacks.preview import preview
from stacks.review import Review
from stacks.review_text import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runbooks.sites import OpenSite
    from stacks.fleet import Fleet
    from stacks.site import Site

app = typer.Typer(name="up", add_completion=False, rich_markup_mode=None)

Yes = Annotated[bool, typer.Option("--yes", help="Neither preview nor ask.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Look at the cloud first, and take back what drifted.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with its reasons; call nothing.")]


@app.command()
def up(
    stacks: Stacks = None,
    *,
    refresh: Refresh = False,
    lab: Lab = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring stacks up in waves; a stack that fails stops the waves after it.

    Shows what would change and asks, except in the lab and with --yes.
    """
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        residency.check(fleet, opened.site.work_dir)
        wanted = deployments.chosen(fleet, stacks or ())
        there = deployments.up_now(opened, fleet)
        settled = deployments.settled(there)
        order = deploy.order_up(fleet, wanted, there, is_lab=lab, refresh=refresh, settled=settled)
        if dry_run:
            typer.echo(plans.shown(deploy.plan(order, History([])), as_json=as_json))
            return
        if not (yes or lab):
            show_changes(opened.site, fleet, wanted)
            if refresh:
                show_drift(opened, fleet, [stack for stack in wanted if stack in there])
        waves = ", then ".join(" and ".join(wave) for wave in order.waves)
        confirm(f"Bring up {waves}{' in the lab' if lab else ''}?", yes=yes or lab)
        store = open_store(default_store_url())
        journal = deployments.start(order, fleet, store)
        with timeline() as told:
            result = deployments.carry_out(journal, store, opened, told)
        deployments.conclude(journal, result)
        deployments.tell(journal, opened, as_json=as_json)


def show_changes(site: Site, fleet: Fleet, stacks: Sequence[str]) -> None:
    """What the person who is asked decides about.

    Raises:
        AuropsError: A stack could not be previewed.
    """
    with previewing.progress(stacks) as listen:
        review = Review(preview(site, fleet, stacks, listen=listen))
    typer.echo(text(review, diff=False), err=True)
    previewing.conclude(review, None)


def show_drift(opened: OpenSite, fleet: Fleet, stacks: Sequence[str]) -> None:
    """What `--refresh` takes back; the preview before it goes by the state and knows nothing of that.

    Raises:
        AuropsError: A stack could not be compared.
    """
    found = drifting.observed(opened, fleet, stacks)
    typer.echo("\n".join(["Taken back, or taken note of, besides:", *drift_output.groups(found, diff=True)]), err=True)
    raise_lowest([each.error for each in found if each.error])
