"""Strict mode on sets: a dialog that depends on the order of one is reported, with the set, its
file and line; one that does not is left in peace.

Within a process a set of texts has one order, so none of these dialogs goes another way when it is
replayed here. On another machine each of those that are found would.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import inspect
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.cli import command
from tests.platform.pages import page_of
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.errors import NotRepeatable
from wechat_dialog.testing import Talk

FRUITS = {"苹果", "梨", "桃"}
FROZEN = frozenset({"苹果", "梨", "桃"})
NUMBERS = {3, False, 2, None, 2.5, Decimal(7)}
TWO = {"苹果", "梨"}
PAIRS = {(1, 2), (3, 4)}
LISTED = ["苹果", "梨", "桃"]
PRICES = {"苹果": 3, "梨": 2}


class Size(enum.Enum):
    BIG = "大"
    SMALL = "小"


@dataclass(frozen=True)
class Dish:
    name: str


class Placed(str):
    """A text with a place in a set that the test knows."""

    __slots__ = ()

    def __hash__(self) -> int:
        return ord(self[0]) - ord("a")


PLACED = {Placed("a"), Placed("b"), Placed("c")}

DISHES = {Dish("面"), Dish("饭")}


def things() -> set[str]:
    return FRUITS | {"杏"}


def ask_each(chat: Chat, names: Iterable[str]) -> Dialog[None]:
    for name in names:  # HERE handed on
        yield from chat.ask(f"{name}几个？")


class Shop:
    fruits = FRUITS

    def ask(self, chat: Chat) -> Dialog[None]:
        for fruit in self.fruits:  # HERE method
            yield from chat.ask(f"{fruit}几个？")


SHOP = Shop()


# Found. -------------------------------------------------------------------------------------------


def loop(chat: Chat) -> Dialog[str]:
    for fruit in FRUITS:  # HERE FRUITS
        yield from chat.ask(f"{fruit}几个？")
    return "完"


async def loop_awaiting(chat: Chat) -> str:
    for fruit in FROZEN:  # HERE FROZEN
        await chat.ask(f"{fruit}几个？")
    return "完"


def loop_of_bare_yields(chat: Chat) -> Any:
    yield from {"一？", "二？", "三？"}  # HERE {'一？', '二？', '三？'}
    return "完"


def loop_over_a_local(chat: Chat) -> Dialog[str]:
    wanted = {"苹果"}
    wanted.add((yield from chat.ask("还要什么？")))
    for fruit in wanted:  # HERE wanted
        yield from chat.ask(f"{fruit}几个？")
    return "完"


def loop_over_what_a_helper_returns(chat: Chat) -> Dialog[str]:
    for fruit in things():  # HERE things()
        yield from chat.ask(f"{fruit}几个？")
    return "完"


def loop_in_a_helper(chat: Chat) -> Dialog[str]:
    yield from ask_each(chat, FRUITS)  # NAMES names, handed on
    return "完"


def loop_in_a_method(chat: Chat) -> Dialog[str]:
    yield from SHOP.ask(chat)  # NAMES self.fruits, method
    return "完"


def loop_over_an_operation(chat: Chat) -> Dialog[str]:
    for fruit in FRUITS - {"桃"}:  # HERE FRUITS - {'桃'}
        yield from chat.ask(f"{fruit}几个？")
    return "完"


def loop_over_members(chat: Chat) -> Dialog[str]:
    for size in {Size.BIG, Size.SMALL}:  # HERE {Size.BIG, Size.SMALL}
        yield from chat.ask(f"{size.value}的几个？")
    return "完"


def loop_over_objects(chat: Chat) -> Dialog[str]:
    for dish in DISHES:  # HERE DISHES
        yield from chat.ask(f"{dish.name}几个？")
    return "完"


def loop_with_steps(chat: Chat) -> Dialog[str]:
    for fruit in FRUITS:  # HERE FRUITS
        yield from chat.step(str, fruit)
    return (yield from chat.ask("好了吗？"))


def branch_on_the_first(chat: Chat) -> Dialog[str]:
    if next(iter(TWO)) == "苹果":  # HERE TWO
        yield from chat.ask("要吗？")
    return (yield from chat.ask("好了吗？"))


def listed(chat: Chat) -> Dialog[str]:
    return (yield from chat.choose("要什么？", list(FRUITS)))  # HERE FRUITS


def listed_under_a_key(chat: Chat) -> Dialog[str]:
    return (yield from chat.choose("要什么？", [*FRUITS], key="fruit"))  # HERE FRUITS


def comprehended(chat: Chat) -> Dialog[str]:
    names = [fruit * 2 for fruit in FRUITS]  # HERE FRUITS
    return (yield from chat.choose("要什么？", names))


def made_a_dict(chat: Chat) -> Dialog[str]:
    prices = {fruit: len(fruit) for fruit in FRUITS}  # HERE FRUITS
    for fruit in prices:
        prices[fruit] = yield from chat.ask(f"{fruit}多少钱？", int)
    return "完"


def made_a_dict_of_keys(chat: Chat) -> Dialog[str]:
    for fruit in dict.fromkeys(FRUITS, 0):  # HERE FRUITS
        yield from chat.ask(f"{fruit}多少钱？")
    return "完"


def joined(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("、".join(FRUITS) + "，要什么？"))  # HERE FRUITS


def said_as_it_is(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask(f"{FRUITS}，要什么？"))  # HERE FRUITS


def said_with_str(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask(str(FROZEN) + "，要什么？"))  # HERE FROZEN


def numbered(chat: Chat) -> Dialog[str]:
    for number, fruit in enumerate(FRUITS, 1):  # HERE FRUITS
        yield from chat.ask(f"{number}. {fruit}？")
    return "完"


def mapped_and_chained(chat: Chat) -> Dialog[str]:
    for fruit in chain(LISTED, map(str.upper, FRUITS)):  # HERE FRUITS
        yield from chat.ask(f"{fruit}？")
    return "完"


def popped(chat: Chat) -> Dialog[str]:
    left = set(LISTED)
    while left:
        yield from chat.ask(f"{left.pop()}？")  # HERE left
    return "完"


def unpacked(chat: Chat) -> Dialog[str]:
    first, *_ = FRUITS  # HERE FRUITS
    return (yield from chat.ask(f"{first}？"))


def drawn(chat: Chat) -> Dialog[str]:
    fruit = chat.random.choice(list(FRUITS))  # HERE FRUITS
    return (yield from chat.ask(f"{fruit}？"))


def drawn_of_a_module_that_is_imported(chat: Chat) -> Dialog[str]:
    fruit = random.Random(1).choice(list(FRUITS))  # HERE FRUITS
    return (yield from chat.ask(f"要{fruit}吗？"))


def sorted_where_some_are_equal(chat: Chat) -> Dialog[str]:
    for fruit in sorted(FRUITS, key=len):  # HERE FRUITS
        yield from chat.ask(f"{fruit}？")
    return "完"


def only_the_last_two_trade_places(chat: Chat) -> Dialog[str]:
    places = {thing: place for place, thing in enumerate(PLACED)}  # HERE PLACED
    if places[Placed("b")] < places[Placed("c")]:
        yield from chat.ask("一？")
    return (yield from chat.ask("二？"))


def extended(chat: Chat) -> Dialog[str]:
    names = ["杏"]
    names.extend(FRUITS)  # HERE FRUITS
    return (yield from chat.choose("要什么？", names))


def added_to_a_list(chat: Chat) -> Dialog[str]:
    names = ["杏"]
    names += FRUITS  # HERE FRUITS
    return (yield from chat.choose("要什么？", names))


def asserting(chat: Chat) -> Dialog[str]:
    assert FRUITS, "pytest makes other code of this"
    for fruit in FRUITS:  # HERE FRUITS
        yield from chat.ask(f"{fruit}几个？")
    return "完"


def beside_one_that_does_no_harm(chat: Chat) -> Dialog[str]:
    count = sum(PRICES.get(fruit, 0) for fruit in FROZEN)
    for fruit in FRUITS:  # HERE FRUITS
        yield from chat.ask(f"{fruit}（{count}）几个？")
    return "完"


def least() -> str:
    return min(TWO)


def only_at_its_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    for fruit in TWO:  # HERE TWO
        if fruit == (yield from chat.step(least)):
            return "完"
    return (yield from chat.ask("二？"))


FOUND = [
    loop, loop_awaiting, loop_of_bare_yields, loop_over_a_local, loop_over_what_a_helper_returns,
    loop_in_a_helper, loop_in_a_method, loop_over_an_operation, loop_over_members,
    loop_over_objects, loop_with_steps, branch_on_the_first, listed, listed_under_a_key,
    comprehended, made_a_dict, made_a_dict_of_keys, joined, said_as_it_is, said_with_str,
    numbered, mapped_and_chained, popped, unpacked, drawn, drawn_of_a_module_that_is_imported,
    sorted_where_some_are_equal,
    only_the_last_two_trade_places, extended, added_to_a_list, asserting,
    beside_one_that_does_no_harm, only_at_its_end,
]  # fmt: skip


def place_of(fn: Callable[..., Any]) -> tuple[str, str]:
    """`file:line` and the text of the set that a dialog's comment names."""
    source = inspect.getsource(fn)
    _, names, mark = source.partition("# NAMES ")
    if names:
        text, _, where = mark.splitlines()[0].partition(", ")
        lines, start = Path(__file__).read_text("utf-8").splitlines(), 1
    else:
        text = source.partition("# HERE ")[2].splitlines()[0]
        found, start = inspect.getsourcelines(fn)
        lines, where = [line.rstrip("\n") for line in found], text
    [line] = [n for n, one in enumerate(lines, start) if one.endswith(f"# HERE {where}")]
    return f"{__file__}:{line}", text


