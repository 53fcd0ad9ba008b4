"""`wechat-dialog chat` and `demo` from a pipe: the conversation on stdout, all else on stderr."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import BOTS, COMMAND, PATIENCE, environment, run, serving, typing
from tests.redis_server import wait_until
from wechat_dialog.platform.display import FAULT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bots.py").write_text(BOTS)
    return tmp_path


@pytest.mark.parametrize("target", ["bots:bot", "bots:empty", "bots.py"])
def test_lines_from_a_pipe_are_messages(folder: Path, target: str) -> None:
    done = run(folder, "chat", target, given="加\n2\n40\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n42\n")
    assert done.stderr == ""


def test_a_wrong_command_is_told_to_the_developer_only(folder: Path) -> None:
    done = run(folder, "chat", "bots:bot", given="加\n/nonsense\n2\n3\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n5\n")
    assert "/nonsense" in done.stderr


def test_the_line_that_broke_and_what_the_bot_prints_are_told_to_the_developer(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        "from wechat_dialog import Bot\n"
        "bot = Bot()\n"
        "@bot.fallback\n"
        "def anything(chat):\n"
        "    print('looking for', '[/a]')\n"
        "    return {}[chat.message.text]\n"
    )
    done = run(tmp_path, "chat", "mine:bot", given="a\n")
    assert (done.returncode, done.stdout) == (0, "抱歉，出了点问题，请稍后再试。\n")
    assert "looking for [/a]\n" in done.stderr
    assert f"KeyError，在 {tmp_path / 'mine.py'}:6\n" in done.stderr
    assert "    return {}[chat.message.text]\n" in done.stderr
    assert "KeyError: 'a'\n" in done.stderr
    assert "conversations show" not in done.stderr, "it cannot find where chat keeps them"
    assert "/resume" in done.stderr


def test_what_an_author_did_wrong_is_told_in_the_terminals_language(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import asyncio, random, time\n"
        "from wechat_dialog import Bot\n"
        "bot = Bot(longest_turn=0.3)\n"
        "@bot.text('忘')\n"
        "def forgets(chat):\n"
        "    name = chat.ask('名字？')\n"
        "    return f'你好，{name}'\n"
        "@bot.text('睡')\n"
        "async def sleeps(chat):\n"
        "    await asyncio.sleep(1)\n"
        "@bot.text('慢')\n"
        "def slow(chat):\n"
        "    yield from chat.step(time.sleep, 3)\n"
        "@bot.text('单')\n"
        "def menu(chat):\n"
        "    return (yield from chat.choose('吃什么？', []))\n"
        "@bot.text('掷')\n"
        "def throws(chat):\n"
        "    if random.random() != 5:\n"
        "        yield from chat.ask(f'{random.random()}？')\n"
        "    return str(random.random())\n"
    )
    done = run(tmp_path, "chat", "mine:bot", given="忘\n睡\n慢\n单\n掷\n好\n取消\n/journal\n")
    told = done.stderr
    for sentence in (
        f"一条 text 消息没能回答：NotWaitedFor: {tmp_path}/mine.py:7 的 chat.ask(…) 没有人等",
        "对话 'sleeps' 在第 1 条记录出错，搁置为 ",
        "errors.ForeignAwait: 对话 'sleeps' 在 ",
        "errors.TurnTooLong: 这一轮超过了 longest_turn=0.3 秒，在步骤 'sleep'里被放弃；",
        "ValueError: choose：没有选项；至少要有一个\n",
        "对话 'throws' 每次重放问的话都不一样（第 1 条记录",
        "NotRepeatable: 对话 'throws' 重放时走了另一条路，在第 2 条记录",
        "出错搁置：ForeignAwait: 对话 'sleeps' 在 ",
        "出错搁置：ValueError: choose：没有选项",
    ):
        assert sentence in told, told
    assert "contextlib.py" not in told, "of no code of theirs no line is shown"
    for line in told.splitlines():
        assert not re.search(r"\b(is|the|was|which|never|took)\b", line), line


REFUSED = """
import random
from wechat_dialog import Bot

bot = Bot()
breakpoint()


@bot.text("掷")
def throws(chat):
    yield from chat.ask("开始？")
    if random.random() < 2 and not chat.replaying:
        breakpoint()
        yield from chat.ask("大吗？")
    yield from chat.ask("小吗？")
