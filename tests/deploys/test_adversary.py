"""What could put an answer to another question, or run a step twice, after a deployment: one by
one, on a real store.
"""

from __future__ import annotations

import msgspec
import pytest

from tests.deploys.town import ACCOUNT, USER, Town
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.replay.records import NEWEST
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import AskAgain, NewerJournal

CHANGED, APOLOGY = Texts().changed, Texts().apology
AGE = 'age = yield from chat.ask("几岁了？")\n        '


def test_a_number_means_what_the_menu_said_when_its_user_saw_it(town: Town) -> None:
    menu = """
    DISHES = ["面条", "米饭", "饺子"]
    @bot.text("开始")
    def order(chat):
        dish = yield from chat.choose("吃什么？", DISHES, key="dish")
        count = yield from chat.ask("几份？", int)
        return f"{dish}{count}"
    """
    reordered = menu.replace('"面条", "米饭"', '"米饭", "面条"')
    town.deploy(menu)
    town.say("开始")
    town.deploy(reordered)
    assert "with other options" in town.check().why
    assert town.say("2").startswith(f"{CHANGED}\n吃什么？")
    assert town.say("2") == "几份？", "now it is the new menu that was seen"
    assert town.say("1") == "面条1"

    town.deploy(menu)
    town.say("开始")
    town.say("2")  # rice
    town.deploy(reordered)
    assert "meant another of the options" in town.check().why
    assert town.say("1").startswith(f"{CHANGED}\n吃什么？")
    town.say("米饭")
    assert town.say("3") == "米饭3"


def test_a_menus_words_may_change_where_its_values_say_what_is_meant(town: Town) -> None:
    menu = """
    class Dish(enum.Enum):
        NOODLES = "面条"
        RICE = "米饭"
    @bot.text("开始")
    def order(chat):
        dish = yield from chat.choose("吃什么？", Dish, key="dish")
        size = yield from chat.choose("多大？", {"大份": "L", "小份": "S"}, key="size")
        count = yield from chat.ask("几份？", int)
        return f"{dish.name}{size}{count}"
    """
    town.deploy(menu)
    for text in ("开始", "2", "1"):
        town.say(text)
    town.deploy(menu.replace('"米饭"', '"香米饭"').replace("大份", "大碗"))
    assert town.check().outcome == "unchanged"
    assert town.say("3") == "RICEL3"


def test_options_from_data_are_compared_though_the_code_is_the_same(town: Town) -> None:
    menu = """
    from pathlib import Path
    class Source:
        def __iter__(self): return iter(Path(__file__).with_name("dishes").read_text().split())
    @bot.text("开始")
    def order(chat):
        dish = yield from chat.choose("吃什么？", list(Source()))
        count = yield from chat.ask("几份？", int)
        return f"{dish}{count}"
    """
    (town.folder / "dishes").write_text("面条 米饭", "utf-8")
    town.deploy(menu)
    town.say("开始")
    town.say("2")
    (town.folder / "dishes").write_text("饺子 面条 米饭", "utf-8")
    town.deploy(menu)
    assert town.say("1").startswith(f"{CHANGED}\n吃什么？")


@pytest.mark.parametrize("gathered", [True, False], ids=["gathered", "one by one"])
def test_results_do_not_trade_places_when_calls_of_one_step_do(town: Town, gathered: bool) -> None:
    together = "a, b = yield from chat.gather(chat.step(fetch, {}), chat.step(fetch, {}))"
    apart = "a = yield from chat.step(fetch, {}); b = yield from chat.step(fetch, {})"
    source = f"""
    @bot.text("开始")
    def order(chat):
        {together if gathered else apart}
        name = yield from chat.ask("叫什么？")
        return f"{{name}}{{a}}{{b}}"
    """
    town.deploy(source.replace("fetch, {}", 'fetch, "北"', 1).replace("fetch, {}", 'fetch, "南"'))
    town.say("开始")
    assert sorted(town.ran) == ["北", "南"]
    town.deploy(source.replace("fetch, {}", 'fetch, "南"', 1).replace("fetch, {}", 'fetch, "北"'))
    verdict = town.check()
    assert (verdict.outcome, verdict.position) == ("parked", 1)
    assert "called elsewhere now" in verdict.why
    assert town.say("小明") == APOLOGY
    assert len(town.ran) == 2


