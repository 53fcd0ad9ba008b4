"""A dialog that gets versions when it is changed: what was begun before goes on as it began."""

from __future__ import annotations

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.testing import Talk


def old(chat: Chat) -> Dialog[str]:
    count = yield from chat.ask("几份？", int)
    price = yield from chat.step(price_of, count)
    yield from chat.ask("送到哪里？")
    return f"{price} 元，这就送。"


def new(chat: Chat) -> Dialog[str]:
    yield from chat.ask("辣吗？")
    return (yield from old(chat))


def price_of(count: int) -> int:
    return 18 * count


def before() -> Bot:
    bot = Bot()
    bot.text("点单", name="order")(old)
    return bot


def after(version: str | int) -> Bot:
    """The bot with the changed function beside the old one, whose version is this."""
    bot = Bot()
    bot.text("点单", name="order", version=version)(old)
    bot.text("点单", name="order", version=2)(new)
    return bot


@pytest.mark.parametrize("version", ["", "1", 1])
def test_what_was_begun_without_a_version_goes_on_with_the_old_function(version: str | int) -> None:
    talk = Talk(before())
    talk("点单")
    assert talk("2") == "送到哪里？"
    talk.restart(after(version))
    assert talk("人民路") == "36 元，这就送。"
    assert talk("点单") == "辣吗？"


def test_without_a_first_version_it_goes_on_with_the_newest() -> None:
    talk = Talk(before())
    talk("点单")
    bot = Bot()
    bot.text("点单", name="order", version="b")(old)
    bot.text("点单", name="order", version="c")(new)
    talk.restart(bot)
    assert talk("2").endswith("\n辣吗？")
