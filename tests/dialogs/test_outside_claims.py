"""Which turns claim: those that set or move a time. One that only answers a question with a limit
is as fast as any.
"""

from __future__ import annotations

import pytest

from tests.dialogs.outside import bot_with
from wechat_dialog import Chat, Dialog
from wechat_dialog.core.store.values import Answered, Commit, Committed, Conflict, Deferred
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk


class Watched(MemoryStore):
    """Keeps the commits that were carried out."""

    def __init__(self, talk: Talk) -> None:
        world = talk._world
        super().__init__(clock=lambda: world.clock)
        self.commits: list[Commit] = []

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        result = super().commit(commit)
        if isinstance(result, Committed):
            self.commits.append(commit)
        return result


def questions(chat: Chat) -> Dialog[str]:
    yield from chat.ask("任意", timeout=60)
    yield from chat.ask("限时", within=900)
    yield from chat.ask("任意", timeout=60)
    yield from chat.ask("限时", within=900)
    yield from chat.ask("再限时", within=1800)
    return "完"


@pytest.mark.parametrize("live_dialogs", [100, 0], ids=["live", "cold"])
def test_a_turn_that_sets_or_moves_a_time_claims_and_one_that_answers_in_time_does_not(
    live_dialogs: int,
) -> None:
    talk = Talk(bot_with(questions, live_dialogs=live_dialogs))
    store = talk._world.store = Watched(talk)
    seen: list[str | None] = []
    turns: list[tuple[bool, float | None]] = []
    for text in ("开始", "一", "二", "三", "四", "五"):
        seen.append(talk(text))
        (commit,) = store.commits
        store.commits.clear()
        turns.append((commit.fence != 0, commit.max_age))
        talk.advance(10)
    assert seen == ["任意", "限时", "任意", "限时", "再限时", "完"]
    claimed = [claims for claims, _ in turns]
    assert claimed[1:] == [True, False, True, True, False]
    # A fast commit is refused once the limit is over, as the answer would come too late.
    assert [age for claims, age in turns[1:] if not claims] == [900, 1800]
