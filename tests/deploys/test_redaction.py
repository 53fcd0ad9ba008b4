"""Exports: what a file has of what was said, and what `check` makes of it."""

from __future__ import annotations

import io

import pytest

from tests.deploys.town import Town
from wechat_dialog.errors import NewerJournal
from wechat_dialog.operators import Conversations
from wechat_dialog.operators.export import BadExport

SHOP = """
class Size(enum.Enum):
    SMALL = "小杯"
    LARGE = "大杯"
@bot.text("开始")
def shop(chat):
    name = yield from chat.ask("您贵姓？")
    count = yield from chat.ask(f"{name}您好，要几杯？", int)
    for number in range(count):
        size = yield from chat.choose(f"第 {number + 1} 杯？", Size, key="size")
        if size is Size.LARGE:
            yield from chat.confirm("大杯加价，行吗？")
    found = yield from chat.step(fetch, f"{name}的地址")
    note = yield from chat.ask(f"送到 {found}，有什么要说的？")
    phone = yield from chat.ask(f"记下了：{note}。电话？")
    return f"{name} {phone}"
"""
SAID = ("开始", "诸葛孔明", "2", "小杯", "给我大杯吧", "行啊", "少放糖一二三")
SECRETS = ("诸葛", "孔明", "少放糖", "地址", "给我", "行啊", "oTownsman")


def export(town: Town, *, redact: bool) -> bytes:
    file = io.BytesIO()
    town.conversations.export(file, redact=redact)
    return file.getvalue()


def checked(town: Town, file: bytes) -> str:
    [one] = town.conversations.check(file.splitlines())
    return one.verdict.outcome


CHANGES = [
    pytest.param("", "", "unchanged", "unchanged", id="nothing"),
    pytest.param("您贵姓？", "怎么称呼？", "parked", "parked", id="a question reworded"),
    pytest.param('phone = yield from chat.ask(f"记下了：{note}。电话？")',
                 'phone = yield from chat.ask("电话？")',
                 "asks again", "asks again", id="the question waited at"),
    pytest.param("fetch, f", "pay, f", "parked", "parked", id="a step renamed"),
    pytest.param('SMALL = "小杯"\n        LARGE = "大杯"', 'LARGE = "大杯"\n        SMALL = "小杯"',
                 "unchanged", "unchanged", id="a menu's options moved, and were named"),
    pytest.param("if size is Size.LARGE", "if size is Size.SMALL", "parked", "parked",
                 id="a branch on a choice"),
    pytest.param("for number in range(count)", "for number in range(count + 1)",
                 "parked", "parked", id="a loop on a number"),
    pytest.param("    found =", '    if name == "曹操": return "不卖"\n        found =',
                 "unchanged", "cannot tell", id="a branch on a name"),
    pytest.param("    found =", '    if len(f"{name}") > 9: return "太长"\n        found =',
                 "unchanged", "cannot tell", id="a branch on what a name was written into"),
    pytest.param("    found =", '    if name in {"曹操"}: return "不卖"\n        found =',
                 "unchanged", "cannot tell", id="a name looked up"),
]  # fmt: skip


def source(before: str, after: str) -> str:
    assert not before or SHOP.count(before.replace("        ", "    ")) == 1
    return SHOP.replace(before.replace("        ", "    "), after.replace("        ", "    "))


@pytest.mark.parametrize(("before", "after", "real", "redacted"), CHANGES)
def test_a_redacted_file_is_judged_as_the_store_is_or_it_is_said_that_nobody_can_tell(
    town: Town, before: str, after: str, real: str, redacted: str
) -> None:
    town.deploy(SHOP)
    for text in SAID:
        assert town.say(text)
    hidden, whole = export(town, redact=True), export(town, redact=False)
    town.deploy(source(before, after))
    assert town.check().outcome == real
    assert checked(town, whole) == real
    assert checked(town, hidden) == redacted


def test_nothing_that_was_said_or_returned_is_in_a_redacted_file(town: Town) -> None:
    town.deploy(SHOP)
    for text in SAID:
        town.say(text)
    whole, hidden = export(town, redact=False).decode(), export(town, redact=True).decode()
    for secret in SECRETS:
        if secret != "地址":
            assert secret in whole
        assert secret not in hidden
    assert '"2"' in hidden, "a number of three digits at most is kept"


def test_without_the_code_a_question_that_quotes_cannot_be_told(town: Town) -> None:
    town.deploy(SHOP)
    for text in SAID[:3]:
        town.say(text)
    file = io.BytesIO()
    town.deploy("")  # as `export --store URL` has it: a bot without dialogs
    Conversations(town.bot).export(file, redact=True)
    town.deploy(SHOP.replace("    found =", "    _ = 0\n    found ="))
    [one] = town.conversations.check(file.getvalue().splitlines())
    assert one.verdict.outcome == "cannot tell"
    assert "quoted in a question" in one.verdict.why


def test_parked_data_errors_and_gatherings_leave_nothing_behind(town: Town) -> None:
    town.deploy("""
    def fail(thing): raise ValueError(f"secret {thing}")
    @bot.text("开始")
    def order(chat):
        chat.data["seen"] = "secret"
        name = yield from chat.ask("叫什么？")
        try:
            yield from chat.step(fail, name)
        except ValueError as error:
            chat.say(f"{error}")
        a, b = yield from chat.gather(chat.step(fetch, "1"), chat.step(fetch, name))
        job = yield from chat.ask(f"做什么？{a}{b}")
        raise KeyError(f"secret {job}")
    """)
    for text in ("开始", "secret", "secret", "开始", "secret"):
        town.say(text)
    hidden = export(town, redact=True)
    assert hidden.count(b"\n") == 3
    assert b"secret" not in hidden
    assert b"KeyError" in hidden
    assert checked(town, hidden) == "unchanged"


@pytest.mark.parametrize(
    ("lines", "error", "why"),
    [
        ([], BadExport, "line 1 of the file: it is empty"),
        ([b'{"a": 1}'], BadExport, "not an export of conversations"),
        ([b"nonsense"], BadExport, "line 1"),
        ([b'{"wechat-dialog":"conversations"}', b"[]"], BadExport, "line 2"),
        ([b'{"wechat-dialog":"conversations","format":99}'], NewerJournal, "format 99"),
    ],
)
def test_what_is_no_export_is_said_by_line(
    town: Town, lines: list[bytes], error: type[Exception], why: str
) -> None:
    town.deploy("")
    with pytest.raises(error, match=why):
        list(town.conversations.check(lines))
