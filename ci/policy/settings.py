"""What a team decides: numbers, tags, and where data may lie. Change them here; docs/policy.md follows."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

LONGEST_WAIVER_DAYS: Final = 366
"""How many days ahead a waiver may end at most: somebody looks at each one at least once a year."""

BACKUP_DAYS: Final = 7
"""How far back a backup must reach at least: a mistake of Friday is often found on Monday."""

ARCHIVE_YEARS: Final = 7
"""How long an archive must keep records at least: seven years suit most commercial law."""

KEY_DELETION_DAYS: Final = 7
"""How long the deletion of a key, a vault or a secret must be reversible at least."""

REQUIRED_TAGS: Final = ("owner", "data-class", "cost-center", "environment")
"""Tags that everything carries. Spelled so that every cloud takes them: Google Cloud's labels know lower-case letters,
digits, `-` and `_` only (Resource Manager, "Requirements for labels")."""

DATA_CLASS: Final = "data-class"
"""The tag that says how sensitive data is; its values are those of `RESIDENCY`."""

ANYWHERE: Final = "anywhere"

RESIDENCY: Final = MappingProxyType(
    {
        "public": (ANYWHERE,),
        "internal": (ANYWHERE,),
        # Where this fleet is. Which law allows what is a question for a lawyer: this table holds the answer.
        "confidential": ("us", "eu", "sg"),
        "personal-eu": ("eu",),
    }
)
"""By data class: the jurisdictions (`jurisdictions.py`) or single regions (`eu-west-1`) in which such data may lie,
copies and backups included."""