"""


def test_what_to_do_about_a_message_that_does_not_count_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(REFUSED)
    done = run(tmp_path, "chat", "mine:bot", given="掷\n好\n好\n取消\n")
    sorry = "抱歉，出了点问题，请稍后再试。"
    assert done.stdout.splitlines() == ["开始？", sorry, sorry, "已取消。"]
    assert done.stderr.count("NotRepeatable: 对话 'throws' 重放时走了另一条路") == 2
    told = "（这条消息没有算数，对话还在原处：改好代码，输入 /restart，再发一次；发“取消”就结束它）"
    assert done.stderr.count(told) == 1


def test_a_breakpoint_without_a_terminal_is_passed_over_and_told_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(REFUSED)
    done = run(tmp_path, "chat", "mine:bot", given="掷\n好\n好\n")
    for line in (6, 13):  # while it is loaded, and in a turn
        told = f"{tmp_path / 'mine.py'}:{line} 的 breakpoint() 跳过了，因为这里没有终端；"
        assert done.stderr.count(told) == 1
    assert "在终端里运行 wechat-dialog chat mine:bot，" in done.stderr
    assert "BdbQuit" not in done.stderr


def test_what_a_dialog_prints_or_logs_is_shown_once_though_it_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import logging\n"
        "from wechat_dialog import Bot\n"
        "logging.basicConfig(level='INFO', format='%(message)s')\n"
        "bot = Bot()\n"
        "print('loaded')\n"
        "@bot.text('加')\n"
        "def add(chat):\n"
        "    first = yield from chat.ask('一？', int)\n"
        "    print('first', first)\n"
        "    logging.info('had %s', first)\n"
        "    second = yield from chat.ask('二？', int)\n"
        "    return str(first + second)\n"
    )
    done = run(tmp_path, "chat", "mine:bot", given="加\n1\n2\n")
    assert done.stdout.splitlines() == ["一？", "二？", "3"]
    assert done.stderr.splitlines() == ["loaded", "first 1", "had 1"]


def test_what_a_bot_that_does_not_start_is_executing_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from wechat_dialog import Bot\n"
        "bot = Bot()\n"
        "while not Path('ready').exists():\n"
        "    time.sleep(0.01)\n"
        "@bot.fallback\n"
        "def anything(chat):\n"
        "    return '好'\n"
    )
    with typing(tmp_path, "chat", "mine:bot") as typed:
        place = re.compile(
            r"^（还没有启动好；正在执行 mine\.py:[56] <module>\(\)：.+）$", re.MULTILINE
        )
        wait_until(lambda: place.search((tmp_path / "told").read_text()), "the place")
        (tmp_path / "ready").touch()
        assert typed("嗨") == "好"


def test_what_broke_is_taken_up_again_with_mended_code(tmp_path: Path) -> None:
    broken = (
        "from wechat_dialog import Bot\n"
        "bot = Bot()\n"
        "@bot.text('价')\n"
        "def price(chat):\n"
        "    dish = yield from chat.ask('哪个菜？')\n"
        "    return f\"{ {'面': 18}[dish] } 元\"\n"
    )
    (tmp_path / "mine.py").write_text(broken)
    with typing(tmp_path, "chat", "mine:bot") as typed:
        assert typed("/resume\n价") == "哪个菜？"
        assert typed("饺子") == "抱歉，出了点问题，请稍后再试。"
        (tmp_path / "mine.py").write_text(broken.replace("18", "18, '饺子': 20"))
        assert typed("/resume\n好了吗？") == "20 元"


def test_that_mending_a_step_is_not_enough_is_said_in_the_chat(tmp_path: Path) -> None:
    broken = (
        "from wechat_dialog import Bot\n"
        "bot = Bot()\n"
        "def price(dish):\n"
        "    return {'面': 18}[dish]\n"
        "@bot.text('价')\n"
        "def ask(chat):\n"
        "    dish = yield from chat.ask('哪个菜？')\n"
        "    return f'{(yield from chat.step(price, dish))} 元'\n"
    )
    (tmp_path / "mine.py").write_text(broken)
    done = run(tmp_path, "chat", "mine:bot", given="价\n饺子\n/resume\n")
    assert "在对话里捕获它" in done.stderr


SLOW = """
import time
from pathlib import Path
from wechat_dialog import Bot

bot = Bot()


def cook():
    while not Path("ready").exists():
        time.sleep(0.01)
    return "面"


@bot.text("点餐")
def order(chat):
    return (yield from chat.step(cook))


@bot.text("转")
def spins(chat):
    chat.say("转起来")
    yield from chat.sleep(0.01)
    Path("spins").touch()
    while True:
        time.sleep(0.01)
