"""Asks every endpoint of V10 and of the gateway, and tells what differs.

Reads go to both platforms as they are. Writes go to restored copies alone: two of V10, which are asked the same, and
one of V11 behind a gateway; afterwards everything is read back from the three. Between two of V10's answers stands the
gateway's: a value that changed in the meantime is seen to be noise, and a read that differs is asked again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from aurops.errors import UsageError
from migration.gateway.check.answers import Said
from migration.gateway.check.comparison import STATUS, Compared, compare
from migration.gateway.check.differences import Difference, Kind
from migration.gateway.check.questions import Aspect, Endpoint, Question, of_nobody
from migration.gateway.check.report import Finding, Report
from migration.gateway.check.values import BEYOND_DOUBLE, SMALL, Seen, row_keys
from migration.gateway.configuration import first_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from migration.gateway.check.asking import Asked
    from migration.gateway.configuration import Gateway
    from migration.gateway.methods import Method

ROUNDS = 3
"""A read that differs is asked so often before it counts: what others change meanwhile differs once."""
CANDIDATES = 5
MADE = 3
"""So many of each thing are created, so that a later write finds one that is still as it was made."""
_VERBS = ("POST", "PUT", "PATCH", "DELETE", "GET")
_WRITE_ORDER = {"POST": 0, "PUT": 1, "PATCH": 1, "DELETE": 3}


@dataclass(frozen=True, slots=True)
class Sides:
    """Who is asked.

    Args:
        v10: V10.
        again: V10 once more: the same for reads, another copy for writes.
        v11: The gateway.
    """

    v10: Asked
    again: Asked
    v11: Asked


@dataclass
class Check:
    """One check.

    Args:
        gateway: The gateway's file: examples, accepted differences.
        methods: V11's methods.
        progress: Told what is asked now.
    """

    gateway: Gateway
    methods: Sequence[Method]
    progress: Callable[[str], None] = lambda _text: None
    report: Report = field(default_factory=Report)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: uuid4().hex[:8])

    def reads(self, sides: Sides, *, when: str = "") -> None:
        """Ask every endpoint that changes nothing.

        Args:
            sides: Who is asked.
            when: When that is, if not at first; put after what is told.

        Raises:
            OutsideError: V10 does not answer, or the gateway answers nothing at all.
        """
        seen = Seen()
        self._all_answer(sides)
        endpoints = sorted(self._endpoints(reads=True), key=lambda each: len(each.binding.variables))
        self.progress(f"asking {len(endpoints)} reads{when}")
        for endpoint in endpoints:
            self._read(sides, endpoint, seen)
        if not when:
            for question in of_nobody(self._endpoints(), ("GET",)):
                self._ask(sides, question, rounds=ROUNDS)

    def _read(self, sides: Sides, endpoint: Endpoint, seen: Seen) -> None:
        """Ask all that there is to ask of a read; of its pages two."""
        plain = self._look(sides.v10, endpoint, seen)
        said = self._ask(sides, plain, rounds=ROUNDS)
        following = endpoint.next_page(plain, said.body)
        for question in endpoint.others(plain, self._tag(), said.body if said.ok else ""):
            answer = self._ask(sides, question, rounds=ROUNDS)
            if question.aspect is Aspect.PARAMETER:
                following = following or endpoint.next_page(question, answer.body)
        if following:
            self._ask(sides, following, rounds=ROUNDS)

    def writes(self, sides: Sides) -> None:
        """Ask every endpoint that changes something, then read all back. Only for copies.

        Raises:
            OutsideError: A copy of V10 does not answer.
            UsageError: The two copies of V10 do not hold the same, so that every difference would pass for noise.
        """
        seen = Seen()
        self._all_answer(sides)
        for endpoint in sorted(self._endpoints(reads=True), key=lambda each: len(each.binding.variables)):
            self._must_be_alike(sides, self._look(sides.v10, endpoint, seen))
        endpoints = sorted(self._endpoints(reads=False), key=_order)
        self.progress(f"asking {len(endpoints)} writes of the copies")
        for endpoint in endpoints:
            plain = self._plain_write(sides, endpoint, seen)
            for question in endpoint.others(plain, self._tag()):
                self._ask(sides, question)
        for question in of_nobody(self._endpoints(), _VERBS):
            self._ask(sides, question)
        self.reads(sides, when=" of the copies, after the writes")

    def _all_answer(self, sides: Sides) -> None:
        """Who is not there differs in nothing: that is no answer to the question.

        Raises:
            OutsideError: One of them is not.
        """
        anything = next(of_nobody((), ()))
        for side in (sides.v10, sides.again, sides.v11):
            side.must_answer(anything, self._request_id())

    def _must_be_alike(self, sides: Sides, question: Question) -> None:
        lasting: Compared | None = None
        for _ in range(ROUNDS):
            request_id = self._request_id()
            asked = (sides.v10, sides.again, sides.v10)
            one, other, again = (side.must_answer(question, request_id) for side in asked)
            lasting = _lasting(lasting, compare(one, again, other))
            if not lasting.differences:
                return
        for first in lasting.differences if lasting else ():
            raise UsageError(
                f"the two copies of V10 do not hold the same: {question}: {first.field} is {first.v10} and {first.v11}",
                where="--v10-copy",
                next_step="restore both from one backup, and V11's copy from the same; nothing was written",
            )

    def only_v10(self, known: Iterable[tuple[str, str]]) -> None:
        """Tell the endpoints that V10 has and V11 does not.

        Args:
            known: Verb and path of each of V10's.
        """
        self.report.knows_v10 = True
        ours = {(each.binding.verb, _shape(each.binding.path)) for each in self._endpoints()}
        for verb, path in known:
            if (verb, _shape(path)) not in ours:
                question = Question("", Aspect.PLAIN, verb, path)
                lacking = Difference("endpoint", Kind.NO_METHOD, "there", "nothing")
                self.report.differences.append(Finding(question, lacking))

    def _endpoints(self, *, reads: bool | None = None) -> list[Endpoint]:
        return [
            Endpoint(method, binding, first_fit(self.gateway.examples, method.full_name) or {})
            for method in self.methods
            for binding in method.bindings
            if reads is None or (binding.verb == "GET") is reads
        ]

    def _look(self, v10: Asked, endpoint: Endpoint, seen: Seen) -> Question:
        """Find a question that V10 has something to say to, and remember what it says."""
        candidates = self._candidates(endpoint, seen)
        chosen, fullest = candidates[0], -1
        for question in candidates:
            said = v10.must_answer(question, self._request_id())
            if said.ok and len(said.body) > fullest:
                chosen, fullest = question, len(said.body)
                seen.learn(question.template, dict(question.values), said.body)
        return chosen

    def _plain_write(self, sides: Sides, endpoint: Endpoint, seen: Seen) -> Question:
        """Ask until it was done, with wide integers and with small ones, about one thing and about another."""
        creates = not endpoint.binding.variables
        question = None
        done = 0
        for wide, _ in itertools.product((BEYOND_DOUBLE, SMALL), range(MADE if creates else 1)):
            for question in self._candidates(endpoint, seen, wide):
                key = uuid4().hex
                said = self._ask(sides, question, key=key)
                if said.ok:
                    done += 1
                    seen.learn(question.template, dict(question.values), said.body, first=True)
                    self._ask(sides, _again(question), key=key)
                    break
            if done and (not creates or done >= MADE):
                break
        return question or endpoint.plain({}, self._tag())

    def _candidates(self, endpoint: Endpoint, seen: Seen, wide: int = BEYOND_DOUBLE) -> list[Question]:
        known = seen.assignments(endpoint.binding.path, row_keys(self.methods))[:CANDIDATES]
        return [endpoint.plain(values, self._tag(), wide) for values in known or [{}]]

    def _ask(self, sides: Sides, question: Question, *, rounds: int = 1, key: str = "") -> Said:
        """Ask all three, and note what differs in every round; returns V10's answer."""
        lasting: Compared | None = None
        said = Said(0, "", "")
        for _ in range(rounds):
            request_id = self._request_id()  # the same for all: V10's errors hold it
            said = sides.v10.must_answer(question, request_id, key)
            v11 = sides.v11.ask(question, request_id, key)
            again = sides.again.must_answer(question, request_id, key)
            lasting = _lasting(lasting, compare(said, again, v11))
            if not lasting.differences:
                break
        self.report.asked(question, said.ok and not (lasting and _unanswered(lasting)))
        self._note(question, said, lasting or Compared((), frozenset()))
        return said

    def _note(self, question: Question, said: Said, compared: Compared) -> None:
        self.report.noise.update((question.method, name) for name in compared.noise)
        for difference in compared.differences:
            because = self._accepted(question, said, difference)
            if because:
                self.report.accepted.append(Finding(question, difference, because))
            else:
                self.report.differences.append(Finding(question, difference))

    def _accepted(self, question: Question, said: Said, difference: Difference) -> str:
        for each in self.gateway.accept:
            fits = first_fit({each.methods: True}, question.method) and each.status in (None, said.status)
            if fits and first_fit({_literal(each.field): True}, difference.field):
                return each.because
        return ""

    def _tag(self) -> str:
        return f"{self._run}-{next(self._numbers)}"

    def _request_id(self) -> str:
        return f"check-{self._tag()}"


