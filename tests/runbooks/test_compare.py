"""`aurops compare` prints what was measured."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from runbooks.compare import app


def test_one_noun_as_text_says_property_refusal_and_reason() -> None:
    """Each field with what each cloud makes of it; a refusal in the words that a stack file would meet."""
    done = CliRunner().invoke(app, ["database"])
    assert done.exit_code == 0
    assert "database.backup_retention_days" in done.stdout
    assert "rds/cluster:Cluster.backupRetentionPeriod" in done.stdout
    assert "refused: on AWS every region can take over" in done.stdout
    assert "cache." not in done.stdout


def test_as_json_every_row_has_its_clouds_and_its_reason() -> None:
    """For programs: a list of rows; `--uneven` leaves out what every cloud does."""
    rows = json.loads(CliRunner().invoke(app, ["--json"]).stdout)
    uneven = json.loads(CliRunner().invoke(app, ["--json", "--uneven"]).stdout)
    assert len(rows) > len(uneven) > 0
    assert all(set(row) == {"noun", "field", "makes", "why"} for row in rows)
    assert all(row["why"] for row in uneven)


def test_an_unknown_noun_is_refused() -> None:
    """The error lists those that exist."""
    done = CliRunner().invoke(app, ["databse"])
    assert "there is no component" in str(done.exception)
