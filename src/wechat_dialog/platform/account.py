"""An account's settings, and how the platform signs and encrypts its pushes and decrypts answers.

Nothing here opens a connection: the emulator, the probe and the tests post what is made here.
Timestamp and nonce can be given, so that the probe can send what the platform never would.

Proof: `tests/platform/test_emulator.py`, in every mode, against the codec and against wechatpy.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key, decrypt
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.errors import ConfigurationError, Refused

from .answer_check import Broken, read

__all__ = ["Account", "Kind", "Mode", "encrypt", "open_answer", "seal", "signed"]

Mode = Literal["plain", "compatible", "safe"]
Kind = Literal["unverified", "subscription", "service", "sandbox"]
"""Which API calls an account may make (protocol reference 7.5)."""


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of an Official Account in the platform's console (protocol reference 1).

    Attributes:
        token: Signs every request.
        id: Its original id.
        app_id: Its AppID; needed unless the mode is plain.
        aes_key: The EncodingAESKey; needed unless the mode is plain.
        mode: How pushes are encrypted.
        app_secret: The AppSecret that API calls must have; "" accepts any.
        kind: Which API calls it may make.

    Raises:
        ConfigurationError: There is no such mode or kind, or the mode lacks its AppID or key.
    """

    token: str = field(repr=False)
    id: str = "gh_0123456789ab"
    app_id: str = ""
    aes_key: str = field(default="", repr=False)
    mode: Mode = "plain"
    app_secret: str = field(default="", repr=False)
    kind: Kind = "service"

    def __post_init__(self) -> None:
        """Refuse settings that the console would not accept."""
        if self.mode not in get_args(Mode):
            raise ConfigurationError(f"mode {self.mode!r}: one of {', '.join(get_args(Mode))}")
        if self.kind not in get_args(Kind):
            raise ConfigurationError(f"kind {self.kind!r}: one of {', '.join(get_args(Kind))}")
        if self.mode != "plain":
            Key(self.aes_key, "aes_key")
            if not self.app_id:
                raise ConfigurationError(f"{self.mode} mode needs the account's AppID: app_id")


def signed(account: Account, timestamp: str = "", nonce: str = "") -> dict[str, str]:
    """Return the parameters that every request has (protocol reference 1, 2).

    Args:
        account: The account, whose token signs.
        timestamp: Seconds since 1970, as text; "" takes the current time.
        nonce: Any text; "" takes a random number of at most ten digits.
    """
    timestamp = timestamp or str(int(time.time()))
    nonce = nonce or str(secrets.randbelow(10**10))
    signature = sign(account.token, timestamp, nonce)
    return {"signature": signature, "timestamp": timestamp, "nonce": nonce}


def encrypt(account: Account, plain: bytes) -> str:
    """Return the `Encrypt` text of a message for this account, with fresh random bytes."""
    return Key(account.aes_key).encrypt(plain, account.app_id, os.urandom(16))


def seal(
    account: Account,
    message: Mapping[str, Any],
    plain: bytes,
    timestamp: str = "",
    nonce: str = "",
) -> tuple[str, bytes]:
    """Sign a message, and encrypt it as the account's mode requires. Return query and body.

    Args:
        account: The account.
        message: Its fields: the sender's OpenID, and the fields that compatible mode sends beside
            the ciphertext.
        plain: The message as XML, as the platform writes it.
        timestamp: See `signed`.
        nonce: See `signed`.
    """
    query = {**signed(account, timestamp, nonce), "openid": message["FromUserName"]}
    if account.mode == "plain":
        return urlencode(query), plain
    encrypted = encrypt(account, plain)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = sign(account.token, query["timestamp"], query["nonce"], encrypted)
    outer = message if account.mode == "compatible" else {"ToUserName": account.id}
    return urlencode(query), xml.build({**outer, "Encrypt": encrypted}).encode()


def open_answer(account: Account, answer: bytes) -> bytes:
    """Return an answer's XML, decrypted if it is encrypted; `success` and "" unchanged.

    Raises:
        Broken: The answer should be encrypted and is not, or is encrypted wrongly.
    """
    if account.mode == "plain" or answer in (b"", b"success"):
        return answer
    envelope = read(answer)
    if "Encrypt" not in envelope:
        if account.mode == "compatible":
            return answer
        raise Broken("2", "the answer is plain, and the account is in safe mode")
    timestamp, nonce, encrypted = (
        str(envelope.get(name, "")) for name in ("TimeStamp", "Nonce", "Encrypt")
    )
    if sign(account.token, timestamp, nonce, encrypted) != envelope.get("MsgSignature"):
        raise Broken("6", "MsgSignature does not fit the answer's TimeStamp, Nonce and Encrypt")
    try:
        return decrypt(encrypted, (Key(account.aes_key),), account.app_id)[0]
    except Refused as error:
        raise Broken("6", f"the answer cannot be decrypted: {error}") from error