def endpoints_of(openapi: Mapping[str, object]) -> list[tuple[str, str]]:
    """Verb and path of every endpoint in an OpenAPI document."""
    paths = openapi.get("paths")
    if not isinstance(paths, dict):
        return []
    verbs = {verb.lower() for verb in _VERBS}
    return [(verb.upper(), path) for path, item in paths.items() for verb in item if verb in verbs]


def _again(question: Question) -> Question:
    return Question(
        question.method,
        Aspect.AGAIN,
        question.verb,
        question.target,
        question.body,
        question.template,
        question.values,
    )


def _lasting(before: Compared | None, now: Compared) -> Compared:
    """What differed in this round and in all before."""
    if before is None:
        return now
    still = {(each.field, each.kind) for each in now.differences}
    differences = [each for each in before.differences if (each.field, each.kind) in still]
    return Compared(tuple(differences), before.noise | now.noise)


def _unanswered(compared: Compared) -> bool:
    """Whether the sides were not seen to succeed alike; a V10 that now succeeds and now fails shows nothing."""
    failed = any(each.kind in (Kind.STATUS, Kind.NO_ANSWER) for each in compared.differences)
    return failed or STATUS in compared.noise


def _order(endpoint: Endpoint) -> tuple[int, int]:
    """Creates first, then what changes what was created; deletions last."""
    variables = len(endpoint.binding.variables)
    if endpoint.binding.verb == "POST" and variables:
        return (2, variables)
    return (_WRITE_ORDER.get(endpoint.binding.verb, 2), variables)


def _shape(path: str) -> str:
    """A path without the names of its variables, in whatever way they are written ({id}, :id)."""
    parts = path.strip("/").split("/")
    return "/".join("{}" if part.startswith((":", "{")) else part for part in parts)


def _literal(name: str) -> str:
    """A field's name as a pattern in which only * is one."""
    return name.replace("[", "[[]")
