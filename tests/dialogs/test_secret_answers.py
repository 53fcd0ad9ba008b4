"""Answers that are nowhere written down."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest

from wechat_dialog import Bot, Chat, Dialog, Field, UnexpectedAnswer, messages
from wechat_dialog.core.dialog.form_fields import questions
from wechat_dialog.core.replay.records import TextRecord, encode_record
from wechat_dialog.errors import SecretGone, SecretMisused
from wechat_dialog.platform.display import FAULT
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk

PIN = "735190"
APOLOGY = "抱歉，出了点问题，请稍后再试。"


class Bank:
    """Whom the steps call: it knows what it was told, and under which keys."""

    def __init__(self) -> None:
        self.told: list[tuple[object, str]] = []

    def verify(self, pin: str, idempotency_key: str = "") -> bool:
        self.told.append((pin, idempotency_key))
        return pin == PIN

    def note(self, what: str) -> str:
        return what


class Written(MemoryStore):
    """A store that remembers all it was ever given."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.given: list[object] = []

    def claim(self, *args: Any, **kwargs: Any) -> Any:
        self.given.append((args, kwargs))
        return super().claim(*args, **kwargs)

    def record(self, *args: Any, **kwargs: Any) -> Any:
        self.given.append((args, kwargs))
        return super().record(*args, **kwargs)

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        self.given.append((args, kwargs))
        return super().commit(*args, **kwargs)

    def defer(self, *args: Any, **kwargs: Any) -> Any:
        self.given.append((args, kwargs))
        return super().defer(*args, **kwargs)

    def has(self, text: str) -> bool:
        return text in repr(self.given) or repr(text.encode())[2:-1] in repr(self.given)


@pytest.fixture
def bank() -> Bank:
    return Bank()


def pin(text: str) -> str:
    if len(text) != 6 or not text.isdecimal():
        raise ValueError(f"“{text}”不是六位数字。")
    return text


@pytest.fixture
def bot(bank: Bank) -> Bot:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        name = yield from chat.ask("谁付？")
        code = yield from chat.ask("密码？", pin, secret=True)
        yield from chat.step(bank.note, name)
        good = yield from chat.step(bank.verify, code)
        more = yield from chat.ask(f"{'对' if good else '错'}。还有呢？")
        return f"{name}{good}{more}"

    @bot.text("付（协程）")
    async def paying(chat: Chat) -> str:
        name = await chat.ask("谁付？")
        code = await chat.ask("密码？", pin, secret=True)
        await chat.step(bank.note, name)
        good = await chat.step(bank.verify, code)
        more = await chat.ask(f"{'对' if good else '错'}。还有呢？")
        return f"{name}{good}{more}"

    return bot


def talking(bot: Bot, **how: Any) -> tuple[Talk, Written]:
    """A talk on a store that remembers; strict, so that every turn is replayed."""
    talk = Talk(bot, apologies=True, **how)
    store = talk._world.store = Written(lambda: talk._world.clock)
    return talk, store


@pytest.mark.parametrize("begin", ["付", "付（协程）"])
@pytest.mark.parametrize("live", [10, 0])
def test_a_step_is_told_and_nobody_else(bank: Bank, bot: Bot, begin: str, live: int) -> None:
    bot.settings = dataclasses.replace(bot.settings, cache=bot.settings.cache if live else None)
    talk, store = talking(bot)
    talk(begin)
    assert talk("小明") == "密码？"
    assert talk(PIN) == "对。还有呢？"
    assert talk("没了") == "小明True没了"
    assert [told for told, _ in bank.told] == [PIN]
    assert not store.has(PIN)
    assert store.has("小明")
    assert PIN not in str(talk)
    assert "●●●" in str(talk)


def test_its_record_says_when_and_no_more(bot: Bot) -> None:
    talk, _ = talking(bot)
    talk("付")
    talk("小明")
    talk(PIN)
    record = next(r for r in talk.journal if isinstance(r, TextRecord) and r.wait[:1] == "A")
    assert record.text == "●●●"
    assert PIN.encode() not in b"".join(map(encode_record, talk.journal))


