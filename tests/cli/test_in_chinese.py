"""A Chinese terminal: every help text, every refusal and every transcript is in Chinese."""

from __future__ import annotations

import ast
import inspect
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
import redis

import wechat_dialog
from tests.cli import command
from tests.deploys.town import USER, town
from wechat_dialog import errors
from wechat_dialog.cli.help_in_chinese import HELP, put_into_chinese, texts_of
from wechat_dialog.cli.load import load
from wechat_dialog.cli.main import command_line
from wechat_dialog.cli.serve import listening
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.operators import NotFound
from wechat_dialog.operators.export import BadExport
from wechat_dialog.operators.in_chinese import STATES, TRANSCRIPT, WAITS, state_in_chinese
from wechat_dialog.operators.listing import Summary
from wechat_dialog.platform.mistakes_in_chinese import GENERAL, MISTAKES
from wechat_dialog.platform.python_in_chinese import PYTHON
from wechat_dialog.platform.refusals import REFUSALS, chinese_of, refusal
from wechat_dialog.stores.redis.failures import explain

SOURCE = Path(wechat_dialog.__file__).parent
CHINESE = re.compile("[\u4e00-\u9fff]")
OPTIONS = re.compile(r"--[a-z-]+|`[^`]+`")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)


# --help -------------------------------------------------------------------------------------------


def test_every_text_of_every_help_is_translated_and_no_translation_is_left_over() -> None:
    said = set(texts_of(command_line()))
    assert len(said) > 60
    assert said - HELP.keys() == set()
    assert HELP.keys() - said == set()


@pytest.mark.parametrize("english", HELP)
def test_a_help_text_says_the_same_in_chinese(english: str) -> None:
    assert CHINESE.search(HELP[english])
    assert OPTIONS.findall(english) == OPTIONS.findall(HELP[english])
    assert re.findall(r"\b\d+(?:\.\d+)?\b", english) == re.findall(r"\d+(?:\.\d+)?", HELP[english])


def paths(here: Any, *before: str) -> Iterator[tuple[str, ...]]:
    yield before
    for name, one in getattr(here, "commands", {}).items():
        yield from paths(one, *before, name)


PATHS = list(paths(command_line()))
# What an English sentence has and no option, name or value.
ENGLISH = re.compile(r"\b(the|a|an|of|to|is|and|with|for|this|that|Show|Usage|Options)\b")


