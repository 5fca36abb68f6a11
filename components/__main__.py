"""Serves the components to every Pulumi language; the engine runs this folder because of `PulumiPlugin.yaml`."""

import sys

from pulumi import Inputs, ResourceOptions
from pulumi.errors import InputPropertyError
from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError

from aurops import __version__
from components.hosted import COMPONENTS


class Host(ComponentProvider):
    """Pulumi's own host, but a refused property reaches the user as such: not as a traceback of this process."""

    def construct(
        self, name: str, resource_type: str, inputs: Inputs, options: ResourceOptions | None = None
    ) -> ConstructResult:
        """Make a component."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, InputPropertyError):
                raise error.inner from None
            raise


if __name__ == "__main__":
    main(Host(list(COMPONENTS), "aurops", None, __version__), sys.argv[1:])
