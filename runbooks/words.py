"""What a journal's record says, in words for people: for the timeline and for `aurops runs show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.journal import RecordKind

if TYPE_CHECKING:
    from aurops.journal import Record

_PLAIN = {
    "step",
    "outcome",
    "error",
    "waiting",
    "reason",
    "stage",
    "action",
    "arguments",
    "no_return",
    "who",
    "only_here",
}

_LONGEST = 300


def said(record: Record, *, brief: bool = False) -> str:
    """One line: what was begun, done, decided or asked, and why.

    Args:
        record: The record.
        brief: Without what a call gave.
    """
    data = record.data
    match record.kind:
        case RecordKind.INTENT:
            remark = " (no way back after this)" if data.get("no_return") else ""
            text = f"{data['step']}{remark}: {data.get('reason', '')}{_besides(record)}"
        case RecordKind.RESULT if "findings" in data:
            text = f"{data['step']}: {_gates(data['findings'])}"
        case RecordKind.RESULT:
            gave = "" if brief else _besides(record)
            text = f"{data['step']}: {data['outcome']} {data.get('error') or data.get('waiting') or gave}"
        case RecordKind.DECISION:
            text = f"{data['name']} = {plain(data['value'])} ({data['reason']})"
        case RecordKind.STARTED:
            text = _cut(f"{data['goal']} {_pairs(data.get('arguments'))}")
        case RecordKind.NOTE if "clients" in data:
            text = f"{data['text']}; `aurops cutover report {record.run} FILE` shows it"
        case _:
            text = _pairs(data)
    return " ".join(text.split())


def _cut(text: str) -> str:
    """A whole plan is no line; `runs show --json` has it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _gates(findings: object) -> str:
    """What a look at gates found."""
    found = [each for each in findings if isinstance(each, dict)] if isinstance(findings, list) else []
    return "; ".join(f"{each['gate']} {each['state']} ({each['why']})" for each in found) or "no gate"


def _besides(record: Record) -> str:
    """What else the record holds, in brackets."""
    rest = {name: value for name, value in record.data.items() if name not in _PLAIN}
    return f" [{_pairs(rest)}]" if rest else ""


def _pairs(data: object) -> str:
    found = data.items() if isinstance(data, dict) else ()
    return ", ".join(f"{name} {plain(value)}" for name, value in found if value is not None)


def plain(value: object) -> str:
    """A value without brackets and quotes."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"({_pairs(value)})" if isinstance(value, dict) else str(value)
