"""The facts of the 2017 interface, one by one, and what it never had: order, and no crashes."""

from __future__ import annotations

import logging
from types import ModuleType

import pytest

import wechat.bot
from tests.legacy.pushes import module_of, push, shown, talker
from wechat_dialog.errors import BadMessage, ConfigurationError, Refused, TooLarge

APOLOGY = "抱歉，出了点问题，请稍后再试。"

STICKER = "【收到不支持的消息类型，暂无法显示】"

HEARING = """
    heard = []

    def listen(to_user):
        heard.append(to_user)
        heard.append((yield None))
        heard.append((yield None))
        while True:
            heard.append((yield ('TextMsg', '?')))
            if heard[-1][0] == 'stop':
                return ('TextMsg', 'bye')

    ROUTER = {
        'text': [('.*', 'listen')],
        'event': [('.*', 'listen')],
        'image': [('^default$', 'listen')],
    }
"""


@pytest.fixture
def hearing() -> ModuleType:
    return module_of(HEARING)


def another_process() -> None:
    """Forget the bots with their live dialogs; what is stored stays."""
    wechat.bot._begin_anew()


def test_a_dialog_gets_its_first_message_at_both_of_its_first_yields(hearing: ModuleType) -> None:
    talker(hearing, "ada")("hello")
    assert hearing.heard == ["ada", ("hello", False), ("hello", False)]


def test_is_replay_is_true_for_all_but_the_message_at_hand(hearing: ModuleType) -> None:
    say = talker(hearing, "ada")
    say("one")
    say("two")
    hearing.heard.clear()
    another_process()
    say("three")
    assert hearing.heard == [
        "ada", ("one", True), ("one", True), ("two", True), ("three", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content", "fields", "heard"),
    [
        ("event", "subscribe", {}, "subscribe"),
        ("event", "CLICK", {"EventKey": "V1"}, "CLICK"),
        ("image", "", {"PicUrl": "http://p", "MediaId": "m"}, "default"),
        ("voice", "", {"MediaId": "m", "Recognition": "说话"}, "default"),
        ("hologram", "", {}, "default"),
        ("text", "  two\n lines ", {}, "  two\n lines "),
        ("text", STICKER, {}, STICKER),
        ("text", "取消", {}, "取消"),
        ("text", "返回", {}, "返回"),
        ("text", "继续", {}, "继续"),
    ],
)  # fmt: skip
def test_a_running_dialog_hears_every_message(
    hearing: ModuleType, kind: str, content: str, fields: dict[str, str], heard: str
) -> None:
    talker(hearing)("begin")
    reply = wechat.bot.answer(push("oUser2017", content, kind=kind, fields=fields), hearing)
    assert (shown(reply.format()), hearing.heard[-1]) == ("?", (heard, False))
    assert hearing.heard.count("oUser2017") == 1  # it is the dialog that ran already


@pytest.mark.parametrize(
    ("kind", "starts"), [("image", True), ("voice", False), ("hologram", False)]
)
def test_other_types_have_rows_of_their_own_and_none_is_no_reply(
    hearing: ModuleType, kind: str, starts: bool
) -> None:
    reply = wechat.bot.answer(push("u", kind=kind), hearing)
    assert reply.format() == "success" if not starts else shown(reply.format()) == "?"


def test_a_sticker_is_a_text_as_it_was(hearing: ModuleType) -> None:
    assert talker(hearing)(STICKER) == "?"


def test_a_row_matches_at_the_beginning_of_the_text() -> None:
    module = module_of("""
        def first(to_user):
            yield None
            yield None
            return ('TextMsg', 'first')

        def second(to_user):
            yield None
            yield None
            return ('TextMsg', 'second')

        ROUTER = {'text': [('ab', 'first'), ('b', 'second')]}
    """)
    say = talker(module)
    assert [say(text) for text in ("abc", "bc", "cab")] == ["first", "second", ""]


def test_a_row_behind_one_that_takes_everything_is_no_error() -> None:
    module = module_of("""
        def first(to_user):
            yield None
            yield None
            return ('TextMsg', 'first')

        ROUTER = {'text': [('.*', 'first'), ('^x$', 'never')]}
    """)
    assert talker(module)("x") == "first"


# Replies. ------------------------------------------------------------------------------

ECHO = """
    def say(to_user):
        yield None
        yield None
        {}

    def after(to_user):
        yield None
        yield None
        return ('TextMsg', 'well')

    ROUTER = {{'text': [('^say$', 'say'), ('.*', 'after')]}}
"""


@pytest.mark.parametrize("verb", ["return", "yield"])
@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ("('TextMsg', 'text')", "text"),
        ("['TextMsg', 'a list will do']", "a list will do"),
        ("('TextMsg', 7)", "7"),
        ("('TextMsg', '')", ""),
        ("('ImageMsg', 'media-1')", "media-1"),
        ("('NewsMsg', [{'title': 't', 'description': 'd', 'url': 'u'}])", "t"),
        ("('NewsMsg', ({'title': 1, 'description': '', 'url': '', 'pic_url': None},))", "1"),
        ("None", ""),
    ],
)
def test_an_answer_is_what_it_was(verb: str, answer: str, seen: str) -> None:
    assert talker(module_of(ECHO.format(f"{verb} {answer}")))("say") == seen


