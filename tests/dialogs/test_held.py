"""What is held traps nobody, and nothing of it is lost (design, section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialogs.held_zoo import (
    ANYTIME,
    HEARD,
    LETTERS,
    LONG,
    MARK,
    QUESTION,
    SAID,
    Place,
    Walk,
    asked_as,
    glance,
    held_words,
    likeness,
    pending,
    refusing,
    think,
    words,
    zoo,
)
from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.replies import Text
from wechat_dialog.testing import Seen, Talk


def reached(walk: Walk, depth: int, *, drops: bool) -> Iterator[tuple[Place, str, Place, Seen]]:
    """Go every way of so many messages, but only once from each state; yields every step."""
    edge, known = [walk.start()], {likeness(walk.start().state)}
    for left in reversed(range(depth)):
        further: list[Place] = []
        # Or the answer reached nobody; where the rest was pushed, it is too late to say so.
        dropped = [walk.drop(place) for place in edge if drops and left and place.answer.reply]
        for place in [*edge, *dropped]:
            for letter in LETTERS:
                there, answer = walk.go(place, letter)
                yield place, letter, there, answer
                if (what := likeness(there.state)) not in known:
                    known.add(what)
                    further.append(there)
        edge = further


def unseen(place: Place) -> bool:
    stack = place.state.stack
    return bool(stack) and any(one.asks == stack[-1].id for one in place.state.held)


def complaints(place: Place, letter: str, there: Place, answer: Seen) -> Iterator[str]:
    """Yield what is wrong with one step."""
    said, after = words(answer), held_words(there.state)
    before = held_words(place.state) + place.untaken
    shown, held = MARK.findall(said), MARK.findall(after)
    once = [mark for mark in shown if not mark.endswith(ASKS)]
    if isinstance(answer.reply, Text) and len(answer.reply.content.encode()) > 2047:
        yield "the reply is too long"
    if any(mark not in place.seen for mark in HEARD):
        yield f"a question was answered that nobody saw: {HEARD}"
    if letter != "!unsubscribe" and not letter.startswith("+"):
        # What a conversation says that is ended for another is for nobody.
        fresh = [] if letter.startswith("!s") else SAID
        known = {mark for mark in MARK.findall(before) if not mark.endswith(ASKS)}
        if lost := {*known, *fresh} - {*shown, *held}:
            yield f"lost: {lost}"
    if twice := {*once} & {*place.seen, *held}:
        yield f"said twice: {twice}"
    yield from overtaking(shown, held)
    # A reply that nobody took is one part, its question and all.
    whole = [one for one in place.state.held if not one.question and b"?" in bytes(one.reply)]
    if not (QUESTION.search(place.untaken) or whole):
        yield from misordered(shown, there)
    stack = place.state.stack
    if letter in ANYTIME and len(stack) < 5 and ANYTIME[letter] not in said:
        yield "what may come at any time was not answered"
    if letter == "取消" and stack and len(there.state.stack) >= len(stack):
        yield "it was not cancelled"
    new = {*shown} - place.seen or len(after) < len(before)
    if letter in ("嗯", "7", "返回") and unseen(place) and not new:
        yield "nothing new was delivered"
    if not said and not silently(place, letter):
        yield "it was not answered"


def overtaking(shown: list[str], held: list[str]) -> Iterator[str]:
    """Yield which parts are shown before an earlier part of their answer."""
    for number, mark in enumerate(shown):
        if not mark.endswith(ASKS):
            later = [*shown[number + 1 :], *held]
            if any(other[:-2] == mark[:-2] and other < mark for other in later):
                yield f"{mark} overtook what was said before it"


def misordered(shown: list[str], there: Place) -> Iterator[str]:
    """Yield what is wrong with the questions that are shown."""
    for mark in shown:
        if mark.endswith(ASKS) and mark != shown[-1]:
            yield "something was said behind the question"
        if mark.endswith(ASKS) and pending(there.state) not in asked_as(mark):
            yield "a question was shown that is over"


ASKS = ".8⟩"


def silently(place: Place, letter: str) -> bool:
    """Whether nothing need be answered: time passes, an event is nobody's, or a text."""
    if letter.startswith(("+", "迟")) or letter in ("!none", "!unsubscribe"):
        return True  # what is late is pushed, or held where that is refused
    if letter == "!t" and len(place.state.stack) == 5:
        return True  # no more than five conversations interrupt each other
    return not place.state.stack and letter in ("继续", "嗯", "7", "取消", "返回", "不语")


