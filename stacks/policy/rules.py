"""What a rule is made of: what it wants of a value, and whom it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks.policy.values import SECRET, Mark, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from stacks.changes import Change
    from stacks.policy.resource import Resource, Siblings
    from stacks.review import Rule

    Look = Callable[[Resource], Iterable["str | Waiting"]]
    LookAround = Callable[[Resource, Siblings], Iterable["str | Waiting"]]
    LookAtChange = Callable[[Change], Iterable[str]]


@dataclass(frozen=True)
class Waiting:
    """A rule cannot say yet: what it needs to see is known only after `up`, or secret.

    Args:
        path: The property.
    """

    path: str


@dataclass(frozen=True)
class Check:
    """One rule and what finds its violations, each said in one sentence. All of them are pure.

    Args:
        rule: As a person reads it.
        alone: Looks at one resource, also under `pulumi preview --policy-pack`, before the resource is made.
        together: Looks at one resource among those of its stack, at the end.
        change: Looks at what would happen to one resource. The engine shows its policy packs no steps, so only
            `aurops preview --policy` asks it.
    """

    rule: Rule
    alone: Look | None = None
    together: LookAround | None = None
    change: LookAtChange | None = None


@dataclass(frozen=True)
class Fits:
    """What is wanted of a value.

    Args:
        test: Whether it fits; never asked about what cannot be seen. None stands for a property that is not set.
        words: What is wanted, for a sentence.
        sees_presence_only: Whether a secret is enough: that there is one is all that is asked.
    """

    test: Callable[[Any], bool]
    words: str
    sees_presence_only: bool = False


def given(words: str) -> Fits:
    """Anything, but something."""
    return Fits(bool, words, sees_presence_only=True)


def one_of(*values: Any, unset: bool = False) -> Fits:
    """One of these; with `unset` nothing at all does as well, because the cloud's default is one of them."""
    allowed = [*values, None] if unset else list(values)
    return Fits(lambda value: value in allowed, " or ".join(shown(value) for value in values))


def on() -> Fits:
    """True, also as the text that some properties want."""
    return Fits(lambda value: value in (True, "true"), "true")


def off(*, unset: bool = False) -> Fits:
    """False; with `unset` not set at all does as well."""
    return Fits(lambda value: value is False or value == "false" or (unset and value is None), "false")


def at_least(least: int, unit: str) -> Fits:
    """A number, or a text that begins with one (`604800s`)."""
    return Fits(lambda value: (number := number_of(value)) is not None and number >= least, f"{least} {unit} or more")


def number_of(value: Any) -> float | None:
    """The number that a value is or begins with; None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    digits = value.rstrip("s") if isinstance(value, str) else ""
    return int(digits) if digits.isdecimal() else None


@dataclass(frozen=True)
class Want:
    """What a rule wants at one property."""

    path: str
    fits: Fits

    def of(self, resource: Resource) -> Iterator[str | Waiting]:
        """What is wrong with a resource there."""
        value = resource.at(self.path)
        if isinstance(value, Mark):
            if value is not SECRET or not self.fits.sees_presence_only:
                yield Waiting(self.path)
        elif isinstance(value, list) and any(isinstance(each, Mark) for each in value):
            if not self.fits.test([each for each in value if not isinstance(each, Mark)]):
                yield Waiting(self.path)
        elif not self.fits.test(value):
            found = "is not set" if value is None else f"is {shown(value)}"
            yield f"{self.path} {found}; wanted: {self.fits.words}"


def each(path: str, *wants: Want) -> Look:
    """A look that wants the same of every item of a list.

    Args:
        path: Of the list.
        wants: With paths that begin at the item.
    """

    def look(resource: Resource) -> Iterator[str | Waiting]:
        items = resource.at(path)
        if isinstance(items, Mark):
            yield Waiting(path)
        for number in range(len(items)) if isinstance(items, list) else ():
            for want in wants:
                yield from Want(f"{path}.{number}.{want.path}", want.fits).of(resource)

    return look


def table(wants: Mapping[str, tuple[Want, ...]]) -> Look:
    """A look at single resources that wants the same of every resource of a type.

    Args:
        wants: By type token.
    """

    def look(resource: Resource) -> Iterator[str | Waiting]:
        for want in wants.get(resource.type, ()):
            yield from want.of(resource)

    return look
