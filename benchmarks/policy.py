"""What `--policy` adds to `aurops preview`: reading the rules and judging 13 stacks, against the preview itself.

Run: python benchmarks/policy.py [N]    (default N=20 rounds; needs pulumi on PATH)

One preview of the whole fleet, as new, on the lab's stand-ins; then N times what the option does after it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from runbooks.policy import Rules, own_rules
from stacks.config import load
from stacks.preview import preview
from stacks.review import Review
from stacks.site import Site
from testbeds.lab.session import lab_session

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Measure and print a row."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    fleet = load(ROOT / "stacks")
    with tempfile.TemporaryDirectory() as folder, lab_session(ROOT, folder=Path(folder) / "lab") as lab:
        began_s = time.monotonic()
        previews = preview(Site(lab.work_dir, lab.env, is_lab=True), fleet, tuple(fleet.stacks))
        preview_s = time.monotonic() - began_s
    failed = [each.stack for each in previews if each.error]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 3
    reading_s, judging_s, review = [], [], Review(previews)
    for _ in range(rounds):
        began_s = time.monotonic()
        rules: Rules = own_rules()
        read_s = time.monotonic()
        judged = rules.judged(review, fleet.stacks)
        reading_s.append(read_s - began_s)
        judging_s.append(time.monotonic() - read_s)
    resources = sum(len(each.changes.declared) for each in previews)
    added_s = statistics.median(reading_s) + statistics.median(judging_s)
    print(f"stacks {len(previews)}, resources {resources}, rules {len(rules.pack.checks)}, n {rounds}")
    print(f"preview {preview_s:.1f} s; rules read {statistics.median(reading_s) * 1000:.0f} ms, at first")
    print(f"  {reading_s[0] * 1000:.0f} ms; judged {statistics.median(judging_s) * 1000:.0f} ms, at most")
    print(f"  {max(judging_s) * 1000:.0f} ms; together {added_s / preview_s:.1%} of the preview")
    print(f"findings {len(judged.findings or ())}, of them violations {len(judged.violations)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
