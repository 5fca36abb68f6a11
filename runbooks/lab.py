"""`aurops lab`: stand-in clouds on this machine, to try everything on with no account."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.errors import UsageError
from runbooks.child import run_to_its_end
from runbooks.sites import lab_home, open_site
from runbooks.terminal import confirm
from testbeds.lab.folder import LabFolder
from testbeds.lab.world import World, WorldObject

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="lab",
    help="Stand-in clouds on this machine: no account.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
_VERBATIM = {"allow_interspersed_args": False, "ignore_unknown_options": True}


def _ids(incomplete: str) -> list[str]:
    return sorted({each.id for each in _objects() if each.id.startswith(incomplete)})


def _types(incomplete: str) -> list[str]:
    return sorted({each.type for each in _objects() if each.type.startswith(incomplete)})


AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Kind = Annotated[
    str | None,
    typer.Argument(metavar="[TYPE]", help="Type token or a part of it, such as `rds`.", autocompletion=_types),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The object's identifier.", autocompletion=_ids)]
PropertyPath = Annotated[str, typer.Argument(metavar="PATH", help="Property, such as tags.owner or rules[0].status.")]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="The new value: JSON, or else the text itself.")]
OneType = Annotated[
    str | None, typer.Option("--type", help="Type token, where several share the id.", autocompletion=_types)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Command = Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="Any command and its arguments.")]


@app.command("list")
def list_(kind: Kind = None, *, as_json: AsJson = False) -> None:
    """List what exists in the lab's clouds."""
    found = [each for each in _objects() if kind is None or kind.lower() in each.type.lower()]
    if as_json:
        typer.echo(json.dumps([vars(each) for each in found]))
        return
    typer.echo(_columns([(each.type, each.region, each.id, each.tags.get("Name", "")) for each in found]))


@app.command()
def tamper(id_: Id, path: PropertyPath, value: Value, *, type_: OneType = None, as_json: AsJson = False) -> None:
    """Change a property behind the program's back, as a person in the cloud's console does."""
    place = _lab()
    if not place.world.exists():
        raise UsageError("the lab has no objects", where=str(place.path), next_step="aurops up --lab")
    world = World(place.world)
    try:
        changed = world.tamper(id_, path, _json_or_text(value), type_=type_)
    finally:
        world.close()
    if as_json:
        typer.echo(json.dumps(vars(changed)))
        return
    typer.echo(f"{changed.type} {changed.id} has another {path} now; aurops drift --lab shows it")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show the lab's folder, how much is in it, and who is using it."""
    place, objects = _lab(), _objects()
    user, by_stack = _user(place), _by_stack(place, objects)
    by_type = dict(sorted(Counter(each.type for each in objects).items()))
    if as_json:
        told = {"folder": str(place.path), "in_use_by": user, "objects": len(objects)}
        typer.echo(json.dumps(told | {"by_stack": by_stack, "by_type": by_type}))
        return
    typer.echo(f"folder   {place.path}")
    typer.echo(f"used by  {'nobody' if user is None else 'process {pid}: {command}'.format(**user)}")
    typer.echo(f"objects  {len(objects)}")
    for counts in (by_stack, by_type):
        typer.echo(_columns([(f"  {name}", str(count)) for name, count in counts.items()]))


@app.command()
def reset(*, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove the lab's world and the state of its stacks."""
    place = _lab()
    there, objects = place.session_file.exists(), len(_objects())
    if there:
        confirm(f"Remove {objects} objects and the state of all stacks in {place.path}?", yes=yes)
        place.reset()
    if as_json:
        typer.echo(json.dumps({"folder": str(place.path), "removed": objects if there else 0}))
    else:
        typer.echo(f"the lab in {place.path} is empty" if there else f"there is no lab in {place.path}")


@app.command(context_settings=_VERBATIM)
def run(command: Command) -> None:
    """Run any command in the lab's environment and work dir, such as `-- pulumi up --stack aws-us-east-1`.

    Its exit code is this command's; 128 and the signal's number if a signal ended it.
    """
    with open_site(lab=True) as here:
        code = run_to_its_end(command, here.site.env, here.site.work_dir)
    raise typer.Exit(code)


def _lab() -> LabFolder:
    return LabFolder(lab_home().resolve())


def _objects() -> list[WorldObject]:
    """What exists; looking makes no lab."""
    file = _lab().world
    if not file.exists():
        return []
    world = World(file)
    try:
        return world.objects()
    finally:
        world.close()


def _by_stack(place: LabFolder, objects: Sequence[WorldObject]) -> dict[str, int]:
    """Objects by the stack whose state holds them; what no state holds is what a crash leaves."""
    stacks = place.known()
    counts = Counter(dict.fromkeys(stacks, 0))
    for each in objects:
        owners = [name for name, known in stacks.items() if (each.type, each.id) in known]
        counts[owners[0] if owners else "in no stack's state"] += 1
    return dict(sorted(counts.items()))


def _user(place: LabFolder) -> dict[str, Any] | None:
    user = place.user()
    if user is None:
        return None
    words = Path(f"/proc/{user.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return {"pid": user.pid, "command": words.strip()}


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other, nothing cut: identifiers are there to be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) or "nothing"


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
