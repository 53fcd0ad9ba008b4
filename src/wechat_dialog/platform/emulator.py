"""The emulator: signs and posts a user's messages, hangs up after five seconds, and repeats them.

It knows the platform's side of the protocol and nothing of any server, so it drives one in any
language. The same message goes out up to three times, each time under the same `MsgId`; an answer
counts only on a connection that is still open.
"""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import httpx

from wechat_dialog.platform.judging import FAULT, Broken, Shown, judge, show
from wechat_dialog.wire import xml
from wechat_dialog.wire.crypto import Key, decrypt
from wechat_dialog.wire.signature import sign

__all__ = ["Account", "Platform", "Request"]


@dataclass(frozen=True, slots=True)
class Account:
    """An Official Account as its console has it (protocol reference 1).

    Attributes:
        token: Signs every request.
        id: Its original id.
        app_id: Its AppID; needed unless the mode is plain.
        aes_key: The EncodingAESKey; likewise.
        mode: How pushes are encrypted.
    """

    token: str
    id: str = "gh_0123456789ab"
    app_id: str = ""
    aes_key: str = ""
    mode: Literal["plain", "compatible", "safe"] = "plain"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the platform and what came of it, for the developer.

    Attributes:
        number: 1 for the first with its message.
        body: What was posted.
        status: The HTTP status; 0 if no answer came in time.
        answer: The body of the answer.
        seconds: How long it took.
        problem: What went wrong; "" if nothing did.
    """

    number: int
    body: bytes
    status: int
    answer: bytes
    seconds: float
    problem: str = ""


@dataclass
class Platform:
    """WeChat's side of one account, posting to one server.

    Attributes:
        account: The account.
        url: The server's URL.
        window: Seconds after which a request is given up.
        requests: Requests made for one message.
        client: Posts; to a URL, or in process with a transport.
        heard: Called with every request when it is over.
    """

    account: Account
    url: str
    window: float = 5.0
    requests: int = 3
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))
    heard: Callable[[Request], None] | None = None
    _numbers: Any = field(default_factory=lambda: itertools.count(int(time.time() * 1000) * 10_000))

    def message(self, user: str, kind: str, **fields: Any) -> dict[str, Any]:
        """Return a message's fields as the platform would push them.

        Args:
            user: The sender's OpenID.
            kind: The `MsgType`.
            fields: Its other fields, by the platform's names.
        """
        message: dict[str, Any] = {
            "ToUserName": self.account.id,
            "FromUserName": user,
            "CreateTime": int(time.time()),
            "MsgType": kind,
            **fields,
        }
        if kind != "event":
            message["MsgId"] = next(self._numbers)
        return message

    def verify(self) -> bool:
        """Make the platform's GET; returns whether the server echoed what it must."""
        echo = str(secrets.randbelow(10**18))
        query = {**self._signed(), "echostr": echo}
        try:
            answer = self.client.get(f"{self.url}?{urlencode(query)}", timeout=self.window)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.content == echo.encode()

    def deliver(self, message: dict[str, Any]) -> Shown:
        """Push a message, up to three times, and return what its sender sees."""
        problem = ""
        for number in range(1, self.requests + 1):
            began = time.monotonic()
            query, body = self._push(message)
            status, answer, problem = self._post(query, body)
            seconds = time.monotonic() - began
            taken: dict[str, Any] | None = None
            if status == 200 and not problem:
                try:
                    taken = judge(self._opened(answer), message["FromUserName"], self.account.id)
                except Broken as broken:
                    problem = str(broken)
            if self.heard is not None:
                self.heard(Request(number, body, status, answer, seconds, problem))
            if taken is not None:
                return show(taken)
            if status == 200:
                break
        return Shown(FAULT, fault=problem)

    def _post(self, query: str, body: bytes) -> tuple[int, bytes, str]:
        try:
            answer = self.client.post(
                f"{self.url}?{query}",
                content=body,
                headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
                timeout=self.window,
            )
        except httpx.TimeoutException:
            return 0, b"", f"no answer within {self.window:g} s (protocol reference 5.3)"
        except httpx.HTTPError as error:
            return 0, b"", f"no connection: {type(error).__name__} {error}".rstrip()
        if answer.status_code != 200:
            why = f"HTTP status {answer.status_code}, not 200 (protocol reference 5.3)"
            return answer.status_code, answer.content, why
        return 200, answer.content, ""

    def _signed(self) -> dict[str, str]:
        timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
        signature = sign(self.account.token, timestamp, nonce)
        return {"signature": signature, "timestamp": timestamp, "nonce": nonce}

    def _push(self, message: dict[str, Any]) -> tuple[str, bytes]:
        query = {**self._signed(), "openid": message["FromUserName"]}
        plain = xml.build(message)
        account = self.account
        if account.mode == "plain":
            return urlencode(query), plain.encode()
        key = Key(account.aes_key, "aes_key")
        encrypted = key.encrypt(plain.encode(), account.app_id, os.urandom(16))
        query["encrypt_type"] = "aes"
        query["msg_signature"] = sign(account.token, query["timestamp"], query["nonce"], encrypted)
        outer = message if account.mode == "compatible" else {"ToUserName": account.id}
        return urlencode(query), xml.build({**outer, "Encrypt": encrypted}).encode()

    def _opened(self, answer: bytes) -> bytes:
        """Return the answer's XML, decrypted where it has to be.

        Raises:
            Broken: It is not encrypted, or not as it has to be.
        """
        account = self.account
        if account.mode == "plain" or answer in (b"", b"success"):
            return answer
        try:
            envelope = xml.parse(answer)
        except Exception as error:
            raise Broken("5.3", f"the answer is no XML: {error}") from error
        if "Encrypt" not in envelope:
            if account.mode == "compatible":
                return answer
            raise Broken("2", "the answer is plain, and the account is in safe mode")
        parts = [str(envelope.get(name, "")) for name in ("TimeStamp", "Nonce", "Encrypt")]
        if sign(account.token, *parts) != envelope.get("MsgSignature"):
            raise Broken("6", "MsgSignature does not fit the answer's TimeStamp, Nonce and Encrypt")
        try:
            return decrypt(parts[2], (Key(account.aes_key, "aes_key"),), account.app_id)[0]
        except Exception as error:
            raise Broken("6", f"the answer cannot be decrypted: {type(error).__name__}") from error