def talk_to(fn: Callable[..., Any], live: int = 100) -> Talk:
    bot = Bot(live_dialogs=live, timeout=None)
    bot.text("开始")(fn)
    bot.fallback(lambda _: "没有对话")
    talk = Talk(bot)
    for text in ("开始", "1", "2", "3", "4", "5"):
        talk(text)
    return talk


@pytest.mark.parametrize("live", [0, 100], ids=["replayed", "live"])
@pytest.mark.parametrize("fn", FOUND)
def test_a_set_whose_order_reaches_a_question_or_a_branch_is_named_with_file_and_line(
    fn: Callable[..., Any], live: int
) -> None:
    with pytest.raises(NotRepeatable) as error:
        talk_to(fn, live)
    assert error.value.dialog == fn.__name__
    assert error.value.sets == (place_of(fn),)
    assert f"write sorted({place_of(fn)[1]})" in str(error.value)
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


# Not found. ---------------------------------------------------------------------------------------


def sorts(chat: Chat) -> Dialog[str]:
    for fruit in sorted(FRUITS):
        yield from chat.ask(f"{fruit}几个？")
    return "、".join(sorted(FRUITS))


def only_counts_and_looks_up(chat: Chat) -> Dialog[str]:
    said = yield from chat.ask(f"{len(FRUITS)} 种，要什么？")
    if said in FRUITS and FRUITS != FROZEN and FRUITS.issuperset({"桃"}):
        yield from chat.ask("几个？")
    if all(fruit for fruit in FRUITS) and any(fruit == "梨" for fruit in FRUITS):
        yield from chat.ask("梨？")
    return f"{max(FRUITS)}{min(FRUITS)}"


