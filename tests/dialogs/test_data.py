"""`chat.data`: what the bot remembers of a user beyond one conversation."""

from __future__ import annotations

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.testing import Talk


def remembering() -> Bot:
    bot = Bot()

    @bot.text("记")
    def note(chat: Chat) -> Dialog[str]:
        before = list(chat.data.get("notes", []))
        text = yield from chat.ask(f"第 {len(before) + 1} 条？")
        chat.data["notes"] = [*before, text]
        again = yield from chat.ask("还有？")
        return f"{len(chat.data['notes'])} {again} {before}"

    @bot.text("忘")
    def forget(chat: Chat) -> str:
        chat.data.pop("notes", None)
        return "忘了"

    @bot.text("几条", anytime=True)
    def count(chat: Chat) -> str:
        return str(len(chat.data.get("notes", [])))

    @bot.text("坏")
    def broken(chat: Chat) -> str:
        chat.data["notes"] = []
        raise RuntimeError("a bug")

    return bot


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_data_outlives_the_conversation_and_is_the_same_at_every_replay(restart: bool) -> None:
    talk = Talk(remembering())
    for number, text in enumerate(("甲", "乙"), 1):
        assert talk("记") == f"第 {number} 条？"
        if restart:
            talk.restart()
        assert talk(text) == "还有？"
        if restart:
            talk.restart()
        assert talk("没") == f"{number} 没 {['甲'][: number - 1]}"


def test_data_is_committed_with_the_turn_that_changed_it() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    assert talk("几条").startswith("1\n")


def test_data_outlives_time_limits_and_cancel_words() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    talk("取消")
    talk.advance(30 * 86400)
    talk.restart()
    assert talk("几条") == "1"


def test_what_is_popped_is_gone() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    talk("好")
    talk("忘")
    talk.restart()
    assert talk("几条") == "0"


def test_every_user_has_his_own() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    assert talk.other("somebody")("几条") == "0"


def test_a_dialog_that_breaks_at_once_changes_nothing() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    talk("好")
    talk("坏")
    assert talk("几条") == "1"
