"""`wechat-dialog signal`, `begin` and `work`, and time in the terminal's chat."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import BOTS, COMMAND, PATIENCE, environment, is_there, run
from tests.forking import Forked
from tests.full_path.people import ACCOUNT, push, signed
from tests.full_path.waiting import make_bot
from tests.redis_server import wait_until

USER = "oUser0000000000000000000001"
SHOP = """
from wechat_dialog import Bot, NoAnswer

bot = Bot(timeout=None)

@bot.text("买")
def buy(chat):
    chat.say("请付款")
    try:
        paid = yield from chat.wait_for("paid", dict, match="A1", within=900)
    except NoAnswer:
        return "超时了"
    return f"收到 {paid['fen']} 分"

@bot.text("两件")
def two(chat):
    chat.remind(60, "先")
    chat.remind(120, "后")
    return "好"

@bot.text("嗨")
def hello(chat):
    return "嗨！"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a bot that has a store, where somebody waits for a payment."""
    (tmp_path / "mine.py").write_text(
        "import os\n"
        "from tests.full_path.waiting import make_bot, to_file\n"
        f'bot = make_bot("sqlite:///{tmp_path / "bot.db"}", to_file("ledger.txt"), '
        "timers=not os.environ.get('ONLY_ANSWERS'))\n"
    )
    return tmp_path


def said(folder: Path, *texts: str) -> None:
    """Have a user write to it, in a process that sees to no timers."""
    ledger: list[str] = []
    bot = make_bot(f"sqlite:///{folder / 'bot.db'}", ledger.append, timers=False)
    for text in texts:
        bot.answer(push(USER, Content=text), signed())
    wait_until(lambda: bot.store.account(bot._name_in_store()) == ACCOUNT, "its note")
    bot.close()


def ledger(folder: Path) -> list[str]:
    file = folder / "ledger.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_a_signal_from_a_shell_goes_on_with_the_conversation(folder: Path) -> None:
    said(folder, "等钱")
    arguments = ("signal", "mine:bot", USER, "paid", '{"fen": 990}', "--match", "A1", "--id", "T1")
    taken = run(folder, *arguments)
    assert (taken.returncode, taken.stdout) == (0, "taken: a conversation has continued\n")
    assert f"{USER} paid 990" in ledger(folder)
    repeated = run(folder, *arguments)
    assert repeated.stdout == "repeated: this id came before; nothing was done\n"
    kept = run(folder, "signal", "mine:bot", USER, "other")
    assert kept.stdout == "kept until a conversation waits for it\n"


def test_a_conversation_is_begun_from_a_shell(folder: Path) -> None:
    said(folder, "嗨")
    done = run(folder, "begin", "mine:bot", USER, "visit", '{"place": "门口"}')
    assert (done.returncode, done.stdout) == (0, "taken: a new conversation has begun\n")
    assert f"{USER} at 门口" in ledger(folder)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("signal", "mine:bot", USER, "paid", "{"), "is no JSON"),
        (("signal", "mine:bot", USER, "paid", '{"fen": "x"}', "--match", "A1"), "does not fit"),
        (("signal", "mine:bot", USER, ""), "a signal has a name"),
        (("begin", "mine:bot", USER, "nobody"), "the bot has no dialog 'nobody'"),
        (("begin", "mine:bot", USER, "visit", "[]"), "a JSON object is wanted"),
    ],
)
def test_what_cannot_be_sent_is_one_line_and_status_2(
    folder: Path, arguments: tuple[str, ...], why: str
) -> None:
    said(folder, "等钱")
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_not_there_is_not_made(folder: Path) -> None:
    done = run(folder, "signal", "mine:bot", USER, "paid")
    assert done.returncode == 2
    assert not (folder / "bot.db").exists()


# work ---------------------------------------------------------------------------------------------


@contextmanager
def working(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A process that works, until the block's end at the latest."""
    process = Forked(
        [*COMMAND, "work", "mine:bot", *options], cwd=folder, env=environment(), text=True,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "two workers"])
def test_a_process_does_what_falls_due_and_nothing_else(
    folder: Path, options: tuple[str, ...]
) -> None:
    said(folder, "小睡", "占座")
    with working(folder, *options) as process:
        wait_until(lambda: f"{USER} woke" in ledger(folder), "it to be done")
        wait_until(lambda: f"{USER} released" in ledger(folder), "the other, too")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert f"{ACCOUNT}, store" in process.stderr.read()
    assert [line for line in ledger(folder) if "begins" not in line].count(f"{USER} woke") == 1


def test_a_worker_that_ends_by_itself_is_started_again(folder: Path) -> None:
    said(folder, "小睡")
    (folder / "mine.py").write_text(
        (folder / "mine.py").read_text()
        + "import pathlib\n"
        + "if not pathlib.Path('once').exists() and __name__ == 'mine':\n"
        + "    import multiprocessing\n"
        + "    if multiprocessing.parent_process() is not None:\n"
        + "        pathlib.Path('once').touch(); os._exit(3)\n"
    )
    with working(folder, "--workers", "2"):
        wait_until(lambda: f"{USER} woke" in ledger(folder), "it to be done")
    assert (folder / "once").exists()


def test_workers_end_with_the_process_that_started_them(folder: Path) -> None:
    said(folder, "嗨")
    with working(folder, "--workers", "2") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(children.read_text().split()) >= 2, "its workers")
        pids = [int(pid) for pid in children.read_text().split()]
        process.kill()
        process.wait(PATIENCE)
        wait_until(lambda: not any(is_there(pid) for pid in pids), "them to end")


def test_a_2017_module_has_no_timers(folder: Path) -> None:
    (folder / "bots.py").write_text(BOTS + "\nbot = 5\n")
    done = run(folder, "work", "bots:bot")
    assert done.returncode == 2


# chat ---------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def test_in_the_terminal_a_signal_is_sent_and_time_passes_in_order(shop: Path) -> None:
    given = '买\n/signal paid match=A1 {"fen": 990}\n嗨\n买\n/wait 3600\n嗨\n两件\n/wait 3600\n嗨\n'
    done = run(shop, "chat", "shop:bot", given=given)
    assert done.stdout.splitlines() == [
        "请付款", "收到 990 分", "嗨！", "请付款", "超时了", "嗨！", "好", "先", "后", "嗨！",
    ]  # fmt: skip
    assert "有对话接着走了" in done.stderr
    assert "到点做了 1 件事" in done.stderr
    assert "到点做了 2 件事" in done.stderr
    assert done.returncode == 0


def test_a_signal_that_cannot_be_is_told_and_the_chat_goes_on(shop: Path) -> None:
    done = run(shop, "chat", "shop:bot", given="嗨\n/signal paid {\n/signal\n嗨\n")
    assert done.stdout.splitlines() == ["嗨！", "嗨！"]
    assert "数据不是 JSON" in done.stderr
    assert "/signal 名称" in done.stderr
