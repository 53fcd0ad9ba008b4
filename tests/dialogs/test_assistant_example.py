"""examples/assistant.py before a model on this machine that streams, stalls, fails and repeats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from tests.answer_pages.fake_model import CUT, END, FakeModel, Status, Wish, fake_model
from tests.answer_pages.model import SOON
from tests.dialogs.test_examples import load
from tests.full_path.people import push, signed
from tests.redis_server import wait_until
from wechat_dialog import replies, step
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk
from wechat_dialog.testing.seen_page import SeenPage, link_in, read

FIRST = "第一段" + "，说来话长" * 4 + "。"
PAGES = "http://127.0.0.1/wx/p"
BROKEN = "……说到这儿断了，请再问一次。"
MADE = "（以上内容由AI生成）"


@pytest.fixture
def model() -> Iterator[FakeModel]:
    with fake_model() as model:
        yield model


@pytest.fixture
def example(model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example, at the model's address; it repeats what failed at once."""
    here = {"MODEL_URL": model.url, "MODEL_KEY": "sk-1", "MODEL": "m", "PAGES": PAGES}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    module = load("assistant")
    vars(module)["think"] = step(module.think.fn, timeout=30, retries=2, backoff=lambda _: 0.0)
    return module


@pytest.fixture
def talk(example: ModuleType) -> Talk:
    talk = Talk(example.bot)
    assert talk("聊天") == f"请说，“退出”结束。\n{MADE}"
    return talk


def said(text: str) -> str:
    return text.removesuffix(f"\n{MADE}")


def test_the_example_is_short() -> None:
    source = Path(__file__).parents[2] / "examples" / "assistant.py"
    assert len(source.read_text("utf-8").splitlines()) < 90


def test_the_model_is_asked_with_what_was_said_before(talk: Talk, model: FakeModel) -> None:
    model.says("你", "好", "！")
    model.says("晴。")
    assert said(talk("你好")) == "你好！"
    talk.restart()
    assert said(talk("天气")) == "晴。"
    assert [model.asked[0]["model"], *model.keys] == ["m", "Bearer sk-1", "Bearer sk-1"]
    assert [(one["role"], one["content"]) for one in model.asked[1]["messages"]] == [
        ("user", "你好"), ("assistant", "你好！"), ("user", "天气"),
    ]  # fmt: skip
    assert len(talk.journal) == 1, "every question has a fresh journal"
    assert talk("退出") == "已取消。"
    assert not talk.waiting


def test_its_past_is_bounded(talk: Talk, model: FakeModel) -> None:
    for number in range(30):
        model.says(f"答{number}")
        talk(f"问{number}")
    past = [one["content"] for one in model.asked[-1]["messages"]]
    assert past == [*(f"{who}{n}" for n in range(19, 29) for who in "问答"), "问29"]


def test_paragraphs_are_on_the_page_while_it_writes(example: ModuleType, model: FakeModel) -> None:
    bot, store = example.bot, MemoryStore()
    bot.window = SOON
    bot.simulate(store=store)
    more, rest = Event(), Event()
    model.says(
        f"{FIRST}\n",
        "\n```\n一\n",
        "\n二，说来话长，说来话长，说来话长",
        more,
        "\n```\n\n第三",
        rest,
        "段。",
    )

    def say(text: str) -> str:
        answer = bot.answer(push("oUser", Content=text), signed("wechat-dialog"))
        return ET.fromstring(answer).findtext("Content") or ""

    def page() -> SeenPage:
        seen = read(bot.rules, store, link)
        assert seen is not None
        return seen

    say("聊天")
    waiting = say("天气")
    link = link_in(bot.rules, replies.Text(waiting))
    assert "在网页上等回答" in waiting
    wait_until(lambda: page() == f"{FIRST}", "the first paragraph")
    more.set()
    wait_until(
        lambda: page() == f"{FIRST}\n\n```\n一\n\n二，说来话长，说来话长，说来话长\n```",
        "the code, whole",
    )
    assert not page().complete
    rest.set()
    wait_until(lambda: page().complete, "the page to end")
    assert page() == f"{FIRST}\n\n```\n一\n\n二，说来话长，说来话长，说来话长\n```\n\n第三段。"
    assert said(say("继续")) == f"{FIRST}\n一\n\n二，说来话长，说来话长，说来话长\n第三段。"
    assert len(model.asked) == 1
    bot.close()


