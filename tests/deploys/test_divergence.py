"""Code changed under a conversation, a row for every kind of change: what is detected, where, and
that no answer reaches another question.

Whatever the bot asks is answered by what is asked: 叫什么？ by 叫, 住哪里？ by 住. So the last
reply tells whether each answer was given to its own question.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.deploys.town import Town
from wechat_dialog.core.dialog.texts import Texts

CHANGED, APOLOGY = Texts().changed, Texts().apology

THREE = """
@bot.text("开始")
def shop(chat):
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    job = yield from chat.ask("做什么？")
    return f"叫={name} 住={city} 做={job}"
"""
ALL = "叫=叫 住=住 做=做"


def changed(old: str, *changes: tuple[str, str]) -> str:
    for before, after in changes:
        assert old.count(before) == 1, before
        old = old.replace(before, after)
    return old


NAME = '    name = yield from chat.ask("叫什么？")\n'
CITY = '    city = yield from chat.ask("住哪里？")\n'
JOB = '    job = yield from chat.ask("做什么？")\n'
AGE = '    age = yield from chat.ask("几岁了？")\n'

HELPER = """
def who(chat):
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    return name, city

@bot.text("开始")
def shop(chat):
    name, city = yield from who(chat)
    job = yield from chat.ask("做什么？")
    return f"叫={name} 住={city} 做={job}"
"""
CONSTANT = """
QUESTIONS = ["叫什么？", "住哪里？", "做什么？"]

@bot.text("开始")
def shop(chat):
    said = {}
    for question in QUESTIONS:
        said[question[0]] = yield from chat.ask(question)
    return " ".join(f"{one}={said[one]}" for one in "叫住做" if one in said)
"""
OBJECTS = """
@dataclass
class Question:
    text: str

QUESTIONS = [Question("叫什么？"), Question("住哪里？"), Question("做什么？")]

@bot.text("开始")
def shop(chat):
    said = {}
    for question in QUESTIONS:
        said[question.text[0]] = yield from chat.ask(question.text)
    return " ".join(f"{one}={said[one]}" for one in "叫住做" if one in said)
"""
FUNCTIONS = """
def name(chat): return (yield from chat.ask("叫什么？"))
def city(chat): return (yield from chat.ask("住哪里？"))
def job(chat): return (yield from chat.ask("做什么？"))
PARTS = {"叫": name, "住": city, "做": job}

@bot.text("开始")
def shop(chat):
    said = {}
    for part, ask in PARTS.items():
        said[part] = yield from ask(chat)
    return " ".join(f"{one}={said[one]}" for one in "叫住做" if one in said)
"""
LOOP = """
TIMES = 3

@bot.text("开始")
def shop(chat):
    said = []
    for number in range(TIMES):
        said.append((yield from chat.ask(f"{number}号？")))
    city = yield from chat.ask("住哪里？")
    return f"号={','.join(said)} 住={city}"
"""
STEPS = """
@bot.text("开始")
def shop(chat):
    name = yield from chat.ask("叫什么？")
    found = yield from chat.step(fetch, name)
    city = yield from chat.ask("住哪里？")
    return f"{found} 住={city}"
"""
PROMPTLESS = """
@bot.text("开始")
def shop(chat):
    chat.say("叫什么？")
    name = yield from chat.ask(None)
    chat.say("住哪里？")
    city = yield from chat.ask(None)
    return f"叫={name} 住={city}"