def only_adds_up(chat: Chat) -> Dialog[str]:
    total = 0
    for fruit in FRUITS:
        total += PRICES.get(fruit, 1)
    return (yield from chat.ask(f"一共 {total}，好吗？"))


def makes_a_set_of_a_set(chat: Chat) -> Dialog[str]:
    double = {fruit * 2 for fruit in FRUITS} | set(FROZEN)
    double |= {"杏", "枣"}
    double -= TWO
    double ^= FRUITS
    double.update(FRUITS)
    for fruit in sorted(double):
        yield from chat.ask(f"{fruit}？")
    return "完"


def numbers(chat: Chat) -> Dialog[str]:
    for number in NUMBERS:
        yield from chat.ask(f"{number}？")
    for pair in PAIRS:
        yield from chat.ask(f"{pair}？")
    return "完"


def dicts_and_lists(chat: Chat) -> Dialog[str]:
    for fruit in [*PRICES, *LISTED]:
        yield from chat.ask(f"{fruit}？")
    for fruit, price in PRICES.items():
        yield from chat.ask(f"{fruit} {price}？")
    return "完"


def at_most_one(chat: Chat) -> Dialog[str]:
    for fruit in {"桃"} | set():
        yield from chat.ask(f"{fruit}？")
    return "完"


def in_its_last_words(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    return "、".join(FRUITS)  # nobody replays what is over


def in_a_step(chat: Chat) -> Dialog[str]:
    first = yield from chat.step(first_of_them)  # it ran once, and its result is kept
    return (yield from chat.ask(f"{first}？"))


def first_of_them() -> str:
    return list(FRUITS)[-0]


def two_that_go_together(chat: Chat) -> Dialog[str]:
    if next(iter(FRUITS)) == first_of_them():  # so it is in every process
        return (yield from chat.ask("一？"))
    return (yield from chat.ask("二？"))


def argument_of_a_step(chat: Chat) -> Dialog[str]:
    count = yield from chat.step(len, list(FRUITS))
    return (yield from chat.ask(f"{count}？"))


def under_a_key(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("、".join(FRUITS) + "？", key="fruit"))


def everything_else_of_the_language(chat: Chat) -> Dialog[str]:
    """What passes through the second code has to come out as it went in."""

    class Local(Shop):
        def __init__(self) -> None:
            super().__init__()
            self.__own: list[int] = [n for n in range(3) if n]

        @functools.cached_property
        def own(self) -> list[int]:
            return self.__own

    count = 0

    @functools.wraps(len)
    def inner(*args: Any, **kwargs: Any) -> str:
        nonlocal count
        count += len(args)
        return f"{args!r}{kwargs!s:>4}{count:03}"

    local = Local()
    (a, b), c = [1, 2], [3].pop()
    rest = [4]
    rest += (5, 6)
    lookup: dict[str, Any] = dict(zip("cd", rest, strict=False))
    text = inner(*rest, a, b=b, **lookup) + str(local.own)
    match rest:
        case [first, *others]:
            text += f"{first}{others}{c}{lookup.pop('c')}{sorted({3, 1})[1]}"
    while (said := (yield from chat.ask(text))) == "再来":
        text = "".join(f"{one}" for one in (said, *map(str, rest)))
    return text


NOT_FOUND = [
    sorts, only_counts_and_looks_up, only_adds_up, makes_a_set_of_a_set, numbers, dicts_and_lists,
    at_most_one, in_its_last_words, in_a_step, two_that_go_together, argument_of_a_step,
    under_a_key, everything_else_of_the_language,
]  # fmt: skip


@pytest.mark.parametrize("fn", NOT_FOUND)
def test_a_set_that_makes_no_difference_is_left_in_peace(
    fn: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    codes = [one.__code__ for one in (fn, first_of_them, things)]
    assert "抱歉" not in str(talk_to(fn))
    assert not caplog.records
    assert [one.__code__ for one in (fn, first_of_them, things)] == codes


def test_a_clock_in_a_prompt_is_not_taken_for_a_set(caplog: pytest.LogCaptureFixture) -> None:
    def clocked(chat: Chat) -> Dialog[str]:
        names = sorted(fruit for fruit in FRUITS)
        name = yield from chat.ask(f"{dt.datetime.now().timestamp()}：要什么？")
        return f"{name}{names}"

    assert "没有对话" in str(talk_to(clocked))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_file_that_was_edited_meanwhile_is_not_taken_for_the_code_at_hand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would ask something else, and a clock or a set be blamed for that."""
    path, code = Path(shop_in(tmp_path).rpartition(":")[0]), SHOP_OF_SETS.replace("FRUITS:", "[1]:")
    names: dict[str, Any] = {"__name__": "shop_of_sets"}
    exec(compile(code, str(path), "exec"), names)
    path.write_text(code.replace("几个？", "几斤？"), "utf-8")
    talk = Talk(names["bot"])
    assert (talk("开始"), talk("1")) == ("1几个？", "完")
    assert not caplog.records


def test_chance_is_not_taken_for_a_set() -> None:
    def by_chance(chat: Chat) -> Dialog[str]:
        names = {fruit * 2 for fruit in FRUITS}
        yield from chat.ask(f"{len(names)}种，一？")
        if random.random() < 0.5:
            yield from chat.ask("二？")
        return (yield from chat.ask("三？"))

    def till_it_falls_otherwise() -> None:
        for _ in range(40):
            talk_to(by_chance)

    with pytest.raises(NotRepeatable):
        till_it_falls_otherwise()


# On the way to an author. -------------------------------------------------------------------------

SHOP_OF_SETS = """
from wechat_dialog import Bot
bot = Bot("t", store="sqlite:///shop.db", timeout=None)
FRUITS = {"甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"}
@bot.text("开始")
def shop(chat):
    for fruit in FRUITS:
        yield from chat.ask(f"{fruit}几个？")
    return "完"
"""


def shop_in(folder: Path) -> str:
    """Write the shop; returns `file:line` of its loop."""
    path = folder / "shop_of_sets.py"
    path.write_text(SHOP_OF_SETS, "utf-8")
    [line] = [n for n, one in enumerate(SHOP_OF_SETS.splitlines(), 1) if "in FRUITS:" in one]
    return f"{path}:{line}"


def test_the_simulator_shows_in_the_bots_output_where_it_is(tmp_path: Path) -> None:
    place = shop_in(tmp_path)
    with page_of(tmp_path, "simulate", "shop_of_sets:bot") as page:
        assert page.say("开始") == Texts().apology
        page.wait(
            lambda event: (
                event["type"] == "log"
                and f"'shop' depends on the order of the set at {place}" in event["line"]
                and "write sorted(…)" in event["line"]
            )
        )
        path = tmp_path / "shop_of_sets.py"
        path.write_text(SHOP_OF_SETS.replace("in FRUITS:", "in sorted(FRUITS):"), "utf-8")
        page.do("restart")
        assert page.say("开始").endswith("几个？")


BEGIN = """
import time
from shop_of_sets import bot
from wechat_dialog import messages
for number, text in enumerate(["开始", *"1234567"]):
    fields = {"ToUserName": "gh", "FromUserName": "oSets", "CreateTime": str(int(time.time())),
              "MsgType": "text", "Content": text, "MsgId": str(9000 + number)}
    bot.respond(messages.from_fields(fields), time.time())
"""


def test_check_is_a_process_of_its_own_and_so_has_an_order_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order of eight things in 40 320 is that of another process. All but the last have been
    answered, so that any other order is seen as questions that trade places.
    """
    shop_in(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    subprocess.run(
        [sys.executable, "-c", BEGIN], cwd=tmp_path, env=command.environment(), check=True
    )
    check = ("check", "shop_of_sets:bot")
    # Where all processes are told one order, they have one, and there is nothing to report.
    assert "1  unchanged" in command.run(tmp_path, *check, anew=True).stdout
    monkeypatch.delenv("PYTHONHASHSEED")
    checked = command.run(tmp_path, *check, anew=True)
    assert "1  asks again" in checked.stdout
    assert "shop_of_sets.py:8" in checked.stdout
