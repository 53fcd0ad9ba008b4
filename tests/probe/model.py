"""A server that keeps every rule the probe can see, and one that breaks a chosen one.

It repeats what it is told behind a running number, so that a message handled twice shows. A defect
is a name; what it breaks stands at the one place where the rule is kept.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.platform.servers import wsgi
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key, decrypt
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.errors import Refused
from wechat_dialog.platform.account import Account, Mode, encrypt, signed
from wechat_dialog.platform.probe.checklist import STICKER

APP_ID = "wx0123456789abcdef"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
PREVIOUS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFE"
RAISING = "坏"
SLOW = "慢"

Answer = tuple[int, bytes]


def account(mode: Mode = "plain") -> Account:
    return Account("secret", app_id=APP_ID, aes_key=KEY, mode=mode)


class Model:
    """One server.

    Args:
        mode: Its account's.
        broken: The defect; "" for none.
    """

    def __init__(self, mode: Mode = "plain", broken: str = "") -> None:
        self.account = account(mode)
        self.mode = mode
        self.broken = broken
        self.handled = 0
        self.kept: dict[tuple[object, ...], dict[str, Any]] = {}
        self.asked_slowly = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serve it; gives the URL."""
        with wsgi(self) as url:
            try:
                yield url
            finally:
                self.over.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            if environ["REQUEST_METHOD"] == "GET":
                status, answer = self.check(query)
            elif self.broken == "content type" and "xml" not in environ["CONTENT_TYPE"]:
                status, answer = 415, b""
            else:
                status, answer = self.push(query, body)
        except Refused:
            status, answer = 403, b""
        except (ArithmeticError, LookupError, ValueError, TypeError):
            status, answer = 500, b"<html>Traceback</html>"
        start_response(f"{status} x", [("Content-Length", str(len(answer)))])
        return [answer]

    # The door. ---------------------------------------------------------------------------

    def signs(self, query: dict[str, str], name: str, *more: str) -> bool:
        parts = ["secret", query["timestamp"], query["nonce"], *more]
        if self.broken == "sorted as numbers":
            parts.sort(key=lambda one: (one.isdigit(), int(one) if one.isdigit() else 0, one))
            numbers = [one for one in parts if one.isdigit()]
            in_order = sorted(numbers) == numbers
            return in_order and sign(*parts) == query[name]
        return sign(*parts) == query[name]

    def check(self, query: dict[str, str]) -> Answer:
        if "echostr" not in query:
            return (200, b"hello") if self.broken == "no echostr is a visitor" else (400, b"")
        if not {"signature", "timestamp", "nonce"} <= query.keys():
            if self.broken == "unsigned check":
                return 200, query["echostr"].encode()
            return 400, b""
        echo = query["echostr"]
        if not self.signs(query, "signature") and self.broken != "forged check":
            return 403, echo.encode() if self.broken == "echo in refusal" else b""
        if self.broken == "echo in JSON":
            echo = json.dumps(echo)
        if self.broken == "echo decoded twice":
            echo = unquote(echo)
        if self.broken == "echo is a number" and echo.isdigit():
            echo = str(int(echo))
        return 200, echo.encode()

    def push(self, query: dict[str, str], body: bytes) -> Answer:
        if self.broken == "openid" and "openid" not in query:
            return 400, b""
        if self.broken == "parameters" and "unknown" in query:
            return 400, b""
        plain, key = self.opened(query, body)
        if plain is None:
            return 403, b""
        text = plain.decode("utf-8", "replace")
        if self.broken == "DOCTYPE" and "<!DOCTYPE" in text:
            plain = re.sub(r"<\?.*?\]>", "", text).replace("&a;", "expanded").encode()
        if self.broken == "control characters" and "\x0b" in text:
            raise ValueError
        if self.broken == "empty body" and not plain:
            raise ValueError
        message = xml.parse(plain)
        if self.broken == "white space in ids":
            found = re.search(r"<FromUserName>([^<]*)</FromUserName>", text)
            if found:
                message["FromUserName"] = found[1]
        if self.broken == "CDATA" and re.search(r"<CreateTime><!", text):
            raise ValueError
        reply = self.answered(message)
        return 200, self.sealed(reply, query, key)

    def opened(self, query: dict[str, str], body: bytes) -> tuple[bytes | None, str]:
        """The body decrypted, None if it must be refused, and the key that fitted."""
        encrypted = query.get("encrypt_type") == "aes"
        if self.mode == "plain" or (not encrypted and self.broken == "downgrade"):
            if "signature" not in query:
                return (body if self.broken == "unsigned" else None), ""
            good = self.signs(query, "signature") or self.broken == "forged"
            return (body if good else None), ""
        envelope = xml.parse(body) if encrypted else {}
        text = str(envelope.get("Encrypt", ""))
        if not encrypted or not self.sealed_by_the_platform(query, text):
            return None, ""
        plain, key = self.decrypted(text)
        if self.broken == "plain fields" and self.mode == "compatible":
            outer = {name: one for name, one in envelope.items() if name != "Encrypt"}
            plain = xml.build(outer).encode() if len(outer) > 1 else plain
        return plain, key

    def sealed_by_the_platform(self, query: dict[str, str], encrypted: str) -> bool:
        if "msg_signature" not in query:
            return self.broken in ("msg_signature missing", "msg_signature")
        good = self.signs(query, "msg_signature", encrypted)
        if not good and self.broken == "mismatch":
            raise ValueError
        return good or self.broken == "msg_signature"

    def decrypted(self, encrypted: str) -> tuple[bytes | None, str]:
        keys = (Key(KEY),) if self.broken == "previous key" else (Key(KEY), Key(PREVIOUS))
        try:
            plain, key = decrypt(encrypted, keys, APP_ID)
        except Refused as error:
            if self.broken == "AppID" and "AppID" in str(error):
                plain, key = decrypt(encrypted, keys, "wxffffffffffffffff")
            elif self.broken == "ciphertext":
                raise ValueError from None
            else:
                return None, ""
        if self.broken == "padding of 16" and -(20 + len(plain) + len(APP_ID)) % 32 not in range(
            1, 17
        ):
            raise ValueError
        return plain, KEY if key is keys[0] else PREVIOUS

    def sealed(self, reply: dict[str, Any], query: dict[str, str], key: str) -> bytes:
        written = xml.build(reply) if reply else "success"
        if self.broken == "CDATA of replies" and reply:
            content = str(reply.get("Content", ""))
            written = written.replace(xml.cdata(content), f"<![CDATA[{content}]]>")
        if self.broken == "JSON answer" and reply:
            written = json.dumps(reply)
        if self.mode == "plain" or not key or (not reply and self.broken != "success sealed"):
            return written.encode()
        if self.broken == "plain answer":
            return written.encode()
        encrypted = encrypt(Account("secret", app_id=APP_ID, aes_key=key), written.encode())
        stamp = signed(self.account)
        nonce = stamp["nonce"]
        return xml.build(
            {
                "Encrypt": encrypted,
                "MsgSignature": sign("secret", stamp["timestamp"], nonce, encrypted),
                "TimeStamp": stamp["timestamp"],
                "Nonce": "1" if self.broken == "nonce" else nonce,
            }
        ).encode()

    # The handler. ------------------------------------------------------------------------

    def key(self, message: dict[str, Any]) -> tuple[object, ...]:
        user, created = message["FromUserName"], message["CreateTime"]
        if message["MsgType"] == "event":
            if self.broken == "events by second":
                return user, created
            return user, created, message["Event"], message.get("EventKey", "")
        if self.broken == "MsgId alone":
            return (message["MsgId"],)
        if self.broken == "MsgId is a float":
            return user, float(message["MsgId"])
        return user, message["MsgId"], created

    def answered(self, message: dict[str, Any]) -> dict[str, Any]:
        slow = message.get("Content") == SLOW
        if slow:
            self.asked_slowly += 1
            late = {"slow": 1, "slower": 2, "never": 9}.get(self.broken.partition(" ")[0], 0)
            if self.asked_slowly <= late:
                self.over.wait(30)
        with self.lock:
            key = self.key(message)
            if key in self.kept and self.broken == "copies dropped":
                return {}
            anew = self.broken == "copies" or (slow and self.broken == "slow anew")
            if key not in self.kept or anew:
                self.kept[key] = self.handle(message)
            return self.kept[key]

    def handle(self, message: dict[str, Any]) -> dict[str, Any]:
        self.handled += 1
        reply: dict[str, Any] = {
            "ToUserName": message["FromUserName"],
            "FromUserName": message["ToUserName"],
            "CreateTime": int(time.time()),
            "MsgType": "text",
            "Content": f"{self.handled}. {self.said(message)}",
        }
        if self.broken == "users swapped":
            names = ("ToUserName", "FromUserName")
            reply |= {one: message[one] for one in names}
        if self.broken == "empty Content":
            reply["Content"] = ""
        if self.broken == "blank Content" and message.get("Content", "x").isspace():
            reply["Content"] = " "
        if self.broken != "too long":
            reply["Content"] = reply["Content"].encode()[:2040].decode("utf-8", "ignore")
        if self.broken == "cut in two" and len(message.get("Content", "")) > 900:
            reply["Content"] += "\ufffd"
        silent = message["MsgType"] != "text" and message.get("Event") != "CLICK"
        silent |= message.get("Content") == RAISING
        return {} if silent else reply

    def said(self, message: dict[str, Any]) -> str:
        """What is repeated; raises where a defect trips over the message."""
        kind = str(message["MsgType"])
        content = str(message.get("Content", kind))
        trips = {
            "raises": content == RAISING,
            "voice": kind == "voice" and "Recognition" not in message,
            "menu lines": "bizmsgmenuid" in message,
            "EventKey": message.get("Event") == "subscribe" and "EventKey" not in message,
            "scenes": message.get("EventKey") == "qrscene_qrscene_x",
            "lists": len(cast("Any", message.get("SendPicsInfo", {})).get("PicList", [])) > 1,
            "unknown message": kind == "foo",
            "unknown event": message.get("Event") == "bar_event",
            "unknown fields": "Unknown" in message,
        }
        if trips.get(self.broken):
            raise LookupError
        if content == STICKER and self.broken != "sticker":
            return "表情"
        if self.broken == "emoji":
            return re.sub("[\U00010000-\U0010ffff]", "?", content)
        if self.broken == "links":
            return re.sub(r"</?a[^>]*>", "", content)
        if self.broken == "escaped" and "<a " in content:
            return html.escape(content)
        return content.strip() if self.broken == "stripped" else content
