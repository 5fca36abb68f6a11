"""The policy of this repository: edit it, it is yours. docs/policy.md says how; `settings.py` has numbers and tables.

`aurops preview --policy` and `pulumi preview --policy-pack ci/policy` ask the same rules. `CHECKS` lists them in the
order in which findings are told, and `LONGEST_WAIVER_DAYS` bounds the waivers of `waivers.yaml`.
"""

from . import (
    archive_retention,
    backup_age,
    customer_key,
    deletion_protection,
    keeps_data,
    permissions,
    public_data,
    required_tags,
    residency,
    tls_minimum,
    zones,
)
from .settings import LONGEST_WAIVER_DAYS

__all__ = ["CHECKS", "LONGEST_WAIVER_DAYS"]

CHECKS = (
    keeps_data.CHECK,
    public_data.CHECK,
    permissions.CHECK,
    residency.CHECK,
    customer_key.CHECK,
    tls_minimum.CHECK,
    deletion_protection.CHECK,
    archive_retention.CHECK,
    backup_age.CHECK,
    zones.CHECK,
    required_tags.CHECK,
)
