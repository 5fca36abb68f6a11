"""The command line: fast, honest, with the documented exit codes."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from aurops import __version__
from failover.faults import FAULTS
from runbooks.cli import COMMANDS
from runbooks.doctor import pulumi_cli
from tests.runbooks.here import here

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


EVERY = [
    *((name,) for name in ("approve", "gates", "hold", "release", "rollback")),
    *(("cutover", verb) for verb in ("run", "release", "report")),
    ("archive", "lock"),
    *((name,) for name in ("compare", "destroy", "drift", "init", "preview", "recover", "status", "up")),
    *(("lab", verb) for verb in ("list", "tamper", "status", "reset", "run")),
    *(("gateway", verb) for verb in ("build", "edge", "check")),
    ("doctor",),
    ("failback",),
    ("failover",),
    ("failover-test",),
    ("halt",),
    ("reprotect",),
    *(("local", verb) for verb in ("up", "status", "down")),
    ("watch",),
    *(("watch", verb) for verb in ("hold", "resume", "status")),
    *(
        ("runs", verb)
        for verb in ("serve", "list", "show", "lost", "verify", "pause", "resume", "bring-back", "abort", "skip")
    ),
]


def test_the_list_of_commands_above_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """A new command, or a new verb of one, is tested too."""
    assert {command[0] for command in EVERY} == set(COMMANDS)
    for group in ("archive", "cutover", "gateway", "lab", "local", "runs", "watch"):
        assert here(group, "--help") == 0
        verbs = re.findall(r"^  ([a-z-]+) ", capsys.readouterr().out.partition("Commands:")[2], re.MULTILINE)
        assert verbs == [verb for name, *rest in EVERY if name == group for verb in rest]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_has_help_and_refuses_what_it_does_not_know(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` explains every option and exits 0; an unknown option is named and exits 2."""
    assert here(*command, "--help") == 0
    told = capsys.readouterr().out
    assert f"Usage: pytest {' '.join(command)}" in re.sub("Usage: (python -m )?[^ ]+", "Usage: pytest", told)
    options = re.findall(r"^ +(--[a-z-]+)(.*)$", told, re.MULTILINE)
    assert all(text.strip() for _, text in options), options
    assert "completion" not in told
    assert here(*command, "--nonsense") == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("group", ["cutover", "gateway"])
