"""The codec of one account: from requests to messages, from replies to response bodies.

Protocol reference 1, 2, 5 and 6.

What the modes mean here:

- plain: `signature` is checked and the plain fields are read. A push of a platform in compatible
  mode has those too, and is read the same way; a push that has only ciphertext is refused.
- compatible: an encrypted push is decrypted, and its plain fields are ignored; a plain push is read
  as above.
- safe: only an encrypted push is read, since a plain signature does not cover the body and, once
  seen, lets anyone forge messages.

The answer has the form of the push: encrypted with the key that decrypted the push, if it was
encrypted; JSON if the push was JSON. `success`, the body without a reply, is plain in every mode.

Proof: `tests/wire/test_codec.py`, the vectors in `tests/wire/test_vectors.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from wechat_dialog.core.secrecy import hidden
from wechat_dialog.errors import (
    BadMessage,
    BadSignature,
    ConfigurationError,
    EncryptedRefused,
    PlaintextRefused,
    Stale,
    TooLarge,
)
from wechat_dialog.messages import Message, from_fields
from wechat_dialog.replies import Reply

from . import json, signature, xml
from .crypto import Key, decrypt
from .render import render

__all__ = ["SUCCESS", "Codec", "Mode", "Push", "Query", "read_query"]

Mode = Literal["plain", "compatible", "safe"]
Query = Mapping[str, str] | str | bytes

_SECONDS = re.compile("[1-9][0-9]{9}")
_FORM = "3 to 32 letters and digits, which is all the console takes"
MAX_QUERY = 4096
"""Most characters of a query; the platform's parameters take some 300, and the server's URL may
have parameters of its own.
"""
MAX_PARAMETERS = 64
SUCCESS = b"success"  # no reply, and no retry either (protocol reference 5.3)


class Push(msgspec.Struct, frozen=True):
    """A message that came in, and what is needed to answer it in the same form.

    Attributes:
        message: The message.
        nonce: The request's nonce, which an encrypted answer repeats.
        key: The key that decrypted it; None if it was plain.
        json: Whether it came as JSON.
    """

    message: Message
    nonce: str = ""
    key: Key | None = None
    json: bool = False


def read_query(query: Query) -> Mapping[str, str]:
    """Read a query string, percent-decoded once; a mapping is taken as it is.

    Where a name is repeated, its first value counts. Parameters after the first `MAX_PARAMETERS`
    are ignored.

    Raises:
        TooLarge: It is longer than `MAX_QUERY`.
    """
    if not isinstance(query, (str, bytes)):
        return query
    # Before anything is read: the request has not been verified yet.
    if len(query) > MAX_QUERY:
        raise TooLarge(f"a query of {len(query)} characters")
    if isinstance(query, bytes):
        query = query.decode("utf-8", "replace")
    pairs = [pair.partition("=") for pair in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]]
    pairs.reverse()  # of a repeated parameter the first value counts, so it is stored last
    if "%" in query or "+" in query:  # never in parameters of the platform
        from urllib.parse import unquote_plus

        return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
    return {name: value for name, _, value in pairs}


class Codec:
    """One account's token, keys and mode.

    Args:
        token: As set in the console. With an empty token nothing can be verified, so every request
            is refused.
        app_id: The AppID, needed with a key.
        aes_key: The EncodingAESKey: 43 letters and digits; required in compatible and safe mode.
        previous_aes_key: The previous EncodingAESKey, while both are in use (protocol reference 6,
            key rotation); None otherwise.
        mode: See the module.
        max_age: Seconds by which a push may be older or newer than now; None accepts any. In an
            encrypted push the age is that of the message's `CreateTime`, which cannot be changed
            without the key; in a plain push that of the query's timestamp, which proves little (see
            docs/security.md).

    Raises:
        ConfigurationError: A key is malformed, or key or AppID is missing where the mode needs it,
            or the token is not a string.
    """

    def __init__(
        self,
        token: str,
        *,
        app_id: str = "",
        aes_key: str = "",
        previous_aes_key: str = "",
        mode: Mode = "plain",
        max_age: float | None = None,
    ) -> None:
        token, aes_key = hidden(token), hidden(aes_key)
        previous_aes_key = hidden(previous_aes_key)
        if mode not in ("plain", "compatible", "safe"):
            raise ConfigurationError(
                f'mode is {mode!r}; it must be "plain", "compatible" or "safe"'
            )
        if mode != "plain" and not (aes_key and app_id):
            raise ConfigurationError(
                f"mode {mode!r} needs aes_key and app_id, both from the console"
            )
        if token and not isinstance(cast("object", token), str):
            raise ConfigurationError(f"token is {type(token).__name__}; a text is wanted")
        self._token = str(token)  # a plain `str`, which is sorted faster, at every push
        self._app_id = app_id
        self._keys = tuple(
            Key(text, setting)
            for text, setting in ((aes_key, "aes_key"), (previous_aes_key, "previous_aes_key"))
            if text
        )
        self._mode = mode
        self._max_age = max_age

    def echo(self, query: Query) -> str:
        """Answer the platform's verification GET.

        Returns:
            The `echostr`, to be sent as it is.

        Raises:
            BadSignature: The signature is wrong, or signature, timestamp or nonce is missing.
            BadMessage: There is no `echostr`.
            ConfigurationError: The token is empty.
        """
        fields = read_query(query)
        self._verify(fields, "signature")
        echo = fields.get("echostr")
        if not echo:
            raise BadMessage("the request has no echostr, so it is no verification")
        return echo

    def open(self, body: bytes, query: Query, *, now: float) -> Push:
        """Read a push.

        Args:
            body: The request's body, bytes as they came.
            query: Its query string, or the decoded parameters of it. Unknown ones are ignored;
                `openid` is not trusted.
            now: Seconds since 1970, used for `max_age` only.

        Raises:
            TooLarge: The body exceeds 64 KiB.
            BadSignature: The signature the mode asks for is wrong or missing.
            Stale: The push is older or newer than `max_age`.
            PlaintextRefused: Safe mode, and the push is not encrypted.
            EncryptedRefused: Plain mode, and the push is nothing but ciphertext.
            DecryptionFailed: The ciphertext is malformed or made with another key.
            AppIdMismatch: The ciphertext is meant for another account.
            BadMessage: The body is not a message of the platform.
            ConfigurationError: The token is empty.
        """
        if len(body) > xml.MAX_BYTES:
            raise TooLarge(f"{len(body)} bytes")
        fields = read_query(query)
        if self._mode == "plain" or fields.get("encrypt_type", "raw").lower() != "aes":
            return self._open_plain(body, fields, now)
        if self._mode == "compatible":
            self._verify(fields, "signature")
            envelope, is_json = _parse(body)
            encrypted = envelope.get("Encrypt")
        else:  # nothing is verified before it is read
            is_json = _is_json(body)
            encrypted = json.encrypted(body.removeprefix(_BOM)) if is_json else xml.encrypted(body)
        if not (isinstance(encrypted, str) and encrypted):
            raise BadMessage("the query says that the push is encrypted, and it has no Encrypt")
        self._verify(fields, "msg_signature", encrypted)
        inner, key = decrypt(encrypted, self._keys, self._app_id)
        message = from_fields(_parse(inner)[0])
        if message.created:  # all messages of the platform have it, and only they are encrypted
            self._check_age(message.created, now)
        return Push(message, fields["nonce"], key, is_json)

    def _open_plain(self, body: bytes, fields: Mapping[str, str], now: float) -> Push:
        if self._mode == "safe":
            raise PlaintextRefused("the account is in safe mode, the push is not encrypted")
        self._verify(fields, "signature")
        if self._max_age is not None:
            # The signature covers timestamp and nonce sorted and joined, so whoever has a signed
            # pair can divide the joined text elsewhere. Then the timestamp has not ten digits.
            timestamp = fields["timestamp"]
            if not _SECONDS.fullmatch(timestamp):
                raise Stale("the timestamp is not one of ten digits")
            self._check_age(int(timestamp), now)
        raw, is_json = _parse(body)
        if "Encrypt" in raw and "MsgType" not in raw:
            raise EncryptedRefused(
                "the push is encrypted; give the bot its aes_key and mode='safe'"
            )
        return Push(from_fields(raw), fields["nonce"], None, is_json)

    def seal(self, push: Push, reply: Reply | None, *, now: int, random16: bytes) -> bytes:
        """Write the answer to a push: the body of an HTTP 200 response, `application/xml`.

        Args:
            push: The push, as `open` returned it.
            reply: The reply. None and a blank text are no reply: the body is `success`.
            now: Seconds since 1970.
            random16: 16 random bytes; used if the push was encrypted.
        """
        if reply is None:
            return SUCCESS
        text = render(reply, push.message, now=now, as_json=push.json)
        if text is None:
            return SUCCESS
        if push.key is None:
            return text.encode()
        return self.envelope(
            text.encode(), push.key, push.nonce, now=now, random16=random16, as_json=push.json
        )

    def envelope(
        self,
        inner: bytes,
        key: Key,
        nonce: str,
        *,
        now: int,
        random16: bytes,
        as_json: bool = False,
    ) -> bytes:
        """Encrypt a rendered reply and sign it (protocol reference 6, outbound envelope)."""
        encrypted = key.encrypt(inner, self._app_id, random16)
        signed = signature.sign(self._token, str(now), nonce, encrypted)
        if as_json:
            envelope = {
                "Encrypt": encrypted,
                "MsgSignature": signed,
                "TimeStamp": now,
                "Nonce": nonce,
            }
            return json.build(envelope).encode()
        return (
            f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
            f"<MsgSignature><![CDATA[{signed}]]></MsgSignature>"
            f"<TimeStamp>{now}</TimeStamp><Nonce>{xml.cdata(nonce)}</Nonce></xml>"
        ).encode()

    def _verify(self, fields: Mapping[str, str], name: str, *extra: str) -> None:
        if not self._token:
            raise ConfigurationError(
                "the token is empty, so anybody could pose as the platform; give Bot a token"
            )
        received, timestamp, nonce = fields.get(name), fields.get("timestamp"), fields.get("nonce")
        if not (received and timestamp and nonce):
            raise BadSignature(f"{name}, timestamp or nonce is missing")
        if not signature.matches(received, self._token, timestamp, nonce, *extra):
            # Nothing else shows that a blank was copied along with the token.
            doubt = "" if signature.is_token(self._token) else f", and ours is not {_FORM}"
            raise BadSignature(f"{name} is not made with our token{doubt}")

    def _check_age(self, created: int, now: float) -> None:
        if self._max_age is None:
            return
        age = now - created
        if abs(age) > self._max_age:
            side = "before" if age > 0 else "after"
            raise Stale(
                f"the push was made {abs(age):.0f} s {side} now by this "
                f"machine's clock, and max_age is {self._max_age:g}; if each push is so, "
                "the clock is wrong: let NTP set it (timedatectl), or give Bot max_age=None"
            )


def _parse(body: bytes) -> tuple[dict[str, Any], bool]:
    """Return the fields of a body, and whether it is JSON."""
    if _is_json(body):
        return json.parse(body.removeprefix(_BOM)), True
    return xml.parse(body), False


_BOM = b"\xef\xbb\xbf"


def _is_json(body: bytes) -> bool:
    return body[:1] != b"<" and body.lstrip(_BOM + b" \t\r\n")[:1] == b"{"