def test_what_does_not_fit_is_not_written_down_either(bank: Bank, bot: Bot) -> None:
    talk, store = talking(bot)
    talk("付")
    talk("小明")
    assert talk("12345") == "“●●●”不是六位数字。\n密码？"
    assert not store.has("12345")
    assert talk(PIN) == "对。还有呢？"


def test_words_of_the_bot_work_at_it(bank: Bank, bot: Bot) -> None:
    @bot.text("人工", anytime=True)
    def human(_: Chat) -> str:
        return "请稍候"

    talk, _ = talking(bot)
    talk("付")
    talk("小明")
    assert talk("人工") == "请稍候\n密码？"
    assert talk("返回") == "谁付？"
    talk("小红")
    assert talk(PIN) == "对。还有呢？"
    assert talk("取消") == "已取消。"


def test_back_takes_a_secret_answer_back(bank: Bank) -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        yield from chat.ask("密码？", secret=True)
        code = yield from chat.ask("再来一次？", secret=True)
        return str((yield from chat.step(bank.verify, code)))

    talk, store = talking(bot)
    talk("付")
    talk("111111")
    assert talk("返回") == "密码？"
    talk("222222")
    assert talk(PIN) == "True"
    assert not [one for one in ("111111", "222222", PIN) if store.has(one)]


# What a dialog may not do with one. ---------------------------------------------------------------

MISUSES: dict[str, Callable[[Chat, Any], object]] = {
    "compared": lambda _, code: code == PIN,
    "decides": lambda _, code: bool(code),
    "counted": lambda _, code: len(code),
    "formatted": lambda _, code: f"密码{code}",
    "a text": lambda _, code: str(code),
    "its method": lambda _, code: code.strip(),
    "looked up": lambda _, code: {code: 1},
    "computed": lambda _, code: code + "1",
    "cut": lambda _, code: code[0],
    "a number": lambda _, code: int(code),
    "looped over": lambda _, code: list(code),
    "in a prompt": lambda chat, code: chat.ask(code),
    "handed over": lambda chat, code: chat.continue_as(print, code=code),
    "handed over in a list": lambda chat, code: chat.continue_as(print, codes=[code]),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_what_its_way_could_hang_on_is_an_error_on_the_authors_line(
    bank: Bank, misuse: str, caplog: pytest.LogCaptureFixture
) -> None:
    bot, seen = Bot("t"), list[BaseException]()

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        assert PIN not in repr(code)
        assert PIN not in chat.message.text  # type: ignore[attr-defined]
        try:
            MISUSES[misuse](chat, code)
        except TypeError as error:
            seen.append(error)
            raise
        return "好"

    talk, store = talking(bot)
    talk("付")
    with caplog.at_level(logging.DEBUG):
        assert talk(PIN) == APOLOGY
    assert isinstance(seen[0], (SecretMisused, TypeError))
    assert "secret answer" in str(seen[0]) or misuse == "in a prompt"
    assert "test_secret_answers.py" in caplog.text
    assert not store.has(PIN)
    assert PIN not in caplog.text


def test_what_is_remembered_of_a_user_has_none(bank: Bank) -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        chat.data["pin"] = yield from chat.ask("密码？", secret=True)
        return "好"

    talk, store = talking(bot)
    talk("付")
    assert talk(PIN) == APOLOGY
    assert not store.has(PIN)


@pytest.mark.parametrize("said", ["return", "say"])
def test_a_secret_answer_is_said_to_nobody(said: str) -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[Any]:
        code = yield from chat.ask("密码？", secret=True)
        if said == "return":
            return code
        chat.say(code)
        return "好"

    talk, store = talking(bot)
    talk("付")
    try:
        assert talk(PIN) == APOLOGY
    except TypeError:
        assert said == "say"
    assert not store.has(PIN)


def test_a_parser_that_breaks_says_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        yield from chat.ask("密码？", lambda text: {}[text], secret=True)
        return "好"

    talk, store = talking(bot)
    talk("付")
    with caplog.at_level(logging.DEBUG):
        assert talk(PIN) == APOLOGY
    assert talk.parked == 1
    assert not store.has(PIN)
    assert PIN not in caplog.text
    assert "KeyError" in caplog.text


def test_who_hands_a_message_back_hands_back_no_secret(bank: Bank) -> None:
    bot, seen = Bot("t"), list[str]()

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        yield from chat.ask("密码？", secret=True)
        raise UnexpectedAnswer

    @bot.fallback
    def other(chat: Chat) -> Dialog[str]:
        seen.append(chat.message.text)  # type: ignore[attr-defined]
        return (yield from chat.ask("什么？"))

    talk, store = talking(bot)
    talk("付")
    assert talk(PIN) == "什么？"
    assert set(seen) == {"●●●"}
    assert not store.has(PIN)


def test_only_a_text_is_secret() -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        yield from chat.ask("照片？", messages.Image, secret=True)
        return "好"

    talk, _ = talking(bot)
    assert talk("付") == APOLOGY


# What a step may be handed. -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Login:
    name: str
    pin: str


class Struct(msgspec.Struct, frozen=True):
    name: str
    pin: str


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda code: [code, 1], [PIN, 1]),
        (lambda code: {"pin": (code,)}, {"pin": (PIN,)}),
        (lambda code: Login("小明", code), Login("小明", PIN)),
        (lambda code: Struct("小明", code), Struct("小明", PIN)),
    ],
)
def test_a_secret_answer_may_be_inside_of_what_a_step_is_handed(
    make: Callable[[Any], Any], told: object
) -> None:
    bot, seen = Bot("t"), list[object]()

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        yield from chat.gather(chat.step(seen.append, make(code)), chat.step(len, "ab"))
        return (yield from chat.ask("好？"))

    talk, store = talking(bot)
    talk("付")
    talk(PIN)
    assert seen == [told]
    assert not store.has(PIN)


