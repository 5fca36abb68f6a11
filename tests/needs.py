"""What some tests need of the machine; without it they are skipped by name."""

import shutil

import pytest

NO_PULUMI = "no `pulumi` on PATH: https://www.pulumi.com/docs/install"
needs_pulumi = pytest.mark.skipif(shutil.which("pulumi") is None, reason=NO_PULUMI)
