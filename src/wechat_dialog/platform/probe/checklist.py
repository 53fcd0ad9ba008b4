"""The conformance checklist of protocol reference 10 as data: each case and its rule.

The probe, which checks any server from outside, and this project's own tests, which also know the
handler, share this table. The bodies and ciphertexts that a server must refuse are here, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CHECKLIST", "MALFORMED_CIPHERTEXTS", "NO_MESSAGES", "STICKER", "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One case.

    Attributes:
        title: What a server must do.
        rule: The sections of the protocol reference that require it.
        unseen: Why it cannot be checked from outside; "" if it can, at least in part.
    """

    title: str
    rule: str
    unseen: str = ""


CHECKLIST: Mapping[int, Entry] = {
    1: Entry("the URL check is answered with its echostr", "1"),
    2: Entry("a URL check with a wrong signature gets no echostr", "1"),
    3: Entry("signed parts are sorted as text; echostr is decoded once, and no number", "1"),
    4: Entry("a URL check that lacks a parameter is refused", "1"),
    5: Entry("a text is answered with a reply that the platform takes", "5.1"),
    6: Entry("a push with a wrong signature, or with none, is refused", "2"),
    7: Entry("openid, unknown parameters and the content type do not matter", "2"),
    8: Entry("an encrypted push is answered with an envelope that opens", "6"),
    9: Entry("an altered or missing msg_signature is refused, whatever signature says", "2"),
    10: Entry("an altered ciphertext is refused", "6"),
    11: Entry("paddings of up to 32 bytes are taken off", "6"),
    12: Entry("a ciphertext for another AppID is refused", "6"),
    13: Entry("a push with the previous key is answered with that key", "6"),
    14: Entry("a ciphertext that cannot be decrypted is refused, though it is signed", "6"),
    15: Entry("a key with its unused bits set works", "6"),
    16: Entry(
        "a malformed key lets no server start", "6", "it happens before the server is reached"
    ),
    17: Entry("an account in safe mode refuses a plain push, though it is signed", "2"),
    18: Entry("in compatible mode the decrypted fields count", "2"),
    19: Entry('an answer without a reply (success, or "") is not encrypted', "6"),
    20: Entry("a blank text is no reply, never an empty Content", "5.2"),
    21: Entry(
        "a push in JSON is answered in JSON",
        "2",
        "the account would have to be set up for JSON; this pushes XML",
    ),
    22: Entry("a reply cannot break out of its CDATA", "8"),
    23: Entry("characters that XML forbids are left out, the rest is kept", "8"),
    24: Entry("a text that is too long is cut between characters", "5.2"),
    25: Entry("line breaks, emoji, emoticon codes and links arrive as written", "5.5, 5.7"),
    26: Entry("white space is kept in Content, and dropped around ids", "8"),
    27: Entry("a 64-bit MsgId is exact, and CreateTime may stand in CDATA", "8"),
    28: Entry("the sentence that stands for a sticker is no text of the user", "3"),
    29: Entry("a voice with an empty transcript is taken", "3"),
    30: Entry("a tapped menu line is taken, with its id and without", "5.6"),
    31: Entry("follows and scans are taken, however their scene is written", "4"),
    32: Entry("lists of pictures and notices are taken, however they are nested", "4"),
    33: Entry("messages that only look like copies are all handled", "5.4"),
    34: Entry("a slow answer reaches a later copy of its message", "5.3"),
    35: Entry("the third request is answered before its time is over", "5.3"),
    36: Entry("a message is handled once, and every copy of it gets the reply", "5.4"),
    37: Entry("unknown messages, events and fields are taken", "8"),
    38: Entry("what is no message is refused, and no entity is expanded", "8"),
    39: Entry("where a handler fails, the answer is success or an apology, in time", "5.3"),
    40: Entry(
        "a call with an expired token is repeated once, with a new one",
        "7.1",
        "what a server calls by itself is not seen at its URL",
    ),
}
"""The cases by number."""

MALFORMED_CIPHERTEXTS: Mapping[str, str] = {
    "no Base64": "*** no Base64 ***",
    "empty": "",
    "17 bytes": "MDEyMzQ1Njc4OWFiY2RlZmc=",
    "one block": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "padding in the middle": "MDEy=MzQ1Njc4OWFiY2RlZg==",
    "not ASCII": "中文",
}
"""Texts of `Encrypt` that must be refused although the signature is valid (case 14)."""

_ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "expanded">]><xml>'
    "<ToUserName>{account}</ToUserName><FromUserName>{user}</FromUserName>"
    "<CreateTime>{now}</CreateTime><MsgType>text</MsgType><MsgId>{number}</MsgId>"
    "<Content>{content}</Content></xml>"
)

NO_MESSAGES: Mapping[str, str] = {
    "empty": "",
    "no XML": "hello",
    "half": "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserNa",
    "entity": _ENTITIES.replace("{content}", "&a;"),
    "DOCTYPE": _ENTITIES.replace("{content}", "x"),
    "undefined entity": _ENTITIES.partition("]>")[2].replace("{content}", "&nbsp;"),
    "no fields": "<xml>text</xml>",
    "1 MiB": "<xml>" + "a" * 2**20 + "</xml>",
}
"""Bodies that must be refused although the signature is valid (case 38). None of them can harm a
server: there is one entity, expanded once. `{account}`, `{user}`, `{now}` and `{number}` are
placeholders.
"""

STICKER = "【收到不支持的消息类型，暂无法显示】"
"""The text that the platform sends in place of a sticker and other content that it does not forward
(case 28).
"""
