"""What each cloud makes of each field of each spec, and why they differ.

`comparison.json` is measured: each field is given another value, and the resources that then differ are written down.
`comparison.yaml` says in words why a cloud refuses a field or makes nothing of it. A test keeps both complete and true.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Measured = Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]

HERE = Path(__file__).parent
MEASURED = HERE / "comparison.json"
REASONS = HERE / "comparison.yaml"
REFUSED = "refused: "
NOTHING = "nothing"


@dataclass(frozen=True)
class Row:
    """One field.

    Args:
        noun: Of the component.
        field: Of its spec.
        makes: By cloud: the properties that it decides (`rds/cluster:Cluster.port`, `+type` and `-type` for resources
            that come and go), or that it is refused with the reason, or that the cloud makes nothing of it.
        why: Why the clouds differ; empty where each does the same by its own means.
    """

    noun: str
    field: str
    makes: Mapping[Cloud, tuple[str, ...]]
    why: str

    def is_uneven(self) -> bool:
        """Whether a cloud refuses the field or makes nothing of it."""
        return any(not told or told[0].startswith(REFUSED) for told in self.makes.values())


def rows(noun: str | None = None) -> tuple[Row, ...]:
    """Every field, or those of one noun, in the order of the specs."""
    measured: Measured = json.loads(MEASURED.read_text())
    why = reasons()
    return tuple(
        Row(each, field, {Cloud(c): tuple(told) for c, told in by_cloud.items()}, why.get(f"{each}.{field}", ""))
        for each, fields in measured.items()
        if noun in (None, each)
        for field, by_cloud in fields.items()
    )


def reasons() -> Mapping[str, str]:
    """The words, by `noun.field`."""
    document: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(REASONS.read_text())
    return {
        f"{noun}.{field}": " ".join(why.split()) for noun, fields in document.items() for field, why in fields.items()
    }


def markdown() -> str:
    """The page `docs/compare.md`: a table for each noun."""
    lines = [_HEAD]
    for noun in dict.fromkeys(row.noun for row in rows()):
        lines += [
            f"\n## {noun.capitalize()}\n",
            "| field | AWS | Azure | Google Cloud | why they differ |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{row.field}` | {' | '.join(_cell(row, cloud) for cloud in Cloud)} | {row.why} |" for row in rows(noun)
        ]
    return "\n".join([*lines, ""])


def _cell(row: Row, cloud: Cloud) -> str:
    if cloud not in row.makes:
        return ""
    told = row.makes[cloud]
    if not told:
        return NOTHING
    if told[0].startswith(REFUSED):
        return told[0].replace("|", "\\|")
    return "<br>".join(f"`{each}`" for each in told)


_HEAD = """\
# What each cloud makes of each field

Written by `python -m components.comparison docs/compare.md` and kept true by a test: every field of every spec is given
another value on each cloud, and the properties of the resources that then differ are listed. `+` and `-` are resources
that come and go. A field that a cloud cannot honour is refused before anything is planned. `aurops compare` prints the
same. Options under `aws`, `azure` and `gcp` are for that cloud alone and are left out."""


if __name__ == "__main__":
    import sys

    Path(sys.argv[1]).write_text(markdown())