def check(walk: Walk, depth: int, *, drops: bool = False) -> int:
    """Look at every step; returns how many there were."""
    steps = 0
    for place, letter, there, answer in reached(walk, depth, drops=drops):
        for wrong in complaints(place, letter, there, answer):
            held = held_words(there.state)
            pytest.fail(f"{' '.join(there.path)}: {wrong}\n{walk.talk}\nheld: {held}")
        steps += 1
    return steps


def test_nobody_is_trapped_and_nothing_is_lost() -> None:
    assert check(Walk(zoo()), 4) > 2_000


def test_nothing_is_lost_where_an_answer_reaches_nobody() -> None:
    assert check(Walk(zoo()), 3, drops=True) > 2_000


@pytest.mark.parametrize("takes", [True, False])
def test_nothing_is_lost_where_the_account_pushes(
    takes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not takes:
        refusing(monkeypatch)
    assert check(Walk(zoo(customer_messages=True)), 3) > 300


@pytest.mark.long
@pytest.mark.parametrize("pushes", [True, False])
def test_nothing_is_lost_after_more_messages(pushes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch)
    check(Walk(zoo(customer_messages=pushes)), 6 if pushes else 5, drops=not pushes)


TABLE = {
    # nothing
    "": """
        继续: | 7: | 取消: | 返回: | 帮助: 帮助 | 长帮: …» | 看图: [图] | 新闻: [新闻] |
        人工: [转人工] | 不语: | 插问: …»* | 短问: 一? | !t: 时间 | !none: | !s: 哪一类? |
        !unsubscribe:
    """,
    # the rest of an answer
    "长答": """
        继续: … | 7: | 取消: | 返回: | 帮助: 帮助 | 长帮: …» | 看图: [图] | 新闻: [新闻] |
        人工: [转人工] | 不语: | 插问: …»* | 短问: 一? | !t: 时间 | !none: | !s: 哪一类? |
        !unsubscribe:
    """,
    # an answer that is owed
    "迟答": """
        继续: 想好了 | 7: 想好了 | 取消: 想好了 | 返回: 想好了 | 帮助: 想好了/帮助 | 长帮: …» |
        看图: [图] | 新闻: [新闻] | 人工: [转人工] | 不语: 想好了 | 插问: …»* |
        短问: 想好了/一? | !t: 想好了/时间 | !none: 想好了 | !s: 想好了/哪一类? |
        !unsubscribe:
    """,
    # a question
    "短问": """
        继续: 二? | 7: 二? | 取消: 不问了/已取消。 | 返回: 已经不能再返回了。/一? |
        帮助: 帮助/一? | 长帮: …» | 看图: [图] | 新闻: [新闻] | 人工: [转人工] | 不语: 一? |
        插问: …»* | 短问: 二? | !t: 时间/一? | !none: | !s: 哪一类? | !unsubscribe:
    """,
    # a question, and an older rest
    "长答 短问": """
        继续: … | 7: 二? | 取消: 不问了/已取消。 | 返回: 已经不能再返回了。/一? |
        帮助: 帮助/一? | 长帮: …» | 看图: [图] | 新闻: [新闻] | 人工: [转人工] | 不语: 一? |
        插问: …»* | 短问: 二? | !t: 时间/一? | !none: | !s: 哪一类? | !unsubscribe:
    """,
    # a question, and the rest of an interruption
    "短问 长帮": """
        继续: … | 7: 二? | 取消: 不问了/已取消。 | 返回: 已经不能再返回了。/一? |
        帮助: 帮助/一? | 长帮: …» | 看图: [图] | 新闻: [新闻] | 人工: [转人工] | 不语: 一? |
        插问: …»* | 短问: 二? | !t: 时间/一? | !none: | !s: 哪一类? | !unsubscribe:
    """,
    # a question that is unseen
    "长问": """
        继续: …/一? | 7: （先看）/…/一? | 取消: 不问了/已取消。 | 返回: （先看）/…/一? |
        帮助: 帮助/…/一? | 长帮: …»* | 看图: [图]* | 新闻: [新闻]* | 人工: [转人工]* |
        不语: …/一? | 插问: …»* | 短问: （先看）/…/一? | !t: 时间/…/一? | !none: * |
        !s: 哪一类? | !unsubscribe:
    """,
    # such a question, and an older rest
    "长答 长问": """
        继续: …/一? | 7: （先看）/…/一? | 取消: 不问了/已取消。 | 返回: （先看）/…/一? |
        帮助: 帮助/…/一? | 长帮: …»* | 看图: [图]* | 新闻: [新闻]* | 人工: [转人工]* |
        不语: …/一? | 插问: …»* | 短问: （先看）/…/一? | !t: 时间/…/一? | !none: * |
        !s: 哪一类? | !unsubscribe:
    """,
    # a question that is owed
    "迟问": """
        继续: 想好了/一? | 7: （先看）/想好了/一? | 取消: 想好了/不问了/已取消。 |
        返回: （先看）/想好了/一? | 帮助: 想好了/帮助/一? | 长帮: …»* | 看图: [图]* |
        新闻: [新闻]* | 人工: [转人工]* | 不语: 想好了/一? | 插问: …»* |
        短问: （先看）/想好了/一? | !t: 想好了/时间/一? | !none: * | !s: 想好了/哪一类? |
        !unsubscribe:
    """,
    # such a question behind pictures
    "图问": """
        继续: [图]* | 7: [图]* | 取消: 不问了/已取消。 | 返回: [图]* | 帮助: 帮助/»* |
        长帮: …»* | 看图: [图]* | 新闻: [新闻]* | 人工: [转人工]* | 不语: [图]* | 插问: …»* |
        短问: [图]* | !t: 时间/»* | !none: * | !s: 哪一类? | !unsubscribe:
    """,
    # such a question that interrupts another
    "短问 插问": """
        继续: …/插? | 7: （先看）/…/插? | 取消: 已取消。/一? | 返回: （先看）/…/插? |
        帮助: 帮助/…/插? | 长帮: …»* | 看图: [图]* | 新闻: [新闻]* | 人工: [转人工]* |
        不语: …/插? | 插问: （先看）/…/插? | 短问: （先看）/…/插? | !t: 时间/…/插? | !none: * |
        !s: 哪一类? | !unsubscribe:
    """,
    # two of them
    "长问 插问": """
        继续: …/插? | 7: （先看）/…/插? | 取消: 已取消。/»* | 返回: （先看）/…/插? |
        帮助: 帮助/…/插? | 长帮: …»* | 看图: [图]* | 新闻: [新闻]* | 人工: [转人工]* |
        不语: …/插? | 插问: （先看）/…/插? | 短问: （先看）/…/插? | !t: 时间/…/插? | !none: * |
        !s: 哪一类? | !unsubscribe:
    """,
}

"""What is held, by what led there, and what each message is answered then. … is a long text, » the
link to more; * says that the pending question has not been seen after it."""


@pytest.mark.parametrize("before", TABLE)
def test_what_each_message_is_answered(before: str) -> None:
    walk = Walk(zoo())
    place = walk.start()
    for letter in before.split():
        place, _ = walk.go(place, letter)
    for cell in " ".join(TABLE[before].split()).split(" | "):
        letter, _, expected = cell.partition(":")
        there, answer = walk.go(place, letter)
        assert f"{glance(answer)}{'*' * unseen(there)}" == expected.strip(), letter


def go(walk: Walk, *letters: str) -> list[str]:
    """Let one thing after another happen; returns what was answered to each, in short. × lets
    the last answer reach nobody.
    """
    place, said = walk.start(), []
    for letter in letters:
        if letter == "×":
            place = walk.drop(place)
            continue
        place, answer = walk.go(place, letter)
        said.append(glance(answer))
    return said


def test_the_rest_of_the_newest_answer_comes_first() -> None:
    walk = Walk(zoo())
    place, _ = walk.go(walk.start(), "长答")
    place, _ = walk.go(place, "长帮")
    place, answer = walk.go(place, "继续")
    assert MARK.findall(answer) == ["⟨000002.2⟩"]
    assert MARK.findall(walk.go(place, "继续")[1]) == ["⟨000001.2⟩"]


def test_a_question_that_was_interrupted_unseen_is_not_shown_under_the_one_that_interrupts() -> (
    None
):
    assert go(Walk(zoo()), "长问", "插问", "继续", "继续", "继续", "继续") == [
        "…»", "…»", "…/插?", "…", "继续/一?", "二?",
    ]  # fmt: skip


def test_a_reply_nobody_took_comes_before_its_rest_also_where_another_conversation_interrupts() -> (
    None
):
    walk = Walk(zoo())
    place = walk.start()
    for letter in ("短问", "长帮", "×", "插问", "继续"):
        place = walk.drop(place) if letter == "×" else walk.go(place, letter)[0]
    place, answer = walk.go(place, "继续")
    assert MARK.findall(words(answer)) == ["⟨000002.1⟩"]
    assert MARK.findall(words(walk.go(place, "继续")[1])) == ["⟨000002.2⟩"]


def test_nothing_overtakes_what_a_reply_nobody_took_says_before_an_interrupted_question() -> None:
    walk = Walk(zoo())
    place, shown = walk.start(), list[str]()
    for letter in ("图文", "×", "短问", "×", "插问", "继续", "继续", "7", "继续", "继续", "7"):
        if letter == "×":
            place = walk.drop(place)
        else:
            before, (place, answer) = place, walk.go(place, letter)
            shown.append(glance(answer))
            assert not list(complaints(before, letter, place, answer))
    assert shown == ["»", "»/一?", "…»", "…/插?", "»", "7/»", "[图]", "一?", "二?"]


def test_a_question_behind_a_sentence_that_is_held_already_is_not_lost() -> None:
    bot = Bot(live_dialogs=0)

    @bot.text("迟报")
    def late(chat: Chat) -> Dialog[None]:
        yield from chat.step(think)
        chat.say("说来话长。" * 133)
        chat.say("收到")

    @bot.text("记")
    def note(chat: Chat) -> Dialog[str]:
        chat.say("收到")
        wish = yield from chat.ask("还要别的吗？" * 8)
        return f"你说了{wish}"

    walk = Walk(bot)
    place = walk.start()
    for letter in ("迟报", "记"):
        place, _ = walk.go(place, letter)
    place, answer = walk.go(walk.drop(place), "好")
    assert "（先看）" in glance(answer)
    assert "还要别的吗？" in glance(answer)
    place, answer = walk.go(place, "嗯")
    assert glance(answer).endswith("你说了嗯")


@pytest.mark.parametrize(
    ("before", "answered"),
    [
        pytest.param("短问", False, id="it was asked"),
        pytest.param("短问 帮助", False, id="it was asked again behind another answer"),
        pytest.param("短问 长帮", True, id="another answer left no room for it"),
        pytest.param("短问 长帮 继续", True, id="the rest of another answer"),
        pytest.param("短问 看图", True, id="a picture"),
        pytest.param("短问 !t", False, id="it was asked again behind an event's answer"),
        pytest.param("长问", False, id="it is held"),
        pytest.param("长问 继续", False, id="it was fetched"),
        pytest.param("短问 插问 继续", False, id="it was fetched, and interrupts"),
        pytest.param("发图", False, id="what was said before is the question"),
        pytest.param("发图 长帮", True, id="likewise, and it was seen"),
    ],
)
def test_a_question_was_seen_unless_the_reply_that_nobody_took_was_the_one_that_showed_it(
    before: str, answered: bool
) -> None:
    bot = zoo()

    @bot.text("发图")
    def unprompted(chat: Chat) -> Dialog[str]:
        chat.say("请发图")
        said = yield from chat.ask(None)
        HEARD.append("发图")
        return said

    walk = Walk(bot)
    place = walk.start()
    for letter in before.split():
        place = walk.go(place, letter)[0]
    walk.go(walk.drop(place), "7")
    assert bool(HEARD) is answered


def test_a_question_that_expired_unseen_is_asked_again_before_it_is_answered() -> None:
    assert go(Walk(zoo(timeout=None)), "长问", "+90000", "7", "7") == [
        "…»", "", "（先看）/一?", "二?",
    ]  # fmt: skip


def test_a_question_nobody_was_told_when_he_unsubscribed_is_asked_when_he_is_back() -> None:
    bot = zoo()

    @bot.event("unsubscribe")
    def gone(chat: Chat) -> Dialog[str]:
        return "因为" + (yield from chat.ask("为什么？"))

    assert go(Walk(bot), "!unsubscribe", "7", "7") == ["", "（先看）/为什么？", "因为7"]


def test_an_event_answers_no_question_that_was_not_seen() -> None:
    bot = Bot()

    @bot.text("定位")
    def locate(chat: Chat) -> Dialog[str]:
        chat.say("长" * 1000)
        return (yield from chat.ask("请点菜单。", messages.Click)).event_key

    talk = Talk(bot)
    talk("定位")
    assert talk.event("CLICK", "here").endswith("请点菜单。")
    assert talk.event("CLICK", "here") == "here"


@pytest.mark.parametrize("word", ["继续", " 继续 ", "继续。", "“继续”", "　继续！", "(继续)"])
def test_the_word_fetches_whatever_stands_around_it(word: str) -> None:
    assert go(Walk(zoo()), "长答", word) == ["…»", "…"]


@pytest.mark.parametrize("word", ["继续吧", "继 续", "。", ""])
def test_other_words_do_not(word: str) -> None:
    assert go(Walk(zoo()), "长答", word) == ["…»", ""]


def test_a_link_that_was_sent_before_its_word_was_changed_still_fetches() -> None:
    talk = Talk(zoo(texts=Texts(more="更多")))
    talk("长答")
    talk("短问")
    talk.restart(zoo())
    assert talk("更多").startswith("长篇"), "and answers no question"
    assert talk("更多").startswith("二"), "a word like any other, when nothing is held"


def test_the_word_fetches_before_it_is_an_answer_or_begins_a_dialog() -> None:
    bot = zoo()

    @bot.text("继续")
    def more(chat: Chat) -> Dialog[str]:
        return (yield from chat.choose("继续什么？", ["继续", "别的"]))

    talk = Talk(bot)
    talk("长答")
    assert talk("继续").startswith("长篇")
    assert talk("继续").startswith("继续什么？")
    assert talk("继续") == "继续"


def test_back_takes_an_answer_back_and_leaves_what_is_held() -> None:
    assert go(Walk(zoo()), "长答", "短问", "7", "返回", "继续", "7") == [
        "…»", "一?", "二?", "一?", "…", "二?",
    ]  # fmt: skip


def test_what_was_said_before_a_conversation_handed_over_is_held_for_its_question() -> None:
    bot = zoo()

    @bot.dialog
    def then(chat: Chat) -> Dialog[str]:
        return "到：" + (yield from chat.ask("然后？"))

    @bot.text("交接")
    def hand(chat: Chat) -> Any:
        chat.say(LONG)
        return chat.continue_as(then)

    assert go(Walk(bot), "交接", "7", "7") == ["…»", "（先看）/…然后？", "到：7"]


def test_what_is_held_survives_the_parking_of_what_said_it() -> None:
    bot = zoo()

    @bot.text("坏")
    def broken(chat: Chat) -> Dialog[str]:
        chat.say(LONG)
        number = yield from chat.ask("几？", int)
        raise RuntimeError(number)

    sorry = Texts().apology
    assert go(Walk(bot), "坏", "继续", "7", "嗯") == ["…»", "…几？", sorry, ""]
    assert go(Walk(bot), "长答", "坏", "继续", "7", "继续") == [
        "…»",
        "…»",
        "…几？",
        sorry,
        "…",
    ]
