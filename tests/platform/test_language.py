"""The simulator's people read Chinese or English: the terminal's language, and the page's."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from wechat_dialog.platform import language
from wechat_dialog.platform.answer_check import Broken
from wechat_dialog.platform.language import ENGLISH, in_chinese, speaks_chinese, tr

SOURCE = Path(language.__file__).parents[1]
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("names", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_TW"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "C"}, False),
        ({}, False),
        ({"LANG": "zh_CN", "LC_ALL": "en_US"}, False),
        ({"LANG": "en_US", "LC_MESSAGES": "zh_CN"}, True),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, True),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en"}, False),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": ""}, True),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, False),
        ({"LANGUAGE": "zh_CN"}, False),
    ],
)
def test_the_terminals_language_is_what_its_variables_say(
    names: dict[str, str], chinese: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert speaks_chinese() is chinese
    assert tr("{0} 个对话", 3) == ("3 个对话" if chinese else "3 conversations")


SPEAKING = (
    "platform/simulator/terminal.py", "platform/simulator/terminal_screen.py",
    "platform/simulator/bot_process.py", "cli/chat.py", "cli/conversations.py", "cli/simulate.py",
    "cli/probe.py", "cli/standing_notes.py",
)  # fmt: skip


def said() -> set[str]:
    """Every Chinese text that the terminal's modules have."""
    nodes = [
        node
        for path in SPEAKING
        for node in ast.walk(ast.parse((SOURCE / path).read_text("utf-8")))
    ]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and CHINESE.search(text)}


def test_every_chinese_sentence_has_an_english_one_with_the_same_places() -> None:
    assert said() - {"[图] ", "你好"} <= ENGLISH.keys()
    for chinese, english in ENGLISH.items():
        assert not CHINESE.search(english)
        assert re.findall(r"{\d.*?}", chinese) == re.findall(r"{\d.*?}", english), chinese


REASONS = re.compile(
    r'(?:raise Broken\("[\d.]+", |problem = "" if status == 200 else |Answer\(0, body, )(f?"[^"]+")'
)


def test_every_reason_of_the_emulator_is_told_in_chinese() -> None:
    sentences: list[str] = []
    for path in ("platform/answer_check.py", "platform/account.py", "platform/protocol.py"):
        sentences += REASONS.findall((SOURCE / path).read_text("utf-8"))
    assert len(sentences) > 12
    for sentence in sentences:
        filled = re.sub(r"{[^}]+}", "5", sentence.removeprefix("f").strip('"'))
        filled = filled.replace("5 is 5, not 5 5", "ToUserName is 5, not the user's OpenID 5")
        reason = filled if "protocol reference" in filled else str(Broken("5.1", filled))
        told = in_chinese(reason)
        assert CHINESE.search(told), reason
        assert not re.search(r"\b(is|the|not|no|has)\b", told), told


def filled(message: ast.expr) -> str:
    """The text of a message, with 5 for each value."""
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "5" for part in parts)


def refusals() -> list[str]:
    """Every sentence with which the desk refuses something."""
    return [
        filled(node.args[0])
        for path in sorted((SOURCE / "platform" / "simulator").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("NotPossible", "NotRunning")
        if isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]


def test_every_refusal_of_the_desk_is_told_in_chinese() -> None:
    sentences = refusals()
    assert len(sentences) > 12
    for sentence in sentences:
        told = in_chinese(sentence)
        assert CHINESE.search(told), sentence
        assert not re.search(r"\b(is|the|not|no|has|cannot)\b", told), told


@dataclass
class Payment:
    """What a signal brings."""

    fen: int


@pytest.mark.parametrize(
    "data",
    [
        "{", "", "{bad", '{"fen": 1,}', '{"fen": 1} 2', '{"fen" 1}', "[1 2]", '{"fen": -}', "5",
        '{"fen": "x"}', "{}", '"\\x"',
    ],
)  # fmt: skip
def test_what_is_wrong_with_json_is_told_in_chinese(data: str) -> None:
    with pytest.raises(msgspec.MsgspecError) as refused:
        msgspec.json.decode(data, type=Payment)
    told = in_chinese(str(refused.value))
    assert CHINESE.search(told), refused.value
    assert not re.search(r"\b(is|the|not|no|expected|invalid)\b", told, re.IGNORECASE), told


def test_what_nobody_translated_is_told_as_it_is() -> None:
    assert in_chinese("who knows") == "who knows"


def test_a_reason_in_a_reason_is_told_too() -> None:
    refused = "HTTP status 403, not 200 (protocol reference 5.3)"
    advice = "it refuses what we sign: is --token the server's?"
    assert in_chinese(f"{refused}; {advice}") == (
        "HTTP 状态是 403，不是 200（协议 5.3）；它不认我们的签名，--token 和服务器上的一样吗？"
    )