@pytest.mark.parametrize(
    ("code", "logged"),
    [
        ("return ('VoiceMsg', 'm')", "'VoiceMsg' as a type"),
        ("yield ('VoiceMsg', 'm')", "yields at dialogs_of_the_test.py:5 'VoiceMsg' as a type"),
        ("return (TextMsg, 'm') if False else (7, 'm')", "a int as a type"),
        ("return 'text'", "a str; a pair is wanted"),
        ("return ('TextMsg',)", "1 values"),
        ("return ('TextMsg', 'a', 'b')", "3 values"),
        ("return ('TextMsg', None)", "NoneType as the content"),
        ("return ('TextMsg', b'x')", "bytes as the content"),
        ("return ('ImageMsg', None)", "NoneType as the media id"),
        ("return ('NewsMsg', 'text')", "a str as its content"),
        ("return ('NewsMsg', 7)", "a int as its content"),
        ("return ('NewsMsg', [])", "no article"),
        ("return ('NewsMsg', ['t'])", "a str among its articles"),
        ("return ('NewsMsg', [{'title': 't', 'url': 'u'}])", "an article without 'description'"),
        # What the author's own error says may quote the user, so only its class and place are told.
        ("raise ValueError('a bug')", "ValueError at dialogs_of_the_test.py:5"),
        ("raise StopIteration", "is parked as"),
    ],
)
def test_a_wrong_answer_is_an_apology_and_a_line_in_the_log(
    code: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    say = talker(module_of(ECHO.format(code)))
    assert say("say") == APOLOGY
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "is parked as" in caplog.text
    assert logged in caplog.text
    assert say("and now?") == "well"


def test_a_dialog_with_a_wrong_answer_is_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    module = module_of(
        ECHO.format("""try:
            yield 'wrong'
        finally:
            closed.append(1)""")
    )
    module.closed = []  # type: ignore[attr-defined]
    with caplog.at_level(logging.DEBUG):
        assert talker(module)("say") == APOLOGY
    assert any(record.exc_info for record in caplog.records)  # the log still holds the frames
    assert module.closed == [1]


@pytest.mark.parametrize(
    ("function", "logged"),
    [
        ("say = None", "there is no function 'say' in dialogs_of_the_test"),
        ("def say(u):\n        return ('TextMsg', 'x')", "'say' of dialogs_of_the_test is no gen"),
        ("async def say(u):\n        return 1", "is no generator function"),
        ("def say(u):\n        yield ('TextMsg', 'x')", "answers before it has heard"),
        ("def say(u):\n        yield None\n        yield ('TextMsg', 'x')", "answers before"),
        ("def say():\n        yield None", "positional argument"),
    ],
)
def test_a_function_that_is_no_such_dialog_is_an_apology_when_reached(
    function: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    module = module_of(f"""
    {function}

    def after(to_user):
        yield None
        yield None
        return ('TextMsg', 'well')

    ROUTER = {{'text': [('^say$', 'say'), ('.*', 'after')]}}
    """)
    say = talker(module)
    assert say("before") == "well"
    assert caplog.records == []
    assert say("say") == APOLOGY
    assert logged in caplog.text
    assert say("and now?") == "well"


def test_a_dialog_removed_under_a_conversation_is_parked(
    hearing: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    say = talker(hearing)
    say("begin")
    another_process()
    del vars(hearing)["listen"]
    assert say("next") == APOLOGY
    assert "no dialog 'listen'" in caplog.text


# UnexpectAnswer. -----------------------------------------------------------------------

MENU = """
    def menu(to_user):
        yield None
        yield None
        choice, is_replay = yield ('TextMsg', 'which?')
        try:
            return ('TextMsg', 'number %d' % int(choice))
        except Exception:
            from wechat.bot import UnexpectAnswer
            raise UnexpectAnswer

    def help(to_user):
        yield None
        said, is_replay = yield None
        return ('TextMsg', 'help for ' + said)

    def pass_on(to_user):
        yield None
        yield None
        from wechat.bot import UnexpectAnswer
        raise UnexpectAnswer

    ROUTER = {
        'text': [('^menu$', 'menu'), ('^pass', 'pass_on'), ('^passed', 'help'), ('^h', 'help')],
        'event': [('^subscribe$', 'help')],
    }
"""


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("3", "number 3"),
        ("hello", "help for hello"),
        ("menu", "which?"),
        ("nobody's", ""),
        ("passed on", "help for passed on"),
    ],
)
def test_an_unexpected_answer_starts_what_the_router_says(text: str, seen: str) -> None:
    say = talker(module_of(MENU))
    say("menu")
    assert say(text) == seen


def test_an_unexpected_event_starts_what_the_router_says_too() -> None:
    module = module_of(MENU)
    talker(module)("menu")
    reply = wechat.bot.answer(push("oUser2017", "subscribe", kind="event"), module)
    assert shown(reply.format()) == "help for subscribe"


def test_a_dialog_that_hands_back_its_first_message_does_not_get_it_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert talker(module_of(MENU))("pass") == ""
    assert "there is no reply" in caplog.text


def test_the_conversation_that_handed_a_message_back_is_over() -> None:
    say = talker(module_of(MENU))
    say("menu")
    say("hello")
    assert say("3") == ""


def test_unexpect_answer_is_an_exception_of_wechat_bot() -> None:
    assert issubclass(wechat.bot.UnexpectAnswer, Exception)


# Changed under a conversation. ---------------------------------------------------------


def test_a_text_that_differs_at_every_replay_is_no_difference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = module_of("""
        import itertools
        number = itertools.count()

        def count(to_user):
            yield None
            yield None
            while True:
                said, is_replay = yield ('TextMsg', str(next(number)))
                if said == 'end':
                    return ('TextMsg', 'ended')

        ROUTER = {'text': [('.*', 'count')]}
    """)
    say = talker(module)
    for text in ("a", "b", "c"):
        assert say(text).isdigit()
        another_process()
    assert say("end") == "ended"
    assert caplog.records == []


# Messages that come twice. -------------------------------------------------------------


def test_a_message_that_comes_twice_gets_one_answer_and_moves_the_dialog_once(
    hearing: ModuleType,
) -> None:
    talker(hearing)("begin")
    hearing.heard.clear()
    body = push("oUser2017", "once")
    first = wechat.bot.answer(body, hearing)
    another_process()
    second = wechat.bot.answer(body.encode(), hearing)
    assert shown(first.format()) == shown(second.format()) == "?"
    assert hearing.heard == [("once", False)]


# What is no message. -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", BadMessage),
        (b"", BadMessage),
        ("hello", BadMessage),
        ("<xml></xml>", BadMessage),
        ("<!DOCTYPE x><xml><MsgType>text</MsgType></xml>", BadMessage),
        ("<xml><MsgType>text</MsgType><Content>x</Content></xml>", BadMessage),
        ("<xml><FromUserName>u</FromUserName><Content>x</Content></xml>", BadMessage),
        ("<xml><a>" + "x" * 65536 + "</a></xml>", TooLarge),
    ],
)
def test_what_is_no_message_is_refused_with_a_status(
    hearing: ModuleType, body: str | bytes, error: type[Refused]
) -> None:
    with pytest.raises(error) as caught:
        wechat.bot.answer(body, hearing)
    assert caught.value.status == (413 if error is TooLarge else 400)
    assert hearing.heard == []