"""


class Row(NamedTuple):
    """One change.

    Attributes:
        old: The code the conversation began with.
        answers: How many questions it had answered.
        new: The code it meets.
        outcome: What `check` and then the user's next message say.
        position: Record of the first difference.
        expected: What the journal has there, in part.
        found: What the code does there now, in part; None: it has ended.
        line: Text on the line where; "" if it has ended.
        end: The last reply.
    """

    old: str
    answers: int
    new: str
    outcome: str
    position: int
    expected: str
    found: str | None
    line: str
    end: str = ALL


def row(name: str, *of: object) -> object:
    return pytest.param(Row(*of), id=name)  # type: ignore[arg-type]


ROWS = [
    row("swap two, both answered", THREE, 2,
        changed(THREE, (NAME + CITY, CITY + NAME)),
        "asks again", 1, "an answer to ask", "'住哪里？'", "city ="),
    row("swap two, the second waited at", THREE, 1,
        changed(THREE, (NAME + CITY, CITY + NAME)),
        "asks again", 1, "an answer to ask", "'住哪里？'", "city ="),
    row("swap two, the first waited at", THREE, 0,
        changed(THREE, (NAME + CITY, CITY + NAME)),
        "asks again", 1, "the question ask", "'住哪里？'", "city ="),
    row("swap two in a helper", HELPER, 2,
        changed(HELPER, (NAME + CITY, CITY + NAME)),
        "asks again", 1, "an answer to ask", "'住哪里？'", "city = yield from chat"),
    row("swap two in a module constant", CONSTANT, 2,
        changed(CONSTANT, ('"叫什么？", "住哪里？"', '"住哪里？", "叫什么？"')),
        "asks again", 1, "an answer to ask", "'住哪里？'", "chat.ask("),
    row("swap two in a constant of objects", OBJECTS, 2,
        changed(OBJECTS, ('Question("叫什么？"), Question("住哪里？")',
                          'Question("住哪里？"), Question("叫什么？")')),
        "asks again", 1, "an answer to ask", "'住哪里？'", "chat.ask("),
    row("swap two in a constant of functions", FUNCTIONS, 2,
        changed(FUNCTIONS, ('"叫": name, "住": city', '"住": city, "叫": name')),
        "asks again", 1, "an answer to ask", "'住哪里？'", "def city"),
    row("insert before the one waited at", THREE, 2,
        changed(THREE, (CITY, AGE + CITY)),
        "asks again", 2, "an answer to ask", "'几岁了？'", "age ="),
    row("insert at the one waited at", THREE, 2,
        changed(THREE, (JOB, AGE + JOB)),
        "asks again", 3, "the question ask", "'几岁了？'", "age ="),
    row("insert after the one waited at", THREE, 1,
        changed(THREE, (JOB, AGE + JOB)),
        "unchanged", -1, "", "", ""),
    row("delete one that was answered", THREE, 2,
        changed(THREE, (CITY, '    city = "住"\n')),
        "asks again", 2, "an answer to ask", "'做什么？'", "job ="),
    row("delete the one waited at", THREE, 1,
        changed(THREE, (CITY, '    city = "住"\n')),
        "asks again", 2, "the question ask", "'做什么？'", "job ="),
    row("delete the last, which is waited at", THREE, 2,
        changed(THREE, (JOB, '    job = "做"\n')),
        "finished", 3, "the question ask", None, ""),
    row("rename a step", STEPS, 1,
        changed(STEPS, ("chat.step(fetch, name)", "chat.step(pay, name)")),
        "parked", 2, "step 'fetch'", "step 'pay'", "chat.step(pay"),
    row("a question put before a step that has run", STEPS, 1,
        changed(STEPS, ("    found =", AGE + "    found =")),
        "parked", 2, "step 'fetch'", "'几岁了？'", "age ="),
    row("a smaller bound of a loop", LOOP, 3,
        changed(LOOP, ("TIMES = 3", "TIMES = 2")),
        "asks again", 3, "an answer to ask", "'住哪里？'", "city =", "号=0,1 住=住"),
    row("a greater bound of a loop", LOOP, 3,
        changed(LOOP, ("TIMES = 3", "TIMES = 4")),
        "asks again", 4, "the question ask", "'3号？'", "chat.ask(f", "号=0,1,2,3 住=住"),
    row("swap two that are said and not asked", PROMPTLESS, 1,
        changed(PROMPTLESS,
                ('chat.say("叫什么？")\n    name', 'chat.say("住哪里？")\n    city'),
                ('chat.say("住哪里？")\n    city = yield from chat.ask(None)\n    return',
                 'chat.say("叫什么？")\n    name = yield from chat.ask(None)\n    return')),
        "asks again", 1, "an answer to ask", "'住哪里？'", "city =", "叫=叫 住=住"),
    row("move the questions into a helper", THREE, 2, HELPER, "unchanged", -1, "", "", ""),
    row("move the questions into a constant", THREE, 2, CONSTANT, "unchanged", -1, "", "", ""),
    row("another wording under a key",
        changed(THREE, ('"住哪里？"', '"哪里住？", key="city"')), 2,
        changed(THREE, ('"住哪里？"', '"住哪里？", key="city"')),
        "unchanged", -1, "", "", "", "叫=叫 住=哪 做=做"),
    row("another wording of the one waited at, under a key",
        changed(THREE, ('"住哪里？"', '"哪里住？", key="city"')), 1,
        changed(THREE, ('"住哪里？"', '"住哪里？", key="city"')),
        "unchanged", -1, "", "", "", "叫=叫 住=哪 做=做"),
]  # fmt: skip


def answer(asked: str) -> str:
    """What the user says to a question: its first character."""
    return asked.splitlines()[-1][0]


def converse(town: Town, asked: str) -> str:
    """Answer what is asked until nothing is."""
    for _ in range(12):
        if not asked.endswith("？"):
            return asked
        asked = town.say(answer(asked))
    raise AssertionError("it never ends")


def generators(source: str) -> str:
    return source


def coroutines(source: str) -> str:
    """The same dialogs in the other style."""
    return re.sub(r"def (?=\w+\(chat)", "async def ", source.replace("yield from ", "await "))


@pytest.mark.parametrize("style", [generators, coroutines])
@pytest.mark.parametrize("change", ROWS)
def test_a_change_is_seen_at_its_question_and_no_answer_is_given_to_another(
    town: Town, change: Row, style: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    old, new, line = map(style, (change.old, change.new, change.line))
    change = change._replace(old=old, new=new, line=line)
    town.deploy(change.old)
    asked = town.say("开始")
    for _ in range(change.answers):
        asked = town.say(answer(asked))
    town.deploy(change.new)

    verdict = town.check()
    assert (verdict.outcome, verdict.position) == (change.outcome, change.position)
    if change.position >= 0:
        where = town.line(change.line) if change.line else None
        found = "it has ended" if change.found is None else "it does"
        for part in ("'shop'", f"record {change.position}:", change.expected, change.found or "",
                     found, where or ""):  # fmt: skip
            assert part in verdict.why

    heard = town.say(answer(asked))
    if change.outcome == "unchanged":
        assert converse(town, heard) == change.end
        assert not caplog.records
        return
    assert f"record {change.position}" in caplog.text
    assert (town.line(change.line) if change.line else "") in caplog.text
    assert heard.startswith(APOLOGY if change.outcome == "parked" else CHANGED)
    if change.outcome == "asks again":
        assert converse(town, heard) == change.end
    elif change.outcome == "finished":
        assert heard == f"{CHANGED}\n{change.end}"
    else:
        assert town.ran == ["叫"], "no step runs again"


@pytest.mark.parametrize("policy", ["resume", "restart", "park"])
def test_a_policy_is_the_bots_or_the_dialogs(town: Town, policy: str) -> None:
    for settings, option in (({"on_divergence": policy}, ""), ({}, f', on_divergence="{policy}"')):
        town.deploy(THREE)
        town.say("开始")
        town.say("叫")
        swapped = changed(THREE, (NAME + CITY, CITY + NAME), ('"开始"', f'"开始"{option}'))
        town.deploy(swapped, **settings)
        texts = Texts()
        assert town.check().outcome == {
            "resume": "asks again", "restart": "restarted", "park": "parked"
        }[policy]  # fmt: skip
        assert (
            town.say("住")
            == {
                "resume": f"{texts.changed}\n住哪里？",
                "restart": f"{texts.restarted}\n住哪里？",
                "park": texts.apology,
            }[policy]
        )
        town.conversations.end(next(iter(town.conversations.list())).user)


@pytest.mark.parametrize("policy", ["resume", "restart"])
@pytest.mark.parametrize("style", [generators, coroutines])
def test_who_cancels_after_a_change_has_cancelled(
    town: Town, policy: str, style: Callable[[str], str]
) -> None:
    town.deploy(style(THREE), on_divergence=policy)
    town.say("开始")
    town.say("叫")
    town.deploy(style(changed(THREE, (NAME + CITY, CITY + NAME))), on_divergence=policy)
    assert town.say("取消") == Texts().cancelled
    assert not list(town.conversations.list())
    assert town.say("开始") == "住哪里？"


def test_a_word_to_cancel_is_no_answer_after_a_change_where_the_new_question_takes_none(
    town: Town,
) -> None:
    town.deploy(THREE)
    town.say("开始")
    town.deploy(changed(THREE, (NAME, '    name = yield from chat.ask("姓名？", cancel=False)\n')))
    assert town.say("取消") == f"{CHANGED}\n姓名？"
    assert town.say("姓") == "住哪里？"


HELP = """
@bot.text("帮助", anytime=True)
def helps(chat):
    {}

