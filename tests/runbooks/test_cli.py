"""The command line: fast, honest, with the documented exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from runbooks.cli import COMMANDS

HEAVY = ("pulumi", "boto3", "botocore", "azure", "googleapiclient", "altair", "aiohttp", "psycopg", "obstore")


def aurops(*arguments: str, store: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    env = {"PATH": "/usr/bin:/bin", "AUROPS_STORE": str(store), "HOME": str(store)}
    return subprocess.run(
        [sys.executable, "-m", "runbooks", *arguments], capture_output=True, text=True, check=False, env=env
    )


def test_help_imports_no_sdk_and_no_command() -> None:
    """`aurops --help` imports neither an SDK nor a command's module."""
    script = (
        "import sys\nfrom runbooks.cli import main\ntry:\n main(['--help'])\nexcept SystemExit: pass\n"
        "print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))\n"
        "print('COMMANDS', *[m for m in sorted(sys.modules) if m.startswith('runbooks.')])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = next(line for line in out.splitlines() if line.startswith("LOADED")).split()
    assert not set(HEAVY) & set(loaded)
    assert next(line for line in out.splitlines() if line.startswith("COMMANDS")).split()[1:] == [
        "runbooks.cli",
        "runbooks.stopping",
    ]
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_has_help(name: str, tmp_path: Path) -> None:
    """Each command explains itself and exits 0."""
    asked = aurops(name, "--help", store=tmp_path)
    assert asked.returncode == 0, asked.stderr
    assert "Usage" in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "nonsense"),
        (["failover-test", "--fault", "flood"], 2, "flood"),
        (["failover-test", "--region", "moon"], 2, "moon"),
        (["runs", "show", "no-such-run"], 2, "no-such-run"),
    ],
)
def test_nonsense_is_refused_with_the_documented_exit_code(
    arguments: list[str], code: int, says: str, tmp_path: Path
) -> None:
    """Wrong usage says what is wrong, exits as documented, and shows no traceback."""
    asked = aurops(*arguments, store=tmp_path)
    assert (asked.returncode, says in asked.stderr) == (code, True), asked.stderr
    assert "Traceback" not in asked.stderr


def test_a_store_of_an_unknown_kind_is_refused() -> None:
    """An URL scheme that aurops does not know is a usage error that lists those it does."""
    asked = subprocess.run(
        [sys.executable, "-m", "runbooks", "runs", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "AUROPS_STORE": "ftp://x/y"},
    )
    assert asked.returncode == 2
    assert "s3://" in asked.stderr


def test_the_halt_switch_turns_on_and_off(tmp_path: Path) -> None:
    """`halt` says what it did, and how to undo it."""
    assert "--off" in aurops("halt", "--reason", "test", store=tmp_path).stdout
    assert "may go on" in aurops("halt", "--off", "--reason", "test", store=tmp_path).stdout