def test_a_later_turn_does_not_know_it(bank: Bank) -> None:
    bot = Bot("t")

    @bot.text("付")
    def pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        yield from chat.ask("金额？", int)
        try:
            yield from chat.step(bank.verify, code)
        except SecretGone:
            code = yield from chat.ask("再说一次密码？", secret=True)
        return str((yield from chat.step(bank.verify, code)))

    talk, store = talking(bot)
    talk("付")
    talk(PIN)
    assert talk("5") == "再说一次密码？"
    talk.restart()
    assert talk(PIN) == "True"
    assert [told for told, _ in bank.told] == [PIN]
    assert not store.has(PIN)


def test_calls_are_told_apart_by_the_rest_of_their_arguments(bank: Bank) -> None:
    one, other, third = (
        _mark(bank, text, name) for text, name in (("1", "a"), ("2", "a"), ("1", "b"))
    )
    assert one == other != third


def _mark(bank: Bank, text: str, name: str) -> str:
    from wechat_dialog.core.dialog.secret_answers import SecretAnswer

    nobody = messages.Text(user="o", account="gh", created=0, msg_id="", raw={}, text="")
    secret: Any = SecretAnswer(text)
    return Chat("o", nobody).step(bank.verify, secret, name).digest


# In a form. ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class Account:
    pin: Annotated[str, Field("密码", parse=pin, secret=True)]
    name: Annotated[str, Field("姓名")]
    age: Annotated[int, Field("年龄")] = 18


@pytest.mark.parametrize("summary", [True, False])
def test_a_secret_field_is_asked_last_and_shown_nowhere(summary: bool) -> None:
    bot, seen = Bot("t"), list[object]()

    @bot.text("开户")
    def open_(chat: Chat) -> Dialog[str]:
        account = yield from chat.form(Account, summary=summary)
        yield from chat.step(seen.append, account)
        return f"{account.name}的密码是{account.pin!r}"

    talk, store = talking(bot)
    assert talk("开户") == "请填写姓名："
    talk("小明")
    last = talk("20")
    if summary:
        assert "密码" not in last
        last = talk("确认")
    assert last == "请填写密码："
    assert talk("1") == "“●●●”不是六位数字。\n请填写密码："
    assert talk(PIN) == "小明的密码是●●●"
    assert seen == [Account(PIN, "小明", 20)]
    assert not store.has(PIN)