@pytest.mark.parametrize(
    ("router", "said"),
    [
        (None, "needs ROUTER"),
        ([], "needs ROUTER"),
        ({"text": [("(", "f")]}, r"ROUTER\['text'\].*no \(regex, function name\)"),
        ({"text": ["f"]}, r"no \(regex, function name\)"),
        ({"text": [("x", "f", "g")]}, r"no \(regex, function name\)"),
        ({"text": [("x", print)]}, "needs the function's name"),
    ],
)
def test_a_router_that_cannot_be_read_is_named(router: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        wechat.bot.answer(push("u", "x"), module_of("", ROUTER=router))


def test_nothing_is_printed(hearing: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    talker(hearing)("hello")
    assert capfd.readouterr() == ("", "")


def test_no_word_of_a_user_is_in_the_log(
    hearing: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        talker(hearing)("a secret")
    assert "secret" not in caplog.text


# What its three users needed besides. ---------------------------------------------------

SEARCHES = """
    from wechat.bot import UnexpectAnswer

    def recommend(to_user):
        yield None
        yield None
        number, is_replay = yield ('TextMsg', '1. 长津湖')
        raise UnexpectAnswer('长津湖')

    def search(to_user, wanted):
        yield None
        said, is_replay = yield None
        more, is_replay = yield ('TextMsg', '%s|%s' % (wanted, said))
        return ('TextMsg', '%s|%s' % (wanted, more))

    ROUTER = {'text': [('^推荐$', 'recommend'), ('.*', 'search')]}
"""


def test_an_unexpected_answer_with_a_text_begins_as_if_that_had_been_written() -> None:
    say = talker(module_of(SEARCHES))
    assert say("推荐") == "1. 长津湖"
    assert say("1") == "长津湖|长津湖"
    another_process()
    assert say("再来") == "长津湖|再来"


def test_a_dialog_of_two_arguments_gets_what_began_it() -> None:
    say = talker(module_of(SEARCHES))
    assert say("武汉天气") == "武汉天气|武汉天气"
    another_process()
    assert say("然后") == "武汉天气|然后"


@pytest.mark.parametrize(
    ("seconds", "frame"), [({"TIMEOUT": 300}, 300), ({"TIMEOUT": None}, None), ({}, 60)]
)
def test_a_module_says_how_long_a_conversation_waits(
    seconds: dict[str, object], frame: float | None
) -> None:
    bot = wechat.bot.ModuleBot(module_of(SEARCHES, **seconds))
    assert bot.rules.timeout == frame
    bot.close()
    bot = wechat.bot.ModuleBot(module_of(SEARCHES, **seconds), timeout=7)
    assert bot.rules.timeout == 7
    bot.close()
