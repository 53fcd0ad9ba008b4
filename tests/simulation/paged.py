"""Worlds whose bot has answer pages, and readers who follow each page from its first piece.

A reader asks for the pieces after those they have. They learn only from the edition that a page was
cut back, so a piece that changed within one edition would stay wrong on their screen for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from wechat_dialog.core.pages import pieces
from wechat_dialog.core.pages.address import Pages
from wechat_dialog.core.replay.header import decode_head
from wechat_dialog.core.store.pages import Page, PageAppend
from wechat_dialog.core.store.values import Committed
from wechat_dialog.core.turn.operations import Commit, Operation
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies.stored import decode_reply
from wechat_dialog.stores.memory import MemoryStore

from .dialogs import MARK
from .judge import PAGES, Violation, marks_of
from .parts import Flying
from .plan import Plan, Say, plan_of
from .world import World

__all__ = ["Paged", "paged_of", "run_paged"]


class Readers:
    """The screens of the readers of one store's pages.

    Attributes:
        cut: How often a page was cut back.
        appended: How often one was written to before its turn was over.
    """

    def __init__(self) -> None:
        self.cut = 0
        self.appended = 0
        self._seen: dict[str, Page] = {}

    def read(self, id: str, page: Page | None) -> None:
        """A page was written to."""
        if page is None:
            raise Violation("a page is gone that was just written to")
        seen = self._seen.get(id)
        self._seen[id] = page
        if seen is not None and page.edition == seen.edition:
            if page.pieces[: len(seen.pieces)] != seen.pieces:
                raise Violation(f"a page was changed, and its readers are not told: {seen} {page}")
        elif seen is not None:
            self.cut += 1
            if page.edition < seen.edition:
                raise Violation("a page's edition goes back")
        shown = pieces.decode(page.pieces)
        self.appended += not any(one.kind == pieces.END for one in shown)
        ends = [place for place, one in enumerate(shown) if one.kind == pieces.END]
        if ends not in ([], [len(shown) - 1]):
            raise Violation(f"a page ends, and goes on: {shown}")
        said = marks_on(page)
        if len(set(said)) < len(said):
            raise Violation(f"a page says something twice: {said}")


class _Read(MemoryStore):
    """A store whose pages are read after each write."""

    readers: Readers

    def page_append(self, asked: PageAppend) -> bool:
        done = super().page_append(asked)
        if done:
            self.readers.read(asked.id, self.page_read(asked.id))
        return done


class Paged(World):
    """A world with pages.

    Attributes:
        readers: Those who follow them.
        late: How many answers were late, and on a page.
    """

    def __init__(
        self, plan: Plan, store: type[MemoryStore], tell: Callable[[str], None] | None
    ) -> None:
        self.readers, self.late = Readers(), 0
        reads = type("Reads", (_Read, store), {"readers": self.readers})
        super().__init__(plan, reads, tell)

    def rules_of(self, plan: Plan) -> Rules:
        """See `Workers.rules_of`."""
        return replace(super().rules_of(plan), pages=Pages(PAGES, lambda: "bot", bytes))

    def _on_store(self, flying: Flying, op: Operation) -> tuple[Any, Exception | None]:
        before = self.snapshot(flying.user).head if isinstance(op, Commit) else b""
        result, failure = super()._on_store(flying, op)
        if isinstance(op, Commit) and op.deferred and isinstance(result, Committed):
            self._was_late(op, before)
        return result, failure

    def _was_late(self, op: Commit, before: bytes) -> None:
        """A turn has ended whose user got the waiting text with a link: its page has the answer."""
        reply = decode_reply(op.reply)
        if reply is None:
            return
        found = re.search(rf"{PAGES}/([0-9a-f]{{32}})", getattr(reply, "content", ""))
        if found is None:
            raise Violation(f"the answer to {op.key} is late, and has no page: {reply}")
        page = self.store.page_read(_through(self.rules.pages, found[1], self.store))
        if op.write.forget:
            return
        last = [] if page is None else pieces.decode(page.pieces)[-1:]
        if page is None or not last or last[0].kind != pieces.END:
            raise Violation(f"the answer to {op.key} is over, and not its page: {page}")
        held = marks_of(bytes(one.reply) for one in decode_head(self.snapshot(op.user).head).held)
        known = marks_of(bytes(one.reply) for one in decode_head(before).held)
        serial = str(self.judge.books(op.user).serials.get(op.key, 0))
        said = [one for one in held if one not in known and MARK.fullmatch(one)[1] == serial]  # type: ignore[index]
        shown = [one for one in marks_on(page) if MARK.fullmatch(one)[1] == serial]  # type: ignore[index]
        if shown != said:
            raise Violation(f"the answer to {op.key} is {said}, and its page says {shown}")
        self.late += 1


def marks_on(page: Page) -> list[str]:
    """Return the marks that a reader sees, in order."""
    text = "\n".join(one.text for one in pieces.decode(page.pieces))
    return [found.group() for found in MARK.finditer(text)]


def _through(pages: Pages | None, id: str, store: MemoryStore) -> str:
    assert pages is not None, "a world with pages"
    asking: Generator[Any, Any, str] = pages.stored(id)
    try:
        op = next(asking)
        while True:
            op = asking.send(op.on(store))
    except StopIteration as stop:
        stored: str = stop.value
        return stored


def paged_of(seed: int) -> Plan:
    """Make up the plan of a seed without long answers: what does not fit into a reply is only on
    its page, which `Judge` does not see.
    """
    plan = plan_of(seed)
    actions = [
        replace(action, text=action.text[:2] + action.text[2:].replace("l", ""))
        if isinstance(action, Say) and action.text.startswith("加")
        else action
        for action in plan.actions
    ]
    return replace(plan, actions=tuple(actions))


def run_paged(
    plan: Plan, store: type[MemoryStore] = MemoryStore, tell: Callable[[str], None] | None = None
) -> Paged:
    """Run a plan to its end, with pages; see `world.run`."""
    world = Paged(plan, store, tell)
    world.run()
    return world
