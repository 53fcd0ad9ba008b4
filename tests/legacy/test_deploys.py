"""A 2017 module changed under its conversations: a question that moved is seen, and no text that is
another at every replay is taken for one.
"""

from __future__ import annotations

import itertools
import textwrap
from types import ModuleType

import msgspec
import pytest

import wechat.bot
from tests.legacy.pushes import push
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.replay.header import decode_head
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write
from wechat_dialog.core.wire import xml
from wechat_dialog.messages import from_fields
from wechat_dialog.operators import Conversations
from wechat_dialog.stores.memory import MemoryStore

CHANGED, APOLOGY = Texts().changed, Texts().apology
USER = "oUser2017"
_ticks = itertools.count()

THREE = """
def shop(to_user):
    yield None
    yield None
    name, is_replay = yield ('TextMsg', 'name?')
    city, is_replay = yield ('TextMsg', 'city?')
    if not is_replay:
        done.append(city)
    job, is_replay = yield ('TextMsg', 'job?')
    return ('TextMsg', 'name=%s city=%s job=%s' % (name, city, job))

ROUTER = {'text': [('^begin$', 'shop')]}
"""
NAME = "    name, is_replay = yield ('TextMsg', 'name?')\n"
CITY = "    city, is_replay = yield ('TextMsg', 'city?')\n"
JOB = "    job, is_replay = yield ('TextMsg', 'job?')\n"
AGE = "    age, is_replay = yield ('TextMsg', 'age?')\n"
CLOCKED = THREE.replace("'name?'", "'%s name?' % tick()").replace("'city?'", "'%s city?' % tick()")
JUGGLED = THREE.replace("'city?'", "'(again) city?' if is_replay else 'city?'")


class Account:
    """One user of a module that is deployed again and again over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.done: list[str] = []

    def deploy(self, source: str) -> None:
        module = ModuleType("shop_of_2017")
        vars(module).update(done=self.done, tick=lambda: next(_ticks))
        exec(compile(textwrap.dedent(source), "shop_of_2017.py", "exec"), vars(module))
        self.bot = wechat.bot.ModuleBot(module, store=self.store, timeout=None)
        self.bot.check()

    def say(self, text: str) -> str:
        message = from_fields(xml.parse(push(USER, text).encode()))
        return getattr(self.bot.respond(message, 1_700_000_000).reply, "content", "")

    def check(self) -> tuple[str, int]:
        [one] = Conversations(self.bot).check()
        return one.verdict.outcome, one.verdict.position


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize(
    ("answers", "old", "new", "outcome", "position"),
    [
        pytest.param(2, THREE, THREE.replace(NAME + CITY, CITY + NAME), "parked", 1,
                     id="two that were answered trade places"),
        pytest.param(1, THREE, THREE.replace(NAME + CITY, CITY + NAME), "parked", 1,
                     id="one that was answered and the one waited at trade places"),
        pytest.param(0, THREE, THREE.replace(NAME + CITY, CITY + NAME), "asks again", 1,
                     id="the one waited at and a later one trade places"),
        pytest.param(2, THREE, THREE.replace(CITY, AGE + CITY), "parked", 2,
                     id="one is put in before answered ones"),
        pytest.param(1, THREE, THREE.replace(CITY, AGE + CITY), "asks again", 2,
                     id="one is put in at the one waited at"),
        pytest.param(1, THREE, THREE.replace(JOB, AGE + JOB), "unchanged", -1,
                     id="one is put in after the one waited at"),
        pytest.param(2, THREE, THREE.replace(NAME, "    name = 'name'\n"), "parked", 1,
                     id="an answered one is taken out"),
        pytest.param(2, THREE, THREE.replace("'name?'", "'your name?'"), "unchanged", -1,
                     id="an answered one is reworded"),
        pytest.param(1, THREE, THREE.replace("'city?'", "'which city?'"), "asks again", 2,
                     id="the one waited at is reworded"),
        pytest.param(2, CLOCKED, CLOCKED.replace("job=%s", "and job=%s"), "unchanged", -1,
                     id="a clock in answered ones, and other code behind"),
        pytest.param(2, JUGGLED, JUGGLED.replace("job=%s", "and job=%s"), "unchanged", -1,
                     id="a text that says is_replay, and other code behind"),
        pytest.param(2, CLOCKED, CLOCKED, "unchanged", -1, id="a clock, and the same code"),
        pytest.param(1, CLOCKED, CLOCKED, "unchanged", -1, id="a clock at the one waited at"),
        pytest.param(1, JUGGLED, JUGGLED, "unchanged", -1, id="a text that says is_replay"),
    ],
)  # fmt: skip
def test_a_question_that_moved_is_seen_and_one_that_drifts_is_let_be(
    account: Account, caplog: pytest.LogCaptureFixture,
    answers: int, old: str, new: str, outcome: str, position: int,
) -> None:  # fmt: skip
    account.deploy(old)
    asked = account.say("begin")
    for _ in range(answers):
        asked = account.say(asked.split()[-1].rstrip("?"))
    done = list(account.done)
    account.deploy(new)
    assert account.check() == (outcome, position)
    heard = account.say(asked.split()[-1].rstrip("?"))
    if outcome == "unchanged":
        assert not caplog.records
    elif outcome == "asks again":
        assert heard.startswith(CHANGED + "\n")
    else:
        assert heard == APOLOGY
        assert account.done == done, "what was done is not done again"
        return
    for _ in range(4):
        if not heard.endswith("?"):
            break
        heard = account.say(heard.split()[-1].rstrip("?"))
    assert heard.replace("and job", "job") == "name=name city=city job=job"
    assert account.done == ["city"]


def test_no_text_of_unchanged_code_is_ever_a_difference(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even questions that trade places at every replay: a dialog of that time may do that."""
    source = """
    def shop(to_user):
        yield None
        yield None
        first, second = ('a?', 'b?') if tick() % 2 else ('b?', 'a?')
        one, is_replay = yield ('TextMsg', first)
        two, is_replay = yield ('TextMsg', second)
        three, is_replay = yield ('NewsMsg', [{'title': str(tick()), 'description': '', 'url': ''}])
        four, is_replay = yield None
        return ('TextMsg', one + two + three + four)

    ROUTER = {'text': [('^begin$', 'shop')]}
    """
    account.deploy(source)
    account.say("begin")
    for text in "123":
        for _ in range(3):
            account.deploy(source)
            assert account.check() == ("unchanged", -1)
        account.say(text)
    assert account.say("4") == "1234"
    assert not caplog.records


