"""What NGINX is told, and what it says: its configuration and steering file, rendered and read back. Pure.

- Steering is by a script (`nginx.js`, njs) that picks a side for each request by weights in a shared dictionary. It
  reads the synced steering file at the first request and when it is told to; no reload, no new worker, no lost request.
  (The dictionary's own `state=` file is written about a second late: after SIGKILL it came back with the old weights.)
- A side's fallback is a `backup` server: it is given what could not be connected to or, for reads, was not answered.
- It checks no health: a side that has died costs each second one failed connection, a side that is frozen costs each
  request its time-out until the watcher, who asks the sides itself, rolls back.
- NGINX does not know `NOT_SENT_HEADER` on an answer: what a gateway says of a dead platform behind it is passed on.
  `proxy_next_upstream` goes by connection and status, and njs sees headers when it is too late to choose another side.

Facts: NGINX 1.31.3 with njs 0.9.9, https://nginx.org/en/docs/njs/reference.html (shared dictionaries),
https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream (non_idempotent).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traffic.driver import Active, Capabilities, Capability, Flow, Steering, decided, read_back
from traffic.folder import Rendered
from traffic.headers import EMPTY_LINE, EPOCH_HEADER, KEY_HEADER, NOT_SENT_HEADER, PROBE_HEADER, SIDE_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traffic.site import Side, Site

SCRIPT = Path(__file__).with_name("nginx.js")
CAN = Capabilities(
    frozenset(Capability) - {Capability.CHECKS_HEALTH},
    {
        Capability.CHECKS_HEALTH: "NGINX without a licence checks no health: it finds out by requests that fail, "
        "and its watcher by asking"
    },
    "the real proxy on one machine; never in front of a real platform",
)
SITE_FILE = "nginx-site.json"
CONFIGURATION_FILE = "nginx.conf"
UPSTREAM_IDLE_S = 30
SOCKET_IDLE_S = 3600
KEPT_S = 5
"""A client that asked within so long still finds its connection when NGINX reloads: else what it sends in the moment in
which an idle one is closed is lost (`keepalive_min_timeout`, since 1.27.4: ngx_http_core_module)."""
FAILED_S = 1
"""How long a backend gets nothing after a failure."""
_TRIES = 3
_GUARDED = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "LOCK")
"""What may be sent again, and what NGINX does not send again once it was sent (`non_idempotent`)."""


def steering_file(folder: Path) -> Path:
    """The file that steers a site's NGINX."""
    return folder / "live" / "steering.json"


