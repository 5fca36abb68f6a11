"""Pieces of a Markdown page on GitHub made of text that anybody may have written. Pure.

A name or a value must not end a table cell or a code block, be a link, a mention, an image or HTML, or hide anything:
GitHub Flavored Markdown, version 0.29, and GitHub's own links for `@name`, `#1`, `GH-1`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ZERO_WIDTH = "\u200b"
_CONTEXT, _MARK, _LONGEST = 24, 24, 100
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+!|<>&~$^=])")
_NOT_IN_URL = re.compile(r"[<>\s\\]")
_REFERENCE = re.compile(r"@|#(?=\d)|(?<=GH-)(?=\d)|:(?=/)|(?<=www)(?=\.)", re.IGNORECASE)


def size(text: str) -> int:
    """Length in bytes of UTF-8: never less than what GitHub may count, be it characters, UTF-16 units or bytes."""
    return len(text.encode())


class _WrittenOut(dict[int, str]):
    """By character: itself, or how it is written out."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        hidden = unicodedata.category(character) in _HIDDEN
        self[point] = character.encode("unicode_escape", "surrogatepass").decode() if hidden else character
        return self[point]


_WRITTEN_OUT = _WrittenOut()


def visible(text: str) -> str:
    r"""The same on one line, with what controls, hides or turns text written out: `\n`, `\u202e`."""
    return text if text.isprintable() else text.translate(_WRITTEN_OUT)


def code(text: str) -> str:
    """Text as a code span, for a line or a table's cell: GitHub makes no link, mention or emoji of what is in one."""
    # In a cell no way to write a pipe is safe after a backslash.
    shown = shortened(visible(text).replace("|", "\\x7c"), _LONGEST)
    if not shown.strip():
        return "`(empty)`"
    fence = "`" * (_longest_run(shown) + 1)
    padded = f" {shown} " if shown.startswith("`") or shown.endswith("`") or shown != shown.strip() else shown
    return f"{fence}{padded}{fence}"


def codes(texts: Sequence[str], room: int | None = None) -> str:
    """Several of them: as many as fit into `room` bytes, at least one, and how many more there are."""
    shown: list[str] = []
    for text in texts:
        if shown and room is not None and size(", ".join([*shown, code(text)])) > room:
            break
        shown.append(code(text))
    left = len(texts) - len(shown)
    return f"{', '.join(shown)} and {left:,} more" if left else ", ".join(shown)


def counted(count: int, noun: str) -> str:
    """A figure and what it counts: `1 change`, `2 changes`."""
    return f"{count:,} {noun if count != 1 else noun.removesuffix('s')}"


def link(text: str, url: str) -> str:
    """A link of ours to an address that somebody gave."""
    return f"[{text}](<{re.sub(_NOT_IN_URL, '', visible(url))}>)"


def prose(text: str) -> str:
    """Text as a sentence that stands within a line."""
    escaped = _PUNCTUATION.sub(r"\\\1", visible(text))
    # What GitHub links after it has made HTML of everything else.
    return _REFERENCE.sub(lambda match: f"{match[0]}{ZERO_WIDTH}", escaped)


def fenced(lines: Iterable[str], language: str = "diff") -> list[str]:
    """Lines as a code block that none of them can end; each must be `visible`."""
    shown = list(lines)
    fence = "`" * max(3, _longest_run("\n".join(shown)) + 1)
    return [f"{fence}{language}", *shown, fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def folded(summary: str, body: Iterable[str]) -> list[str]:
    """Lines that open with a click; the summary is ours, with names of stacks at most."""
    plain = re.sub(r"[^\w .,:;()+-]", "?", summary, flags=re.ASCII)
    return [f"<details><summary>{plain}</summary>", "", *body, "", "</details>", ""]


def shortened(text: str, width: int | None) -> str:
    """Text of about `width` characters at most, cut in its middle; how many are left out stands there."""
    if width is None or len(text) <= width + _MARK:
        return text
    head = width * 2 // 3
    tail = width - head
    return f"{text[:head]}…({len(text) - width} left out)…{text[len(text) - tail :]}"


def pair(before: str, after: str, width: int | None) -> tuple[str, str]:
    """Two texts, cut so that one sees where they differ: what they share at both ends goes first."""
    if width is None or max(len(before), len(after)) <= width:
        return before, after
    head = _spared(_shared(before, after))
    rest = before[head:], after[head:]
    tail = _spared(_shared(rest[0][::-1], rest[1][::-1]))
    return _window(before, head, tail, width), _window(after, head, tail, width)


def _spared(shared: int) -> int:
    """How much of a shared end can go, if it saves more than saying so takes."""
    return shared - _CONTEXT if shared > _CONTEXT + _MARK else 0


def _shared(one: str, other: str) -> int:
    """Characters at the beginning that are the same; by halves, because values may be long."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if one[:middle] == other[:middle] else (least, middle - 1)
    return least


def _window(text: str, head: int, tail: int, width: int) -> str:
    middle = shortened(text[head : len(text) - tail], width)
    before = f"…({head} left out)…" if head else ""
    after = f"…({tail} left out)…" if tail else ""
    return f"{before}{middle}{after}"
