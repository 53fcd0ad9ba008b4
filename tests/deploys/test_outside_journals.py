"""Stored conversations with times and signals, kept in `tests/journals/format-2.json`: this version
goes on with them. The file is never written anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from wechat_dialog import Bot
from wechat_dialog.core.replay.records import FIRED
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Wake
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write
from wechat_dialog.messages.keys import IN_A_SECOND
from wechat_dialog.operators import Conversations
from wechat_dialog.testing import Talk

FOLDER = Path(__file__).parents[1] / "journals"
FILE = msgspec.json.decode((FOLDER / "format-2.json").read_bytes())
DIALOGS = (FOLDER / "outside.txt").read_text("utf-8")
USER, ACCOUNT = "oTownsman", "gh_town"
KEY = f"{ACCOUNT}:{USER}"


def fresh() -> Talk:
    bot = Bot()
    exec(compile(DIALOGS, "outside.txt", "exec"), {"bot": bot})

    @bot.fallback
    def echo(chat: Any) -> str:
        return f"您说：{chat.message.text}"

    return Talk(bot, USER, account=ACCOUNT)


def stored(number: int) -> Talk:
    """Return a talk with a user of the file, an hour before anything else falls due."""
    user, talk = FILE["users"][number], fresh()
    world = talk._world
    world.clock = user["now"]
    claimed = world.store.claim(Claim(KEY, "k", lease=3))
    assert isinstance(claimed, Claimed)
    encode = msgspec.json.encode
    write = Write(
        encode(user["head"]),
        tuple(encode(record) for record in user["records"]),
        ttl=600,
        data=encode(user["data"]) if user["data"] else None,
        wake=Wake(ACCOUNT, user["wake"]),
        aside=tuple(Aside(one["frame"]["id"], encode(one)) for one in user["aside"]),
    )
    world.store.commit(Commit(KEY, "k", write, reply=b"null", fence=claimed.fence))
    return talk


def test_the_kept_journals_have_both_kinds_of_record() -> None:
    kinds = {
        record[0]
        for user in FILE["users"]
        for one in (user, *user["aside"])
        for record in one["records"]
    }
    assert {kind.__struct_config__.tag for kind in FIRED} <= kinds


@pytest.mark.parametrize("number", range(len(FILE["users"])))
def test_all_of_it_replays_unchanged(number: int) -> None:
    talk = stored(number)
    bot = talk._world.bot
    bot.simulate(store=talk._world.store)
    verdicts = [(one.summary.dialog, one.verdict.outcome) for one in Conversations(bot).check()]
    assert verdicts
    assert {outcome for _, outcome in verdicts} == {"unchanged"}


def test_a_race_that_was_stored_goes_on() -> None:
    talk = stored(0)
    assert talk.signal("done") == "taken"
    assert talk("？") == "03/sent/14:20/1/0\n您说：？"


def test_or_its_timer_falls_due() -> None:
    talk = stored(0)
    talk.advance(3600)
    assert talk("？") == "03/sent/14:20/1/1\n您说：？"


def test_a_limited_question_is_answered_and_the_one_that_waits_is_asked() -> None:
    talk = stored(1)
    assert talk("4") == "数完了\n4 位\n数到 3 吗？"
    assert talk("嗯") == "3 嗯"
    talk.advance(4000)
    assert talk("？") == "记得来\n您说：？"


def test_or_its_limit_is_over() -> None:
    talk = stored(1)
    talk.advance(840)
    assert talk("？") == "数完了\n座位放回了\n您说：？\n数到 3 吗？"


def test_what_is_stored_has_not_changed() -> None:
    """A worker of an older release reads it beside one of this one."""
    talk = fresh()
    talk("全部")
    talk.signal("sent", "x")
    talk.signal("paid", {"fee": 3}, match="7")
    talk("嗯")
    talk.advance(60)
    talk("来过")
    talk.advance(60)
    shown = talk._world.store.show(KEY)
    assert shown is not None
    user = FILE["users"][0]
    head = msgspec.json.decode(shown.head)
    head["shown"] = head.pop("by") // IN_A_SECOND  # an older release does not know it
    assert head == user["head"]
    [document] = shown.aside.values()
    now, then = msgspec.json.decode(document), user["aside"][0]
    for frame in (now["frame"], then["frame"]):
        del frame["code"]
    assert now == then
