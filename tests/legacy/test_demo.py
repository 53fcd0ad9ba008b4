"""The example in the style of 2017 says what its article says, on either store."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

import wechat.bot
from tests.legacy.pushes import push, shown, talker

EXAMPLES = Path(__file__).parents[2] / "examples"


def load_demo() -> ModuleType:
    """The example as a process of its own would have it: fresh, its globals as at the start."""
    spec = importlib.util.spec_from_file_location("demo_dialog", EXAMPLES / "demo_dialog.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["sqlite", "redis"])
def demo(request: pytest.FixtureRequest) -> ModuleType:
    module = load_demo()
    if request.param == "redis":
        address = urlsplit(request.getfixturevalue("redis_url"))
        vars(module).update(REDIS_HOST=address.hostname, REDIS_PORT=address.port)
    return module


STOPPED = "“{}”不是整数，累加器先停在这里。再发“累加器”可以重来。"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            [
                ("累加器", "要加几个数？"),
                ("2", "第 1 个数是多少？到现在一共 0。"),
                ("3", "第 2 个数是多少？到现在一共 3。"),
                ("4", "加完了，总和是 7。"),
            ],
            id="accumulator",
        ),
        pytest.param(
            [("累加器", "要加几个数？"), ("0", "加完了，总和是 0。")], id="nothing to add"
        ),
        pytest.param(
            [
                ("累加器", "要加几个数？"),
                ("两个", STOPPED.format("两个")),
                ("累加器", "要加几个数？"),
                ("1", "第 1 个数是多少？到现在一共 0。"),
                ("x", STOPPED.format("x")),
                ("累加器", "要加几个数？"),
            ],
            id="what is no integer ends the accumulator, and it can begin again",
        ),
        pytest.param(
            [
                ("累加器", "要加几个数？"),
                ("取消", STOPPED.format("取消")),
                ("累加器", "要加几个数？"),
                ("返回", STOPPED.format("返回")),
            ],
            id="cancel and back words are plain answers",
        ),
    ],
)
def test_the_accumulator_talks_as_its_article_says(
    demo: ModuleType, lines: list[tuple[str, str]]
) -> None:
    say = talker(demo)
    assert [(text, say(text)) for text, _ in lines] == lines


def test_the_menu_answers_its_numbers_and_sends_all_else_to_the_router(demo: ModuleType) -> None:
    say = talker(demo)
    menu = demo.MENU
    lines = [
        ("菜单", menu), ("1", "给您苹果。"),
        ("会话菜单", menu), ("2", "给您香蕉。"),
        ("菜单", menu), ("累加器", "要加几个数？"), ("1", "第 1 个数是多少？到现在一共 0。"),
        ("9", "加完了，总和是 9。"),
        ("菜单", menu), ("菜单", menu), ("3", demo.HELP), ("1", demo.HELP),
    ]  # fmt: skip
    assert [(text, say(text)) for text, _ in lines] == lines


def test_the_transcript_shows_the_time_it_began_at_in_every_process(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(["10:00", "10:01", "10:02", "10:03", "10:04", "10:05"])

    def another_process() -> ModuleType:
        wechat.bot._begin_anew()  # what a new process has: no bot, no live dialog
        module = load_demo()
        for name in ("REDIS_HOST", "REDIS_PORT"):
            monkeypatch.setattr(module, name, getattr(demo, name))
        monkeypatch.setattr(module, "clock", lambda: next(times))
        return module

    def say(text: str) -> str:
        return talker(another_process())(text)

    assert say("记录").startswith("10:00 开始记录")
    assert say("你好") == "10:01 你好"
    # Of the times read in the replays none is shown but the last.
    assert re.fullmatch(r"10:0\d 在吗", say("在吗"))
    assert say("结束") == "记录结束，是 10:00 开始的。"


def test_two_users_transcripts_have_a_time_each(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(["10:00", "10:01"])
    monkeypatch.setattr(demo, "clock", lambda: next(times))
    ada, bob = talker(demo, "ada"), talker(demo, "bob")
    ada("记录")
    bob("记录")
    assert (ada("结束"), bob("结束")) == (
        "记录结束，是 10:00 开始的。",
        "记录结束，是 10:01 开始的。",
    )


def test_links_are_articles_and_one_without_picture_has_an_empty_one(demo: ModuleType) -> None:
    xml = wechat.bot.answer(push("u", "链接"), demo).format()
    assert "<ArticleCount>2</ArticleCount>" in xml
    assert xml.count("<PicUrl><![CDATA[]]></PicUrl>") == 1
    assert shown(xml) == "wechat-dialog（2017）\nPython：yield 表达式"


@pytest.mark.parametrize(
    ("kind", "content", "begins"),
    [
        ("text", "随便", "可以这样和我聊"),
        ("text", "", "可以这样和我聊"),
        ("text", "\n第二行", "可以这样和我聊"),
        ("event", "subscribe", "您好，欢迎关注！"),
        ("event", "CLICK", "可以这样和我聊"),
        ("image", "", ""),  # no row of ROUTER is for pictures
    ],
)
def test_the_first_row_that_fits_answers(
    demo: ModuleType, kind: str, content: str, begins: str
) -> None:
    said = shown(wechat.bot.answer(push("u", content, kind=kind), demo).format())
    assert said.startswith(begins)
    assert bool(said) == bool(begins)
