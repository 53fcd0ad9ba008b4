"""`wechat-dialog send`: one signed message, what its sender sees, and a status for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import run, serving, within
from wechat_dialog.platform.display import FAULT

KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
SAFE = ("--mode", "safe", "--app-id", "wx0123456789abcdef", "--aes-key", KEY)
BOT = """
from wechat_dialog import Bot
bot = Bot("secret", store="memory://", {settings})


@bot.text("谁")
def who(chat):
    return chat.user


@bot.message("image")
def picture(chat):
    return chat.message.pic_url


@bot.click("k")
def tapped(chat):
    return "点了 k"


@bot.text("每次")
def each(chat):
    counted.append(1)
    return str(len(counted))


@bot.message("voice", "video", "location", "link")
def other(chat):
    return chat.message.kind + str(sorted(chat.message.raw.items()))


@bot.scan()
def scanned(chat):
    return "扫了 " + chat.message.scene


@bot.text("链接")
def linked(chat):
    return '见<a href="https://example.com/all">全文</a>或 https://example.com/'


@bot.fallback
def nothing(chat):
    return None


counted = []
"""


def serve(folder: Path, settings: str = "") -> Iterator[str]:
    (folder / "talker.py").write_text(BOT.format(settings=settings))
    with serving(folder, "talker:bot") as (_, url):
        yield url


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = f"mode='safe', app_id='wx0123456789abcdef', aes_key='{KEY}'"
    yield from serve(tmp_path_factory.mktemp("safe"), settings)


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("--text", "谁", "--user", "oMe"), "oMe\n"),
        (("谁", "--user", "oMe"), "oMe\n"),
        (("--image", "http://a/1.jpg"), "http://a/1.jpg\n"),
        (("--event", "CLICK", "--key", "k"), "点了 k\n"),
        (("--click", "k"), "点了 k\n"),
        (("--scan", "spring"), "扫了 spring\n"),
        (("--text", "无"), ""),
    ],
)
def test_what_its_sender_sees_is_printed(
    plain: str, tmp_path: Path, words: tuple[str, ...], seen: str
) -> None:
    done = run(tmp_path, "send", plain, "--token", "secret", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, seen, "")


def test_the_address_of_a_link_is_printed_where_its_label_hides_it(
    plain: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "send", plain, "--token", "secret", "--text", "链接")
    assert done.stdout == "见全文或 https://example.com/\n"
    assert done.stderr.endswith("1. 全文 https://example.com/all\n")


def test_send_speaks_to_an_account_in_safe_mode(safe: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", safe, "--token", "secret", "--text", "谁", "--user", "oMe", *SAFE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "oMe\n", "")


def test_the_fault_notice_is_status_1_and_its_reason_on_stderr(plain: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", plain, "--token", "wrong", "--text", "谁")
    assert (done.returncode, done.stdout) == (1, f"{FAULT}\n")
    assert "HTTP status 403" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("localhost", "--text", "a"), "is no URL"),
        (("http://127.0.0.1:9/",), "one of TEXT, --text, --image"),
        (("http://127.0.0.1:9/", "谁", "--text", "好"), "one of TEXT, --text, --image"),
        (("http://127.0.0.1:9/", "--location", "here"), "'here' is no place"),
        (("http://127.0.0.1:9/", "--location", "91,0"), "'91,0' is no place"),
        (("http://127.0.0.1:9/", "--xml", "nothing.xml"), "cannot read nothing.xml"),
        (("http://127.0.0.1:9/", "--text", "a", "--repeat", "0"), "--repeat"),
        (("http://127.0.0.1:9/", "--txet", "a"), "--txet"),
        ((), "URL"),
        (("http://127.0.0.1:9/", "--text", "a", "--event", "b"), "one of"),
        (("http://127.0.0.1:9/", "--text", "a", "--mode", "secret"), "mode 'secret'"),
        (("http://127.0.0.1:9/", "--text", "a", "--mode", "safe"), "--mode safe needs --app-id"),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert within("send", *words, monkeypatch=monkeypatch) == 2
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert said in told


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--voice", "m1"), ("voice", "('MediaId', 'm1')", "('Format', 'amr')")),
        (("--video", "m2"), ("video", "('MediaId', 'm2')", "ThumbMediaId")),
        (
            ("--location", "23.5,113.25,广州"),
            ("('Location_X', '23.5')", "('Location_Y', '113.25')", "('Label', '广州')"),
        ),
        (("--location", "-23.5,0"), ("('Location_X', '-23.5')", "('Label', '')")),
        (("--link", "https://a/?b&c"), ("link", "('Url', 'https://a/?b&c')")),
    ],
)
def test_other_kinds_arrive_with_their_fields(
    plain: str, tmp_path: Path, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    done = run(tmp_path, "send", plain, "--token", "secret", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert [part for part in parts if part not in done.stdout] == []


XML = """<?xml version="1.0"?>
<xml> <ToUserName>gh_mine</ToUserName><FromUserName>oRaw</FromUserName>
<CreateTime>1700000001</CreateTime><MsgType>text</MsgType><Content>谁</Content><MsgId>1</MsgId></xml>
"""


@pytest.mark.parametrize("where", ["file", "standard input"])
def test_xml_goes_out_as_it_stands(plain: str, tmp_path: Path, where: str) -> None:
    (tmp_path / "raw.xml").write_text(XML)
    name = "raw.xml" if where == "file" else "-"
    done = run(tmp_path, "send", plain, "--token", "secret", "--xml", name, "--show", given=XML)
    assert (done.returncode, done.stdout) == (0, "oRaw\n")
    assert "> <xml> <ToUserName>gh_mine</ToUserName>" in done.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [("hello", "is no message"), ("<xml><MsgType>text</MsgType></xml>", "has no ToUserName")],
)
def test_what_is_no_message_is_not_sent(tmp_path: Path, body: str, said: str) -> None:
    done = run(tmp_path, "send", "http://127.0.0.1:9/", "--xml", "-", given=body)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"standard input {said}" in done.stderr or said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_repeated_message_is_one_message(plain: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", plain, "--token", "secret", "--text", "每次", "--repeat", "3")
    first, *copies = done.stdout.split()
    assert (done.returncode, copies) == (0, [first, first])
    again = run(tmp_path, "send", plain, "--token", "secret", "--text", "每次")
    assert int(again.stdout) == int(first) + 1


def test_show_prints_what_went_and_what_came(safe: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", safe, "--token", "secret", "--text", "谁", "--show", *SAFE)
    assert (done.returncode, done.stdout) == (0, "oTerminal000000000000000000\n")
    sent, _, received = done.stderr.partition("\n< 200\n")
    assert "> POST http://127.0.0.1:" in sent
    assert "<Encrypt>" in sent
    assert "> inside: <xml>" in sent
    assert "<![CDATA[谁]]>" in sent
    assert "< <xml><Encrypt>" in received
    assert "< inside: <xml>" in received


def test_an_address_nobody_listens_on_is_the_fault_notice(tmp_path: Path) -> None:
    done = run(tmp_path, "send", "http://127.0.0.1:9/", "--text", "a")
    assert (done.returncode, done.stdout) == (1, f"{FAULT}\n")
    assert "Connection refused" in done.stderr