def bare(text: str, *more: Any, default: Any = dataclasses.MISSING, kind: Any = str) -> Any:
    fields: list[Any] = [("one", Annotated[kind, Field(text, secret=True)])]
    if default is not dataclasses.MISSING:
        fields = [(*fields[0], dataclasses.field(default=default))]
    return dataclasses.make_dataclass("Bare", [*fields, *more])


@pytest.mark.parametrize(
    "cls",
    [
        bare("默认", default="1"),
        bare("是非", kind=bool),
        bare("选择", kind=Literal["a", "b"]),
        bare("两个", ("other", Annotated[str, Field(secret=True)])),
        bare("可无", kind=str | None),
    ],
)
def test_what_cannot_be_a_secret_field_is_an_error(cls: Any) -> None:
    with pytest.raises(TypeError, match="is no secret"):
        questions(cls)


# Workers that die. --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Bank.note, Bank.verify])
@pytest.mark.parametrize("when", ["before", "in", "after"])
@pytest.mark.parametrize("repeats", [True, False])
def test_a_worker_that_dies_with_it_loses_nothing_and_writes_nothing(
    bank: Bank, bot: Bot, step: Callable[..., Any], when: str, repeats: bool
) -> None:
    talk, store = talking(bot)
    talk("付")
    talk("小明")
    talk.crashes(step, when, repeats=repeats)
    if repeats:
        assert talk(PIN) == "对。还有呢？"
    else:
        assert talk(PIN) == FAULT
        assert talk("在吗").endswith("对。还有呢？")
    assert talk("没了") == "小明True没了"
    assert {told for told, _ in bank.told} == {PIN}
    assert len({key for _, key in bank.told}) == 1, "one key"
    assert not store.has(PIN)


def test_one_that_is_late_is_kept_sealed(bank: Bank, bot: Bot) -> None:
    talk, store = talking(bot)
    talk("付")
    talk("小明")
    talk.takes(Bank.verify, 30)
    talk.crashes(Bank.verify, "in")
    talk(PIN)
    talk("继续")
    assert not store.has(PIN)
    assert len({key for _, key in bank.told}) == 1


def test_with_another_token_it_is_lost_and_its_user_is_free(bank: Bank, bot: Bot) -> None:
    talk, _ = talking(bot)
    talk("付")
    talk("小明")
    talk.crashes(Bank.note, "in", repeats=False)
    talk(PIN)
    rules = dataclasses.replace(talk._world.rules, seal=Bot("another").rules.seal)
    talk._world.settings = dataclasses.replace(talk._world.settings, rules=rules, cache=None)
    assert talk("嗯") == "“●●●”不是六位数字。\n密码？"


def test_an_operator_has_it_asked_again(bank: Bank) -> None:
    from wechat_dialog.operators import Conversations

    store = MemoryStore()
    broken = True

    def bot_() -> Bot:
        bot = Bot("t", store=store)

        @bot.text("付")
        def pay(chat: Chat) -> Dialog[str]:
            code = yield from chat.ask("密码？", secret=True)
            if broken:
                raise ZeroDivisionError
            return str((yield from chat.step(bank.verify, code)))

        return bot

    bot = bot_()
    talk = Talk(bot, apologies=True)
    talk._world.store = store
    talk("付")
    assert talk(PIN) == APOLOGY
    broken = False
    Conversations(bot).resume(next(iter(Conversations(bot).list())).id)
    assert talk("在吗").endswith("请再说一次。\n密码？")
    assert talk(PIN) == "True"


# Afterwards. --------------------------------------------------------------------------------------


def stored(fn: Callable[..., Any], *said: str) -> Bot:
    """A bot with a conversation on it that has heard all that was said."""
    store = MemoryStore()
    bot = Bot("t", store=store)
    bot.text("付", name="pay")(fn)
    talk = Talk(bot)
    talk._world.store = store
    talk("付")
    for text in said:
        talk(text)
    return bot


