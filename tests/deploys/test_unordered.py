"""Sets have another order in every process: strict mode finds a dialog that goes by one, by reading
it. What is found and what is not, as a table; and that a restart shows that it matters.
"""

from __future__ import annotations

import enum
import inspect
import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import Unordered, UnorderedWarning
from wechat_dialog.testing import Talk
from wechat_dialog.unordered import unordered

FRUITS = {"苹果", "梨", "桃"}
DISHES = frozenset(FRUITS | {"面"})
NUMBERS = {1, 2, 3}
PRICES = {"苹果": 3, "梨": 2}


class Size(enum.Enum):
    BIG = "大"
    SMALL = "小"


SIZES = set(Size)


class Config:
    tags = frozenset({"新", "热"})


# Found: the line with HERE asks in the order of a set, the one with MAYBE may do so. --------------


def a_loop_over_a_global(chat: Chat) -> Dialog[str]:
    for fruit in FRUITS:  # HERE
        yield from chat.ask(f"{fruit}几个？", int)
    return "好"


async def a_loop_in_a_coroutine(chat: Chat) -> str:
    for fruit in FRUITS:  # HERE
        await chat.ask(f"{fruit}几个？", int)
    return "好"


def a_loop_over_a_display(chat: Chat) -> Dialog[str]:
    for fruit in {"苹果", "梨"}:  # HERE
        yield f"{fruit}几个？"
    return "好"


def a_local_name(chat: Chat) -> Dialog[str]:
    wanted = set((yield from chat.ask("要什么？")).split())
    for one in wanted:  # HERE
        yield from chat.ask(f"{one}几个？", int)
    return "好"


def filled_by_and_by(chat: Chat) -> Dialog[str]:
    wanted: set[str] = set()
    wanted.add((yield from chat.ask("要什么？")))
    wanted |= FRUITS
    for one in wanted:  # HERE
        yield from chat.ask(f"{one}几个？", int)
    return "好"


def a_union(chat: Chat) -> Dialog[str]:
    for one in FRUITS.union(["面"]) - {"桃"}:  # HERE
        yield from chat.ask(f"{one}几个？", int)
    return "好"


def a_menu(chat: Chat) -> Dialog[str]:
    return (yield from chat.choose("吃什么？", list(DISHES)))  # HERE


def a_prompt(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("要哪个：" + "、".join(FRUITS)))  # HERE


def members_of_an_enum(chat: Chat) -> Dialog[str]:
    for size in SIZES:  # HERE
        yield from chat.confirm(f"{size.value}的？")
    return "好"


def an_attribute(chat: Chat) -> Dialog[str]:
    for tag in Config.tags:  # HERE
        yield from chat.confirm(f"要{tag}的？")
    return "好"


def asks_for_each(chat: Chat, things: set[str]) -> Dialog[None]:
    for thing in things:  # HERE
        yield from chat.ask(f"{thing}几个？", int)


def in_a_helper(chat: Chat) -> Dialog[str]:
    yield from asks_for_each(chat, FRUITS)
    return "好"


def in_a_function_inside(chat: Chat) -> Dialog[str]:
    def each() -> Dialog[None]:
        for fruit in FRUITS:  # HERE
            yield from chat.ask(f"{fruit}几个？", int)

    yield from each()
    return "好"


def a_list_of_it(chat: Chat) -> Dialog[str]:
    things = list(FRUITS)  # MAYBE
    return (yield from chat.ask(f"要{things[0]}吗？"))


def any_one_of_it(chat: Chat) -> Dialog[str]:
    left = set(FRUITS)
    thing = left.pop()  # MAYBE
    return (yield from chat.ask(f"要{thing}吗？"))


def the_next_of_it(chat: Chat) -> Dialog[str]:
    thing = next(iter(FRUITS))  # MAYBE
    return (yield from chat.ask(f"要{thing}吗？"))


def chance_by_it(chat: Chat) -> Dialog[str]:
    thing = random.Random(1).choice([*FRUITS])  # MAYBE
    return (yield from chat.ask(f"要{thing}吗？"))


def a_comprehension(chat: Chat) -> Dialog[str]:
    things = [thing for thing in DISHES if len(thing) > 1]  # MAYBE
    return (yield from chat.ask(f"要{things[0]}吗？"))


def names(things: frozenset[str]) -> str:
    first, *_ = things  # MAYBE
    return first


def in_a_helper_that_asks_nothing(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask(f"要{names(DISHES)}吗？"))


