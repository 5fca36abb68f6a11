"""Files that are replaced as a whole."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aurops import files
from aurops.files import write_durably


def test_two_who_write_one_file_at_once_both_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text is whole whenever somebody looks; nobody fails; nothing is left beside it."""
    monkeypatch.setattr(files.os, "fsync", lambda _: None)
    file, texts = tmp_path / "latch.json", ("a" * 100_000, "b" * 200_000)
    write_durably(file, texts[0])

    def write(text: str) -> None:
        for _ in range(200):
            write_durably(file, text)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, text) for text in texts]
        while not all(writer.done() for writer in writers):
            assert file.read_text() in texts
    for writer in writers:
        writer.result()
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_text_and_nothing_else(tmp_path: Path) -> None:
    """A folder stands where the file is to be."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_durably(tmp_path / "taken", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
