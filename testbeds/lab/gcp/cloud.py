"""Google Cloud as the lab knows it: identifiers, names, labels, refusals, look-ups.

Never run against a real project: which properties replace and which values exist come from dated tables, the rest from
Google's API references and the provider's documentation. A plan that the lab accepts can still be refused by Google
(quotas, permissions, capacity).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.cloud import Made, RefusedError, Settings
from testbeds.lab.filling import Filler, digest
from testbeds.lab.gcp import checks, deleting, effects, invokes, rules
from testbeds.lab.gcp.identity import LOWER_CASE, form_of, identify
from testbeds.lab.gcp.kinds import GLOBAL_UNLESS_SAID, NAMES, NODE_POOL
from testbeds.lab.gcp.values import Fresh, known, merged
from testbeds.lab.sdk_cloud import SdkCloud
from testbeds.lab.wire import DEFAULTS, Json, Object, child, is_unknown, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbeds.lab.checking import Failure
    from testbeds.lab.world import World, WorldObject

"""pulumi-gcp, provider/resources.go: SetAutonaming(255, "-")."""
_ATTRIBUTION: Final = {"goog-pulumi-provisioned": "true"}
"""Label that the provider puts on everything unless told not to (pulumi-gcp 8.0 migration guide)."""
_PROJECT: Final = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
_LABELS: Final = ("labels", "resourceLabels")


class Gcp(SdkCloud):
    """The stand-in for Google Cloud.

    Args:
        world: Where its objects are.
    """

    name = "gcp"
    package = "pulumi_gcp"
    facts = "gcp"
    compares_state = True

    def settings(self, config: Object) -> Settings:
        """Project, region and default labels of a provider. Nested values arrive as JSON texts."""
        project, region = text(config, "project"), text(config, "region")
        if project and not _PROJECT.fullmatch(project):
            raise RefusedError("invalidArgument", f"{project!r} is no project id: 6 to 30 of a-z, 0-9 and -")
        if region and region not in self._tables.zones:
            raise RefusedError("invalid", f"gcp:region: {region!r} is no region of Google Cloud")
        labels: Object = json.loads(text(config, "defaultLabels", "{}"))
        silent = str(config.get("addPulumiAttributionLabel", "true")).lower() == "false"
        tags = {key: str(value) for key, value in labels.items()} | ({} if silent else _ATTRIBUTION)
        return Settings(home=region, tags=tags, account=project, known=True)

    def fill_defaults(
        self,
        token: str,
        name: str,
        news: Object,
        olds: Object,
        urn: str,
        settings: Settings,  # noqa: ARG002
    ) -> Object:
        """Inputs with the provider's defaults and the name that it makes up where the program gives none."""
        table = {key: value for key, value in self.table(token).filled_in.items() if news.get(key) is None}
        filled: Object = dict[str, Json](table)
        field = self.resource(token).inputs.get("name")
        if field and not field.required and not news.get("name") and not news.get("namePrefix"):
            kept = olds.get("name") if "name" in _list(olds.get(DEFAULTS)) else None
            filled["name"] = kept or self._free_name(token, name, urn)
        return news | filled | ({DEFAULTS: list[Json](sorted(filled))} if filled else {})

    def _free_name(self, token: str, name: str, urn: str) -> str:
        """The resource's name and seven digits: the same in preview and `up`, another while the first is taken."""
        objects = self.world.objects(token)
        taken = {text(one.outputs, "name") for one in objects}
        attempt = 0
        while True:
            made = f"{name}-{digest(urn, str(attempt), length=7)}"
            made = made.lower() if token in LOWER_CASE else made
            if made not in taken and not self.world.is_spent(NAMES, "", f"{token}/{made}"):
                return made
            attempt += 1

    def refuse_inputs(self, token: str, news: Object, olds: Object, settings: Settings) -> Sequence[Failure]:
        """Values that do not fit each other, names and labels, changes that Google does not make."""
        asked = checks.Asked(token, news, olds, self._place(token, news, settings).get("region", ""), self._tables)
        inputs = self.resource(token).inputs
        lacking = "project" if "project" in inputs and not (news.get("project") or settings.account) else ""
        return tuple(checks.refused_inputs(asked, lacking))

    def delete_first(self, token: str, asked: Object, wanted: Object) -> bool:
        """Whether the program itself gave the name, and gives it again (the bridge's rule, for `name` alone)."""
        made_up = "name" in _list(wanted.get(DEFAULTS)) or "name" not in self.resource(token).inputs
        return not made_up and asked.get("name") is not None and asked.get("name") == wanted.get("name")

    def find(self, token: str, id_: str, state: Object, settings: Settings) -> WorldObject | None:  # noqa: ARG002
        """By its identifier, which says where it is."""
        there = self.world.objects(token, id_=id_)
        return there[-1] if there else None

    def make(self, token: str, inputs: Object, settings: Settings) -> Made:
        """A new object; a second one of the same name is refused, where the name is the identity."""
        place = self._place(token, inputs, settings)
        project = self._project(inputs, settings)
        id_ = self._identify(token, inputs, project, place)
        if self.judges:
            rules.refuse_create(rules.Wanted(token, inputs, project, place.get("region", "")), self.world)
        made = self._made(Fresh(token, id_, inputs, project, place), {}, settings)
        effects.after_write(token, made, self.world)
        return made

    def alter(self, current: WorldObject, inputs: Object, settings: Settings) -> Made:
        """The object with other properties."""
        rules.refuse_change(current, inputs, self.world)
        place = self._place(current.type, inputs, settings)
        project = text(current.outputs, "project") or self._project(inputs, settings)
        made = self._made(Fresh(current.type, current.id, inputs, project, place), current.outputs, settings)
        effects.after_write(current.type, made, self.world)
        return made

    def counted(self, current: WorldObject, inputs: Object) -> Object:  # noqa: ARG002
        """Nothing that another object reads."""
        return {}

    def refuse_delete(self, current: WorldObject) -> None:
        """Protection and use; what goes leaves its traces."""
        if not deleting.is_abandoned(current):
            deleting.refuse_delete(current, self.world)
            effects.before_delete(current, self.world)

    def keeps(self, current: WorldObject) -> bool:
        """Keys and key rings are never deleted, and `deletionPolicy: ABANDON` asks to leave the object alone."""
        return self.table(current.type).kept or deleting.is_abandoned(current)

    def invoke(self, token: str, args: Object, settings: Settings) -> Object:
        """Answer a look-up."""
        answer = invokes.answer(invokes.Question(token, args, settings, self.world, self._tables))
        filler = Filler(seed=token, known={}, region=settings.home, account=settings.account)
        return filler.complete(args | answer, {}, self._sdk.result(token))

    def _project(self, inputs: Object, settings: Settings) -> str:
        return text(inputs, "project", settings.account)

    def _place(self, token: str, inputs: Object, settings: Settings) -> dict[str, str]:
        """Region, location and zone of an object, as far as its type has them; no region for a global service."""
        fields = self.resource(token).inputs
        place = {}
        for name in ("region", "location"):
            if name in fields:
                place[name] = text(inputs, name, settings.home)
        if "zone" in fields and text(inputs, "zone"):
            place["zone"] = text(inputs, "zone")
        if token == NODE_POOL and "/locations/" in text(inputs, "cluster") and not inputs.get("location"):
            place["location"] = text(inputs, "cluster").partition("/locations/")[2].partition("/")[0]
        if "location" in place and not inputs.get("location") and token in GLOBAL_UNLESS_SAID:
            place["location"] = "global"
        region = place.get("region") or checks.region_of(place.get("location") or place.get("zone", ""), self._tables)
        return place | ({"region": region} if region else {})

    def _identify(self, token: str, inputs: Object, project: str, place: dict[str, str]) -> str:
        form = form_of(token, self._sdk.source(token))
        attempt = 0
        while True:
            id_, made_up = identify(form, inputs, project, place, attempt)
            there = self.world.objects(token, id_=id_)
            if not there and not (made_up and self.world.is_spent(token, place.get("region", ""), id_)):
                return id_
            if not made_up:
                if self.table(token).setting:
                    return id_
                raise rules.taken(token, id_)
            attempt += 1

    def _made(self, new: Fresh, before: Object, settings: Settings) -> Made:
        fields = self.resource(new.token).outputs
        asked = {key: value for key, value in new.inputs.items() if key != DEFAULTS}
        labels = next((child(asked, name) for name in _LABELS if name in fields), {})
        tags = {**settings.tags, **{key: str(value) for key, value in labels.items()}}
        # A block that is there already is as the cloud, or somebody else, has left it.
        facts = {
            name: before[name] if isinstance(value, dict) and before.get(name) else value
            for name, value in known(new, self.world).items()
        }
        facts |= {name: dict[str, Json](tags) for name in ("pulumiLabels", "effectiveLabels") if name in fields}
        region = new.place.get("region", "")
        # A block that the program gives in part has the cloud's own properties beside the program's.
        asked = {name: merged(facts.get(name), value) for name, value in asked.items()}
        filler = Filler(seed=new.id, known=facts, region=region, account=new.project)
        outputs = filler.complete(asked, before, fields)
        return Made(region, new.id, outputs, tags if labels or "effectiveLabels" in fields else {})


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) and not is_unknown(value) else []


def connect(world: World) -> Gcp:
    """The cloud that the server serves."""
    return Gcp(world)