def test_an_operator_sees_that_something_was_said(bank: Bank) -> None:
    import io

    from wechat_dialog.operators import Conversations
    from wechat_dialog.operators.inspection import inspect

    def pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        yield from chat.step(bank.verify, code)
        return (yield from chat.ask("还有呢？"))

    bot = stored(pay, PIN)
    conversations = Conversations(bot)
    [one] = conversations.list()
    shown = conversations.show(one.id)
    assert "said '●●●'" in shown
    assert "asked 还有呢？" in shown
    told = msgspec.json.encode(inspect(bot, one.openid, now=0)).decode()
    assert "●●●" in told
    for redact in (False, True):
        file = io.BytesIO()
        assert conversations.export(file, redact=redact) == 1
        text = file.getvalue().decode()
        assert PIN not in shown + told + text
        [checked] = conversations.check(text.encode().splitlines())
        assert checked.verdict.outcome == "unchanged", checked.verdict.why
    [checked] = conversations.check()
    assert checked.verdict.outcome == "unchanged"


@pytest.mark.parametrize("redact", [None, False, True])
def test_code_whose_way_would_hang_on_it_is_told_by_a_check(
    bank: Bank, redact: bool | None
) -> None:
    import io

    from wechat_dialog.operators import Conversations

    def pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        yield from chat.step(bank.verify, code)
        return (yield from chat.ask("还有呢？"))

    bot = stored(pay, PIN)
    lines = None
    if redact is not None:
        file = io.BytesIO()
        Conversations(bot).export(file, redact=redact)
        lines = file.getvalue().splitlines()

    def changed_pay(chat: Chat) -> Dialog[str]:
        code = yield from chat.ask("密码？", secret=True)
        if code != "000000":
            yield from chat.step(bank.verify, code)
        return (yield from chat.ask("还有呢？"))

    changed = Bot("t", store=bot.store)
    changed.text("付", name="pay")(changed_pay)
    [checked] = Conversations(changed).check(lines)
    assert checked.verdict.outcome == "parked"
    assert "depends on a secret: it is compared" in checked.verdict.why
    assert "test_secret_answers.py" in checked.verdict.why


@pytest.mark.parametrize("secret_before", [True, False])
def test_a_question_may_become_a_secret_one_and_not_the_other_way_round(
    bank: Bank, secret_before: bool
) -> None:
    from wechat_dialog.operators import Conversations

    def pay_with(secret: bool) -> Callable[..., Any]:
        def pay(chat: Chat) -> Dialog[str]:
            code = yield from chat.ask("密码？", secret=secret)
            yield from chat.step(bank.note, "查")
            more = yield from chat.ask("还有呢？")
            return f"{code!r}{more}"

        return pay

    bot = stored(pay_with(secret_before), PIN)
    changed = Bot("t", store=bot.store)
    changed.text("付", name="pay")(pay_with(not secret_before))
    [checked] = Conversations(changed).check()
    assert checked.verdict.outcome == ("parked" if secret_before else "unchanged")


def test_what_was_confided_to_a_conversation_that_is_ended_meanwhile_is_told_to_no_other() -> None:
    bot, heard = Bot(), list[str]()

    def verify(pin: str) -> bool:
        assert talk._world.store.end(f"{talk.account}:{talk.user}")
        return True

    @bot.text("登录")
    def login(chat: Chat) -> Dialog[str]:
        pin = yield from chat.ask("密码？", secret=True)
        yield from chat.step(verify, pin)
        return "好"

    @bot.fallback
    def anything(chat: Chat) -> Dialog[str]:
        heard.append(str(chat.message))
        return f"{chat.message.text}？{yield from chat.ask('什么？')}"  # type: ignore[attr-defined]

    talk = Talk(bot)
    talk("登录")
    assert talk(PIN) == talk.resend() == ""
    assert not heard
    assert PIN not in str(talk._world.store._users)
    assert talk("没什么") == "什么？"