def test_globals_that_dialogs_change_are_no_other_code(account: Account) -> None:
    """The fingerprint is taken before a dialog runs, whichever runs first."""
    source = THREE.replace("'name?'", "'%s name?' % tick()").replace(
        "    yield None\n    yield None",
        "    yield None\n    yield None\n    seen.append(to_user)",
        1,
    )
    source += (
        "\nseen = []\n"
        "def other(to_user):\n    seen.append(to_user)\n    yield None\n    yield None\n"
        "ROUTER['text'].append(('^other$', 'other'))\n"
    )
    account.deploy(source)
    account.say("begin")
    for _ in range(2):
        account.deploy(source)
        other = from_fields(xml.parse(push("oOther", "other").encode()))
        account.bot.respond(other, 1_700_000_000)
        assert account.check() == ("unchanged", -1)
    assert account.say("name") == "city?"


def test_a_conversation_that_only_counted_its_answers_goes_on(account: Account) -> None:
    """So 2017 conversations were journaled before their texts counted."""
    account.deploy(THREE)
    for text in ("begin", "name"):
        account.say(text)
    found = account.store.show(USER)
    assert found is not None
    state = decode_head(found.head)
    state.stack[-1].wait, state.stack[-1].code = "y=2017", "000000000000"
    records = [msgspec.json.decode(record) for record in found.records]
    assert records[1][1] != "y=2017"
    for record in records[1:]:
        record[1] = "y=2017" if record[1].startswith("y") else record[1]
    claimed = account.store.claim(Claim(USER, "older", lease=3))
    assert isinstance(claimed, Claimed)
    written = tuple(msgspec.json.encode(record) for record in records)
    write = Write(msgspec.json.encode(state), written, keep=0, ttl=600)
    account.store.commit(Commit(USER, "older", write, reply=b"null", fence=claimed.fence))
    account.deploy(THREE)
    assert account.check() == ("unchanged", -1)
    assert account.say("city") == "job?"
    assert account.say("job") == "name=name city=city job=job"