"""


def test_while_there_is_no_answer_the_developer_is_told_what_is_executed(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with typing(tmp_path, "chat", "slow:bot") as typed:
        typed("点餐", lines=0)
        place = re.compile(r"^（还没有回答；正在执行 slow\.py:1[01] cook\(\)：.+）$", re.MULTILINE)
        wait_until(lambda: place.search((tmp_path / "told").read_text()), "the place")
        (tmp_path / "ready").touch()
        assert typed("") == "面"


def test_a_hanging_bot_is_restarted_and_its_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    told: list[str] = []
    with typing(tmp_path, "chat", "slow:bot", told=told) as typed:
        assert typed("转") == "转起来"
        wait_until((tmp_path / "spins").exists, "it to hang")
        (tmp_path / "slow.py").write_text(SLOW.replace("        time.sleep(0.01)", "        break"))
        typed("/restart", lines=0)
    ended = "（机器人的进程 2 秒内没有停下来，已强行结束；当时正在执行 slow.py:"
    assert ended in told[0].partition("机器人重新启动了")[0]
    assert "spins()" in told[0].partition(ended)[2]


def test_quit_ends_it_before_the_next_line(folder: Path) -> None:
    done = run(folder, "chat", "bots:bot", given="加\n/quit\n2\n")
    assert (done.returncode, done.stdout) == (0, "一？\n")


def test_a_bot_that_is_none_is_one_sentence(folder: Path) -> None:
    done = run(folder, "chat", "bots:nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_a_server_elsewhere_is_talked_to_by_its_url(folder: Path) -> None:
    with serving(folder, "bots:bot") as (_, url):
        done = run(folder, "chat", url, "--token", "secret", given="加\n1\n1\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n2\n")


def test_the_demo_prints_the_conversation_and_leaves_nothing_behind(folder: Path) -> None:
    done = run(folder, "demo", given="累加器\n2\n3\n4\n")
    assert done.stdout == (
        "要加几个数？\n第 1 个数是？（已有 0）\n第 2 个数是？（已有 3）\n一共是 7。\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in folder.iterdir() if path.suffix != ".py"] in ([], ["__pycache__"])


# Commands. -----------------------------------------------------------------------------

SHOP = """
import os
import urllib.request
from wechat_dialog import Bot, replies

bot = Bot()


@bot.text("点餐")
async def order(chat):
    dish = await chat.choose("今天吃什么？", ["牛肉面", "炒饭"])
    count = await chat.ask("几份？", int)
    return f"{count} 份{dish}"


@bot.text("链接")
def link(chat):
    return '<a href="https://example.com/">网页</a> <a href="weixin://bizmsgmenu?msgmenucontent=谁&msgmenuid=7">点我</a>'


@bot.text("谁")
def who(chat):
    return f"{chat.user} {chat.message.bizmsgmenuid}"


@bot.text("死")
def die(chat):
    os._exit(3)


@bot.message("image")
def picture(chat):
    return urllib.request.urlopen(chat.message.pic_url).read().decode()


@bot.message("location", "voice", "link")
def other(chat):
    return f"{chat.message.raw}"


@bot.event("subscribe", "CLICK", "SCAN")
def event(chat):
    return f"{chat.message.event} {chat.message.event_key}"


@bot.fallback
def anything(chat):
    return f"版本 1：{chat.message.text}"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def test_links_are_numbered_and_tapped_by_their_number(shop: Path) -> None:
    given = "点餐\n/tap 2\n2\n链接\n/tap 1\n/tap 2\n/tap 3\n"
    done = run(shop, "chat", "shop:bot", "--user", "oMe", given=given)
    assert done.stdout.splitlines()[:4] == ["今天吃什么？", "1. 牛肉面", "2. 炒饭", "几份？"]
    assert done.stdout.splitlines()[4:] == ["2 份炒饭", "网页 点我", "oMe 7"]
    assert "可点：1. 牛肉面  2. 炒饭" in done.stderr
    assert "可点：1. 网页 https://example.com/  2. 点我" in done.stderr
    assert "浏览器里打开：https://example.com/" in done.stderr
    assert "没有第 3 个链接" in done.stderr


def test_the_journal_shows_where_the_conversation_stands(shop: Path) -> None:
    given = "/journal\n点餐\n炒饭\n/journal\n"
    done = run(shop, "chat", "shop:bot", given=given)
    nothing, _, told = done.stderr.partition("没有进行中的对话")
    assert nothing == ""
    assert "对话 order" in told
    assert "炒饭" in told.partition("对话 order")[2]
    assert "在等 ask：几份？" in told


