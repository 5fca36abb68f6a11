"""docs/policy.md says what the rules say: AUROPS_ACCEPT=1 writes its table anew."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from stacks.policy.judge import OWN
from tests.stacks.policy.conftest import ROOT

if TYPE_CHECKING:
    from stacks.policy.pack import Pack

PAGE = ROOT / "docs" / "policy.md"
HEAD = "| rule | what must hold | why | how to mend it | control |\n|---|---|---|---|---|\n"
_NIST, _ISO = r"[A-Z]{2}-\d+(\(\d+\))?", r"A\.\d\.\d+"
CONTROL = re.compile(rf"NIST SP 800-53 {_NIST}(, {_NIST})*; ISO/IEC 27001 {_ISO}(, {_ISO})*")
BETWEEN = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- /rules -->)", re.DOTALL)


def test_the_page_says_what_the_rules_say(pack: Pack) -> None:
    """Each rule with title, why, mend and control, in the order in which findings are told."""
    rules = [*(check.rule for check in pack.checks), *OWN]
    table = HEAD + "".join(
        f"| `{rule.id}` | {rule.title} | {rule.why} | {rule.mend} | {rule.control} |\n" for rule in rules
    )
    page = BETWEEN.sub(lambda _: table, PAGE.read_text())
    if os.environ.get("AUROPS_ACCEPT"):
        PAGE.write_text(page)
    assert page == PAGE.read_text(), "AUROPS_ACCEPT=1 writes the table"


def test_every_rule_says_why_how_to_mend_it_and_whom_it_serves(pack: Pack) -> None:
    """Sentences, and a control of NIST SP 800-53 (revision 5) and of ISO/IEC 27001:2022."""
    for rule in (*(check.rule for check in pack.checks), *OWN):
        assert all(text.endswith(".") for text in (rule.title, rule.why, rule.mend)), rule.id
        assert CONTROL.fullmatch(rule.control), rule.control
