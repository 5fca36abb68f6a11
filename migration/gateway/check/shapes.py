"""Of which sorts a field is in V10's answers: what the gateway must keep to also where V10's values are noise. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migration.gateway.check.answers import Form, Json, Members, Number, elements, inside, shown, sort
from migration.gateway.check.differences import Kind, differ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migration.gateway.check.differences import Difference

NOTHING = "nothing"


@dataclass
class Shape:
    """What answers of V10 look like, by field; the elements of a list are one."""

    sorts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The sorts that a field has had."""
    forms: dict[str, set[Form]] = field(default_factory=lambda: defaultdict(set))
    """How its numbers were written."""
    repeated: set[str] = field(default_factory=set)
    """Fields whose key was in one object more than once."""
    objects: dict[str, list[frozenset[str]]] = field(default_factory=lambda: defaultdict(list))
    """The keys of each object."""

    def learn(self, value: Json, name: str = "") -> None:
        """Take a value in."""
        self.sorts[name].add(sort(value))
        if isinstance(value, Number):
            self.forms[name].add(value.form)
        elif isinstance(value, Members):
            self.objects[name].append(frozenset(value.values))
            for key, values in value.values.items():
                if len(values) > 1:
                    self.repeated.add(inside(name, key))
                self.learn(values[-1], inside(name, key))
        elif isinstance(value, tuple):
            for each in value:
                self.learn(each, elements(name))

    def strange(self, value: Json, name: str = "", *, lacking: bool = False) -> Iterator[Difference]:
        """What is in a value, or not, as it never was in V10's.

        Args:
            value: The gateway's.
            name: The field's.
            lacking: Whether it may be absent.
        """
        known = self.sorts.get(name, set()) | ({NOTHING} if lacking else set())
        mine = sort(value)
        if mine not in known:
            kind = Kind.MISSING if mine == NOTHING else Kind.EXTRA if known == {NOTHING} else Kind.TYPE
            yield differ(name, kind, " or ".join(sorted(known)), shown(value))
        elif isinstance(value, Number) and not self._written_so(name, value.form):
            yield differ(name, Kind.SPELLING, " or ".join(sorted(self.forms[name])), shown(value))
        elif isinstance(value, Members):
            yield from self._strange_object(value, name)
        elif isinstance(value, tuple) and elements(name) in self.sorts:  # else all of V10's lists were empty
            for each in value:
                yield from self.strange(each, elements(name))

    def _strange_object(self, value: Members, name: str) -> Iterator[Difference]:
        objects = self.objects[name]
        for key in dict.fromkeys((*value.values, *sorted(frozenset().union(*objects)))):
            inner = inside(name, key)
            yield from self.strange(value.last(key), inner, lacking=any(key not in keys for keys in objects))
            often = len(value.values.get(key, ()))
            if often > 1 and inner not in self.repeated:
                yield differ(inner, Kind.REPEATED, "once", f"{often} times")

    def _written_so(self, name: str, form: Form) -> bool:
        """Whether V10 would write a number in this form: any platform writes 1.5 so, and 2 who never writes 2.0."""
        forms = self.forms[name]
        if form is Form.WHOLE:
            return form in forms or Form.ZEROS not in forms
        return form is Form.FRACTION or form in forms
