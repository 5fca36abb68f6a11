"""The lab: stand-in Pulumi providers and the world that they change. No cloud account, never a measured RTO."""

from typing import Final

LAB_VARIABLE: Final = "AUROPS_LAB"
"""Environment variable that a lab session sets to its folder; without it the stand-in providers refuse to start."""