def test_time_passes_for_the_bot_when_told_to(shop: Path) -> None:
    given = "点餐\n/wait 59\n炒饭\n/wait 61\n2\n"
    done = run(shop, "chat", "shop:bot", given=given)
    assert done.stdout.splitlines()[3:] == ["几份？", "版本 1：2"]


def test_a_message_is_sent_again_as_the_platform_does(shop: Path) -> None:
    done = run(shop, "chat", "shop:bot", given="/resend\n点餐\n炒饭\n/resend\n2\n")
    assert done.stdout.splitlines()[3:] == ["几份？", "几份？", "2 份炒饭"]
    assert done.stderr.startswith("还没有发过消息。")


def test_two_users_have_a_conversation_each(shop: Path) -> None:
    given = "点餐\n/as oLi\n谁\n/as oMe\n炒饭\n"
    done = run(shop, "chat", "shop:bot", "--user", "oMe", given=given)
    assert done.stdout.splitlines()[3:] == ["oLi None", "几份？"]


def test_a_picture_from_the_disk_can_be_fetched_by_the_bot(shop: Path) -> None:
    (shop / "my cat.png").write_text("miau")
    done = run(shop, "chat", "shop:bot", given="/image my cat.png\n/image none.png\n")
    assert done.stdout == "miau\n"
    assert "读不到图片 none.png" in done.stderr


SENT = {
    "/location 23.5 113.25 广州 塔": ("'Location_X': '23.5'", "'Label': '广州 塔'"),
    "/voice m1": ("'MediaId': 'm1'",),
    "/link here 标 题": ("'Url': 'here'", "'Title': '标 题'"),
    "/event subscribe": ("subscribe ",),
    "/click a b": ("CLICK a b",),
    "/scan 春": ("SCAN 春",),
    "//tap 1": ("版本 1：/tap 1",),
    "/::)": ("版本 1：/::)",),
}


def test_every_kind_of_message_can_be_sent(shop: Path) -> None:
    done = run(shop, "chat", "shop:bot", given="\n".join(SENT) + "\n")
    assert done.stderr == ""
    for said, (line, parts) in zip(done.stdout.splitlines(), SENT.items(), strict=True):
        assert [part for part in parts if part not in said] == [], line


def test_what_is_written_wrongly_is_told_and_the_chat_goes_on(shop: Path) -> None:
    wrong = ["/tap", "/tap x", "/location 1", "/location 91 0", "/wait soon", "/wait -1", "/scan"]
    done = run(shop, "chat", "shop:bot", given="\n".join([*wrong, "嗨"]) + "\n")
    assert done.stdout == "版本 1：嗨\n"
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        line.split()[0] for line in wrong
    ]
    assert done.stderr.count("要这样写") == len(wrong)


def test_the_requests_of_the_last_message_are_shown(shop: Path) -> None:
    done = run(shop, "chat", "shop:bot", given="/requests\n嗨\n/requests\n")
    assert done.stderr.startswith("还没有请求。\n第 1 次请求")
    assert "> POST http://127.0.0.1:" in done.stderr
    assert "<![CDATA[版本 1：嗨]]>" in done.stderr


def test_a_refused_signal_is_told_in_chinese(shop: Path) -> None:
    (shop / "shop.py").write_text(
        SHOP + "\n@bot.text('买')\ndef buy(chat):\n"
        "    yield from chat.wait_for('paid', int, match='A1')\n"
    )
    given = "买\n/signal paid match=A1 [5]\n/signal paid match=A1 {5\n"
    done = run(shop, "chat", "shop:bot", given=given)
    assert "信号 'paid' 和对话在等的不符：要 int，给的是 array" in done.stderr
    assert '数据不是 JSON：第 1 个字节不对，键要写成 "…"' in done.stderr


def test_the_journal_shows_what_waits_for_a_time_or_a_signal(shop: Path) -> None:
    (shop / "shop.py").write_text(
        SHOP
        + """

def look():
    return "有货"


@bot.text("买")
def buy(chat):
    chat.say("请付款")
    yield from chat.step(look)
    paid = yield from chat.wait_for("paid", int, match="A1", within=900)
    return f"收到 {paid}"
"""
    )
    given = "买\n/journal\n/signal paid match=A1 5\n/journal\n"
    done = run(shop, "chat", "shop:bot", given=given)
    waiting, _, later = done.stderr.partition("有对话接着走了")
    assert "在等的对话 buy：等信号 paid match=A1；最晚 " in waiting
    assert re.search(r"步骤 +look +\"有货\"", waiting)
    assert "欠着没说：收到 5" in later


