"""Records that must be kept and cannot be changed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.spec import Spec


class ArchiveSpec(Spec):
    """Write-once storage with a copy in another region."""

    replica_region: str
    """Region of the copy; another one than the archive's. No default: where records may lie is a legal question."""

    retention_years: Annotated[int, Field(ge=1, le=100)] = 7
    """Years that objects cannot be deleted or overwritten. Seven suits most commercial law. It can be raised later, and
    never takes effect backwards."""

    locked: bool = False
    """Whether the retention can never be shortened or lifted again, by anybody. `aurops archive lock` sets it, after it
    asked; until then whoever has a right of its own can still lift it, so that a mistake is not kept for years."""

    deep_archive_after_days: Annotated[int, Field(ge=0, le=3650)] = 90
    """Days until an object moves to the cheapest class; audits ask for the last quarter, hardly ever for more."""

    prefix: Annotated[str, Field(pattern=r"^[a-z0-9/_-]*$")] = ""
    """Only objects under it move to the cheapest class; all by default."""

    @model_validator(mode="after")
    def _minimum_duration(self) -> Self:
        if self.deep_archive_after_days >= self.retention_years * 365:
            raise ValueError("deep_archive_after_days must be shorter than retention_years")
        return self
