"""Whether what a stack serves is healthy: the gate between two waves."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aurops.inventory import Inventory

_TIMEOUT_S = 5.0
_GOOD = range(200, 400)


@dataclass(frozen=True)
class Health:
    """What a check saw.

    Args:
        ok: Whether the next wave may begin.
        what: What was seen, for the journal.
    """

    ok: bool
    what: str


class HealthCheck(Protocol):
    """Looks at a stack that is up."""

    def look(self, inventory: Inventory) -> Health:
        """Look once; never raises for what is not there."""
        ...


class ServiceHealth:
    """Asks the health path of the stack's load balancer, as Route 53's health checks do. Never run on a real account.

    Like them it does not validate the certificate, which is for the service's name and not for the load balancer's
    (Route 53 Developer Guide, "How Route 53 determines whether a health check is healthy": HTTPS health checks do not
    validate SSL/TLS certificates), and takes 2xx and 3xx as healthy.
    """

    def look(self, inventory: Inventory) -> Health:
        """Ask once, for five seconds."""
        service = inventory.service
        if service is None:
            return Health(ok=True, what="the stack serves nothing")
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(service.host, timeout=_TIMEOUT_S, context=unverified)
        try:
            connection.request("GET", service.health_path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return Health(ok=False, what=f"https://{service.host}{service.health_path}: {error}")
        finally:
            connection.close()
        return Health(ok=status in _GOOD, what=f"https://{service.host}{service.health_path}: {status}")
