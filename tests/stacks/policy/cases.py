"""Resources that keep a rule and that break it, by rule and cloud: the smallest inputs that decide it."""

from __future__ import annotations

from tests.stacks.policy.cases_stack import BACKUPS, PERMISSIONS, RESIDENT, RETENTION, TAGGED, ZONES
from tests.stacks.policy.cases_stores import CUSTOMER_KEY, DELETION, PUBLIC, TLS

CASES = (
    *CUSTOMER_KEY,
    *PUBLIC,
    *TLS,
    *DELETION,
    *BACKUPS,
    *TAGGED,
    *RESIDENT,
    *ZONES,
    *PERMISSIONS,
    *RETENTION,
)