def test_other_arguments_of_a_step_that_has_run_are_no_difference(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        price = yield from chat.step(fetch, "面条")
        name = yield from chat.ask("叫什么？")
        return f"{name}{price}"
    """
    town.deploy(source)
    town.say("开始")
    town.deploy(source.replace('"面条"', '"面条，大份"'))
    assert town.check().outcome == "unchanged"
    assert town.say("小明") == "小明<面条>"
    assert town.ran == ["面条"]


def test_a_step_that_ran_for_another_call_is_not_run_again_later(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        for thing in THINGS:
            yield from chat.step(fetch, thing)
            yield from chat.ask(f"好了吗？", key="ok")
        return "完"
    """
    town.deploy('    THINGS = ["面条", "米饭"]' + source)
    town.say("开始")
    town.deploy('    THINGS = ["饺子", "面条"]' + source)
    assert town.say("好") == APOLOGY
    assert town.ran == ["面条"]
    [parked] = town.conversations.list()
    assert "called elsewhere now" in parked.why


def test_a_cancel_is_thrown_at_the_question_where_it_was_said(town: Town) -> None:
    source = """
    from wechat_dialog import Cancelled
    @bot.text("开始")
    def order(chat):
        try:
            name = yield from chat.ask("叫什么？")
        except Cancelled:
            name = "无名"
        city = yield from chat.ask("住哪里？")
        return f"{name}，{city}"
    """
    town.deploy(source)
    town.say("开始")
    assert town.say("取消") == "住哪里？"
    town.deploy(source.replace("try:", f"{AGE}try:"))
    assert "cancel at ask" in town.check().why
    assert town.say("北京") == f"{CHANGED}\n几岁了？"


def test_an_older_worker_beside_a_newer_one_gives_no_answer_to_its_own_question(
    town: Town,
) -> None:
    """While a deployment rolls, both answer one user, each with its own code and live dialogs."""
    source = """
    def order(chat):
        name = yield from chat.ask("叫什么？")
        city = yield from chat.ask("住哪里？")
        job = yield from chat.ask("做什么？")
        return f"叫={name} 住={city} 做={job}"
    bot.text("开始", pure=PURE)(order)
    """
    newer = source.replace(
        "        job", '        age = yield from chat.ask("几岁了？")\n        job'
    )
    for pure in ("True", "False"):
        town.deploy(source.replace("PURE", pure))
        town.say("开始")
        town.say("叫")
        old, store = town.bot, town.bot.store
        town.bot.close = lambda drain=None: None  # type: ignore[method-assign]
        town.deploy(newer.replace("PURE", pure))
        assert town.say("住") == "几岁了？"
        new, town.bot = town.bot, old
        assert town.say("几").startswith(CHANGED), "the old one asks its own question first"
        town.bot = new
        new.close()
        store.close()
        town.conversations.end(f"{ACCOUNT}:{USER}")


def test_a_conversation_below_an_interruption_is_compared_when_its_turn_comes(town: Town) -> None:
    source = """
    @bot.text("帮助", anytime=True)
    def help(chat):
        what = yield from chat.ask("帮什么？")
        return f"帮={what}"
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        city = yield from chat.ask("住哪里？")
        return f"叫={name} 住={city}"
    """
    town.deploy(source)
    for text in ("开始", "叫", "帮助"):
        town.say(text)
    name, city = source.splitlines()[7:9]
    town.deploy(source.replace(f"{name}\n{city}", f"{city}\n{name}"))
    assert [one.verdict.outcome for one in town.conversations.check()] == [
        "asks again", "unchanged",
    ]  # fmt: skip
    assert town.say("帮") == f"帮=帮\n{CHANGED}\n住哪里？"
    assert town.say("住") == "叫什么？"
    assert town.say("叫") == "叫=叫 住=住"


def test_what_was_taken_back_stays_so_in_a_journal_that_no_longer_fits(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        city = yield from chat.ask("住哪里？")
        job = yield from chat.ask("做什么？")
        return f"叫={name} 住={city} 做={job}"
    """
    town.deploy(source)
    for text in ("开始", "错", "返回", "叫", "住"):
        town.say(text)
    town.deploy(source.replace("job = ", f"{AGE}job = "))
    assert town.check().position == 3
    assert town.say("做") == f"{CHANGED}\n几岁了？"
    assert town.say("返回") == "住哪里？"
    for text in ("住", "几"):
        town.say(text)
    assert town.say("做") == "叫=叫 住=住 做=做"


def test_fields_of_a_form_may_change_places(town: Town) -> None:
    source = """
    @dataclass
    class Person:
        name: str
        city: str
    @bot.text("开始")
    def order(chat):
        person = yield from chat.form(Person, summary=False)
        job = yield from chat.ask("做什么？")
        return f"叫={person.name} 住={person.city} 做={job}"
    """
    town.deploy(source)
    for text in ("开始", "叫", "住"):
        town.say(text)
    town.deploy(source.replace("name: str\n        city: str", "city: str\n        name: str"))
    assert "'Person.city'" in town.check().why
    assert "city" in town.say("做")
    town.say("住")
    town.say("叫")
    assert town.say("做") == "叫=叫 住=住 做=做"


def test_a_forms_summary_with_other_fields_is_shown_again(town: Town) -> None:
    source = """
    @dataclass
    class Person:
        name: str
        city: str
    @bot.text("开始")
    def order(chat):
        person = yield from chat.form(Person, given={"name": "甲", "city": "乙"})
        return f"叫={person.name} 住={person.city}"
    """
    town.deploy(source)
    town.say("开始")
    town.deploy(source.replace("name: str\n        city: str", "city: str\n        name: str"))
    assert town.say("修改第1项").startswith(CHANGED)


def test_state_that_the_new_code_does_not_take_parks_and_loses_nothing(town: Town) -> None:
    source = """
    @bot.dialog
    def later(chat, number):
        name = yield from chat.ask("叫什么？")
        city = yield from chat.ask("住哪里？")
        return f"{number}{name}{city}"
    @bot.text("开始")
    def first(chat):
        yield from chat.ask("好？")
        return chat.continue_as(later, number=7)
    """
    town.deploy(source)
    for text in ("开始", "好", "叫"):
        town.say(text)
    town.deploy(source.replace("number", "count"))
    assert town.check().outcome == "parked"
    assert town.say("住") == APOLOGY
    town.deploy(source)
    town.conversations.resume(USER)
    assert town.say("喂") == "7叫住"


def test_a_message_that_found_the_code_changed_is_the_answer_once_it_is_changed_back(
    town: Town,
) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        found = yield from chat.step(fetch, name)
        city = yield from chat.ask("住哪里？")
        return f"{found} 住={city}"
    """
    town.deploy(source)
    town.say("开始")
    town.say("叫")
    broken = source.replace("fetch", "pay")
    for _ in range(2):  # resumed too early, it is parked again, and keeps the message
        town.deploy(broken)
        if not next(iter(town.conversations.list())).why:
            assert town.say("住") == APOLOGY
        else:
            town.conversations.resume(USER)
    assert town.say("喂") == "", "the user was told once"
    town.deploy(source)
    town.conversations.resume(USER)
    assert town.say("喂") == "<叫> 住=住"
    assert town.ran == ["叫"]


def test_steps_before_and_after_a_message_is_heard_have_different_keys(town: Town) -> None:
    """The first runs because the code has changed, the second because the message cancels."""
    source = """
    def charge(idempotency_key: str) -> None: ran.append(idempotency_key)
    def refund(idempotency_key: str) -> None: ran.append(idempotency_key)
    @bot.text("开始")
    def order(chat):
        try:
            name = yield from chat.ask("叫什么？")
            # then
            city = yield from chat.ask("住哪里？")
        finally:
            yield from chat.step(refund)
    """
    town.deploy(source)
    town.say("开始")
    town.say("叫")
    town.deploy(source.replace("# then", "yield from chat.step(charge)"))
    assert town.say("取消") == Texts().cancelled
    assert len(town.ran) == len(set(town.ran)) == 2


def test_a_conversation_resumed_at_its_question_says_nothing_but_that_again(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        yield from chat.step(fetch, name)
        chat.say("查好了。")
        city = yield from chat.ask("住哪里？")
        return f"住={city}"
    @bot.event("CLICK")
    def menu(chat): return "菜单"
    """
    town.deploy(source)
    town.say("开始")
    assert town.say("叫") == "查好了。\n住哪里？"
    town.deploy(source.replace("fetch", "pay"))
    town.say("", "event", Event="CLICK", EventKey="k")
    assert not town.state().stack, "it is parked, and no answer with it"
    town.deploy(source)
    town.conversations.resume(USER)
    assert town.say("喂") == f"{Texts().not_taken}\n住哪里？"
    assert town.say("喂") == "住=喂"


def test_clean_up_of_a_bug_does_not_stand_in_the_way_of_its_mended_code(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        try:
            yield from chat.step(fetch, name)
            number = yield from chat.ask("几号？")
            rest = 10 / int(number)
            city = yield from chat.ask("住哪里？")
        finally:
            yield from chat.step(pay, "收拾")
        return f"{rest}{city}"
    """
    town.deploy(source)
    for text in ("开始", "叫"):
        town.say(text)
    assert town.say("0") == APOLOGY
    assert town.ran == ["叫", "pay 收拾"]
    town.conversations.resume(USER)  # nothing is mended yet: nothing runs again
    assert town.say("喂") == "", "the user was told once"
    assert town.ran == ["叫", "pay 收拾"]
    town.deploy(source.replace("10 / int(number)", "number"))
    town.conversations.resume(USER)
    assert town.say("喂").endswith("住哪里？")
    assert town.say("住") == "0住"
    assert town.ran == ["叫", "pay 收拾", "pay 收拾"], "once for each ending"


def test_a_menu_tap_changes_the_subject_though_the_code_has_changed(town: Town) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        return f"叫={name}"
    @bot.click("shop")
    def shop(chat):
        what = yield from chat.ask("买什么？")
        return f"买={what}"
    """
    town.deploy(source)
    town.say("开始")
    town.deploy(source.replace("叫什么？", "名字？"))
    assert town.say("", "event", Event="CLICK", EventKey="shop") == "买什么？"
    assert town.say("买") == "买=买"


def test_an_event_begins_its_dialog_once_though_the_new_code_hands_a_message_back(
    town: Town,
) -> None:
    source = """
    from wechat_dialog import UnexpectedAnswer
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        age = yield from chat.ask("几岁了？")
    @bot.click("shop")
    def shop(chat):
        what = yield from chat.ask("买什么？")
        return f"买={what}"
    """
    town.deploy(source)
    town.say("开始")
    assert town.say("甲") == "几岁了？"
    town.deploy(source.replace('age = yield from chat.ask("几岁了？")', "raise UnexpectedAnswer"))
    answer = town.say("", "event", Event="CLICK", EventKey="shop")
    assert answer.splitlines()[-1] == "买什么？"
    assert answer.count("买什么？") == 1
    assert Texts().kind_wanted["text"] not in answer
    assert town.say("买") == "买=买"


VERSIONS = """
@bot.text("开始", name="order", version=1)
def order_1(chat):
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    return f"一：叫={name} 住={city}"
"""
NEWER = """
@bot.text("开始", name="order", version=2)
def order_2(chat):
    city = yield from chat.ask("住哪里？")
    name = yield from chat.ask("叫什么？")
    return f"二：叫={name} 住={city}"
"""


def test_versions_run_side_by_side_and_one_that_is_gone_falls_to_the_policy(town: Town) -> None:
    town.deploy(VERSIONS)
    town.say("开始")
    town.say("叫")
    town.deploy(VERSIONS + NEWER)
    assert town.check().outcome == "unchanged"
    assert town.say("住") == "一：叫=叫 住=住"
    assert town.say("开始") == "住哪里？"
    assert town.say("住") == "叫什么？"
    assert town.say("叫") == "二：叫=叫 住=住"

    town.deploy(VERSIONS)
    town.say("开始")
    town.say("叫")
    town.deploy(NEWER)
    assert town.check().outcome == "asks again"
    assert town.say("住") == f"{CHANGED}\n住哪里？"


@pytest.mark.parametrize(
    ("policy", "heard"),
    [
        ("resume", f"{CHANGED}\n住哪里？"),
        ("restart", f"{Texts().restarted}\n住哪里？"),
        ("park", APOLOGY),
    ],
)
def test_a_version_that_is_gone_is_carried_on_by_the_newest_as_the_policy_says(
    town: Town, policy: str, heard: str
) -> None:
    town.deploy(VERSIONS)
    town.say("开始")
    town.say("叫")
    before = town.state().stack[-1].version
    town.deploy(NEWER, on_divergence=policy)
    assert town.say("住") == heard
    if policy == "park":
        assert town.say("开始") == "住哪里？", "the user is free"
    assert town.state().stack[-1].version != before, "and stays with the newest from now on"
    assert town.say("住") == "叫什么？"
    assert town.say("叫") == "二：叫=叫 住=住"


def test_a_dialog_that_is_gone_altogether_is_parked(town: Town) -> None:
    town.deploy(VERSIONS)
    town.say("开始")
    town.say("叫")
    town.deploy(NEWER.replace('"order"', '"other"'))
    assert "no dialog 'order'" in town.check().why
    assert town.say("住") == APOLOGY
    town.deploy(VERSIONS)
    town.conversations.resume(USER)
    assert town.say("喂") == "一：叫=叫 住=住"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda head: head.update(format=NEWEST + 1), id="a newer format"),
        pytest.param(lambda head: head["stack"][0].update(flags=["leap"]), id="an unknown flag"),
    ],
)
def test_a_conversation_of_a_newer_library_is_refused_and_left_as_it_is(
    town: Town, change: object
) -> None:
    source = """
    @bot.text("开始")
    def order(chat):
        name = yield from chat.ask("叫什么？")
        return f"叫={name}"
    """
    town.deploy(source)
    town.say("开始")
    user = f"{ACCOUNT}:{USER}"
    stored = town.bot.store.show(user)
    assert stored is not None
    head = msgspec.json.decode(stored.head)
    change(head)  # type: ignore[operator]
    claimed = town.bot.store.claim(Claim(user, "k", lease=3))
    newer = msgspec.json.encode(head)
    town.bot.store.commit(Commit(user, "k", Write(newer, ttl=600), reply=b"", fence=claimed.fence))  # type: ignore[union-attr]
    town.deploy(source)
    with pytest.raises(AskAgain):  # the platform's next request may reach a worker that can read it
        town.say("叫")
    town.deploy(source, window=Window(seconds=0.5, requests=1, patience=0.1))
    assert town.say("叫") == APOLOGY
    after = town.bot.store.show(user)
    assert after is not None
    assert (after.head, after.records) == (newer, stored.records)
    assert [one.state for one in town.conversations.list()] == ["unreadable"]
    assert town.check().outcome == "unreadable"
    with pytest.raises(NewerJournal, match="newer wechat-dialog"):
        town.conversations.end(user)
