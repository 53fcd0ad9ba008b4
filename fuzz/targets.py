"""What is fuzzed: functions of bytes that return, or raise something that is a bug.

Each knows the errors its room documents and lets every other one out. They need no fuzzer, so a
test runs them over the seeds and over all that ever crashed (`tests/wire/test_crashes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from tests.wire import vectors
from wechat.bot import ModuleBot, UnexpectAnswer
from wechat.receive import parse_xml
from wechat_dialog import messages, replies
from wechat_dialog.core.wire import json, signature, xml
from wechat_dialog.core.wire.codec import SUCCESS, Codec
from wechat_dialog.core.wire.crypto import Key, decrypt
from wechat_dialog.errors import BadMessage, Refused
from wechat_dialog.replies.splitting import pages
from wechat_dialog.stores.memory import MemoryStore

PLAIN = Codec(vectors.TOKEN)
SAFE = Codec(vectors.TOKEN, app_id=vectors.APP_ID, aes_key=vectors.KEY, mode="safe")
KEYS = [Key(vectors.KEY), Key(vectors.PREVIOUS_KEY)]


def parse(data: bytes) -> None:
    """Any body is fields or refused; fields that were written read back equal."""
    try:
        fields = xml.parse(data)
    except Refused:
        return
    written = xml.build(fields).encode()
    if len(written) > xml.MAX_BYTES:
        return
    expected = _without_empty_lists(fields)
    try:
        assert xml.parse(written) == expected
    except BadMessage:  # a document without fields is refused
        assert not expected


def _without_empty_lists(value: object) -> object:
    """The fields without what `build` cannot write: a list of nothing has no element."""
    match value:
        case dict():
            return {
                name: _without_empty_lists(one) for name, one in value.items() if one != []
            } or ""
        case list():
            return [kept for one in value if (kept := _without_empty_lists(one))]
        case str():
            return value.replace("\r\n", "\n").replace("\r", "\n")
        case _:
            return value


def parse_json(data: bytes) -> None:
    """The same in the JSON data format."""
    try:
        fields = json.parse(data)
    except Refused:
        return
    messages_of(fields)


def messages_of(fields: dict[str, object]) -> None:
    """Fields are a message or refused."""
    try:
        message = messages.from_fields(fields)
    except Refused:
        return
    assert message.user
    assert repr(message)


def door(data: bytes) -> None:
    """Any signed body is a message or refused; the echo of a text arrives as it was sent."""
    try:
        push = PLAIN.open(data, vectors.QUERY, now=0)
    except Refused:
        return
    if not isinstance(push.message, messages.Text):
        return
    text = xml.clean(push.message.text)
    sent = PLAIN.seal(push, replies.Text(text), now=0, random16=bytes(16))
    if sent == SUCCESS:
        assert not text.strip()
        return
    fields = json.parse(sent) if push.json else xml.parse(sent)
    assert fields["ToUserName"].strip() == xml.clean(push.message.user).strip()
    first = pages(text)[0]
    if not push.json:
        first = first.replace("\r\n", "\n").replace("\r", "\n")
    assert fields["Content"] == first


def sealed_door(data: bytes) -> None:
    """The same for what arrives encrypted; the first byte says whether the ciphertext is ours."""
    if not data:
        return
    if data[0] % 2:
        encrypted = KEYS[0].encrypt(data[1:], vectors.APP_ID, vectors.RANDOM_IN)
    else:
        encrypted = data[1:].decode("utf-8", "replace")
    stripped = xml.clean(encrypted).strip(" \t\r\n")
    signed = signature.sign(vectors.TOKEN, vectors.TIMESTAMP, vectors.NONCE, stripped)
    query = {
        "timestamp": vectors.TIMESTAMP,
        "nonce": vectors.NONCE,
        "encrypt_type": "aes",
        "msg_signature": signed,
    }
    try:
        SAFE.open(xml.build({"Encrypt": encrypted}).encode(), query, now=0)
    except Refused:
        return


def ciphertext(data: bytes) -> None:
    """Any ciphertext is a message or refused, whatever its length."""
    for key in KEYS:
        try:
            key.decrypt(data, vectors.APP_ID)
        except Refused:
            continue
    try:
        decrypt(data.decode("latin-1"), KEYS, vectors.APP_ID)
    except Refused:
        return


def query(data: bytes) -> None:
    """Any query is refused, unless it is signed with a token nobody knows."""
    for asked in (data, data.decode("utf-8", "replace"), data.decode("latin-1")):
        try:
            PLAIN.echo(asked)
        except Refused:
            continue


def paging(data: bytes) -> None:
    """Parts fit, and are the text but for white space; the first byte is the limit."""
    if not data:
        return
    # UTF-16 for the other half, since that has lone surrogates.
    odd = data[0] % 2 and len(data) % 2
    limit = 4 + data[0]
    text = data[1:].decode("utf-16-le" if odd else "utf-8", "surrogatepass" if odd else "replace")
    parts = pages(text, limit)
    assert all(len(part.encode("utf-8", "surrogatepass")) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def receive_2017(data: bytes) -> None:
    """The 2017 interface reads a push, or says in one error that it is none."""
    try:
        message = parse_xml(data)
    except Refused:
        return
    assert (message is None) == (not data)


class _Module:
    """A 2017 module, as far as `ROUTER` and its functions go."""

    ROUTER = {  # noqa: RUF012 - the interface's
        "text": [("^(问|x)", "asking"), (".*", "echo")],
        "event": [("^subscribe$", "asking"), ("", "echo")],
        "image": [("^default$", "links")],
    }

    @staticmethod
    def echo(_user: str) -> Generator[Any, Any, Any]:
        yield None
        content, _ = yield None
        return "TextMsg", content

    @staticmethod
    def asking(_user: str) -> Generator[Any, Any, Any]:
        yield None
        yield None
        content, is_replay = yield "TextMsg", "?"
        if not is_replay and not content.strip():
            raise UnexpectAnswer
        return "TextMsg", content

    @staticmethod
    def links(user: str) -> Generator[Any, Any, Any]:
        yield None
        content, _ = yield None
        return "NewsMsg", [{"title": user, "description": content, "url": user}] * 9


A_DAY = 86_400.0
_clock = [0.0]
OLD = ModuleBot(
    _Module, token=vectors.TOKEN, store=MemoryStore(lambda: _clock[0]), clock=lambda: _clock[0]
)


def answer_2017(data: bytes) -> None:
    """The 2017 interface answers any two pushes well-formed, or refuses them; no dialog breaks."""
    _clock[0] += A_DAY  # all that was said before has expired
    for body in data.split(b"\x00\x00", 1):
        try:
            sent = OLD.answer(body, vectors.QUERY)
        except Refused:
            continue
        if sent == SUCCESS:
            continue
        assert OLD.rules.texts.apology.encode() not in sent
        (json.parse if sent.startswith(b"{") else xml.parse)(sent)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "parse": parse,
    "parse_json": parse_json,
    "door": door,
    "sealed_door": sealed_door,
    "ciphertext": ciphertext,
    "query": query,
    "paging": paging,
    "receive_2017": receive_2017,
    "answer_2017": answer_2017,
}
