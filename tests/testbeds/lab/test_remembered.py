"""What is remembered of an SDK's types is what the SDK says."""

from pathlib import Path

import pytest

from aurops.caches import CACHE_HOME
from testbeds.lab import remembered
from testbeds.lab.remembered import RememberedSdk, dump
from testbeds.lab.shapes import Sdk, UnknownTypeError

PACKAGE = "pulumi_aws"
TYPES = (
    "aws:rds/cluster:Cluster",
    "aws:s3/bucket:Bucket",
    "aws:lb/listenerRule:ListenerRule",
    "aws:wafv2/webAcl:WebAcl",  # whose statements contain statements
)
FUNCTION = "aws:index/getRegion:getRegion"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv(CACHE_HOME, str(tmp_path))
    return tmp_path


def test_a_second_session_is_told_what_the_first_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs, outputs, results, source and version, to the last field, without the SDK."""
    sdk, first = Sdk(PACKAGE), RememberedSdk(PACKAGE)
    for token in TYPES:
        first.resource(token)
    told = (first.version, first.source(TYPES[0]), dump({"f": first.result(FUNCTION)}))
    monkeypatch.setattr(remembered, "Sdk", lambda package: pytest.fail(f"{package} was imported"))
    second = RememberedSdk(PACKAGE)
    assert (second.version, second.source(TYPES[0]), dump({"f": second.result(FUNCTION)})) == told
    assert told == (sdk.version, sdk.source(TYPES[0]), dump({"f": sdk.result(FUNCTION)}))
    for token in TYPES:
        read, again = sdk.resource(token), second.resource(token)
        assert again.token == token
        assert dump({"i": again.inputs, "o": again.outputs}) == dump({"i": read.inputs, "o": read.outputs})


def test_a_broken_file_is_read_anew(home: Path) -> None:
    """What a full disk left is no obstacle."""
    whole = RememberedSdk(PACKAGE).resource(TYPES[0])
    (file,) = home.glob("lab-types/*/resource*.json")
    file.write_text(file.read_text()[:100])
    assert RememberedSdk(PACKAGE).resource(TYPES[0]).inputs.keys() == whole.inputs.keys()
    assert RememberedSdk(PACKAGE).resource(TYPES[0]).outputs.keys() == whole.outputs.keys()


def test_without_a_place_to_write_it_goes_on(home: Path) -> None:
    """A file is in the folder's way."""
    (home / "lab-types").write_text("")
    assert RememberedSdk(PACKAGE).resource(TYPES[0]).inputs


def test_without_a_home_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may have none."""

    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(CACHE_HOME)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert RememberedSdk(PACKAGE).resource(TYPES[0]).inputs


def test_what_the_sdk_lacks_is_not_remembered(home: Path) -> None:
    """It may have it in the next moment's installation, and says so itself."""
    with pytest.raises(UnknownTypeError):
        RememberedSdk(PACKAGE).resource("aws:moon/base:Base")
    assert not [*home.glob("lab-types/*/*")]
