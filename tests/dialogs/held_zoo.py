"""A bot of which every sentence can be told from every other, and a walk through its states.

What is said once carries a mark, `⟨message.count⟩`, at its beginning and, where it is long, at its
end; a question ends in a mark of its own. So a walk can tell from replies and from what is held
whether a part was lost, said twice, or a question answered that nobody saw.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.dialogs.journals import state
from wechat_dialog import Bot, Cancelled, Chat, Dialog, messages, replies
from wechat_dialog.core.dialog.question_ids import wait_id
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.replay.header import UserHead
from wechat_dialog.core.turn.operations import Push
from wechat_dialog.messages.keys import message_key
from wechat_dialog.replies import Article, Image, News, Text, Transfer
from wechat_dialog.testing import Seen, Talk, world

MARK = re.compile(r"⟨[\w.]+⟩")
QUESTION = re.compile(r"\?⟨[\w.]+⟩")
LONG = "长篇大论，说来话长。\n" * 100
"""Two replies of it."""
FULL = "说来话长。" * 135
"""As much as goes into one reply."""


SAID: list[str] = []
"""The marks that were made since the last look, replays apart."""
HEARD: list[str] = []
"""The marks of the questions that were answered since, likewise."""


def serial(chat: Chat) -> str:
    """Return what tells this message from all others of the walk."""
    message = chat.message
    return message.event_key if isinstance(message, messages.Event) else message.raw["MsgId"][-6:]


def mark(chat: Chat, count: int) -> str:
    """Return a mark of this message."""
    made = f"⟨{serial(chat)}.{count}⟩"
    if not chat.replaying:
        SAID.append(made)
    return made


def ask(chat: Chat, text: str, parse: Any = str) -> Dialog[Any]:
    """Ask something that can be told from all else that is asked."""
    made = f"⟨{serial(chat)}.8⟩"
    said = yield from chat.ask(f"{text}?{made}", parse)
    if not chat.replaying:
        HEARD.append(made)
    return said


def zoo(**settings: Any) -> Bot:  # noqa: C901 - one dialog after the other
    """Return the bot."""
    bot = Bot(live_dialogs=0, **settings)

    def questions(chat: Chat) -> Dialog[str]:
        try:
            first = yield from ask(chat, "一")
            second = yield from ask(chat, "二", int)
        except Cancelled:
            chat.say(f"不问了{mark(chat, 1)}")
            raise
        return f"{first}{second}{mark(chat, 1)}"

    @bot.text("短问")
    def short(chat: Chat) -> Dialog[str]:
        return (yield from questions(chat))

    @bot.text("长问")
    def long(chat: Chat) -> Dialog[str]:
        chat.say(mark(chat, 2) + LONG + mark(chat, 3))
        return (yield from questions(chat))

    @bot.text("大问")
    def large(chat: Chat) -> Dialog[str]:
        chat.say(mark(chat, 2))
        return f"{(yield from ask(chat, LONG * 2))}{mark(chat, 1)}"

    @bot.text("满问", anytime=True)
    def full(chat: Chat) -> Dialog[str]:
        chat.say(mark(chat, 2))
        return f"{(yield from ask(chat, FULL))}{mark(chat, 1)}"

    @bot.text("图问")
    def pictures(chat: Chat) -> Dialog[str]:
        chat.say(Image("i" + mark(chat, 2)))
        chat.say(Image("i" + mark(chat, 3)))
        return (yield from questions(chat))

    @bot.text("迟问")
    def late(chat: Chat) -> Dialog[str]:
        yield from chat.step(think)
        chat.say(f"想好了{mark(chat, 2)}")
        return (yield from questions(chat))

    @bot.text("长答")
    def long_answer(chat: Chat) -> str:
        return mark(chat, 1) + LONG + mark(chat, 2)

    @bot.text("迟答")
    def late_answer(chat: Chat) -> Dialog[str]:
        yield from chat.step(think)
        return f"想好了{mark(chat, 1)}"

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> str:
        return f"帮助{mark(chat, 1)}"

    @bot.text("长帮", anytime=True)
    def long_help(chat: Chat) -> str:
        return mark(chat, 1) + LONG + mark(chat, 2)

    @bot.text("看图", anytime=True)
    def picture(chat: Chat) -> replies.Reply:
        return Image("i" + mark(chat, 1))

    @bot.text("新闻", anytime=True)
    def news(chat: Chat) -> replies.Reply:
        return News([Article("n" + mark(chat, 1))])

    @bot.text("图文")
    def story(chat: Chat) -> replies.Reply:
        chat.say(mark(chat, 1))
        return Image("i" + mark(chat, 2))

    @bot.text("人工", anytime=True)
    def human(chat: Chat) -> replies.Reply:
        return Transfer()

    @bot.text("不语", anytime=True)
    def silent(chat: Chat) -> None:
        return None

    @bot.text("插问", anytime=True)
    def asks(chat: Chat) -> Dialog[str]:
        chat.say(mark(chat, 2) + LONG + mark(chat, 3))
        said = yield from ask(chat, "插")
        return f"{said}{mark(chat, 1)}"

    @bot.click(re.compile("t.*"), anytime=True)
    def clock(chat: Chat) -> str:
        return f"时间{mark(chat, 1)}"

    @bot.click(re.compile("s.*"))
    def subject(chat: Chat) -> Dialog[str]:
        said = yield from ask(chat, "哪一类")
        return f"{said}{mark(chat, 1)}"

    return bot


def think() -> None:
    """Takes too long, where the walk says so."""


LETTERS = (
    "继续", "嗯", "7", "取消", "返回", "短问", "长问", "大问", "满问", "图问", "迟问", "长答",
    "迟答", "图文", "帮助", "长帮", "看图", "新闻", "人工", "不语", "插问", "!t", "!s", "!none",
    "!unsubscribe", "+61", "+90000",
)  # fmt: skip
"""What may come: a text, !an event, +seconds that pass."""

ANYTIME = {
    "帮助": "帮助",
    "长帮": "⟨",
    "看图": "Image(",
    "新闻": "News(",
    "人工": "Transfer(",
    "!t": "时间",
}
"""What may come at any time, and what is answered."""


@dataclass
class Place:
    """A state of the walk, and what its user has seen on the way."""

    users: Any
    clock: float
    sent: int
    path: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()
    state: UserHead = field(default_factory=UserHead)
    last: Any = None
    answer: Seen = field(default_factory=lambda: Seen(None))
    untaken: str = ""


class Walk:
    """A talk that can be taken back to where it was.

    Args:
        bot: The zoo.
    """

    def __init__(self, bot: Bot) -> None:
        self.talk = Talk(bot, strict=False, apologies=True)
        self.world: world.World = self.talk._world

    def start(self) -> Place:
        """Return where nothing has happened."""
        return self._place((), frozenset())

    def _place(self, path: tuple[str, ...], seen: frozenset[str]) -> Place:
        users = copy.deepcopy(self.world.store._users)
        return Place(users, self.world.clock, self.world.sent, path, seen, state(self.talk))

    def drop(self, place: Place) -> Place:
        """Let the last answer reach nobody; returns where that leads."""
        world = self.world
        world.store._users = copy.deepcopy(place.users)
        world.clock, world.sent = place.clock, place.sent
        world.store.untaken(world.bot.user_key(place.last), message_key(place.last))
        lost = words(place.answer)
        dropped = self._place((*place.path, "×"), place.seen - {*MARK.findall(lost)})
        dropped.untaken = lost
        return dropped

    def go(self, place: Place, letter: str) -> tuple[Place, Seen]:
        """Let something happen; returns where that leads, and what was answered."""
        world, talk = self.world, self.talk
        world.store._users = copy.deepcopy(place.users)
        world.clock, world.sent = place.clock, place.sent
        talk.transcript.clear()
        SAID.clear()
        HEARD.clear()
        if letter.startswith("+"):
            talk.advance(float(letter))
            answer = Seen(None)
        elif letter == "!unsubscribe":
            answer = talk.event("unsubscribe")
        elif letter.startswith("!"):
            world.sent += 1
            answer = talk.event("CLICK", f"{letter[1:]}{world.sent:06d}")
        else:
            talk.advance(1)
            talk.takes("think", 40 if letter.startswith("迟") else 0)
            answer = talk(letter)
        shown = {*MARK.findall(words(answer))}
        there = self._place((*place.path, letter), place.seen | shown)
        there.last, there.answer = talk._last, answer
        return there, answer


def words(answer: Seen) -> str:
    """Return all that an answer says, pictures and headlines included."""
    return " ".join(repr(one) for one in (answer.reply, *answer.pushed) if one is not None)


def glance(answer: Seen) -> str:
    """Return an answer in short: what is long as …, without marks; » fetches more."""
    kinds = {Image: "[图]", News: "[新闻]", Transfer: "[转人工]"}
    shown: list[str] = []
    for one in (answer.reply, *answer.pushed):
        if isinstance(one, Text):
            text = MARK.sub("", re.sub(r"(长篇大论，说来话长。\s*)+", "…", one.content))
            text = re.sub(r"<a [^>]*>继续</a>", "»", text)
            text = text.replace(Texts().not_taken, "（先看）").replace(Texts().more_before, "几条")
            shown.append("/".join(filter(None, text.split("\n"))))
        elif one is not None:
            shown.append(kinds[type(one)])
    return " + ".join(shown)


def pending(state: UserHead) -> str:
    """Return the id of the question that is waited at."""
    return state.stack[-1].wait if state.stack else ""


def asked_as(mark: str) -> set[str]:
    """Return the ids that a question with this mark may have."""
    return {
        wait_id("a", None, f"{text}?{mark}")
        for text in ("一", "二", "插", "哪一类", FULL, LONG * 2)
    }


def held_words(state: UserHead) -> str:
    """Return all that is held."""
    return " ".join(bytes(one.reply).decode() for one in state.held)


def likeness(state: UserHead) -> object:
    """Return what a state has in common with those that differ in names and times alone."""
    ids = {frame.id: number for number, frame in enumerate(state.stack)}
    times = sorted({one.until for one in state.held})
    stack = tuple((f.dialog, f.length, bool(f.misses)) for f in state.stack)
    held = tuple(
        (
            MARK.sub("", bytes(one.reply).decode()),
            times.index(one.until),
            one.owed,
            ids.get(one.asks, one.asks and -1),
        )
        for one in state.held
    )
    return stack, held


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the platform refuse whatever is pushed."""
    real: Callable[..., Any] = world.Delivery._perform

    def refuse(self: world.Delivery, wanted: Any, wants: Any) -> Any:
        return "45015" if isinstance(wanted, Push) else real(self, wanted, wants)

    monkeypatch.setattr(world.Delivery, "_perform", refuse)
