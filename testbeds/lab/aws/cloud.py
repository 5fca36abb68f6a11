"""AWS as the lab knows it: identifiers, names, tags, refusals, look-ups.

Never run against a real account: which properties replace and which values exist come from dated tables, the rest
from AWS's API references. A plan that the lab accepts can still be refused by AWS (quotas, permissions, capacity).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from testbeds.lab.aws import invokes, rules
from testbeds.lab.aws.identity import ACCOUNT, AUTONAMED, LOWER_CASE, SHORT_NAMES, identify
from testbeds.lab.aws.values import known
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import Made, RefusedError, Settings
from testbeds.lab.filling import Filler, digest
from testbeds.lab.sdk_cloud import SdkCloud
from testbeds.lab.wire import DEFAULTS, Json, Object, child, is_unknown, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from testbeds.lab.world import World, WorldObject

_LONGEST_NAME: Final = 255


class Aws(SdkCloud):
    """The stand-in for AWS.

    Args:
        world: Where its objects are.
    """

    name = "aws"
    package = "pulumi_aws"
    facts = "aws"
    compares_state = True
    # What STS answers a provider that asks who it is (AWS STS API reference, "Common errors").
    expired = ("ExpiredToken", "The security token included in the request is expired")

    def settings(self, config: Object) -> Settings:
        """Region and default tags of a provider. Nested values arrive as JSON texts."""
        region = text(config, "region")
        if not region:
            raise RefusedError("MissingRegion", "set aws:region, or region on the provider")
        if region not in self._tables.zones:
            raise RefusedError("InvalidRegion", f"{region!r} is no AWS region")
        default_tags: Object = json.loads(text(config, "defaultTags", "{}"))
        tags = {key: str(value) for key, value in child(default_tags, "tags").items()}
        return Settings(home=region, tags=tags, known=True)

    def fill_defaults(
        self,
        token: str,
        name: str,
        news: Object,
        olds: Object,
        urn: str,
        settings: Settings,  # noqa: ARG002
    ) -> Object:
        """Inputs with the name that the provider makes up where the program gives none."""
        prop = AUTONAMED.get(token, "name")
        field = self.resource(token).inputs.get(prop)
        if not prop or field is None or field.required or news.get(prop) or news.get(f"{prop}Prefix"):
            return news
        kept = olds.get(prop) if prop in _list(olds.get(DEFAULTS)) else None
        return news | {prop: kept or self._free_name(token, prop, name, urn), DEFAULTS: [prop]}

    def _free_name(self, token: str, prop: str, name: str, urn: str) -> str:
        """The resource's name and seven digits: the same in preview and `up`, another while the first is taken.

        It is not cut to what the service takes: the provider refuses a name that is too long (pulumi-aws#1028).
        """
        taken = {text(one.outputs, prop) for one in self.world.objects(token)}
        prefix = "alias/" if token.startswith("aws:kms/alias") else ""
        attempt = 0
        while (made := f"{prefix}{name}-{digest(urn, str(attempt), length=7)}") in taken:
            attempt += 1
        return made.lower() if token in LOWER_CASE else made

    def refuse_inputs(self, token: str, news: Object, olds: Object, settings: Settings) -> Sequence[Failure]:
        """Values that do not fit each other, changes that AWS does not make."""
        region = text(news, "region", settings.home)
        return (*self._too_long(token, news), *rules.refused_inputs(token, news, olds, region, self._tables))

    def _too_long(self, token: str, news: Object) -> Iterator[Failure]:
        prop = AUTONAMED.get(token, "name")
        name, longest = text(news, prop), SHORT_NAMES.get(token, _LONGEST_NAME)
        if len(name) > longest and prop not in self.table(token).max_lengths:
            yield Failure(prop, f"{name!r} is longer than maximum length {longest}")

    def delete_first(self, token: str, asked: Object, wanted: Object) -> bool:
        """Whether the program itself gave the name, and gives it again."""
        identity = self.table(token).identity
        made_up = set(identity) & {str(name) for name in _list(wanted.get(DEFAULTS))}
        return bool(identity) and not made_up and all(asked.get(key) == wanted.get(key) for key in identity)

    def find(self, token: str, id_: str, state: Object, settings: Settings) -> WorldObject | None:
        """By id, in the region of its state, else of `id@region`, else at home."""
        id_, _, asked_region = id_.partition("@")
        region = asked_region or text(state, "region", settings.home)
        here = [one for one in self.world.objects(token, id_=id_) if one.region in ("", region)]
        return here[-1] if here else None

    def make(self, token: str, inputs: Object, settings: Settings) -> Made:
        """A new object; a second one with the same properties gets an identifier of its own."""
        region = self._region(token, inputs, settings)
        self._refuse_taken(token, inputs, region)
        if self.judges:
            rules.refuse_create(token, inputs, region, self.world)
        id_, arn = self._identify(token, inputs, region)
        return self._made(token, id_, arn, inputs, {}, region, settings)

    def alter(self, current: WorldObject, inputs: Object, settings: Settings) -> Made:
        """The object with other properties."""
        rules.refuse_change(current, inputs, self.world)
        arn = text(current.outputs, "arn") or None
        made = self._made(current.type, current.id, arn, inputs, current.outputs, current.region, settings)
        return replace(made, outputs=made.outputs | self.counted(current, inputs))

    def counted(self, current: WorldObject, inputs: Object) -> Object:
        """A launch template's versions: the provider makes a new one for every change of the template's data."""
        if current.type != "aws:ec2/launchTemplate:LaunchTemplate":
            return {}
        own = {DEFAULTS, "name", "tags", "tagsAll", "description"}
        old, new = ({k: v for k, v in each.items() if k not in own} for each in (current.inputs, inputs))
        version = current.outputs.get("latestVersion")
        return {"latestVersion": int(version) + (old != new)} if isinstance(version, int | float) else {}

    def refuse_delete(self, current: WorldObject) -> None:
        """Protection and use; what is let go leaves the snapshot that it names."""
        rules.refuse_delete(current, self.world)
        rules.take_last_snapshot(current, self.world)

    def invoke(self, token: str, args: Object, settings: Settings) -> Object:
        """Answer a look-up."""
        region = text(args, "region", settings.home)
        answer = invokes.answer(token, args, region, self.world, self._tables)
        return Filler(seed=token, known={}, region=region, account=ACCOUNT).complete(
            args | answer, {}, self._sdk.result(token)
        )

    def _region(self, token: str, inputs: Object, settings: Settings) -> str:
        """Empty for a global service: its types have no `region`."""
        return text(inputs, "region", settings.home) if "region" in self.resource(token).inputs else ""

    def _refuse_taken(self, token: str, inputs: Object, region: str) -> None:
        identity = self.table(token).identity
        if not identity or self.table(token).setting:
            return
        # A bucket's name is taken in every region.
        where = None if token == "aws:s3/bucket:Bucket" else region  # noqa: S105 - a type token, no secret
        for other in self.world.objects(token, region=where):
            if all(other.inputs.get(key) == inputs.get(key) for key in identity):
                raise RefusedError("AlreadyExists", f"{', '.join(str(inputs.get(key)) for key in identity)} is taken")

    def _identify(self, token: str, inputs: Object, region: str) -> tuple[str, str | None]:
        content = json.dumps({k: v for k, v in inputs.items() if k != DEFAULTS}, sort_keys=True)
        attempt = 0
        while True:
            id_, arn = identify(token, inputs, region, digest(token, region, content, str(attempt)))
            free = not (self.world.objects(token, id_=id_, region=region) or self.world.is_spent(token, region, id_))
            if free or self.table(token).setting or identify(token, inputs, region, "")[0] == id_:
                return id_, arn
            attempt += 1

    def _made(
        self, token: str, id_: str, arn: str | None, inputs: Object, before: Object, region: str, settings: Settings
    ) -> Made:
        outputs_of, asked = self.resource(token).outputs, {k: v for k, v in inputs.items() if k != DEFAULTS}
        facts = known(token, id_, arn, inputs, region)
        tags = dict(settings.tags) | {k: str(v) for k, v in child(inputs, "tags").items()}
        if "tagsAll" in outputs_of:
            facts |= {"tagsAll": dict[str, Json](tags)}
            asked.pop("tagsAll", None)
        filler = Filler(seed=id_, known=facts, region=region, account=ACCOUNT)
        outputs = filler.complete(asked, before, outputs_of)
        return Made(region, id_, outputs, tags)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) and not is_unknown(value) else []


def connect(world: World) -> Aws:
    """The cloud that the server serves."""
    return Aws(world)