CERTAIN = [
    a_loop_over_a_global, a_loop_in_a_coroutine, a_loop_over_a_display, a_local_name,
    filled_by_and_by, a_union, a_menu, a_prompt, members_of_an_enum, an_attribute, in_a_helper,
    in_a_function_inside,
]  # fmt: skip
POSSIBLE = [
    a_list_of_it, any_one_of_it, the_next_of_it, chance_by_it, a_comprehension,
    in_a_helper_that_asks_nothing,
]  # fmt: skip

# Not found: nothing depends on the order. ---------------------------------------------------------


def stores(things: set[str]) -> str:
    return json.dumps(list(things))


def none_of_these(chat: Chat) -> Dialog[str]:
    for fruit in sorted(FRUITS):
        yield from chat.ask(f"{fruit}几个？", int)
    for number in NUMBERS:
        yield from chat.ask(f"第 {number} 个？")
    for number in set(range(3)) | {4, 5}:
        yield from chat.ask(f"第 {number} 个？")
    for fruit in PRICES:
        yield from chat.ask(f"{fruit}？")
    for fruit in [*list(PRICES), "桃"]:
        yield from chat.ask(f"{fruit}？")
    wanted = set((yield from chat.ask("要什么？")).split())
    if "苹果" in wanted or wanted & FRUITS or len(wanted) > 2:
        yield from chat.ask("真的？")
    total = sum(PRICES.get(one, 0) for one in wanted)
    longest = max(wanted, key=len)
    some = sorted({one.strip() for one in wanted if all(c in FRUITS for c in wanted)})
    yield from chat.step(stores, wanted)
    yield from chat.step(stores, things=FRUITS)
    wanted = "、".join(sorted(wanted))  # type: ignore[assignment]
    for letter in wanted:
        yield from chat.ask(letter)
    return f"{total} {longest} {some} {set(some) == FRUITS}"


def places(fn: Callable[..., Any], mark: str) -> set[int]:
    """The lines of a dialog and of what it calls here that carry a mark."""
    found = set[int]()
    for one in (fn, asks_for_each, names):
        lines, first = inspect.getsourcelines(one)
        if one is fn or one.__name__ in inspect.getsource(fn):
            found |= {first + n for n, line in enumerate(lines) if f"# {mark}" in line}
    return found


@pytest.mark.parametrize("fn", [*CERTAIN, *POSSIBLE])
def test_what_goes_by_the_order_of_a_set_is_found(fn: Callable[..., Any]) -> None:
    found = unordered(fn)
    assert {one.file for one in found} == {__file__}
    assert {one.line for one in found if one.asks} == places(fn, "HERE")
    assert {one.line for one in found if not one.asks} == places(fn, "MAYBE")


@pytest.mark.parametrize("fn", [none_of_these, print, Size, 3])
def test_nothing_is_said_of_what_has_an_order_or_needs_none(fn: Callable[..., Any]) -> None:
    assert unordered(fn) == []


def test_code_that_cannot_be_read_says_nothing() -> None:
    names: dict[str, Any] = {}
    exec("def unread(chat):\n    for one in {'a', 'b'}:\n        yield one", names)
    assert unordered(names["unread"]) == []


def test_strict_mode_refuses_a_dialog_that_asks_in_the_order_of_a_set() -> None:
    bot = Bot()
    bot.text("开始")(a_loop_over_a_global)
    with pytest.raises(Unordered) as error:
        Talk(bot)("开始")
    (line,) = places(a_loop_over_a_global, "HERE")
    assert f"the set FRUITS ({__file__}:{line})" in str(error.value)
    assert "sort it" in str(error.value)
    assert Talk(bot, strict=False)("开始").endswith("几个？")


def test_strict_mode_warns_where_a_question_may_depend_on_it() -> None:
    bot = Bot()
    bot.text("开始")(a_list_of_it)
    with pytest.warns(UnorderedWarning, match="the set FRUITS") as caught:
        Talk(bot)("开始")
    (line,) = places(a_list_of_it, "MAYBE")
    assert {(one.filename, one.lineno) for one in caught} == {(__file__, line)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnorderedWarning)
        assert Talk(bot)("开始").endswith("吗？")


def test_there_is_another_order_in_another_process() -> None:
    """Why all this: what one process journals, another cannot replay."""
    code = (
        "from tests.deploys.test_unordered import FRUITS\n"
        "print(''.join(FRUITS))"
    )  # fmt: skip
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(seen) > 1
