"""`chat.form`: a class asked for field by field."""

from __future__ import annotations

import dataclasses
import enum
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest

from wechat_dialog import Bot, Cancelled, Chat, Dialog, Field, messages
from wechat_dialog.parsers import phone
from wechat_dialog.testing import Talk


class Size(enum.Enum):
    SMALL = "小杯"
    LARGE = "大杯"


@dataclasses.dataclass
class Order:
    name: Annotated[str, Field("姓名"), msgspec.Meta(max_length=4)]
    size: Annotated[Size, Field("杯型")]
    count: Annotated[int, Field("数量"), msgspec.Meta(ge=1, le=9)] = 1
    hot: Annotated[bool, Field("热的")] = True
    note: Annotated[str | None, Field("备注")] = None


class Contact(msgspec.Struct):
    tel: Annotated[str, msgspec.Meta(title="手机", description="用来通知您"), phone]
    day: Annotated[date, Field("日期", ask="哪天来？", hint="比如：明天")]
    code: Annotated[str, msgspec.Meta(title="编号", pattern="^[A-Z][0-9]$")]
    kind: Annotated[Literal["新", "旧"], Field("种类")] = "新"
    source: Annotated[str, Field(ask=None)] = "公众号"


def talk_about(cls: type[Any], **how: Any) -> Talk:
    bot = Bot()

    @bot.text("填")
    def fill(chat: Chat) -> Dialog[str]:
        return repr((yield from chat.form(cls, **how)))

    return Talk(bot)


def say(talk: Talk, *texts: str) -> str:
    """Say one after the other, each to another process; returns the last answer."""
    seen = ""
    for text in texts:
        seen = talk(text)
        talk.restart()
    return seen


def test_a_dataclass_is_asked_field_by_field_and_confirmed() -> None:
    talk = talk_about(Order)
    assert talk("填") == "请填写姓名："
    assert talk("张三") == "请选择杯型：\n1. 小杯\n2. 大杯"
    assert talk("大") == "请填写数量：\n默认（1）"
    assert talk("两") == "热的？\n是（默认）　否"
    assert talk("不") == "请填写备注：\n跳过"
    assert talk.tap("跳过") == (
        "请核对：\n1. 姓名：张三　修改姓名\n2. 杯型：大杯　修改杯型\n3. 数量：2　修改数量\n"
        "4. 热的：否　修改热的\n5. 备注：（无）　修改备注\n确认　取消"
    )
    assert talk.tap("确认") == repr(Order("张三", Size.LARGE, 2, False, None))


def test_a_struct_is_asked_with_its_titles_descriptions_parsers_and_hints() -> None:
    talk = talk_about(Contact)
    assert talk("填") == "请填写手机：\n用来通知您"
    assert talk("12").endswith("请填写手机：\n用来通知您")
    assert talk("139 0013 9000") == "哪天来？"
    assert talk("不知道") == "比如：明天\n哪天来？"
    assert talk("明天") == "请填写编号："
    assert talk("a1") == "格式不对，请重新回复。\n请填写编号："
    assert talk("A1") == "请选择种类：\n1. 新\n2. 旧\n3. 默认（新）"
    assert "日期：2023年11月16日" in talk("旧")
    assert talk("好的") == repr(
        Contact(tel="13900139000", day=date(2023, 11, 16), code="A1", kind="旧")
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [("0", "数量不能小于 1。"), ("10", "数量不能大于 9。"), ("一些", "请回复一个整数，例如 3。")],
)
def test_a_constraint_is_said_in_words(said: str, sentence: str) -> None:
    talk = talk_about(Order)
    assert say(talk, "填", "张三", "大", said).startswith(sentence[:4])


def test_a_text_has_its_length_checked() -> None:
    assert say(talk_about(Order), "填", "欧阳修之子") == "姓名最多 4 个字。\n请填写姓名："


FILLED = ("填", "张三", "大", "2", "是", "跳过")


@pytest.mark.parametrize(
    "said", ["3", "修改第 3 项", "修改第3项", "第三项", "数量", "修改数量", "改数量"]
)
def test_a_field_can_be_changed_by_number_and_by_name(said: str) -> None:
    talk = talk_about(Order)
    assert say(talk, *FILLED, said) == "请填写数量：\n默认（1）"
    assert "数量：7" in say(talk, "7")
    assert "count=7" in say(talk, "确认")


@pytest.mark.parametrize("said", ["确认", "是", "好的", "ok", "没问题"])
def test_a_form_is_confirmed_by_any_yes(said: str) -> None:
    assert say(talk_about(Order), *FILLED, said).startswith("Order(")


@pytest.mark.parametrize("said", ["不对", "什么", "9", "第9项"])
def test_anything_else_shows_the_summary_again(said: str) -> None:
    assert say(talk_about(Order), *FILLED, said).startswith("请从列出的选项里选一个。\n请核对：")


def test_giving_up_raises_cancelled_in_the_dialog() -> None:
    bot = Bot(cancel=())

    @bot.text("填")
    async def fill(chat: Chat) -> str:
        try:
            return repr(await chat.form(Order))
        except Cancelled:
            return "下次再来。"

    talk = Talk(bot)
    for text in FILLED:
        talk(text)
    assert talk.tap("取消") == "下次再来。"


def test_where_cancelling_is_off_the_summary_does_not_offer_it() -> None:
    assert say(talk_about(Order, cancel=False), *FILLED).endswith("\n确认")


