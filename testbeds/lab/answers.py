"""What the lab's clouds would answer to a program that is only recorded: no engine, no server, a world in memory.

Nothing is refused here: whether a change is allowed is for a preview to say. The same program gets the same answers in
every run, also where the lab, as a cloud does, gives another one each time.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from testbeds.lab.cloud import Cloud, Made, RefusedError, Settings
from testbeds.lab.filling import Filler, digest
from testbeds.lab.folder import CLOUDS
from testbeds.lab.shapes import UnknownTypeError
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.wire import Json, Object

_PROVIDERS: Final = "pulumi:providers:"
_DRAWN: Final[Mapping[str, str]] = {"aws:secretsmanager/getRandomPassword:getRandomPassword": "randomPassword"}
"""Functions with another answer at each call, and the field that holds it."""


class LabAnswers:
    """The answers to one program after another (`stacks.recording.Answers`, but for what other stacks export).

    Every program has a world of its own, so that its graph depends on nothing that was recorded before it.
    """

    def __init__(self) -> None:
        # All at once, for a program may bring modules of its own under the names that these import.
        self._modules = {package: import_module(f"testbeds.lab.{cloud}.cloud") for package, cloud in CLOUDS.items()}
        self.begin()

    def begin(self) -> None:
        """Forget all that the last program made."""
        self._world = World(Path(":memory:"))
        self._clouds = {
            package: cast("Cloud", module.connect(self._world)) for package, module in self._modules.items()
        }
        for cloud in self._clouds.values():
            cloud.judges = False
        self._settings: dict[str, Settings] = {}

    def resource(self, urn: str, inputs: Mapping[str, Json], provider: str) -> tuple[str, Object]:
        """Identifier and outputs of a resource."""
        token, name = urn.split("::")[2].rsplit("$", 1)[-1], urn.split("::", 3)[3]
        asked = dict(inputs)
        if token.startswith(_PROVIDERS):
            return self._configured(urn, token.removeprefix(_PROVIDERS), asked)
        package = token.partition(":")[0]
        if package not in CLOUDS:
            return f"{name}-{digest(urn)}", asked
        cloud, settings = self._clouds[package], self._settings.get(provider, Settings())
        try:
            wanted = cloud.fill_defaults(token, name, asked, {}, urn, settings)
            made = self._made(cloud, token, urn, wanted, settings)
        except UnknownTypeError:
            return f"{name}-{digest(urn)}", asked
        self._world.add(NewObject(token, made.region, made.id, wanted, made.outputs, made.tags))
        return made.id, {key: value for key, value in made.outputs.items() if value is not None}

    def _made(self, cloud: Cloud, token: str, urn: str, wanted: Object, settings: Settings) -> Made:
        """As the cloud makes it; what it cannot make has made-up properties of the right form."""
        try:
            return cloud.make(token, wanted, settings)
        except (RefusedError, KeyError, TypeError, ValueError):
            filler = Filler(seed=digest(urn), known={}, region=settings.home, account=settings.account)
            outputs = filler.complete(wanted, {}, cloud.resource(token).outputs)
            return Made(settings.home, digest(urn), outputs, {})

    def _configured(self, urn: str, package: str, config: Object) -> tuple[str, Object]:
        id_ = digest(urn)
        if package in CLOUDS:
            try:
                self._settings[f"{urn}::{id_}"] = self._clouds[package].settings(config)
            except RefusedError:
                self._settings[f"{urn}::{id_}"] = Settings()
        return id_, config

    def call(self, token: str, arguments: Mapping[str, Json], provider: str) -> Object:
        """What a function returns; one that the lab does not know or refuses: digits of its arguments."""
        package, asked = token.partition(":")[0], dict(arguments)
        if token in _DRAWN:
            return asked | {_DRAWN[token]: digest(token, json.dumps(asked, sort_keys=True))}
        made_up: Object = asked | {"id": digest(token, json.dumps(asked, sort_keys=True))}
        if package not in CLOUDS:
            return made_up
        try:
            return self._clouds[package].invoke(token, asked, self._settings.get(provider, Settings()))
        except (RefusedError, UnknownTypeError):
            return made_up
