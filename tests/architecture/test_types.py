"""What the type checkers see."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRONG = """
import pulumi_aws as aws

aws.ec2.Vpc("net", cidr_blok="10.0.0.0/16")
aws.ec2.Vpc("net", cidr_block=["10.0.0.0/16"])
aws.s3.BucketLifecycleConfiguration("b", bucket="b", rules=[{"id": "x", "status": "Enabled", "expiry": {"days": 1}}])
"""


def test_a_wrong_property_of_a_resource_is_found_before_any_preview(tmp_path: Path) -> None:
    """An unknown keyword, a wrong type and an unknown nested property are errors of `make lint`."""
    file = tmp_path / "wrong.py"
    file.write_text(WRONG)
    ty = Path(sys.executable).with_name("ty")
    found = subprocess.run(
        [ty, "check", "--output-format", "concise", "--python", sys.prefix, file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert [line.split(":")[1] for line in found.stdout.splitlines() if "error[" in line] == ["4", "5", "6"]
