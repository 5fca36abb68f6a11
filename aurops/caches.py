"""Where this user's caches are: what can be made again."""

import os
from pathlib import Path

CACHE_HOME = "AUROPS_CACHE_HOME"


def cache_home() -> Path:
    """`AUROPS_CACHE_HOME`, else this user's (XDG Base Directory: `XDG_CACHE_HOME`)."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get(CACHE_HOME) or Path(cache) / "aurops").expanduser().absolute()
