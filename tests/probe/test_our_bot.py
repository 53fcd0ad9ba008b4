"""Our own bot on real servers: everything about it that can be seen from outside is kept to."""

from __future__ import annotations

import itertools

import pytest

from tests.full_path.servers import SERVERS
from tests.probe.model import APP_ID, KEY, PREVIOUS, RAISING, account
from wechat_dialog import Bot, Chat, messages
from wechat_dialog.platform.account import Mode
from wechat_dialog.platform.probe.probe import probe
from wechat_dialog.platform.probe.prober import Prober

PLAIN = {5, 6}
ENCRYPTED = {8, 9, 10, 11, 12, 13, 14, 15, 19}
UNSEEN = {16, 21, 34, 35, 40}
SKIPPED: dict[Mode, set[int]] = {
    "plain": UNSEEN | ENCRYPTED | {17, 18},
    "compatible": UNSEEN | PLAIN | {17},
    "safe": UNSEEN | PLAIN | {18},
}


def repeating(mode: Mode) -> Bot:
    """A bot that repeats what it is told, differently each time."""
    bot = Bot(
        "secret",
        app_id=APP_ID,
        aes_key=KEY[:-1] + "R",
        previous_aes_key=PREVIOUS,
        mode=mode,
        store="memory://",
    )
    numbers = itertools.count(1)

    @bot.text(RAISING)
    def fails(chat: Chat) -> str:
        raise ValueError(RAISING)

    @bot.message("text")
    def repeat(chat: Chat) -> str:
        assert isinstance(chat.message, messages.Text)
        return f"{next(numbers)}. {chat.message.text}"

    @bot.click("probe")
    def tapped(chat: Chat) -> str:
        return f"{next(numbers)}. tapped"

    return bot


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_all_that_can_be_seen_passes(server: str, mode: Mode) -> None:
    # The key's unused bits are set: case 15 is seen as well.
    odd = account(mode).__class__("secret", app_id=APP_ID, aes_key=KEY[:-1] + "R", mode=mode)
    with (
        SERVERS[server](repeating(mode)) as port,
        Prober(
            odd,
            f"http://127.0.0.1:{port}/",
            "oProber",
            raising=RAISING,
            previous_aes_key=PREVIOUS,
        ) as prober,
    ):
        results = list(probe(prober))
    outcomes = {result.number: result.outcome for result in results}
    assert {number for number, outcome in outcomes.items() if outcome == "failed"} == set()
    skipped = {number for number, outcome in outcomes.items() if outcome == "skipped"}
    assert skipped == SKIPPED[mode]
    # Of what passed, every part was seen.
    assert [
        (result.number, part.name)
        for result in results
        if result.outcome == "passed"
        for part in result.of("skipped")
    ] == []
