"""`aurops release RUN`: let go of the gates of a run."""

from __future__ import annotations

import typer

from runbooks.hold import release

app = typer.Typer(name="release", add_completion=False, rich_markup_mode=None)
app.command()(release)
