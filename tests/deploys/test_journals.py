"""Journals of every stored format, kept in `tests/journals/`: this version goes on with them all.

A file is never written anew; a new format gets one of its own beside it. That of times and signals
is in `test_outside_journals`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from tests.deploys.town import ACCOUNT, USER, Town
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.replay import records
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write

FOLDER = Path(__file__).parents[1] / "journals"
FILES = [FOLDER / "format-1.json"]
DIALOGS = (FOLDER / "dialogs.txt").read_text("utf-8")

# What is said then, and what is answered to the last of it.
ENDS = {
    "every kind of answer and step, one taken back": (["好"], "/好"),
    "a stack of two": (["帮", "好"], "/好"),
    "a cancel that was caught, and data": (["好"], "/好"),
    "parked": ([], ""),
    "held parts, beside a parked one": (["继续", "好"], "小明，好"),
    "begun with data, and a step of a gathering failed": (["好"], "no b/小明/好"),
    "killed by the operator, whose worker died before the last clean-up": (["收拾"], "干什么？"),
}


def users() -> list[Any]:
    return [
        pytest.param(user, id=f"{file.stem}: {user['name']}")
        for file in FILES
        for user in msgspec.json.decode(file.read_bytes())["users"]
    ]


def put(town: Town, user: dict[str, Any]) -> None:
    """Store what the file has, as it is."""
    key, store = f"{ACCOUNT}:{USER}", town.bot.store
    claimed = store.claim(Claim(key, "k", lease=3))
    assert isinstance(claimed, Claimed)
    head = msgspec.json.encode(user["head"]) if user["head"] else b""
    records = tuple(msgspec.json.encode(record) for record in user["records"])
    data = msgspec.json.encode(user["data"]) if user["data"] else None
    write = Write(head, records, ttl=600, data=data)
    store.commit(Commit(key, "k", write, reply=b"null", fence=claimed.fence))
    for number, document in enumerate(user["parked"]):
        claimed = store.claim(Claim(key, f"p{number}", lease=3))
        assert isinstance(claimed, Claimed)
        parked = Parked(document["frame"]["id"], msgspec.json.encode(document))
        write = Write(head, ttl=600, park=(parked,))
        store.commit(Commit(key, f"p{number}", write, reply=b"null", fence=claimed.fence))


def test_there_is_a_file_for_every_format() -> None:
    assert {file.name for file in FOLDER.glob("format-*.json")} == {
        f"format-{number}.json" for number in range(1, records.NEWEST + 1)
    }


def test_a_header_says_its_format_where_it_is_not_the_first(town: Town) -> None:
    town.deploy(DIALOGS)
    town.say("全部")
    shown = town.bot.store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    assert msgspec.json.decode(shown.head).get("format", 1) == records.FORMAT


def test_the_newest_file_has_every_kind_of_record() -> None:
    kinds = {
        record[0]
        for user in msgspec.json.decode(FILES[-1].read_bytes())["users"]
        for record in [*user["records"], *(r for one in user["parked"] for r in one["records"])]
    }
    every = {kind.__struct_config__.tag for kind in get_args(records.Record)}
    every -= {kind.__struct_config__.tag for kind in records.FIRED}  # of a format of their own
    assert kinds == every


@pytest.mark.parametrize("user", users())
def test_a_stored_conversation_goes_on(town: Town, user: dict[str, Any]) -> None:
    town.deploy(DIALOGS)
    town.clock += 1000
    put(town, user)
    for one in town.conversations.check():
        assert one.verdict.outcome == "unchanged", one.verdict.why
    said, end = ENDS[user["name"]]
    heard = ""
    for text in said:
        heard = town.say(text)
    assert end in heard
    if user["parked"] and not said:
        town.deploy(DIALOGS.replace("raise ZeroDivisionError(last)", "pass"))
        town.conversations.resume(USER)
        assert "/坏" in town.say("喂")
    assert Texts().changed not in heard


def test_a_recorded_error_of_the_library_is_of_its_class_again(town: Town) -> None:
    """Journals name the class of what a step raised by its module, which therefore never moves."""
    [user] = msgspec.json.decode((FOLDER / "raised.json").read_bytes())["users"]
    town.deploy((FOLDER / "raised.txt").read_text("utf-8"))
    town.clock += 1000
    put(town, user)
    assert town.check().outcome == "unchanged"
    heard = town.say("小明")
    assert heard == "小明：TimedOut 0.05 OutOfWindow 45015 QuotaUsedUp 45047 Unreachable False"


def test_what_is_recorded_of_an_error_has_not_changed(town: Town) -> None:
    """A worker of an older release reads it beside one of this one."""
    [user] = msgspec.json.decode((FOLDER / "raised.json").read_bytes())["users"]
    town.deploy((FOLDER / "raised.txt").read_text("utf-8"))
    town.say("全部")
    now = [msgspec.json.decode(records.encode_record(record)) for record in town.records()]
    assert now[1:] == user["records"][1:]


def test_a_recorded_secret_answer_goes_on(town: Town) -> None:
    """It is known to nobody, and the dialog goes the way it went."""
    [user] = msgspec.json.decode((FOLDER / "secret.json").read_bytes())["users"]
    town.deploy((FOLDER / "secret.txt").read_text("utf-8"))
    town.clock += 1000
    put(town, user)
    assert town.check().outcome == "unchanged"
    assert town.say("没了") == "小明，True，真的，忘了。没了"


def test_what_is_recorded_of_a_secret_answer_has_not_changed(town: Town) -> None:
    [user] = msgspec.json.decode((FOLDER / "secret.json").read_bytes())["users"]
    town.deploy((FOLDER / "secret.txt").read_text("utf-8"))
    for text in ("全部", "小明", "735190", "真的"):
        town.say(text)
    now = [msgspec.json.decode(records.encode_record(record)) for record in town.records()]
    kept = [[*record[:2], *record[5:]] for record in user["records"]]
    assert [[*record[:2], *record[5:]] for record in now] == kept


def test_a_recorded_menu_that_was_ticked_goes_on(town: Town) -> None:
    [user] = msgspec.json.decode((FOLDER / "ticked.json").read_bytes())["users"]
    town.deploy((FOLDER / "ticked.txt").read_text("utf-8"))
    town.clock += 1000
    put(town, user)
    assert town.check().outcome == "unchanged"
    assert town.say("小明") == "小明：['面条', '饺子'] ['香菜']"


def test_what_is_recorded_of_a_menu_that_was_ticked_has_not_changed(town: Town) -> None:
    [user] = msgspec.json.decode((FOLDER / "ticked.json").read_bytes())["users"]
    town.deploy((FOLDER / "ticked.txt").read_text("utf-8"))
    for text in ("全部", "选饺子", "选面条", "完成", "选香菜", "好了"):
        town.say(text)
    shown = town.bot.store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    assert [msgspec.json.decode(record) for record in shown.records] == user["records"]