"""


@pytest.mark.parametrize(
    ("help_", "heard"),
    [
        ('return "问什么答什么。"', f"{CHANGED}\n问什么答什么。\n住哪里？"),
        ("raise UnexpectedAnswer", f"{CHANGED}\n住哪里？"),
    ],
)
def test_an_interruption_after_a_change_interrupts(town: Town, help_: str, heard: str) -> None:
    helps = "from wechat_dialog import UnexpectedAnswer\n" + HELP.format(help_)
    town.deploy(helps + THREE)
    town.say("开始")
    town.say("叫")
    town.deploy(helps + changed(THREE, (NAME + CITY, CITY + NAME)))
    assert town.say("帮助") == heard
    assert converse(town, "住哪里？") == ALL


def test_a_question_of_an_interruption_after_a_change_comes_first(town: Town) -> None:
    helps = HELP.format('return (yield from chat.ask("哪里不懂？"))')
    town.deploy(helps + THREE)
    town.say("开始")
    town.say("叫")
    town.deploy(helps + changed(THREE, (NAME + CITY, CITY + NAME)))
    assert town.say("帮助") == f"{CHANGED}\n哪里不懂？"
    assert town.say("都不懂") == "都不懂\n住哪里？"
    assert converse(town, "住哪里？") == ALL


FEEDBACK = """
@bot.text("订餐")
def order(chat):
    count = yield from chat.ask("几份？")
    place = yield from chat.ask("送到哪？")
    return count + " " + place