@pytest.mark.parametrize("failure", [[Status(429)], [Status(500)], ["半", CUT], ["半\n\n", END]])
def test_what_fails_once_is_asked_again(
    talk: Talk, model: FakeModel, failure: list[object]
) -> None:
    model.says(*failure)
    model.says("好了。")
    assert said(talk("天气")) == "好了。"
    assert model.asked[0] == model.asked[1]


@pytest.mark.parametrize("piece", [CUT, END])
def test_where_it_dies_in_the_middle_what_it_said_stays(
    talk: Talk, model: FakeModel, piece: object
) -> None:
    for _ in range(3):
        model.says(f"{FIRST}\n\n", "第二", piece)
    assert said(talk("天气")) == f"{FIRST}\n{BROKEN}"
    model.says("晴。")
    assert said(talk("天气")) == "晴。"
    assert len(model.asked[-1]["messages"]) == 1, "the answer that broke off is not of the past"


def test_a_stall_is_ended(talk: Talk, example: ModuleType, model: FakeModel) -> None:
    example.MODEL.timeout = 0.2
    stalls = Event()
    for _ in range(3):
        model.says(f"{FIRST}\n\n第", stalls)
    assert said(talk("天气")) == f"{FIRST}\n{BROKEN}"
    stalls.set()


@pytest.mark.parametrize("pieces", [(), ("", "\n\n")])
def test_a_model_that_says_nothing_is_asked_three_times(
    talk: Talk, model: FakeModel, pieces: tuple[str, ...]
) -> None:
    for _ in range(3):
        model.says(*pieces)
    assert said(talk("天气")) == BROKEN
    assert len(model.asked) == 3


@pytest.mark.parametrize(
    "piece", ["哈哈哈哈", "再说一遍。\n\n", "再说一遍，说来话长，说来话长，说来话长。\n\n"]
)
def test_one_that_repeats_itself_without_end_is_stopped(
    talk: Talk, example: ModuleType, model: FakeModel, piece: str
) -> None:
    model.goes_on(itertools.repeat(piece))
    seen = talk("天气")
    assert seen.startswith(piece.strip())
    assert talk.page is not None
    assert example.LONGEST <= len(talk.page) <= example.LONGEST + len(piece)
    assert talk.page.complete
    model.says("晴。")
    assert said(talk("天气")) == "晴。"


def test_a_stream_longer_than_its_step_is_given_up(
    talk: Talk, example: ModuleType, model: FakeModel
) -> None:
    vars(example)["think"] = step(example.think.fn, timeout=0.5)
    over = Event()

    def drips() -> Iterator[object]:
        yield f"{FIRST}\n\n"
        while not over.wait(0.05):  # never silent, and never done
            yield "字"

    model.goes_on(drips())
    assert said(talk("天气")) == f"{FIRST}\n{BROKEN}"
    over.set()
    assert talk.parked == 0


@pytest.mark.parametrize("granted", [True, False])
def test_its_tool_is_called_when_the_user_agrees(
    talk: Talk, model: FakeModel, granted: bool
) -> None:
    model.says("我看看。", Wish("c1", '{"order": "T7"}'))
    model.says("办好了。")
    assert said(talk("退款")) == "我看看。\n给订单 T7 退款吗？\n是　否"
    if granted:
        talk.crashes("refund", "after")
    assert said(talk("是" if granted else "否")) == "办好了。"
    tool = model.asked[1]["messages"][-1]
    done = "订单 T7 的钱已退回" if granted else "用户不同意"
    assert tool == {"role": "tool", "tool_call_id": "c1", "content": done}
    [wish] = model.asked[1]["messages"][-2]["tool_calls"]
    assert wish["function"] == {"name": "refund", "arguments": '{"order": "T7"}'}
    model.says("好。")
    talk("谢谢")
    assert [one["role"] for one in model.asked[2]["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("arguments", ["", "{", "[]", "{}", '"T7"'])
def test_a_call_that_nobody_can_read_is_no_call(
    talk: Talk, model: FakeModel, arguments: str
) -> None:
    model.says(Wish("c1", arguments))
    assert said(talk("退款")) == BROKEN
    assert talk.parked == 0


def test_a_reviewer_sees_it_first(model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_URL", model.url)
    monkeypatch.setenv("FORBIDDEN", "赌博 代考")
    talk = Talk(load("assistant").bot)
    talk("聊天")
    model.says("可以代考。")
    assert talk("考试") == "抱歉，这条内容暂时不能发送。"
