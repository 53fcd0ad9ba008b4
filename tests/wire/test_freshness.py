"""What somebody can do who has seen one push of the platform, in each mode: docs/security.md.

Some rows are what a mode cannot prevent. They are here so that the page stays true.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.codec import Codec, read_query
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.errors import ConfigurationError, Refused, Stale
from wechat_dialog.operators import Conversations
from wechat_dialog.platform.account import Account, seal

TOKEN = "Token2026"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MADE = 1_800_000_000
ACCOUNTS = {
    mode: Account(TOKEN, app_id="wx1", aes_key=KEY, mode=mode)
    for mode in ("plain", "compatible", "safe")
}


def message(text: str = "付", **fields: Any) -> dict[str, Any]:
    return {
        "ToUserName": "gh_1", "FromUserName": "oVictim", "CreateTime": MADE, "MsgType": "text",
        "Content": text, "MsgId": 1, **fields,
    }  # fmt: skip


def captured(mode: str, nonce: str = "123456789", **fields: Any) -> tuple[dict[str, str], bytes]:
    """A push as somebody on the way saw it: query and body."""
    one = message(**fields)
    query, body = seal(ACCOUNTS[mode], one, xml.build(one).encode(), str(MADE), nonce)
    return dict(read_query(query)), body


def codec(mode: Any, max_age: float | None = 300) -> Codec:
    keys = {} if mode == "plain" else {"app_id": "wx1", "aes_key": KEY}
    return Codec(TOKEN, mode=mode, max_age=max_age, **keys)


FORGED = xml.build(message("转账")).encode()


# What plain and compatible mode cannot prevent ----------------------------------------------------


@pytest.mark.parametrize("mode", ["plain", "compatible"])
def test_outside_safe_mode_one_push_makes_any_other(mode: str) -> None:
    query, _ = captured(mode)
    query.pop("encrypt_type", None)
    assert codec(mode, None).open(FORGED, query, now=MADE + 10**9).message.raw["Content"] == "转账"


def test_a_nonce_that_is_a_time_to_come_lets_an_old_push_pass() -> None:
    """The signature does not say which of the two is which."""
    later = MADE + 10**6
    query, _ = captured("plain", nonce=str(later))
    query["timestamp"], query["nonce"] = query["nonce"], query["timestamp"]
    codec("plain").open(FORGED, query, now=later)


# What max_age is worth there ----------------------------------------------------------------------


def cuts(*parts: str) -> Iterator[tuple[str, ...]]:
    """All ways to cut what was signed anew, so that it is sorted as it stands."""
    joined = "".join(sorted(parts))
    places = range(1, len(joined))
    for first in places:
        for second in range(first + 1, len(joined)):
            pieces = joined[:first], joined[first:second], joined[second:]
            if list(pieces) == sorted(pieces) and TOKEN in pieces:
                rest = [piece for piece in pieces if piece != TOKEN]
                yield tuple(rest)
                yield tuple(reversed(rest))


@pytest.mark.parametrize("nonce", ["123456789", "1714036504", "9", "4294967295", "17"])
def test_a_signature_cut_otherwise_is_no_newer(nonce: str) -> None:
    query, body = captured("plain", nonce=nonce)
    found = 0
    for timestamp, other in cuts(TOKEN, str(MADE), nonce):
        query["timestamp"], query["nonce"] = timestamp, other
        assert sign(TOKEN, timestamp, other) == query["signature"]
        found += 1
        with pytest.raises(Stale):
            codec("plain").open(body, query, now=MADE + 301)
    assert found >= 2


@pytest.mark.parametrize(
    "timestamp",
    ["1_800_000_000", " 1800000000", "+1800000000", "01800000000", "１８００００００００", "x"],
)
def test_a_timestamp_is_ten_digits(timestamp: str) -> None:
    query = {"timestamp": timestamp, "nonce": "1", "signature": sign(TOKEN, timestamp, "1")}
    with pytest.raises(Stale):
        codec("plain").open(FORGED, query, now=MADE)


# Safe mode ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-301, 301, 10**6])
@pytest.mark.parametrize("swapped", [False, True])
def test_in_safe_mode_a_push_is_as_old_as_its_message(offset: int, swapped: bool) -> None:
    now = MADE + offset
    query, body = captured("safe", nonce=str(now))
    if swapped:
        query["timestamp"], query["nonce"] = query["nonce"], query["timestamp"]
    with pytest.raises(Stale, match="timedatectl"):
        codec("safe").open(body, query, now=now)
    codec("safe", None).open(body, query, now=now)


@pytest.mark.parametrize("offset", [-299, 0, 15, 299])
def test_a_clock_may_be_off_by_so_much(offset: int) -> None:
    query, body = captured("safe")
    codec("safe").open(body, query, now=MADE + offset)


def test_in_safe_mode_nothing_of_a_push_can_be_exchanged() -> None:
    query, body = captured("safe")
    other, other_body = captured("safe", text="转账")
    plain = {name: value for name, value in query.items() if name != "encrypt_type"}
    for forged in ((FORGED, query), (FORGED, plain), (other_body, query), (body, other)):
        with pytest.raises(Refused):
            codec("safe").open(*forged, now=MADE)


def test_ciphertext_cut_otherwise_is_no_message() -> None:
    """msg_signature covers it beside timestamp and nonce, sorted and joined like them."""
    query, body = captured("safe", nonce="1", text="a" * 500)
    encrypted = xml.parse(body)["Encrypt"]
    for drop in range(1, len(encrypted)):
        query["nonce"] = encrypted[:drop]
        query["msg_signature"] = sign(TOKEN, query["timestamp"], encrypted[:drop], encrypted[drop:])
        forged = xml.build({"ToUserName": "gh_1", "Encrypt": encrypted[drop:]}).encode()
        with pytest.raises(Refused):
            codec("safe").open(forged, query, now=MADE)


# The bot ------------------------------------------------------------------------------------------


def safe_bot(clock: list[float], ran: list[str], **options: Any) -> Bot:
    bot = Bot(
        TOKEN, app_id="wx1", aes_key=KEY, mode="safe", store="memory://",
        clock=lambda: clock[0], **options,
    )  # fmt: skip
    bot.simulate(clock=lambda: clock[0])

    def pay() -> str:
        ran.append("paid")
        return "好"

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(pay))

    return bot


@pytest.mark.parametrize("ahead", [-290.0, 0.0, 290.0])
def test_a_captured_push_never_is_a_second_turn(ahead: float) -> None:
    """Not while its reply is remembered, and not after, however the clocks are set."""
    clock, ran = [MADE + ahead], list[str]()
    bot = safe_bot(clock, ran)
    query, body = captured("safe")
    first = bot.answer(body, query)
    taken = refused = 0
    for seconds in (*range(1, 700, 7), 10**4, 10**6):
        clock[0] = MADE + ahead + seconds
        try:
            assert len(bot.answer(body, query)) == len(first)
            taken += 1
        except Stale:
            refused += 1
    assert ran == ["paid"]
    assert refused
    assert taken or ahead > 0
    bot.close()


@pytest.mark.parametrize("ahead", [-290.0, 0.0, 290.0])
def test_a_captured_push_of_a_user_who_was_forgotten_is_no_turn(ahead: float) -> None:
    clock, ran = [MADE + ahead], list[str]()
    bot = safe_bot(clock, ran)
    query, body = captured("safe")
    bot.answer(body, query)
    Conversations(bot).forget("gh_1:oVictim")
    for seconds in range(1, 700, 7):
        clock[0] = MADE + ahead + seconds
        with suppress(Stale):
            assert bot.answer(body, query) == b"success"
    assert ran == ["paid"]
    bot.close()


def test_by_default_age_counts_in_safe_mode_and_nowhere_else() -> None:
    for mode in ("plain", "compatible", "safe"):
        keys = {} if mode == "plain" else {"app_id": "wx1", "aes_key": KEY}
        options: dict[str, Any] = {"mode": mode, **keys}
        bot = Bot(TOKEN, store="memory://", clock=lambda: MADE + 301.0, **options)
        query, body = captured(mode)
        if mode == "safe":
            with pytest.raises(Stale):
                bot.answer(body, query)
        else:
            assert bot.answer(body, query) == b"success"
        bot.close()


@pytest.mark.parametrize("max_age", [0, -1, float("nan")])
def test_an_age_that_nothing_can_have_is_refused(max_age: float) -> None:
    with pytest.raises(ConfigurationError, match="max_age"):
        Bot(TOKEN, max_age=max_age)