@bot.text("反馈", anytime=True)
def feedback(chat):
    {}

"""
BAD = """why = yield from chat.ask("哪里不好？")
    more = yield from chat.ask("还有吗？")
    return why + more
"""


@pytest.mark.parametrize("word", ["取消", "帮助"])
@pytest.mark.parametrize("ending", ["parked", "gone", "finished"])
def test_a_word_to_a_conversation_that_ends_by_its_change_is_not_for_the_one_below(
    town: Town, ending: str, word: str
) -> None:
    helps = HELP.format('ran.append("helped"); return "问什么答什么。"')
    town.deploy(helps + FEEDBACK.format(BAD))
    for text in ("订餐", "三", "反馈"):
        town.say(text)
    changed_ = FEEDBACK.format(BAD.replace("哪里", "什么"))
    if ending == "gone":
        changed_ = changed_[: changed_.index('@bot.text("反馈"')]
    elif ending == "finished":
        changed_ = FEEDBACK.format('return "收到"\n    yield')
    town.deploy(helps + changed_, on_divergence="resume" if ending == "finished" else "park")
    told = f"{CHANGED}\n收到" if ending == "finished" else APOLOGY
    assert town.say(word) == f"{told}\n送到哪？"
    assert town.ran == []
    assert town.say("家里") == "三 家里"


@pytest.mark.parametrize("word", ["取消", "帮助"])
def test_an_option_of_the_changed_question_is_no_word_to_cancel_or_interrupt(
    town: Town, word: str
) -> None:
    helps = HELP.format('return "问什么答什么。"')
    menu = """
@bot.text("开始")
def start(chat):
    chosen = yield from chat.choose("订单怎么办？", ["确认", "取消", "帮助"], key="order")
    why = yield from chat.ask("为什么？")
    return f"{chosen} {why}"
"""
    town.deploy(helps + menu)
    town.say("开始")
    town.deploy(helps + menu.replace("怎么办", "要怎么办").replace('"确认", ', '"确定", '))
    assert town.say(word).startswith(f"{CHANGED}\n订单要怎么办？")
    assert town.say(word) == "为什么？"
    assert town.say("不想") == f"{word} 不想"


def test_a_clock_in_a_prompt_of_unchanged_code_warns_once(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    clock = """
    @bot.text("开始")
    def clocked(chat):
        name = yield from chat.ask(f"{time.perf_counter_ns()} 叫什么？")
        city = yield from chat.ask("住哪里？")
        return f"叫={name} 住={city}"
    """
    town.deploy(clock)
    town.say("开始")
    town.say("叫")
    for _ in range(2):
        town.deploy(clock)
        assert town.check().outcome == "unchanged"
    assert town.say("住") == "叫=叫 住=住"
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert town.line("perf_counter") in warning.getMessage()
