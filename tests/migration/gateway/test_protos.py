"""Protos, compiled."""

from pathlib import Path

import pytest

from aurops.errors import UsageError
from migration.gateway.protos import compile_protos
from testbeds.local.platforms.protos import FOLDER, PACKAGE


def test_the_set_holds_every_service_and_what_errors_carry() -> None:
    """Services of the sample, Google's annotations, and the messages that travel in errors."""
    files = compile_protos([FOLDER]).file
    assert sum(len(file.service) for file in files if file.package == PACKAGE) == 9
    assert {"google/api/annotations.proto", "google/rpc/error_details.proto"} <= {file.name for file in files}


def test_a_wrong_proto_is_named_with_its_line(tmp_path: Path) -> None:
    """Protoc's own words reach the user: file, line, what is wrong."""
    (tmp_path / "a.proto").write_text('syntax = "proto3";\nmessage A { strin x = 1; }\n')
    with pytest.raises(UsageError, match=r'a\.proto:2:13: "strin" is not defined'):
        compile_protos([tmp_path])


def test_a_folder_without_protos_is_refused(tmp_path: Path) -> None:
    """Nothing to serve is a mistake in the configuration, not an empty gateway."""
    with pytest.raises(UsageError, match="no proto"):
        compile_protos([tmp_path])
