"""The net under all places where an author's object can break: a turn in which any function of the
machine raises, as if such a place had been missed, parks its conversation with the message.

Every function is broken in turn, in turns of several kinds. Whatever it is, no step runs twice,
nobody else's conversation is taken along, and the next message begins afresh.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from tests.dialogs import hostile
from tests.dialogs.test_hostile_authors import APOLOGY, NOBODY, SECRET, Row, Town
from wechat_dialog.core.replay.header import decode_parked
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.draft import Draft
from wechat_dialog.core.turn.work import Work

ASKS = "yield from chat.ask('好吗？')\n    "
MORE = "yield from chat.ask('几个？')"
PAYS = "yield from chat.step(pay)\n    "
KINDS = {
    "asks again": ASKS + MORE,
    "ends": ASKS + "chat.data['x'] = 1\n    return '好'",
    "has a step": ASKS + PAYS + MORE,
    "had a step": PAYS + ASKS + MORE,
    "hands over": ASKS + "return chat.continue_as(dialog)",
    "does not fit": "yield from chat.ask('几个？', int)",
    "interrupts": ASKS,
    "has a limit": ASKS + "yield from chat.ask('几个？', within=60)",
    "goes aside": ASKS + "chat.remind(60, '记得')\n    yield from chat.sleep(60)",
}
HELP = "yield from chat.step(takes)\n    return '帮'"
TURN = "wechat_dialog.core.turn"
MODULES = [
    importlib.import_module(f"{TURN}.{name}")
    for name in ("answering", "beginning", "conversation", "dispatch", "ending", "events",
                 "cut_off", "parking", "stack", "step_records", "leaving", "requested", "aside")
]  # fmt: skip
SPARED = {
    (Document, "update"), (Document, "as_stored"), (Document, "have"), (Document, "wrote"),
    (Document, "holds_question"), (Document, "put_away"), (Document, "_written"),
    (Document, "is_claimed"), (Document, "is_of"),
    (Document, "_feed"), (Run, "close"), (Work, "note_end"), ("step_records", "message_part"),
}  # fmt: skip
"""What is called before there is a turn to park, after it is committed, or by Python itself."""


def functions() -> Iterator[tuple[type | ModuleType, str]]:
    for cls in (Work, Draft, Run, Document):
        for name, _ in inspect.getmembers(cls, inspect.isfunction):
            if not name.startswith("__") and (cls, name) not in SPARED:
                yield cls, name
    for module in MODULES:
        for name, fn in inspect.getmembers(module, inspect.isfunction):
            own = fn.__module__ == module.__name__
            if own and (module.__name__.removeprefix(f"{TURN}."), name) not in SPARED:
                yield module, name


def places(owner: type | ModuleType, name: str) -> Iterator[type | ModuleType]:
    """Where a function is looked up: its class, or every module of the turn that has it."""
    if isinstance(owner, type):
        yield owner
        return
    fn = getattr(owner, name)
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(TURN) and vars(module).get(name) is fn:
            yield module


def watch(
    patches: pytest.MonkeyPatch, owner: type | ModuleType, name: str, at_call: Callable[[], None]
) -> None:
    """Have `at_call` called whenever a function begins."""
    true = getattr(owner, name)
    if inspect.isgeneratorfunction(true):

        def instead(*args: Any, **kwargs: Any) -> Any:
            at_call()
            return (yield from true(*args, **kwargs))
    else:

        def instead(*args: Any, **kwargs: Any) -> Any:
            at_call()
            return true(*args, **kwargs)

    for place in list(places(owner, name)):
        patches.setattr(place, name, instead)


class Broken:
    """One function that raises from when it is told to until the net has caught that."""

    def __init__(self, patches: pytest.MonkeyPatch, owner: type | ModuleType, name: str) -> None:
        self.armed = self.raised = False
        stored = Document.as_stored

        def caught(document: Document) -> Document:
            self.armed = False
            return stored(document)

        watch(patches, owner, name, self.breaks)
        patches.setattr(Document, "as_stored", caught)

    def breaks(self) -> None:
        if self.armed:
            self.raised = True
            raise ZeroDivisionError


@contextmanager
def town(kind: str, live: int) -> Iterator[Town]:
    """A bot with the dialog of a kind, and one that may interrupt it."""
    hostile.begin_anew()
    with Town(function(KINDS[kind]), "threads", live) as made:
        made.bot.text("帮助", name="help", anytime=True)(function(HELP))
        yield made


def called(kind: str, live: int, text: str) -> list[tuple[type | ModuleType, str]]:
    """The functions that are called in the turn that each of them is to break."""
    seen: set[tuple[type | ModuleType, str]] = set()
    with town(kind, live) as whole, pytest.MonkeyPatch.context() as patches:
        assert whole.say("开始").endswith("？")
        for place in functions():
            watch(patches, *place, partial(seen.add, place))
        whole.say(text)
    return [place for place in functions() if place in seen]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("live", [0, 100], ids=["cold", "live"])
def test_whatever_breaks_is_parked(kind: str, live: int, monkeypatch: pytest.MonkeyPatch) -> None:
    broke: list[str] = []
    alone: set[str] = set()
    text = "帮助" if kind == "interrupts" else SECRET
    for owner, name in called(kind, live, text):
        with town(kind, live) as whole, monkeypatch.context() as patches:
            broken = Broken(patches, owner, name)
            assert whole.say("开始").endswith("？")
            broken.armed = True
            answer = whole.say(text)
            broken.armed = False
            where = f"{owner.__name__}.{name}: {answer}"
            assert broken.raised, where
            assert max(hostile.ran.values(), default=1) <= 1, where
            broke.append(name)
            assert answer.count(APOLOGY) == 1, where
            [kept] = whole.parked()
            parked = decode_parked(kept)
            assert "ZeroDivisionError" in parked.traceback, where
            heard = b"".join(map(bytes, [*parked.records, *parked.unheard]))
            if kind == "interrupts" and parked.frame.dialog == "hostile":
                # It broke when its question was to be asked again, behind an answer; or before.
                assert ("帮" in answer) or text.encode() in heard, where
            else:
                assert text.encode() in heard, where
            if kind == "interrupts" and parked.frame.dialog == "help":
                alone.add(name)
                assert whole.say("好") == "None", "what was interrupted goes on"
            else:
                assert whole.say("有人吗？") == NOBODY, where
                assert b"\xe5\xbc\x80\xe5\xa7\x8b" in bytes(parked.records[0]), "and it is whole"
            whole.end_all()
    assert len(broke) > 15
    if kind == "interrupts":
        assert {"go_on", "run_step", "add_record", "_end", "_finish"} <= alone, alone


def function(body: str) -> Callable[..., Any]:
    return Row("dialog", f"def dialog(chat):\n    {body}\n").function("generator")
