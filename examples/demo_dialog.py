"""Five dialogs in the style of 2017: generators that get what the user wrote by `yield`.

Talk to them from a fresh clone, without an account and without Redis:

    wechat-dialog chat examples.demo_dialog

or put them behind a server, signatures checked, the token in the environment:

    WECHAT_TOKEN=… wechat-dialog serve examples.demo_dialog

`flask_2017.py` beside this file does the same with a web server of its own.
"""

# ruff: noqa: RUF059 - the names say what a `yield` gives, used or not
import contextlib
import os
import sqlite3
from datetime import datetime

# Conversations live in Redis if REDIS_HOST is set, else in the file wechat-dialog.db.
REDIS_HOST = os.environ.get("REDIS_HOST", "")
REDIS_PORT = int(os.environ.get("REDIS_PORT", "6379"))
REDIS_PASSWORD = os.environ.get("REDIS_PASSWORD", "")
REDIS_DB = int(os.environ.get("REDIS_DB", "0"))
REDIS_KEY = "dialog-demo:%(open_id)s"  # names all that is kept of one user

# By type of message: (regular expression, name of the function below). The first that matches the
# text, or the event's name, is the dialog that starts.
ROUTER = {
    "text": [
        ("^累加器$", "accumulator"),
        ("^(会话)?记录$", "transcript"),
        ("^(会话)?菜单$", "menu"),
        ("^(链接|github)$", "links"),
        (".*", "show_help"),
    ],
    "event": [
        ("^subscribe$", "welcome"),
        (".*", "show_help"),
    ],
}

HELP = """可以这样和我聊：
累加器 — 一个一个地把数加起来
记录 — 给您说的每句话记上时间
菜单 — 选一样水果
链接 — 看看代码在哪里"""

MENU = """想吃什么水果？
1. 苹果
2. 香蕉
发数字就行；说别的，就当您换了话题。"""


def show_help(to_user):
    # Every dialog begins with these two lines; `msg_content` is what the user sent.
    yield None
    msg_content, is_replay = yield None

    return ("TextMsg", HELP)


def welcome(to_user):
    yield None
    msg_content, is_replay = yield None

    return ("TextMsg", f"您好，欢迎关注！\n{HELP}")


def links(to_user):
    yield None
    msg_content, is_replay = yield None

    # The platform shows one of them in answer to a message, up to eight in answer to an event.
    return (
        "NewsMsg",
        [
            {
                "title": "wechat-dialog（2017）",
                "description": "一问一答写成一个函数：这个想法的出处",
                "url": "https://github.com/arthurmmm/wechat-dialog",
            },
            {
                "title": "Python：yield 表达式",
                "description": "这些函数为什么能停下来等您回答",
                "url": "https://docs.python.org/zh-cn/3/reference/expressions.html#yield-expressions",
                "pic_url": "https://www.python.org/static/opengraph-icon-200x200.png",
            },
        ],
    )


def accumulator(to_user):
    yield None
    msg_content, is_replay = yield None

    count, is_replay = yield ("TextMsg", "要加几个数？")
    try:
        count = int(count)
    except ValueError:
        return ("TextMsg", f"“{count}”不是整数，累加器先停在这里。再发“累加器”可以重来。")
    total = 0
    for i in range(1, count + 1):
        number, is_replay = yield ("TextMsg", f"第 {i} 个数是多少？到现在一共 {total}。")
        try:
            total += int(number)
        except ValueError:
            return ("TextMsg", f"“{number}”不是整数，累加器先停在这里。再发“累加器”可以重来。")
    return ("TextMsg", f"加完了，总和是 {total}。")


def menu(to_user):
    yield None
    msg_content, is_replay = yield None

    choice, is_replay = yield ("TextMsg", MENU)
    if choice == "1":
        return ("TextMsg", "给您苹果。")
    if choice == "2":
        return ("TextMsg", "给您香蕉。")
    # No answer to this question: look in ROUTER what else it may be.
    from wechat.bot import UnexpectAnswer

    raise UnexpectAnswer


def transcript(to_user):
    yield None
    msg_content, is_replay = yield None

    # Between two messages this function does not exist. To go on, it is run again from its first
    # line with the old messages, and `is_replay` says so. The clock would then tell another time,
    # and a variable of this module would be lost with the process, or set by another user; so the
    # time is written down once, and read every time.
    if not is_replay:
        write_down(to_user, clock())
    began = look_up(to_user)

    said, is_replay = yield ("TextMsg", f"{began} 开始记录。您说一句，我记一句；说“结束”就停。")
    while said != "结束":
        said, is_replay = yield ("TextMsg", f"{clock()} {said}")
    return ("TextMsg", f"记录结束，是 {began} 开始的。")


def clock():
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S")


# The begin of each user's last transcript: one row a user, written over by the next. If the process
# dies before its answer is out, the message comes again and the row is written again: no harm. On
# several machines it belongs into a data base that all of them reach.
NOTES = os.environ.get("DEMO_NOTES", "dialog-demo-notes.db")


@contextlib.contextmanager
def notes():
    with contextlib.closing(sqlite3.connect(NOTES, timeout=3)) as base, base:
        base.execute("CREATE TABLE IF NOT EXISTS begun (user TEXT PRIMARY KEY, time TEXT)")
        yield base


def write_down(user, time):
    with notes() as base:
        base.execute("REPLACE INTO begun VALUES (?, ?)", (user, time))


def look_up(user):
    with notes() as base:
        row = base.execute("SELECT time FROM begun WHERE user = ?", (user,)).fetchone()
    return row[0] if row else "不知何时"
