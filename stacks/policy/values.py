"""Values of resources as rules see them: what only the cloud will say, and what is secret, are marks of their own."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

from stacks.values import SECRET_MARK, UNKNOWN_MARK, masked, names_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNKNOWN_MARKS = frozenset(
    {
        UNKNOWN_MARK,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""What the engine puts for an unknown text, truth value, number, list, asset, archive or mapping (its source,
`sdk/go/common/resource/plugin/rpc.go`)."""
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the signature of a secret, `resource.SecretSig`)
_LONGEST = 80


class Mark(Enum):
    """What stands where no value can be seen."""

    UNKNOWN = "known after up"
    SECRET = "secret"  # noqa: S105 (a word)


UNKNOWN, SECRET = Mark.UNKNOWN, Mark.SECRET


def marked(value: Any) -> Any:
    """The engine's JSON with marks of ours; numbers without a fraction are integers, as the wire knows only floats."""
    if isinstance(value, dict):
        if value.get(SECRET_MARK) == _SECRET:
            return SECRET
        return {key: _of_key(key, marked(each)) for key, each in value.items()}
    if isinstance(value, list):
        return [marked(each) for each in value]
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_MARKS else SECRET if value == "[secret]" else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _of_key(key: str, value: Any) -> Any:
    """A text under a name that only secrets have is one, though nobody marked it."""
    return SECRET if isinstance(value, str) and names_secret(key) else value


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, whose numbers count through lists.

    Returns:
        None where there is nothing; a mark where it, or what it is in, cannot be seen.
    """
    here: Any = values
    for part in path.split("."):
        if isinstance(here, Mark):
            return here
        if isinstance(here, dict):
            here = here.get(part)
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return here


def items(value: Any) -> list[Any] | Mark:
    """The items of a list, none where there is nothing; a mark where the list or one of them cannot be seen."""
    if isinstance(value, Mark):
        return value
    some = value if isinstance(value, list) else []
    return next((each for each in some if isinstance(each, Mark)), some)


def parsed(value: Any) -> Any:
    """What a JSON text says; a mark, or what is no text, stays as it is.

    Raises:
        ValueError: A text that is no JSON.
    """
    return json.loads(value) if isinstance(value, str) else value


def shown(value: Any) -> str:
    """The value for a sentence: marks by their word, long ones cut."""
    if isinstance(value, Mark):
        return f"[{value.value}]"
    whole = masked(json.dumps(value, ensure_ascii=False, default=shown))
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"
