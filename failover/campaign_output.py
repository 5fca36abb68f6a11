"""A campaign for machines and for people: JUnit for a CI, one self-contained HTML page for everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from aurops.report import FILTERS, Verdict

if TYPE_CHECKING:
    from failover.campaign import CampaignReport, Trial


def junit(report: CampaignReport) -> str:
    """JUnit XML: one case for each drill; a failed one is a failure, one that proved nothing is skipped."""
    suite = ET.Element("testsuite", name=f"aurops campaign, seed {report.seed}")
    counts = {
        "tests": len(report.trials),
        "failures": sum(trial.verdict is Verdict.FAILED for trial in report.trials),
        "skipped": sum(trial.verdict is Verdict.INCONCLUSIVE for trial in report.trials),
        "errors": 0,
    }
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    suite.set("time", f"{sum(trial.took_s for trial in report.trials):.2f}")
    for trial in report.trials:
        name = f"{trial.fault} {trial.region}, seed {trial.seed}"
        case = ET.SubElement(suite, "testcase", classname="aurops.failover-test", name=name, time=f"{trial.took_s:.2f}")
        if trial.verdict is Verdict.FAILED:
            ET.SubElement(case, "failure", message=trial.because).text = repeat(trial)
        if trial.verdict is Verdict.INCONCLUSIVE:
            ET.SubElement(case, "skipped", message=trial.because)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def repeat(trial: Trial) -> str:
    """The command that does this drill alone."""
    return f"aurops failover-test --runs 1 --seed {trial.seed}"


def html(report: CampaignReport) -> str:
    """The page."""
    from aurops import page  # noqa: PLC0415 (only when HTML is wanted)
    from failover import campaign_chart  # noqa: PLC0415

    return page.render(
        "failover/campaign.html.j2",
        {**FILTERS, "repeat": repeat},
        report=report,
        charts=campaign_chart.charts(report),
    )
