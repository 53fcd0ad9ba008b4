"""What is exported is nobody else's to read, whatever stood under the file's name before."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tests.cli.command import run
from wechat_dialog.operators.export import IsALink, private_file

SHOP = 'from wechat_dialog import Bot\nbot = Bot("token", store="sqlite:///bot.db")\n'


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o600])
def test_an_export_is_for_its_owner_whatever_was_there(before: int | None, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    file = tmp_path / "all.jsonl"
    if before is not None:
        file.write_text("old")
        file.chmod(before)
    done = run(tmp_path, "conversations", "export", "shop:bot", "all.jsonl", "--store", "memory://")
    assert (done.returncode, mode(file)) == (0, 0o600), done.stderr
    assert file.read_text().startswith('{"wechat-dialog"')
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".all")]


def test_whoever_has_the_old_file_open_does_not_read_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    file.chmod(0o644)
    with file.open() as reader, private_file(str(file)) as writer:
        writer.write(b"secret")
        assert file.read_text() == "old"
        assert reader.read() == "old"
    assert file.read_text() == "secret"


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("old")

    def fail() -> None:
        with private_file(str(file)) as writer:
            writer.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [one.name for one in tmp_path.iterdir()] == ["f"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("there", [True, False])
def test_no_link_is_followed_or_replaced(there: bool, tmp_path: Path) -> None:
    """A folder of everybody's may hold a link that somebody put there."""
    target = tmp_path / "theirs"
    if there:
        target.write_text("theirs")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "shop.py").write_text(SHOP)
    with pytest.raises(IsALink), private_file(str(tmp_path / "link")):
        pass
    done = run(tmp_path, "conversations", "export", "shop:bot", "link", "--store", "memory://")
    assert done.returncode == 2
    assert "symbolic link" in done.stderr
    assert target.exists() is there
    assert not there or target.read_text() == "theirs"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with private_file(str(pipe)) as writer:
        writer.write(b"secret")
    reader.join(10)
    assert got == [b"secret"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