def test_no_reply_and_which_request_failed_are_told(shop: Path) -> None:
    (shop / "shop.py").write_text(
        SHOP + "\n@bot.text('静')\ndef quiet(chat):\n    yield from chat.ask('说')\n"
    )
    done = run(shop, "chat", "shop:bot", given="静\n好\n")
    assert (done.stdout, done.stderr) == ("说\n", "（无回复；现在没有进行中的对话）\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run(shop, "chat", f"http://127.0.0.1:{port}/", "--token", "a", given="喂\n/requests\n")
    why = "连不上：没有程序在那里监听；机器人在运行吗？（ConnectionRefusedError）"
    assert [line for line in done.stderr.splitlines() if "次请求" in line][:3] == [
        f"第 1 次请求：{why}，再发一次…",
        f"第 2 次请求：{why}，再发一次…",
        f"为什么：第 3 次请求：{why}",
    ]
    assert "no connection" not in done.stderr


def test_a_restarted_bot_has_its_code_read_anew_and_its_conversations_kept(shop: Path) -> None:
    with typing(shop, "chat", "shop:bot") as typed:
        assert typed("嗨") == "版本 1：嗨"
        assert typed("点餐", lines=3).startswith("今天吃什么？")
        (shop / "shop.py").write_text(SHOP.replace("版本 1", "版本 2"))
        assert typed("/restart\n炒饭") == "几份？"
        assert typed("/kill\n2") == "2 份炒饭"
        assert typed("嗨") == "版本 2：嗨"


def test_a_bot_that_ends_by_itself_is_started_again(shop: Path) -> None:
    # What died keeps the next process out for a lease: it is a short one.
    (shop / "shop.py").write_text(SHOP.replace("Bot()", "Bot(lease=0.3)"))
    done = run(shop, "chat", "shop:bot", given="死\n" + "嗨\n" * 4)
    said = done.stdout.splitlines()
    # What kills three processes in a row is put aside, and its user told. Where processes start so
    # slowly that requests meet none, each message kills at least one, and what was said to nobody
    # is said with the next answer.
    assert said[0] == FAULT
    assert "抱歉，出了点问题，请稍后再试。" in said
    assert said[-1] == "版本 1：嗨"
    assert "退出，状态 3；再启动一次" in done.stderr
    assert "Traceback" not in done.stderr


def test_bytes_that_are_no_text_are_a_strange_message(shop: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "chat", "shop:bot"],
        cwd=shop,
        env=environment(chinese=True),
        input=b"a\xffb\n",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout.decode()) == (0, "版本 1：a\ufffdb\n")


def test_a_server_elsewhere_keeps_its_time_and_its_journal(folder: Path) -> None:
    with serving(folder, "bots:bot") as (_, url):
        given = "/wait 61\n/journal\n/restart\n加\n"
        done = run(folder, "chat", url, "--token", "secret", given=given)
    assert (done.returncode, done.stdout) == (0, "一？\n")
    assert done.stderr.count("不是这里启动的") == 3


def test_code_that_changes_and_breaks_under_a_conversation_is_told(tmp_path: Path) -> None:
    source = (
        "from wechat_dialog import Bot\nbot = Bot()\n@bot.text('加')\ndef add(chat):\n"
        "    a = yield from chat.ask('一？', int)\n"
        "    b = yield from chat.ask('二？', int)\n"
        "    return f'{a + b}'\n"
    )
    mine = tmp_path / "mine.py"
    mine.write_text(source)
    told: list[str] = []
    with typing(tmp_path, "chat", "mine:bot", told=told) as typed:
        typed("加")
        assert typed("2") == "二？"
        mine.write_text(source.replace("二", "三").replace("int)", "float)"))
        typed("/restart\n/journal\n加", lines=2)
        mine.write_text(source.replace("def add(chat):", "def add(chat)"))
        typed("/restart\n/journal\n/journal\n/quit", lines=0)
    assert "代码变了：对话 'add' 第 2 条记录：日志里是 问题" in told[0]
    assert told[0].count("机器人启动不了：") == 3
    assert "机器人的进程已退出" not in told[0]


@pytest.mark.parametrize(
    ("source", "said"), [("import nowhere\n", "ModuleNotFoundError"), ("def f(:\n", "SyntaxError")]
)
def test_a_bot_that_cannot_be_loaded_is_shown_where_its_author_errs(
    tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "wrong.py").write_text(source)
    done = run(tmp_path, "chat", "wrong:bot", given="a\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'wrong.py", line 1' in done.stderr
    assert said in done.stderr
    assert "wechat_dialog/" not in done.stderr
