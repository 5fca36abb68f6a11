"""Sites as the tests of the drivers use them, and what the real proxies say of them."""

import json
from pathlib import Path

from traffic.site import Kind, Side, Site

SIDES = ("v11", "v10", "baseline")


def regions(folder: Path = Path("/bed/edge")) -> Site:
    """Three regions of two nodes that stand for themselves."""
    names = {"north": (11, 12), "south": (21, 22), "west": (31, 32)}
    sides = tuple(Side(name=n, backends=tuple(f"127.0.0.1:{p}" for p in ports)) for n, ports in names.items())
    return Site(kind=Kind.ENVOY, folder=folder, listens="127.0.0.1:1", admin="127.0.0.1:2", sides=sides, sticky=None)


def platforms(kind: Kind = Kind.ENVOY, folder: Path = Path("/bed/edge"), **more: object) -> Site:
    """V11 and a baseline that both fall back to V10."""
    sides = tuple(
        Side(
            name=name,
            backends=(f"127.0.0.1:{10 + place}",),
            health_path="/health",
            instead=None if name == "v10" else "v10",
        )
        for place, name in enumerate(SIDES)
    )
    given = {"kind": kind, "folder": folder, "listens": "127.0.0.1:1", "admin": "127.0.0.1:2", "sides": sides}
    return Site.model_validate({**given, **more})


def dump(text: str) -> str:
    """What Envoy's configuration dump says once it has taken this file."""
    file = json.loads(text)
    entry = {"version_info": file["version_info"], "route_config": file["resources"][0]}
    return json.dumps({"configs": [entry]})


def stats(site: Site, **counted: int) -> str:
    """Envoy's statistics, all 0 but those counted: by cluster and name, `.` as `__`, `+` as `_or_`."""
    values = {}
    for side in site.sides:
        for cluster in (side.name, f"{side.name}+{side.instead}"):
            for name in ("upstream_rq_total", "upstream_rq_active", "upstream_rq_pending_active", "membership_healthy"):
                values[f"cluster.{cluster}.{name}"] = 0
        values |= {f"cluster.{side.name}.health_check.{name}": 100 for name in ("attempt", "success")}
    values |= {f"cluster.{key.replace('__', '.').replace('_or_', '+')}": value for key, value in counted.items()}
    return json.dumps({"stats": [{"name": name, "value": value} for name, value in values.items()]})