def test_back_goes_from_field_to_field_and_out_of_a_change() -> None:
    talk = talk_about(Order)
    assert say(talk, "填", "张三", "返回") == "请填写姓名："
    assert "姓名：李四" in say(talk, "李四", "大", "2", "是", "跳过")
    assert say(talk, "返回") == "请填写备注：\n跳过"
    say(talk, "少糖", "修改姓名")
    assert "姓名：李四" in say(talk, "返回"), "the summary again, unchanged"
    assert "note='少糖'" in say(talk, "确认")


def test_known_fields_are_not_asked_but_shown_and_changeable() -> None:
    talk = talk_about(Order, given={"name": "王五", "size": Size.SMALL})
    assert say(talk, "填") == "请填写数量：\n默认（1）"
    assert say(talk, "默认", "是", "跳过").startswith("请核对：\n1. 姓名：王五")
    assert say(talk, "1") == "请填写姓名："


def test_without_a_summary_the_last_answer_ends_it() -> None:
    assert say(talk_about(Order, summary=False), *FILLED).startswith("Order(")


def test_what_the_class_refuses_is_said_at_the_summary_and_can_be_changed() -> None:
    @dataclasses.dataclass
    class Trip:
        start: Annotated[int, Field("开始")]
        end: Annotated[int, Field("结束")]

        def __post_init__(self) -> None:
            if self.end < self.start:
                raise ValueError("结束不能早于开始。")

    globals()["Trip"] = Trip
    talk = talk_about(Trip)
    assert say(talk, "填", "5", "3", "确认").startswith("结束不能早于开始。\n请核对：")
    assert say(talk, "结束", "9", "确认").endswith("Trip(start=5, end=9)")


@dataclasses.dataclass
class Allergy:
    known: Annotated[Literal["有", "没有"], Field("过敏")] = "有"


@dataclasses.dataclass
class Everything:
    extras: Annotated[list[Literal["糖", "冰"]], Field("加料")]
    price: Annotated[Decimal, Field("价格"), msgspec.Meta(gt=0)]
    photo: Annotated[messages.Image, Field("照片")]
    mood: Annotated[Size | None, Field("心情")]
    agree: Annotated[bool | None, Field("同意")]
    plate: Annotated[str, Field("车牌", parse=re.compile("[京沪].+"))] = ""


def test_fields_of_many_kinds() -> None:
    talk = talk_about(Everything)
    assert talk("填").startswith("请选择加料：\n1. 糖\n2. 冰\n（可选")
    talk("1和2")
    assert talk("0").startswith("价格要大于 0。")
    assert talk("12.5") == "请填写照片："
    assert talk("没有照片").startswith("请发送一张图片。")
    assert talk.image("m1") == "请选择心情：\n1. 小杯\n2. 大杯\n3. 跳过"
    assert talk.tap("跳过") == "请选择同意：\n1. 是\n2. 否\n3. 跳过"
    assert talk("不填") == "请填写车牌：\n跳过"
    summary = talk("京A1")
    assert summary.splitlines()[1:6] == [
        "1. 加料：糖、冰　修改加料",
        "2. 价格：12.5　修改价格",
        "3. 照片：[图片]　修改照片",
        "4. 心情：（无）　修改心情",
        "5. 同意：（无）　修改同意",
    ]
    assert "media_id='m1'" in talk("确认")


def test_a_text_that_only_looks_like_a_skip_word_is_an_answer_where_there_is_nothing_to_skip() -> (
    None
):
    talk = talk_about(Order)
    assert say(talk, "填", "跳过").startswith("请选择杯型")


def test_a_word_for_skipping_that_is_an_option_is_an_answer() -> None:
    talk = talk_about(Allergy)
    say(talk, "填")
    assert "1. 过敏：没有" in say(talk, "没有")
    assert "1. 过敏：有" in say(talk, "过敏", "跳过")


def test_words_the_form_shows_are_its_own_before_they_are_the_bot_s() -> None:
    bot = Bot(cancel=("跳过", "取消"), back=("确认",))

    @bot.text("填")
    def fill(chat: Chat) -> Dialog[str]:
        return repr((yield from chat.form(Order)))

    talk = Talk(bot)
    for text in FILLED:
        talk(text)
    assert talk("确认").startswith("Order(")


def test_a_retitled_field_is_the_same_question_to_a_running_conversation() -> None:
    @dataclasses.dataclass
    class Guest:
        name: Annotated[str, Field("姓名")]
        age: Annotated[int, Field("年龄")]

    @dataclasses.dataclass
    class Renamed:
        name: Annotated[str, Field("您的名字")]
        age: Annotated[int, Field("年龄")]

    globals().update(Guest=Guest, Renamed=Renamed)
    talk = talk_about(Guest, key="guest")
    say(talk, "填", "张三")
    bot = Bot()

    @bot.text("填")
    def fill(chat: Chat) -> Dialog[str]:
        return repr((yield from chat.form(Renamed, key="guest")))

    talk.restart(bot)
    assert "您的名字：张三" in talk("30")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: int, "dataclass or a msgspec.Struct", id="no class with fields"),
        pytest.param(lambda: {"name": str}, "dataclass or a msgspec.Struct", id="no class"),
        pytest.param(
            lambda: dataclasses.make_dataclass("A", [("x", dict[str, int])]), "no question",
            id="a dict",
        ),
        pytest.param(
            lambda: dataclasses.make_dataclass("A", [("x", Annotated[int, Field(ask=None)])]),
            "has no default", id="not asked, no default",
        ),
    ],
)  # fmt: skip
def test_a_class_nobody_can_be_asked_for_is_an_error_when_the_form_is_made(
    make: Any, words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        Chat("u", None).form(make())  # type: ignore[arg-type]


def test_given_a_field_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TypeError, match="no field nome"):
        Chat("u", None).form(Order, given={"nome": "x"})  # type: ignore[arg-type]
