"""Conversations that wait for a time or a signal, as an operator sees them and `check` judges them.

What is stored here is written by hand: the rules of a turn are tested elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.races import Race
from wechat_dialog.core.dialog.rivals import LIMIT
from wechat_dialog.core.dialog.signals import SignalWait
from wechat_dialog.core.dialog.timers import Sleep
from wechat_dialog.core.replay.header import (
    OUTSIDE,
    AsideConversation,
    AsideNote,
    Frame,
    StoredRival,
    UserHead,
    encode_aside,
    encode_head,
)
from wechat_dialog.core.replay.records import (
    Record,
    SignalRecord,
    TextRecord,
    TimerRecord,
    encode_record,
)
from wechat_dialog.core.replay.rivals import stored_rivals
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Wake
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write
from wechat_dialog.operators import Conversations
from wechat_dialog.stores.memory import MemoryStore

USER, ACCOUNT, BEGUN = "oPatient", "gh_time", 1_700_000_000
NOW = (BEGUN + 3600) * 1000
START = TextRecord("", 0, 1, BEGUN, "开始")
ORDER = "A1"


class Payment(msgspec.Struct):
    fee: int


def asleep(chat: Chat) -> Dialog[str]:
    chat.say("记下了。")
    yield from Sleep(chat, 3600)
    return "到点了"


def paying(chat: Chat) -> Dialog[str]:
    yield from Sleep(chat, 60)
    yield from SignalWait[Payment](chat, "paid", Payment, ORDER)
    yield from SignalWait[Any](chat, "sent", object, ORDER)
    return "好"


def racing(chat: Chat) -> Dialog[str]:
    waits = (SignalWait[Any](chat, "paid", Payment), chat.ask("或回复“已付”。"), Sleep(chat, 900))
    yield from Race[Any](chat, waits)
    return "好"


def standing(fn: Callable[..., Any]) -> Wait[Any] | Background[Any]:
    """Where the dialog stands first."""
    message = START.message(USER, ACCOUNT)
    effect = next(fn(Chat(USER, message)))
    return effect.at if isinstance(effect, Race) else effect


PAID_WAIT = f"w~{digest(ORDER)}=paid"
PAYING: list[Record] = [
    START,
    TimerRecord("s", 0, NOW - 5000, NOW),
    SignalRecord(PAID_WAIT, 0, "paid", digest(ORDER), msgspec.Raw(b'{"fee":8848}'), NOW),
]
SENT = Frame(
    "c2", "paying", wait=f"w~{digest(ORDER)}=sent", flags=(OUTSIDE,),
    rivals=(StoredRival(0, 0, "sent", ORDER), StoredRival(LIMIT, NOW + 86_400_000)),
)  # fmt: skip


class World:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.written = 0

    def bot(self, **dialogs: Callable[..., Any]) -> Bot:
        bot = Bot(timeout=None, store=self.store)
        for name, dialog in dialogs.items():
            bot.dialog(name=name)(dialog)
        return bot

    def conversations(self, **dialogs: Callable[..., Any]) -> Conversations:
        return Conversations(self.bot(**dialogs))

    def put(self, frame: Frame, records: list[Record], *, asks: bool | None = None) -> None:
        """Store a conversation: on the stack, or aside."""
        frame.length = len(records)
        encoded = [encode_record(record) for record in records]
        self.written += 1
        key = f"k{self.written}"
        claimed = self.store.claim(Claim(f"{ACCOUNT}:{USER}", key, lease=3))
        assert isinstance(claimed, Claimed)
        head = UserHead(user=USER, account=ACCOUNT)
        aside: tuple[Aside, ...] = ()
        if asks is None:
            head.stack = (frame,)
        else:
            head.aside = (AsideNote(frame.id, asks=asks),)
            raw = [msgspec.Raw(one) for one in encoded]
            document = AsideConversation(frame, raw, USER, ACCOUNT, asks=asks)
            aside = (Aside(frame.id, encode_aside(document)),)
            encoded = []
        write = Write(encode_head(head), tuple(encoded), ttl=600, aside=aside, wake=Wake("gh", NOW))
        self.store.commit(
            Commit(f"{ACCOUNT}:{USER}", key, write, reply=b"null", fence=claimed.fence)
        )


@pytest.fixture
def world() -> World:
    return World()


SLEEPS = Frame("c1", "asleep", wait="s", rivals=(StoredRival(0, NOW),))


@pytest.mark.parametrize(
    ("frame", "records", "asks", "state"),
    [
        (SLEEPS, [START], False, "asleep"),
        (SENT, PAYING, False, "waits for sent"),
        (Frame("c3", "asleep", wait="a1"), [START], True, "waits to ask"),
        (Frame("c5", "asleep"), [], False, "waits to begin"),
    ],
)
def test_what_is_put_aside_is_listed_by_what_it_waits_for(
    world: World, frame: Frame, records: list[Record], asks: bool, state: str
) -> None:
    world.put(frame, records, asks=asks)
    [summary] = world.conversations().list()
    assert (summary.state, summary.id, summary.records) == (state, frame.id, len(records))
    assert summary.openid == USER


@pytest.mark.parametrize(
    ("frame", "records", "asks", "due"),
    [
        (SLEEPS, [START], False, "2023-11-15 07:13:20+08:00"),
        (SENT, PAYING, False, "2023-11-16 07:13:20+08:00"),
        (Frame("c6", "racing", wait="a1", rivals=(StoredRival(-1, NOW),)), [START], None,
         "2023-11-15 07:13:20+08:00"),
        (Frame("c3", "asleep", wait="a1"), [START], True, None),
        (Frame("c5", "asleep"), [], False, None),
    ],
    ids=["a sleep", "a signal with a limit", "a limit of a question", "a question", "a beginning"],
)  # fmt: skip
def test_what_waits_for_a_time_is_listed_with_it_in_the_bots_zone(
    world: World, frame: Frame, records: list[Record], asks: bool | None, due: str | None
) -> None:
    world.put(frame, records, asks=asks)
    [summary] = world.conversations().list()
    assert (None if summary.due is None else str(summary.due)) == due


def test_a_document_that_is_newer_is_listed_as_unreadable(world: World) -> None:
    world.put(Frame("c9", "asleep", wait="s", flags=("leap",)), [START], asks=False)
    [summary] = world.conversations().list()
    assert (summary.state, summary.id) == ("unreadable", "c9")


def test_a_transcript_says_what_came_and_what_is_waited_for(world: World) -> None:
    world.put(SENT, PAYING, asks=False)
    shown = world.conversations(paying=paying).show(USER)
    assert "c2  paying  waits for sent" in shown
    for line in (
        "asked (sleep)",
        "11-15 07:13:20  time over, due 11-15 07:13:15",
        "asked (wait_for 'paid')",
        "11-15 07:13:20  signal 'paid' → {\"fee\":8848}",
        "asked (wait_for 'sent')",
        f"waits for signal 'sent' '{ORDER}'",
        "waits until 2023-11-16 07:13:20",
    ):
        assert line in shown, line


def test_a_transcript_of_a_race_numbers_its_branches(world: World) -> None:
    at = standing(racing)
    over: Record = TimerRecord(at.id, 2, NOW, NOW)
    misfit: Record = SignalRecord(at.id, 0, "paid", "", msgspec.Raw(b"7"), NOW, "Expected `object`")
    frame = Frame("c4", "racing", wait=at.id, rivals=stored_rivals(at, NOW))
    world.put(frame, [START, over, misfit])
    shown = world.conversations().show(USER)
    assert "time over, due 11-15 07:13:20 (branch 2)" in shown
    assert "signal 'paid' → 7 (does not fit: Expected `object`)" in shown
    assert "waits until 2023-11-15 07:28:20 (branch 2)" in shown
    world.put(frame, [START])
    shown = world.conversations(racing=racing).show(USER)
    assert "asked 或回复“已付”。" in shown
    assert "(or wait_for 'paid', sleep)" in shown


def longer(chat: Chat) -> Dialog[str]:
    chat.say("记下了。")
    yield from Sleep(chat, 7200)
    return "到点了"


def asking(chat: Chat) -> Dialog[str]:
    yield from chat.ask("还在吗？")
    return "好"


def lost(chat: Chat) -> Dialog[str]:
    waits = (SignalWait[Any](chat, "paid", Payment), chat.ask("或回复“已付”。"))
    yield from Race[Any](chat, waits)
    return "好"


def renamed(chat: Chat) -> Dialog[str]:
    yield from Sleep(chat, 60)
    yield from SignalWait[Payment](chat, "payed", Payment, ORDER)
    return "好"


def renamed_last(chat: Chat) -> Dialog[str]:
    yield from Sleep(chat, 60)
    yield from SignalWait[Payment](chat, "paid", Payment, ORDER)
    yield from SignalWait[None](chat, "shipped", None, ORDER)
    return "好"


def awaiting(chat: Chat) -> Dialog[str]:
    yield from SignalWait[None](chat, "woken", None)
    return "醒了"


@pytest.mark.parametrize(
    ("frame", "records", "dialog", "outcome", "why"),
    [
        pytest.param(SLEEPS, [START], asleep, "unchanged", "", id="the same code"),
        pytest.param(SLEEPS, [START], longer, "unchanged", "", id="a sleep that takes longer"),
        pytest.param(
            SLEEPS,
            [START],
            asking,
            "asks again",
            "has sleep, now it does ask '还在吗？'",
            id="a sleep turned into a question",
        ),
        pytest.param(
            SENT,
            PAYING,
            renamed_last,
            "waits again",
            "has wait_for 'sent', now it does wait_for 'shipped'",
            id="a wait whose name changed",
        ),
        pytest.param(
            SLEEPS,
            [START],
            awaiting,
            "waits again",
            "has sleep, now it does wait_for 'woken'",
            id="a sleep turned into a wait for a signal",
        ),
        pytest.param(
            Frame("c5", "asleep"), [], asleep, "unchanged", "", id="what is still to begin"
        ),
        pytest.param(SENT, PAYING, paying, "unchanged", "", id="signals"),
        pytest.param(
            SENT,
            PAYING,
            renamed,
            "parked",
            "has signal 'paid' at wait_for 'paid'",
            id="a wait whose name changed behind a signal",
        ),
        pytest.param(None, [START], racing, "unchanged", "", id="a race"),
        pytest.param(
            None,
            [START],
            lost,
            "asks again",
            "has a timer in branch 2 at ask '或回复“已付”。'",
            id="a race that lost a branch",
        ),
    ],
)
@pytest.mark.parametrize("redact", [None, False, True], ids=["store", "file", "redacted"])
def test_the_gate_says_what_changed_code_does_to_it(
    world: World, frame: Frame | None, records: list[Record], dialog: Callable[..., Any],
    outcome: str, why: str, redact: bool | None,
) -> None:  # fmt: skip
    if frame is None:
        at = standing(racing)
        world.put(Frame("c4", "racing", wait=at.id, rivals=stored_rivals(at, NOW)), records)
        name: str = "racing"
        old: Callable[..., Any] = racing
    else:
        world.put(msgspec.structs.replace(frame), records, asks=False)
        name, old = frame.dialog, {"asleep": asleep, "paying": paying}[frame.dialog]
    lines = None
    if redact is not None:
        file = io.BytesIO()
        assert world.conversations(**{name: old}).export(file, redact=redact) == 1
        assert not redact or b"8848" not in file.getvalue()
        lines = file.getvalue().splitlines()
    [checked] = world.conversations(**{name: dialog}).check(lines)
    assert checked.verdict.outcome == outcome, checked.verdict.why
    assert why in checked.verdict.why
