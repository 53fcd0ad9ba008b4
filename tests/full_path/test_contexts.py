"""Context variables: what a dialog sets does not reach another user's turn, whichever thread runs
it.
"""

from __future__ import annotations

from contextvars import ContextVar
from decimal import Decimal, localcontext

from tests.full_path.doors import OpenDoor
from tests.full_path.people import PATIENT, TOKEN, Person
from wechat_dialog import Bot, Chat, Dialog

who: ContextVar[str] = ContextVar("who", default="nobody")


def test_what_a_dialog_sets_reaches_no_other_user(open_door: OpenDoor) -> None:
    bot = Bot(TOKEN, store="memory://", window=PATIENT)

    @bot.text("记")
    def setting(chat: Chat) -> Dialog[str]:
        who.set(chat.user)
        with localcontext() as context:
            context.prec = 2
            yield from chat.ask("什么？")
        return "好"

    @bot.text("看")
    def reading(chat: Chat) -> str:
        assert chat.user
        return f"{who.get()} {Decimal(1) / 3:.4f}"

    door = open_door(bot)
    ada, ben = Person(door, "oAda"), Person(door, "oBen")
    assert ada.say("记") == "什么？"
    assert ben.say("看") == "nobody 0.3333"
