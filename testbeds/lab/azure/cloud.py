"""Azure as the lab knows it: resource ids, names, locations, refusals, look-ups.

Never run against a real account: which changes Azure refuses comes from a dated table, the rest from Azure's REST API
references. A plan that the lab accepts can still be refused by Azure (quotas, policies, capacity).
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure import identity, invokes, rules
from testbeds.lab.azure.asked import Asked, Coming
from testbeds.lab.azure.identity import Naming
from testbeds.lab.azure.values import Fresh, as_answered, known
from testbeds.lab.cloud import Made, RefusedError, Settings
from testbeds.lab.filling import Filler, digest, uuid_of
from testbeds.lab.sdk_cloud import SdkCloud
from testbeds.lab.tables import TypeTable
from testbeds.lab.wire import DEFAULTS, Json, Object, child, has_unknown, is_unknown, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbeds.lab.checking import Failure
    from testbeds.lab.world import World, WorldObject

_LASTING: Final = ("availabilityZone", "replicationRole", "state", "createdOn")
"""Outputs that something else than the program may have changed: an update leaves them."""

_VERSION: Final = re.compile(r"Uses Azure REST API version ([\d-]+(?:preview)?)")


@dataclass(frozen=True)
class _Place:
    """Where an object is and what it is called."""

    id: str
    path: str
    region: str
    subscription: str


class Azure(SdkCloud):
    """The stand-in for Azure.

    Args:
        world: Where its objects are; an object's region is its normalised location.
    """

    name = "azure-native"
    package = "pulumi_azure_native"
    facts = "azure"
    compares_state = False
    # What Resource Manager answers (Azure documentation, "Common Azure deployment errors").
    expired = ("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._api_version = functools.cache(self._read_api_version)

    def table(self, token: str) -> TypeTable:
        """Its rules; those that follow from its path where the table does not have it."""
        if token in self._tables.types:
            return self._tables.of(token)
        inputs = self.resource(token).inputs
        names = tuple(name for name in identity.names_in(self._path(token)) if name in inputs)
        return TypeTable(create_only=names, identity=names, fixed=("location",) if "location" in inputs else ())

    def settings(self, config: Object) -> Settings:
        """Location and subscription of a provider."""
        location = identity.locate(text(config, "location"))
        if location and location not in self._tables.zones:
            raise RefusedError("LocationNotAvailableForResourceType", f"{location!r} is no Azure region")
        return Settings(location, known=True, account=text(config, "subscriptionId", identity.SUBSCRIPTION))

    def fill_defaults(
        self,
        token: str,
        name: str,
        news: Object,
        olds: Object,
        urn: str,
        settings: Settings,
    ) -> Object:
        """Inputs with the name and the location that the provider makes up where the program gives none."""
        inputs, path = self.resource(token).inputs, self._path(token)
        filled = dict(news)
        if "location" in inputs:
            filled["location"] = self._location(token, news, olds, settings)
        filled = {key: value for key, value in filled.items() if value is not None}
        own = identity.names_in(path)[-1]
        if own not in inputs or inputs[own].required or news.get(own):
            return filled
        kept = olds.get(own)
        random = own in _names(olds) if kept else identity.naming(token, path) is not Naming.COPY
        marks: Object = {DEFAULTS: [own]} if random else {}
        return filled | {own: kept or self._free_name(token, own, name, filled, urn, settings)} | marks

    def _location(self, token: str, news: Object, olds: Object, settings: Settings) -> Json:
        given = news.get("location")
        if isinstance(given, str) and given:
            return given if is_unknown(given) else identity.locate(given)
        if token in identity.GLOBAL:
            return given
        if olds.get("location") or settings.home:
            return olds.get("location") or settings.home
        group = news.get("resourceGroupName")
        if is_unknown(group):
            return group
        groups = self.world.objects("azure-native:resources:ResourceGroup")
        return next((text(one.outputs, "location") for one in groups if one.outputs.get("name") == group), None)

    def _free_name(self, token: str, own: str, name: str, inputs: Object, urn: str, settings: Settings) -> str:
        """Made of the resource's name: the same in preview and `up`, another while the first is taken."""
        path = self._path(token)
        kind, attempt = identity.naming(token, path), 0
        if kind is Naming.COPY:
            return name
        while True:
            seed = (urn, str(attempt))
            made = uuid_of("\0".join(seed)) if kind is Naming.UUID else f"{name}{digest(*seed, length=8)}"
            id_ = identity.identify(path, inputs | {own: made}, settings.account)
            if not self._is_used(token, id_, made, text(inputs, "location")):
                return made
            attempt += 1

    def _is_used(self, token: str, id_: str, name: str, region: str) -> bool:
        """Whether something has a name, or had it: what is really random does not come again."""
        there = self.world.objects(token, id_=id_ or None)
        return any(id_ or one.outputs.get("name") == name for one in there) or any(
            self.world.is_spent(token, region, one) for one in (id_, name)
        )

    def refuse_inputs(self, token: str, news: Object, olds: Object, settings: Settings) -> Sequence[Failure]:
        """Values that do not fit each other, changes that Azure does not make."""
        region = text(news, "location") or rules.region_of_parent(token, news, self.world) or settings.home
        asked = Asked(token, news, olds, region, self._tables)
        failures = tuple(rules.refused_inputs(asked))
        if failures or not olds:
            return failures
        before = self._before(token, news, olds, settings)
        return tuple(rules.refused_changes(_said(news), before, self.table(token)))

    def _before(self, token: str, news: Object, olds: Object, settings: Settings) -> Object:
        """What was asked for last time, and what Azure chose of what is asked for now and was not then."""
        there = self._at(token, olds, settings)
        chosen = there.outputs if there else {}
        return {key: chosen[key] for key in _said(news) if key in chosen} | _said(olds)

    def _at(self, token: str, inputs: Object, settings: Settings) -> WorldObject | None:
        id_ = identity.identify(self._path(token), inputs, settings.account)
        found = self.world.objects(token, id_=id_) if id_ else []
        return found[-1] if found else None

    def delete_first(self, token: str, asked: Object, wanted: Object) -> bool:
        """Whether the program itself gave the names, and gives them again."""
        keys = self.table(token).identity
        same = all(asked.get(key) == wanted.get(key) for key in keys)
        return not set(keys) & _names(wanted) and same and not has_unknown([wanted.get(key) for key in keys])

    def find(self, token: str, id_: str, state: Object, settings: Settings) -> WorldObject | None:  # noqa: ARG002
        """By id, which says everything."""
        found = self.world.objects(token, id_=id_)
        return found[-1] if found else None

    def make(self, token: str, inputs: Object, settings: Settings) -> Made:
        """A new object. Its id is made of names, so a second one with the same names is refused."""
        place = self._place(token, inputs, settings)
        there = self.world.objects(token, id_=place.id)
        if there and self.table(token).setting:
            return self.alter(there[-1], inputs, settings)
        if there:
            # pulumi-azure-native asks for the object before it makes it, because Azure's PUT would overwrite it.
            raise RefusedError("ResourceExists", f"cannot create already existing resource '{place.id}'")
        if self.judges:
            rules.refuse_create(Coming(token, place.id, inputs, place.region), self.world)
        made = self._made(token, place, inputs, {})
        rules.after_create(Coming(token, place.id, inputs, place.region), self.world)
        return made

    def alter(self, current: WorldObject, inputs: Object, settings: Settings) -> Made:
        """The object with other properties."""
        rules.refuse_change(current, inputs, self.world)
        place = replace(self._place(current.type, inputs, settings), id=current.id, region=current.region)
        return self._made(current.type, place, inputs, current.outputs)

    def counted(self, current: WorldObject, inputs: Object) -> Object:  # noqa: ARG002
        """Nothing: what a preview cannot know is inside of properties that it is asked for anyway."""
        return {}

    def refuse_delete(self, current: WorldObject) -> None:
        """Protection and use."""
        rules.refuse_delete(current, self.world)
        rules.take_along(current, self.world)

    def invoke(self, token: str, args: Object, settings: Settings) -> Object:
        """Answer a look-up."""
        answer = invokes.answer(invokes.Question(token, args, settings, self.world, self._path))
        filler = Filler(seed=token, known={}, region=settings.home, account=settings.account)
        return filler.complete(args | answer, {}, self._sdk.result(token))

    def _path(self, token: str) -> str:
        return identity.path_of(token, self.resource(token).inputs)

    def _place(self, token: str, inputs: Object, settings: Settings) -> _Place:
        path = self._path(token)
        region = text(inputs, "location") or rules.region_of_parent(token, inputs, self.world)
        id_ = identity.identify(path, inputs, settings.account)
        if not id_:  # a type that is not listed, and whose own name nobody could guess
            content = json.dumps(_said(inputs), sort_keys=True)
            id_ = f"/subscriptions/{settings.account}/providers/{token.replace(':', '/')}/{digest(token, content)}"
        return _Place(id_, path, "" if region == "global" else region, settings.account)

    def _made(self, token: str, place: _Place, inputs: Object, before: Object) -> Made:
        outputs_of = self.resource(token).outputs
        asked = _said(inputs)
        own = identity.names_in(place.path)[-1]
        new = Fresh(token, place.id, asked, place.region, place.subscription)
        facts = {
            "name": text(asked, own, place.id.rsplit("/", 1)[-1]),
            "type": identity.type_in(place.path),
            "azureApiVersion": self._api_version(token),
            "provisioningState": "Succeeded",
            "location": place.region or "global",
        } | known(new)
        facts |= {name: before[name] for name in _LASTING if before.get(name) is not None}
        filler = Filler(seed=place.id, known=facts, region=place.region, account=place.subscription)
        outputs = filler.complete(as_answered(asked, facts, outputs_of), before, outputs_of)
        return Made(place.region, place.id, outputs, {key: str(v) for key, v in child(inputs, "tags").items()})

    def _read_api_version(self, token: str) -> str:
        said = _VERSION.search(self._sdk.source(token))
        return said[1] if said else ""


def _said(inputs: Object) -> Object:
    """Inputs that say something: the SDK sends an empty string where a specification's default is one."""
    return {key: value for key, value in inputs.items() if key != DEFAULTS and value not in (None, "")}


def _names(inputs: Object) -> set[str]:
    """Names that the provider made up."""
    marks = inputs.get(DEFAULTS)
    return {str(name) for name in marks} if isinstance(marks, list) else set()


def connect(world: World) -> Azure:
    """The cloud that the server serves."""
    return Azure(world)