def test_what_each_verb_does_is_whole_in_a_narrow_terminal(
    group: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns the list of verbs cuts no sentence short."""
    monkeypatch.setenv("COLUMNS", "80")
    assert here(group, "--help") == 0
    lines = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert lines
    assert [line for line in lines if line.endswith(("...", "…"))] == []


@pytest.mark.parametrize("group", ["local", "runs"])
def test_an_unknown_subcommand_is_refused(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named; no subcommand at all shows the help."""
    assert here(group, "nonsense") == 2
    assert "nonsense" in capsys.readouterr().err
    assert here(group) == 2
    assert "Commands:" in capsys.readouterr().err


def test_the_version_names_what_a_report_of_a_fault_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """aurops, the Pulumi CLI, its SDK and each provider, with versions, or that they are not installed."""
    assert here("--version") == 0
    said = capsys.readouterr().out.splitlines()
    lines = dict(line.rsplit(maxsplit=1) for line in said)
    assert lines["aurops"] == __version__
    assert lines["pulumi"] == metadata.version("pulumi")
    assert lines["pulumi-aws"] == metadata.version("pulumi-aws")
    assert f"pulumi CLI {pulumi_cli() or 'none that answers'}" in said


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("aurops fail", {"failback", "failover", "failover-test"}),
        ("aurops runs s", {"serve", "show", "skip"}),
        ("aurops failover-test --r", {"--region", "--rto", "--rpo", "--rate", "--report", "--runs"}),
        ("aurops failover-test --fault ", set(FAULTS)),
        ("aurops failover-test --fault k", {"kill"}),
    ],
)
def test_bash_completes_commands_options_and_values(typed: str, offered: set[str]) -> None:
    """The script that `--show-completion` prints works in a real bash, for commands of the lazy table as well."""
    script = (
        'eval "$(aurops --show-completion bash)"; complete -p aurops >&2; read -ra COMP_WORDS <<< "$1"; '
        '[[ "$1" == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); '
        '_aurops_completion aurops; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script, "bash", typed], capture_output=True, text=True, check=True, env=env)
    assert "-F _aurops_completion aurops" in done.stderr
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "list"], ["runs", "list", "--json"], ["local", "status"]])
def test_a_reader_who_has_gone_is_no_bug(arguments: list[str], tmp_path: Path) -> None:
    """`aurops … | head -0`: exit 141 as from any program that SIGPIPE ends, and not a word on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        env = {"PATH": "/usr/bin:/bin", "AUROPS_STORE": str(tmp_path)}
        command = [sys.executable, "-m", "runbooks", *arguments]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=env)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """Output that cannot be written is the environment's fault: exit 3, and why."""
    with Path("/dev/full").open("w") as full:
        env = {"PATH": "/usr/bin:/bin", "AUROPS_STORE": str(tmp_path)}
        command = [sys.executable, "-m", "runbooks", "runs", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=env)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "nonsense"),
        (["preview", "--lab", "--since", ""], 2, "the revision is empty"),
        (["failover-test", "--fault", "flood"], 2, "flood"),
        (["failover-test", "--region", "moon"], 2, "moon"),
        (["failover-test", "--fault", "double", "--region", "west"], 2, "makes no sense in west"),
        (["failover-test", "--fault", "cache", "--rto", "3"], 2, "--rto"),
        (["failover-test", "--experiment", "/no/such.yaml"], 2, "/no/such.yaml"),
        (["failover-test", "--experiment", "/no/such.yaml", "--fault", "kill"], 2, "--experiment, --fault"),
        (["halt"], 2, "--reason"),
        (["failover-test", "--rto", "-1"], 2, "--rto"),
        (["failover-test", "--rate", "1"], 2, "--rate"),
        (["failover-test", "--report", "/proc/none/report.html"], 2, "/proc/none/report.html"),
        (["failover", "north", "--bed", "no-such-bed"], 2, "no-such-bed"),
        (["failover", "north", "--planned", "--force"], 2, "--planned or --force"),
        (["failback", "--bed", "no-such-bed"], 2, "no-such-bed"),
        (["local", "up", "--first-port", "99999"], 2, "--first-port"),
        (["runs", "show", "no-such-run"], 2, "no-such-run"),
        (["runs", "show", "../../etc"], 2, "../../etc"),
    ],
)
def test_nonsense_is_refused_with_the_documented_exit_code(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong usage says what is wrong, exits as documented, and shows no traceback."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path))
    assert here(*arguments) == code
    told = capsys.readouterr()
    assert says in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("x = 1\ny = {}['gone']\n", 2, "KeyError: 'gone'\n  where: {file}, line 2"),
        ("x = 1\ndef def\n", 2, "SyntaxError: invalid syntax\n  where: {file}, line 2"),
        ("import no_such_package.part\n", 3, "the package no_such_package is not installed"),
        ("import stacks.no_such_module\n", 2, "No module named 'stacks.no_such_module'\n  where: {file}, line 1"),
    ],
)
def test_code_that_cannot_be_loaded_is_named_by_file_and_line(
    source: str,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A component, a stack file's model: the team's own code, so exit 2; a package that is missing is exit 3."""
    file = tmp_path / "broken_command.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "preview", COMMANDS["preview"]._replace(module="broken_command"))
    assert here("preview") == code
    assert says.format(file=file) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("preview", "nothing was begun or changed"),
        ("up", "`aurops runs list` shows what was begun"),
        ("runs serve", "nothing was begun or changed"),
        ("runs resume", "`aurops runs list` shows what was begun"),
        ("gateway check", "it begins no run; each file is whole, or as it was"),
        (
            "rollback",
            "what it began holds: a proxy may be latched, and all at V10; to go back everywhere give it again",
        ),
    ],
)
def test_who_stops_a_command_that_only_looks_is_sent_to_no_list_of_runs(
    command: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preview begins nothing, and says so; what changes something names where to look, or what it is that stays."""
    (tmp_path / "stopped_command.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stopped_command", raising=False)
    name = command.split(maxsplit=1)[0]
    monkeypatch.setitem(COMMANDS, name, COMMANDS[name]._replace(module="stopped_command"))
    assert here(*command.split()) == 130
    assert capsys.readouterr().err == f"aurops: stopped by SIGINT; {says}\n"


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_who_closed_a_stream_gets_the_commands_own_exit_code(closed: str, tmp_path: Path) -> None:
    """As a service manager may: done is 0, not a bug (70) and not a no (1); wrong usage is 2."""
    for command, code in (("runs list", 0), ("runs show nothing", 2)):
        shell = f'exec "{sys.executable}" -m runbooks {command} {closed}'
        env = os.environ | {"AUROPS_STORE": str(tmp_path / "store")}
        assert subprocess.run(["sh", "-c", shell], env=env, check=False).returncode == code, command


def test_a_store_of_an_unknown_kind_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An URL scheme that aurops does not know is a usage error that lists those it does."""
    monkeypatch.setenv("AUROPS_STORE", "ftp://x/y")
    assert here("runs", "list") == 2
    assert "s3://" in capsys.readouterr().err


def test_the_halt_switch_turns_on_and_off(tmp_path: Path) -> None:
    """`halt` says what it did, and how to undo it."""
    assert "--off" in aurops("halt", "--reason", "test", store=tmp_path).stdout
    assert "may go on" in aurops("halt", "--off", store=tmp_path).stdout
