"""What Cloud Load Balancing refuses: parts that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import BACKEND, GROUP, HEALTH_CHECK, HTTP_PROXY, HTTPS_PROXY, URL_MAP
from testbeds.lab.gcp.references import at, find
from testbeds.lab.wire import Object, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.world import World


def services(url_map: Object) -> Iterator[str]:
    """Every backend that a URL map leads to."""
    for path in (
        "defaultService",
        "defaultRouteAction.weightedBackendServices.backendService",
        "pathMatchers.defaultService",
        "pathMatchers.pathRules.service",
        "pathMatchers.routeRules.service",
        "pathMatchers.routeRules.routeAction.weightedBackendServices.backendService",
    ):
        yield from at(url_map, path)


def refuse_rule(inputs: Object, world: World) -> None:
    """Forwarding rule and backends have one scheme (documentation, "Backend services overview").

    Raises:
        RefusedError: They have two.
    """
    scheme = text(inputs, "loadBalancingScheme")
    for proxy in (find(world, type_, text(inputs, "target")) for type_ in (HTTPS_PROXY, HTTP_PROXY)):
        url_map = find(world, URL_MAP, text(proxy.outputs, "urlMap")) if proxy else None
        for reference in services(url_map.outputs) if url_map else ():
            backend = find(world, BACKEND, reference)
            other = text(backend.outputs, "loadBalancingScheme") if backend else ""
            if other and scheme != other:
                message = f"load balancing scheme {scheme} does not match {other} of {reference}"
                raise RefusedError("invalid", f"Invalid value for field 'resource.loadBalancingScheme': {message}")


def refuse_backend(inputs: Object, world: World) -> None:
    """A serverless backend has neither health check nor named port (documentation, "Serverless NEG overview").

    No backend has a health check from named regions (Compute API, healthChecks, `sourceRegions`).

    Raises:
        RefusedError: It was given one.
    """
    for reference in texts(inputs, "healthChecks"):
        check = find(world, HEALTH_CHECK, reference)
        if check is not None and texts(check.outputs, "sourceRegions"):
            raise RefusedError("invalid", f"the health check {reference} has source regions: it is not for a backend")
    for reference in at(inputs, "backends.group"):
        group = find(world, GROUP, reference)
        if group is None or text(group.outputs, "networkEndpointType") != "SERVERLESS":
            continue
        if texts(inputs, "healthChecks"):
            raise RefusedError(
                "invalid", f"a backend service cannot have a health check with the serverless {reference}"
            )
        if text(inputs, "portName"):
            raise RefusedError("invalid", f"port name is not supported for the serverless {reference}")