def render(site: Site, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
    """The steering file (JSON)."""
    weights = [[name, wanted.weight(name)] for name in site.names]
    said = {"epoch": wanted.epoch, "weights": weights, "instead_before": dict(instead_before)}
    said["decided"] = decided(wanted, instead_before)
    version = _version(said)
    return Rendered(json.dumps({"version": version, **said}), version)


def version_of(text: str) -> str:
    """The version of a steering file, if it is as `render` wrote it.

    Raises:
        ValueError: It is not.
    """
    try:
        said = json.loads(text)
        version = said.pop("version")
        if _version(said) == version:
            return str(version)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise ValueError("not as aurops wrote it")


def sides_of(text: str) -> tuple[str, ...]:
    """The sides that a steering file knows.

    Raises:
        ValueError: It is none.
    """
    try:
        return tuple(str(name) for name, _ in json.loads(text)["weights"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a steering file: {text[:200]}") from error


def active(site: Site, answer: str) -> Active:
    """What is in effect, from the script's answer.

    Raises:
        ValueError: It is not such an answer, or of other sides.
    """
    try:
        said = json.loads(answer)
        steering, counts = said["steering"], said["counts"]
        weights = {str(name): int(weight) for name, weight in steering["weights"]}
        if set(weights) != set(site.names):
            raise ValueError(f"it has other sides: {', '.join(weights)}")
        flows = {name: _flow(counts, name) for name in site.names}
        before = {str(name): int(count) for name, count in steering["instead_before"].items()}
        wanted = Steering(weights, int(steering["epoch"]))
        found = read_back(wanted, str(steering["version"]), flows, before, steering.get("decided"))
        why = steering.get("unusable")
        return replace(found, foreign=_UNUSABLE.format(why=why, way_back=site.way_back or "nobody")) if why else found
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an answer of our script: {answer[:200]}") from error


def _flow(counts: Mapping[str, Any], side: str) -> Flow:
    requests, under_way, sockets, instead = (
        int(counts.get(f"{side} {key}", 0)) for key in ("requests", "under_way", "sockets", "instead")
    )
    return Flow(requests, under_way, sockets, instead)


def configuration(site: Site) -> dict[str, str]:
    """The files, by name, that lie in the site's folder when NGINX is started with `-p FOLDER -c nginx.conf`."""
    return {CONFIGURATION_FILE: _configuration(site), SITE_FILE: json.dumps(_known(site))}


_UNUSABLE = "NGINX started with a steering file that it cannot obey ({why}): everything goes to {way_back}."
TRIED_FILE = "tried.json"


def trial(site: Site, folder: Path, steering: str) -> dict[str, str]:
    """The files, by name, with which `nginx -t` looks at a steering file as well, in a folder of their own.

    NGINX reads it as JSON (`js_preload_object`), compiles the script, and looks up every side. What the script makes of
    the weights no binary checks: the rehearsals show it.
    """
    there = site.model_copy(update={"folder": folder})
    script = f"  js_import steering from {SCRIPT.name};\n"
    tried = f'  js_preload_object tried from "{folder}/{TRIED_FILE}";\n'
    text = _configuration(there).replace(script, script + tried)
    return {CONFIGURATION_FILE: text, SITE_FILE: json.dumps(_known(there)), TRIED_FILE: steering}


def _configuration(site: Site) -> str:
    upstreams = "\n".join(_upstream(site, side) for side in site.sides)
    return f"""\
worker_processes auto;
pid nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  server_tokens off;
  client_max_body_size 0;
  keepalive_requests 1000000;
  keepalive_min_timeout {KEPT_S}s;
{_script(site)}
{upstreams}
{_admin(site)}
{_edge(site)}
}}
"""


def _script(site: Site) -> str:
    """The script, what it knows, and the variables that it gives."""
    return f"""\
  js_path "{SCRIPT.parent}";
  js_import steering from {SCRIPT.name};
  js_shared_dict_zone zone=steering:1M;
  js_shared_dict_zone zone=counts:1M type=number;
  js_preload_object site from "{site.folder}/{SITE_FILE}";
  js_var $aurops_at;
  js_set $aurops_side steering.side;
  js_set $aurops_epoch steering.epoch;
  js_set $aurops_over steering.over nocache;
  js_set $aurops_served steering.served_header nocache;
  log_format nothing '';
  map $http_upgrade $aurops_socket {{ default 0; ~*^websocket$ 1; }}
  map $http_upgrade $aurops_upgrade {{ default ''; ~*^websocket$ websocket; }}
  map $http_upgrade $aurops_connection {{ default ''; ~*^websocket$ upgrade; }}
  map $request_method $aurops_once {{ default 1; {" ".join(f"{method} 0;" for method in _GUARDED)} }}
  # No expression matches what is empty.
  map $http_{KEY_HEADER.replace("-", "_")} $aurops_keyed {{
    default {int(site.shared_keys)}; '' 0; "~^{EMPTY_LINE}$" 0;
  }}"""


def _admin(site: Site) -> str:
    """Where it is asked and told, on loopback."""
    return f"""\
  server {{
    listen {site.admin};
    allow 127.0.0.0/8;
    deny all;
    location = /steering {{ js_content steering.admin; }}
    location / {{ return 404; }}
  }}"""


def _edge(site: Site) -> str:
    """Where clients come."""
    return f"""\
  server {{
    listen {site.listens} backlog=1024;
    access_log /dev/null nothing if=$aurops_over;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $aurops_connection;
    proxy_set_header Upgrade $aurops_upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header {EPOCH_HEADER} $aurops_epoch;
    proxy_pass_header Server;
    proxy_buffering off;
    proxy_connect_timeout {_ms(site.connect_timeout_s)};
    proxy_read_timeout {_ms(site.timeout_s)};
    proxy_send_timeout {_ms(site.timeout_s)};
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries {_TRIES};
    add_header {SIDE_HEADER} $aurops_served always;
    error_page 418 = @refused;
{_locations(site)}
  }}"""


def _locations(site: Site) -> str:
    """All of clients' paths are one; told apart within: a WebSocket, a write that may be repeated, one that never may.

    NGINX sends again whatever its own list of methods does not name, also when it was sent: `_GUARDED`. A connection
    that does not come about in time is a time-out to it, as an answer is: so both are tried again, but no longer than
    one answer may take.
    """
    return f"""\
    location / {{
      if ($aurops_side = "") {{ return 418; }}
      if ($aurops_socket) {{ rewrite ^ /.aurops/socket last; }}
      if ($aurops_keyed) {{ rewrite ^ /.aurops/keyed last; }}
      if ($aurops_once) {{ rewrite ^ /.aurops/once last; }}
      proxy_next_upstream_timeout {_ms(site.timeout_s)};
      proxy_pass http://$aurops_side$request_uri;
    }}
    location = /.aurops/socket {{
      internal;
      proxy_read_timeout {SOCKET_IDLE_S}s;
      proxy_send_timeout {SOCKET_IDLE_S}s;
      js_header_filter steering.opened;
      proxy_pass http://$aurops_side$request_uri;
    }}
    location = /.aurops/keyed {{
      internal;
      proxy_next_upstream error timeout non_idempotent;
      proxy_pass http://$aurops_side$request_uri;
    }}
    location = /.aurops/once {{
      internal;
      proxy_next_upstream off;
      proxy_pass http://$aurops_side$request_uri;
    }}
    location @refused {{
      internal;
      add_header {NOT_SENT_HEADER} 1 always;
      return 503 '{{"error":"closed"}}';
    }}"""


def _upstream(site: Site, side: Side) -> str:
    """A side, and the way to it alone, which a probe takes."""
    own = [f"server {each} max_fails=1 fail_timeout={FAILED_S}s;" for each in side.backends]
    spare = [f"server {each} backup;" for each in site.side(side.instead).backends] if side.instead else []
    kept = [f"keepalive 512; keepalive_timeout {UPSTREAM_IDLE_S}s; keepalive_requests 1000000;"]
    lines = [f"zone {side.name} 64k;", *own, *spare, *kept]
    alone = [f"zone {side.name}_alone 64k;", *(f"server {each} max_fails=0;" for each in side.backends)]
    return "\n".join(
        f"  upstream {name} {{ {' '.join(servers)} }}"
        for name, servers in ((side.name, lines), (f"{side.name}_alone", alone))
    )


def _known(site: Site) -> dict[str, Any]:
    """What the script knows of the site."""
    sticky = site.sticky
    return {
        "folder": str(site.folder),
        # As keys: njs gives preloaded arrays no methods.
        "backends": {side.name: dict.fromkeys(side.backends, 1) for side in site.sides},
        "instead": {side.name: side.instead for side in site.sides if side.instead},
        "sticky": [sticky.user_header, sticky.key_header] if sticky else None,
        "trusted_hops": sticky.trusted_hops if sticky else 0,
        "way_back": site.way_back or "",
        "probe": PROBE_HEADER,
    }


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _version(said: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"{said['epoch']}-{digest[:16]}"