@pytest.fixture
def rich_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is put into Chinese there is so for the whole process.
    rich = pytest.importorskip("typer.rich_utils")
    for name in [name for name in vars(rich) if name.endswith(("_TITLE", "_STRING", "Columns"))]:
        monkeypatch.setattr(rich, name, getattr(rich, name))


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
@pytest.mark.usefixtures("chinese", "rich_as_it_was")
def test_help_has_no_english_sentence(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert not command.within(*words, "--help", monkeypatch=monkeypatch)
    said = capsys.readouterr().out
    assert "用法：" in said
    assert "选项" in said
    assert not ENGLISH.search(said), said
    assert not re.search(r"<(bool|str|path|int|float)\b", said), said


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
@pytest.mark.usefixtures("chinese", "rich_as_it_was")
def test_in_a_narrow_terminal_no_help_is_cut(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert not command.within(*words, "--help", monkeypatch=monkeypatch)
    said = capsys.readouterr().out
    assert "…" not in said.replace("gh_…", ""), said


def test_a_command_is_asked_for_its_texts_and_not_changed() -> None:
    known = command_line()
    assert [*texts_of(known)] == [*texts_of(command_line())]
    assert not any(CHINESE.search(text.replace("广州", "")) for text in texts_of(known))
    put_into_chinese(known)
    assert all(CHINESE.search(text) for text in texts_of(known))


# Refusals -----------------------------------------------------------------------------------------

RAISED = {"ConfigurationError", "StoreError", "TypeError", "_refuse", "_Meaning"}
# Modules whose sentences reach whoever types a command.
SPEAKING = [
    *(SOURCE / "cli").glob("*.py"),
    *(SOURCE / "stores").rglob("*.py"),
    *(SOURCE / name for name in (
        "bot.py", "core/dialog/registration.py", "core/dialog/router.py",
        "core/dialog/user_data.py",
        "core/turn/limits.py", "core/wire/codec.py", "core/wire/crypto.py", "core/pages/address.py",
        "platform/account.py", "platform/simulator/buttons.py",
    )),
]  # fmt: skip
# Said to whoever writes a store, or calls from Python.
NOT_AT_A_TERMINAL = (
    "the store has a clock of its own", "the active side needs app_id= and app_secret=",
    'the active side needs httpx: pip install "wechat-dialog[api]"', "a dialog is a function, not",
    "the token is empty, so anybody could pose", "the Redis client decodes responses",
    "key_format=", "chat.data: ",
)  # fmt: skip


def constants(module: ast.Module) -> dict[str, str]:
    """The texts of a module that have a name."""
    return {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        if isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
    }


def template(node: ast.expr, texts: Mapping[str, str] = MappingProxyType({})) -> str:
    """A text as it stands in the code, with `{0}` and so on for what is filled in, unless that is
    one of the texts that have a name.
    """
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".format"):
        text = texts.get(ast.unparse(node.func).removesuffix(".format"), "")
        places = iter(range(10))
        return re.sub(r"{.*?}", lambda _: f"{{{next(places)}}}", text)
    if not isinstance(node, ast.JoinedStr):
        return ""
    filled = iter(range(10))
    parts = (
        str(one.value)
        if isinstance(one, ast.Constant)
        else texts.get(ast.unparse(cast("ast.FormattedValue", one).value)) or f"{{{next(filled)}}}"
        for one in node.values
    )
    return "".join(parts)


def sentences(path: Path) -> Iterator[str]:
    module = ast.parse(path.read_text("utf-8"))
    texts = constants(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # A refusal has its condition first.
            at = int(node.func.id == "_refuse")
            if node.func.id in RAISED and len(node.args) > at:
                said = template(node.args[at], texts)
                # What a Redis server answered is quoted behind what it means.
                yield f"Redis store: {said} ({{0}})" if node.func.id == "_Meaning" else said
        elif isinstance(node, ast.Yield) and path.name in ("serve_checks.py", "advice.py"):
            yield template(node.value) if node.value else ""


def spoken() -> list[str]:
    found = {said for path in SPEAKING for said in sentences(path)}
    return sorted(said for said in found if " " in said and not said.startswith(NOT_AT_A_TERMINAL))


@pytest.mark.parametrize("said", spoken())
@pytest.mark.usefixtures("chinese")
def test_a_refusal_is_told_in_chinese(said: str) -> None:
    filled = re.sub(r"{\d}", "5", said)
    told = refusal(filled)
    assert CHINESE.search(told), f"nobody has translated {said!r}"
    assert not re.search(r"\b(is|are|was|the|not|cannot|has|needs)\b", told), told
    assert re.findall("5", told) == re.findall("5", filled)


@pytest.mark.parametrize(
    "error",
    [redis.ConnectionError("55"), redis.TimeoutError("55"), redis.AuthenticationError("55")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("ends", ["", "; until it is there, users get no answer but an apology"])
@pytest.mark.usefixtures("chinese")
def test_a_redis_that_cannot_be_used_is_told_in_chinese(error: Exception, ends: str) -> None:
    told = refusal(f"{explain(error)}{ends}")
    assert not re.search(r"\b(it|that|check|there)\b", told), told
    assert "55" in told


@pytest.mark.parametrize("menu", [None, "", "{", "[1", "\xff", '{"button": []}'])
@pytest.mark.usefixtures("chinese")
def test_a_menu_that_is_none_is_told_in_chinese(
    menu: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "5"
    if menu is not None:
        path.write_text(menu, "latin-1")
    assert command.within("simulate", "5:5", "--menu", f"{path}", monkeypatch=monkeypatch) == 2
    told = capsys.readouterr().err.replace(f"{path}", "")
    assert CHINESE.search(told)
    assert not re.search(r"Errno|\b(No|is|such|value|char|codec|with)\b", told), told


def test_many_refusals_are_found() -> None:
    assert len(spoken()) > 70


@pytest.mark.parametrize("english", [*REFUSALS, *MISTAKES, *GENERAL, *PYTHON])
def test_a_translation_has_the_same_places(english: str) -> None:
    chinese = {**MISTAKES, **REFUSALS, **GENERAL, **PYTHON}[english]
    assert {*re.findall(r"{\d}", english)} == {*re.findall(r"{\d}", chinese)}


ERRORS = [NotFound("oUser"), BadExport(3, "it is empty")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.usefixtures("chinese")
def test_an_operators_error_is_told_in_chinese(error: Exception) -> None:
    told = refusal(str(error))
    assert CHINESE.search(told)
    assert "is" not in told.split()


def test_in_another_terminal_it_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.delenv("LANGUAGE", raising=False)
    assert refusal("No such command 'chek'.") == "No such command 'chek'."


# What an author does wrong ------------------------------------------------------------------------

AT_A_DESK = [
    *(SOURCE / "core" / "dialog").glob("*.py"),
    *(SOURCE / name for name in (
        "core/replay/driver.py", "core/replay/outcomes.py", "core/turn/conversation.py",
        "core/turn/leaving.py", "core/turn/mail.py", "core/turn/requested.py",
        "core/turn/step_parts.py", "parsers/kinds.py", "parsers/numbers.py", "replies/kinds.py",
        "testing/arguments.py", "testing/background.py", "testing/plans.py", "testing/talk.py",
    )),
]  # fmt: skip
MISTAKEN = {"TypeError", "ValueError", "LookupError", "TooManyParts", "_wrong"}
# Raised before a bot runs, or told with the line of the call by whoever catches it.
NOT_AT_A_DESK = (
    "a dialog is a function, not", "{0} is an event; write", "{0} is no kind of message; write",
    "{0}: {1}", "{0} at {1}: {2}", "continue_as: {0} {1}",
)  # fmt: skip


def mistakes() -> list[str]:
    """Every sentence with which a dialog is told what it does wrong, as far as one call has it."""
    said: set[str] = set()
    for path in AT_A_DESK:
        module = ast.parse(path.read_text("utf-8"))
        texts = constants(module)
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MISTAKEN:
                said |= {template(argument, texts) for argument in node.args}
    return sorted(one for one in said if " " in one and not one.startswith(NOT_AT_A_DESK))


def sample(cls: type[Exception]) -> Exception:
    """An error of a class, made of numbers and of texts that are not words."""
    given: list[Any] = []
    texts = {"call": "chat.say(…)", "where": "mine.py:5"}
    own = cls.__init__ if "__init__" in vars(cls) else lambda self: None
    for name, parameter in [*inspect.signature(own).parameters.items()][1:]:
        kind = str(parameter.annotation)
        word = texts.get(name, "55")
        given.append(5 if kind in ("int", "float") else () if "tuple" in kind else word)
    return cls(*given)


RAISED_AT_A_DESK = [
    errors.ArgumentsChanged, errors.ForeignAwait, errors.JournalFull, errors.NotRepeatable,
    errors.NotSayable, errors.NotWaitedFor, errors.ReplayMismatch, errors.SecretGone,
    errors.SecretMisused, errors.SideEffect, errors.SignalMisfit, errors.StepEnded,
    errors.TimedOut, errors.TooManyAside, errors.TooManyAttempts, errors.TooManyParts,
    errors.TurnTooLong, errors.Unreachable, errors.WorkerDied,
]  # fmt: skip
OWN_WORDS = re.compile(
    r"\b(is|are|was|the|not|no|cannot|has|needs|wanted|took|longer|at|what|which|reached)\b"
)


def is_told_in_chinese(english: str) -> None:
    told = refusal(english)
    assert CHINESE.search(told), f"nobody has translated {english!r}"
    assert not OWN_WORDS.search(re.sub("`[^`]*`", "", told)), told


@pytest.mark.parametrize("said", mistakes())
@pytest.mark.usefixtures("chinese")
def test_what_a_dialog_does_wrong_is_told_in_chinese(said: str) -> None:
    # Where it is said is the line of a call.
    call = r"^(?:\{0\} at \{1\}: |\{0\}: (?!a )|chat\.wait_for at \{0\}: )"
    placed = re.sub(call, "chat.say(…) at mine.py:5: ", said)
    is_told_in_chinese(re.sub(r"{\d}", "5", placed))


def test_many_mistakes_are_found() -> None:
    assert len(mistakes()) > 50


@pytest.mark.parametrize("cls", RAISED_AT_A_DESK, ids=lambda cls: cls.__name__)
@pytest.mark.usefixtures("chinese")
def test_an_error_of_a_dialog_is_told_in_chinese(cls: type[Exception]) -> None:
    is_told_in_chinese(str(sample(cls)))


DIFFERENCES = [
    "the way by mine.py:4", "the words '5'", "no words", "the reply News", "its end", "no request",
    "chat.remind with key 'a'", "chat.stop with key 'a'", "chat.start of buy with {'n': 5}",
    "chat.start of buy with {'n': 5} with key 'a'", "step 'pay' with other arguments",
    "the question ask '5'", "the question ask with key 'a'", "the question a race", None,
]  # fmt: skip
"""What strict mode says that a dialog does, at first or in its replay; None: it ends."""


@pytest.mark.parametrize("found", DIFFERENCES)
@pytest.mark.parametrize("where", ["", "mine.py:5"])
@pytest.mark.usefixtures("chinese")
def test_how_a_replay_differs_is_told_in_chinese(found: str | None, where: str) -> None:
    told = refusal(str(errors.NotRepeatable("a", 3, found or "its end", found, where)))
    words = re.compile(r"\b(the|its|it|no|with|of|by|at|then|first|ends|way|request|reply)\b")
    assert not words.search(told), told
    assert where in told


def uses() -> list[str]:
    """What is done with a value that a dialog must not look at."""
    paths = ("core/dialog/secret_answers.py", "core/replay/withheld.py",
             "core/replay/redacted_run.py")  # fmt: skip
    nodes = [node for path in paths for node in ast.walk(ast.parse((SOURCE / path).read_text()))]
    texts = {template(node) for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr)}
    return sorted(text for text in texts if re.fullmatch(r"decides|is [a-z ,{}0]*\S", text))


@pytest.mark.parametrize("use", uses())
@pytest.mark.usefixtures("chinese")
def test_what_is_done_with_a_value_that_is_not_there_is_told_in_chinese(use: str) -> None:
    is_told_in_chinese(str(errors.SecretMisused(use.replace("{0}", "'upper'"))))
    is_told_in_chinese(str(errors.CannotTell(use.replace("{0}", "KeyError"), 5)))


def test_where_a_dialog_yields_what_cannot_be_said_is_told_in_chinese() -> None:
    assert (
        chinese_of("dialog 'a' at mine.py:5: nothing to say") == "mine.py:5 的对话 'a'：没有要说的"
    )


def logged() -> list[str]:
    """Every line that the turns of a bot log as a warning or an error."""
    lines: set[str] = set()
    for path in [*(SOURCE / "core").rglob("*.py"), SOURCE / "bot.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                said = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if called in ("log.warning", "log.error"):
                    lines |= {*filter(None, map(str, said[:1]))}
                elif called == "report":
                    lines |= {f"{one}: KeyError at mine.py:5" for one in map(str, said[:1])}
    return sorted(re.sub(r"%[rsd]", "5", line) for line in lines)


# What only an operator of several machines meets.
NOT_ON_THE_FIRST_EVENING = (
    "user 5: a message whose worker died", "user 5: the outcome of step",
)  # fmt: skip


@pytest.mark.parametrize(
    "line", [line for line in logged() if not line.startswith(NOT_ON_THE_FIRST_EVENING)]
)
@pytest.mark.usefixtures("chinese")
def test_what_a_turn_logs_is_told_in_chinese(line: str) -> None:
    is_told_in_chinese(line)


@pytest.mark.usefixtures("chinese")
def test_where_a_dialog_broke_is_told_in_chinese() -> None:
    line = "user o: dialog 'a' broke at record 2 and is parked as 3f: "
    assert refusal(f"{line}KeyError at /a b/c.py:5, called from /d.py:6") == (
        "用户 o：对话 'a' 在第 2 条记录出错，搁置为 3f：KeyError，在 /a b/c.py:5，从 /d.py:6 调用"
    )


def test_a_text_that_repeats_a_sentences_beginning_is_looked_up_only_so_deep() -> None:
    told = chinese_of("dialog 'a' at b.py:3: " * 500 + "broken")
    assert told.startswith("b.py:3 的对话 'a'：")
    assert told.endswith("dialog 'a' at b.py:3: broken")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("text", ["KeyError: 'meet me at 5'", "没有这个城市", "see you at: 5"])
def test_an_authors_own_text_stays_as_it_is(text: str) -> None:
    assert refusal(text) == text


MISTAKEN_FILES = [
    ("def a(chat)\n    pass\n", "bot.py:1：SyntaxError: 少了冒号 ':'"),
    ("x = 1\nif x:\nprint(x)\n", "bot.py:3：IndentationError: 第 2 行（'if' statement）"),
    ("x = 1\n  y = 2\n", "bot.py:2：IndentationError: 多缩进了"),
    ("x = (1,\ny = 2\n", "bot.py:1：SyntaxError: '(' 没有配对的另一半"),
    ("print（1）\n", "bot.py:1：SyntaxError: 有全角或者特殊的字符 '（'（U+FF08）：换成半角的"),
    ("x = 'a\n", "bot.py:1：SyntaxError: 字符串没有结束的引号（到第 1 行）"),
    ("async def a(c):\n    yield from c\n", "bot.py:2：SyntaxError: async def 里不能写 yield from"),
    ("def a(c):\n    await c\n", "bot.py:2：SyntaxError: 普通函数里不能写 await：写 yield from"),
    ("import nosuch5\n", "bot.py:1：ModuleNotFoundError: 没有 'nosuch5' 这个模块：用 pip 安装它"),
    ("from wechat_dialog import Nobody5\n",
     "bot.py:1：ImportError: 'wechat_dialog' 里没有 'Nobody5'；"),
    ("bot = Robot5()\n", "bot.py:1：NameError: 没有 'Robot5' 这个名字"),
    ("from wechat_dialog import Bot\nbot = Bot(timeout=-1)\n",
     "bot.py:2：timeout=-1：大于 0 的秒数；"),
]  # fmt: skip
"""What a beginner writes, and what the first line says about it."""


@pytest.mark.parametrize(("source", "said"), MISTAKEN_FILES)
@pytest.mark.usefixtures("chinese")
def test_the_first_line_says_what_is_wrong_with_a_file_and_where(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "新 手"
    folder.mkdir()
    (folder / "bot.py").write_text(source, "utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "bot", raising=False)
    with pytest.raises(ConfigurationError) as refused:
        load("bot:bot")
    sys.modules.pop("bot", None)
    told = refusal(str(refused.value)).splitlines()
    assert told[0].startswith(f"bot:bot 加载不了，看 {said}")
    assert told[1].startswith(f'  File "{folder}/bot.py", line ')


MISTYPED = [
    (["chek"], "没有 'chek' 这个命令；是不是 'check'？"),
    (["check"], "还缺参数 'APP'"),
    (["check", "a", "b"], "多出了参数 b"),
    (["check", "--stricct", "a"], "没有 --stricct 这个选项；有这些："),
    (["serve", "--port", "a", "b"], "'--port' 的值不对：要一个整数"),
    (["serve", "--port", "99999", "b"], "'--port' 的值不对：最大是 65535"),
    (["serve", "--log-level", "x", "b"], "'--log-level' 的值不对：'x' 不是其中之一："),
    (["serve", "b", "--port"], "选项 '--port' 后面要写一个值"),
    (["conversations"], "还要写一个命令"),
    (["serve", ":bot"], "':bot' 里没有模块名；写 bot:bot，或者 bot.py"),
    (["serve", "nosuch:bot"], "没有 'nosuch' 这个模块，也没有安装"),
    (["send", "example.com"], "要发什么？"),
    (["send", "example.com", "--text", "a"], "'example.com' 不是 URL"),
    (["send", "http://a", "--location", "5"], "'5' 不是位置"),
    (["send", "http://a", "--xml", "nosuch"], "读不了 nosuch：没有这个文件或目录"),
    (["send", "http://a", "--text", "a", "--mode", "saf"], "模式 'saf' 不对"),
    (["chat", "http://a", "--mode", "safe"], "--mode safe 还要写 --app-id 和 --aes-key"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), MISTYPED, ids=[" ".join(row[0]) for row in MISTYPED])
@pytest.mark.usefixtures("chinese")
def test_what_is_mistyped_is_told_in_chinese(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.within(*words, monkeypatch=monkeypatch) == 2
    assert f"wechat-dialog: {told}" in capsys.readouterr().err.replace(f"这里（{Path.cwd()}）", "")


# Transcripts --------------------------------------------------------------------------------------

SHOP = """
def price(dish):
    if dish == "无":
        raise LookupError("没有这道菜")
    return 18


@bot.text("开始")
def shop(chat):
    dish = yield from chat.ask("吃什么？")
    cost = yield from chat.step(price, dish)
    yield from chat.ask(f"{cost} 元，对吗？")
"""


def test_a_transcript_is_in_the_terminals_language(tmp_path: Path) -> None:
    with town(tmp_path) as made:
        made.deploy(SHOP)
        made.say("开始")
        made.say("饺子")
    command.write_shop(tmp_path, SHOP)
    english = command.run(tmp_path, "conversations", "show", "shop:bot", USER)
    chinese = command.run(tmp_path, "conversations", "show", "shop:bot", USER, chinese=True)
    said = ("waiting", f"user {USER}, begun ", "said '饺子'", "asked 吃什么？", "step price → 18")
    told = ("等回答", f"用户 {USER}，", " 开始", "说 '饺子'", "问 吃什么？", "步骤 price → 18")
    for ended, words in ((english, said), (chinese, told)):
        assert ended.returncode == 0, ended.stderr
        for word in words:
            assert word in ended.stdout


def test_a_transcripts_lines_have_the_same_places_in_chinese() -> None:
    for english, said in TRANSCRIPT.items():
        assert CHINESE.search(said)
        assert re.findall(r"{\d}", english) == re.findall(r"{\d}", said)
    source = ast.parse((SOURCE / "operators" / "transcript.py").read_text("utf-8"))
    lines = {
        node.args[0].value
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "say"
        and isinstance(node.args[0], ast.Constant)
    }
    ends = {"limit over, due {0}{1}", "time over, due {0}{1}"}
    assert lines | ends == TRANSCRIPT.keys()


def test_every_state_has_a_word() -> None:
    [said] = re.findall(r"    state: (.*?)\n    \w+:", inspect.getdoc(Summary) or "", re.DOTALL)
    states = set(re.findall(r'"([^"]+)"', said))
    assert "interrupted" in states
    for state in states:
        assert CHINESE.search(state_in_chinese(state))
    assert STATES.keys() == {state for state in states if not state.startswith(WAITS)} | {
        "waits to ask", "waits to begin"
    }  # fmt: skip


@pytest.mark.usefixtures("chinese")
def test_a_port_that_is_taken_is_told_without_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as refused:
            listening("127.0.0.1", port)
    assert refusal(str(refused.value)) == (
        f"不能监听 127.0.0.1 的 {port} 端口：已经被占用；用 --host 和 --port 换别的"
    )
