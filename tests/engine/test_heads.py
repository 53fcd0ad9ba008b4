"""A head is written in the oldest format that can say it, and a newer one is left alone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from wechat_dialog.core.replay.header import (
    OUTSIDE,
    SECRETS,
    AsideConversation,
    AsideNote,
    Frame,
    OwedPart,
    ParkedConversation,
    StoredRival,
    UserHead,
    decode_aside,
    decode_head,
    decode_parked,
    encode_aside,
    encode_head,
    encode_parked,
    flag,
)
from wechat_dialog.core.replay.records import (
    NEWEST,
    SignalRecord,
    TimerRecord,
    decode_records,
    encode_record,
)
from wechat_dialog.errors import NewerJournal

LIMITED = Frame("c1", "order", rivals=(StoredRival(-1, 5_000),))
HEARD = Frame("c1", "order", flags=(OUTSIDE,))
PART = OwedPart(msgspec.Raw(b'"hello"'), 9_000)


def format_of(encoded: bytes) -> int:
    number: int = msgspec.json.decode(encoded).get("format", 1)
    return number


@pytest.mark.parametrize(
    ("head", "number"),
    [
        pytest.param(UserHead(stack=(Frame("c1", "order", wait="a1"),)), 1, id="a question"),
        pytest.param(UserHead(stack=(Frame("c1", "order", flags=(SECRETS,)),)), 1, id="a secret"),
        pytest.param(UserHead(stack=(LIMITED,)), 2, id="a limit"),
        pytest.param(UserHead(stack=(HEARD,)), 2, id="a record of a timer or a signal"),
        pytest.param(
            UserHead(
                stack=(
                    LIMITED,
                    Frame("c2", "help"),
                )
            ),
            2,
            id="a limit below",
        ),
        pytest.param(UserHead(aside=(AsideNote("c1"),)), 2, id="something aside"),
        pytest.param(UserHead(owed=(PART,)), 2, id="something owed"),
    ],
)
def test_only_who_uses_times_and_signals_is_written_in_the_new_format(
    head: UserHead, number: int
) -> None:
    encoded = encode_head(head)
    assert format_of(encoded) == number
    assert decode_head(encoded) == head


def test_a_head_without_any_of_it_has_no_number() -> None:
    head = UserHead(user="oU", account="gh", stack=(Frame("c1", "order", begun=5, wait="a1"),))
    assert encode_head(head) == (
        b'{"user":"oU","account":"gh","stack":[{"id":"c1","dialog":"order","begun":5,"wait":"a1"}]}'
    )


def test_a_number_that_says_1_is_read() -> None:
    head = decode_head(b'{"format":1,"user":"oU","stack":[{"id":"c1","dialog":"order"}]}')
    assert (head.user, head.stack) == ("oU", (Frame("c1", "order"),))
    assert format_of(encode_head(head)) == 1


def test_a_head_with_nothing_in_it_is_nothing() -> None:
    assert encode_head(UserHead(user="oU", account="gh")) == b""


def test_a_conversation_put_aside_comes_back_whole() -> None:
    aside = AsideConversation(LIMITED, [msgspec.Raw(b'["k",1]')], "oU", "gh", "visit", asks=True)
    again = decode_aside(encode_aside(aside))
    assert format_of(encode_aside(aside)) == 2
    assert (again.frame, again.key, again.asks) == (LIMITED, "visit", True)
    assert bytes(again.records[0]) == b'["k",1]'


@pytest.mark.parametrize(("frame", "number"), [(Frame("c1", "order"), 1), (HEARD, 2)])
def test_a_parked_conversation_comes_back_whole(frame: Frame, number: int) -> None:
    encoded = encode_parked(ParkedConversation(frame, []))
    assert format_of(encoded) == number
    assert decode_parked(encoded).frame == frame


@pytest.mark.parametrize(
    ("decode", "encoded"),
    [
        (decode_head, b'{"format":3}'),
        (decode_parked, b'{"format":3,"frame":{"id":"c","dialog":"d"},"records":[]}'),
        (decode_aside, b'{"format":3,"frame":{"id":"c","dialog":"d"},"records":[]}'),
        (decode_head, b'{"format":2,"stack":[{"id":"c","dialog":"d","flags":["new"]}]}'),
    ],
)
def test_what_is_newer_is_refused(decode: Callable[[bytes], object], encoded: bytes) -> None:
    assert NEWEST == 2
    with pytest.raises(NewerJournal):
        decode(encoded)


def test_a_flag_is_had_once() -> None:
    frame = Frame("c1", "order")
    for name in (OUTSIDE, OUTSIDE, SECRETS):
        flag(frame, name)
    assert frame.flags == (OUTSIDE, SECRETS)
    assert Frame("c2", "order").flags == ()


def test_the_records_are_short_arrays() -> None:
    paid = msgspec.Raw(b'{"fee":5}')
    written = [
        encode_record(record)
        for record in (
            TimerRecord("s", 0, 905_000, 905_700),
            SignalRecord("w=paid", 0, "paid", "", paid, 7),
        )
    ]
    assert written == [
        b'["t","s",0,905000,905700]',
        b'["i","w=paid",0,"paid","",{"fee":5},7,""]',
    ]
    assert [encode_record(record) for record in decode_records(written)] == written
