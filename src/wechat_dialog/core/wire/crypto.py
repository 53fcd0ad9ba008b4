"""Encryption of the compatible and safe modes: AES-256-CBC with the platform's own framing.

Protocol reference 6.

Proof: the vectors in `tests/wire/test_vectors.py`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from wechat_dialog.core.secrecy import hidden
from wechat_dialog.errors import AppIdMismatch, ConfigurationError, DecryptionFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Key", "Seal", "decrypt"]

_BLOCK = 32  # of the padding; the cipher's own is 16
_WELL_FORMED = re.compile("[A-Za-z0-9]{43}")


class Key:
    """One EncodingAESKey. Its text is not kept, and is in no `repr`.

    Args:
        text: 43 letters and digits, Base64 of 32 bytes. The two bits left over are ignored.
        setting: The name of the setting, for the error.

    Raises:
        ConfigurationError: It is malformed (sample code −40004).
    """

    __slots__ = ("_cipher",)

    def __init__(self, text: str, setting: str = "aes_key") -> None:
        text = hidden(text)
        if not _WELL_FORMED.fullmatch(text):
            raise ConfigurationError(
                f"{setting} has {len(text)} characters; it must be the console's 43 letters "
                "and digits"
            )
        # Imported here, so that a bot in plain mode does not wait for the library to load.
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        key = binascii.a2b_base64(text + "=")
        self._cipher = Cipher(AES(key), CBC(key[:16]))

    def encrypt(self, message: bytes, app_id: str, random16: bytes) -> str:
        """Encrypt a message for, or from, an account.

        Args:
            message: Any bytes.
            app_id: The account's AppID, which is appended.
            random16: 16 random bytes, which are prepended.

        Returns:
            Base64 in one line.

        Raises:
            ValueError: `random16` is not 16 bytes long.
        """
        if len(random16) != 16:
            raise ValueError(f"random16 has {len(random16)} bytes")
        framed = b"".join((random16, len(message).to_bytes(4, "big"), message, app_id.encode()))
        pad = _BLOCK - len(framed) % _BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(framed + bytes((pad,)) * pad) + encryptor.finalize()
        return binascii.b2a_base64(sealed, newline=False).decode("ascii")

    def decrypt(self, sealed: bytes, app_id: str) -> bytes:
        """Decrypt a message and check that it is for this account.

        Args:
            sealed: The ciphertext, no longer in Base64.
            app_id: The AppID that it must be for.

        Raises:
            DecryptionFailed: Its length is not that of a ciphertext, or it was not made with this
                key.
            AppIdMismatch: It is for another account.
        """
        if not sealed or len(sealed) % 16:
            raise DecryptionFailed(f"{len(sealed)} bytes of ciphertext, which is no multiple of 16")
        decryptor = self._cipher.decryptor()
        framed = decryptor.update(sealed) + decryptor.finalize()
        pad = framed[-1]
        if not 1 <= pad <= _BLOCK or not framed.endswith(bytes((pad,)) * pad):
            raise DecryptionFailed("the padding is wrong: another key was used")
        end = 20 + int.from_bytes(framed[16:20], "big")
        owner = framed[end : len(framed) - pad]
        if end > len(framed) - pad:
            raise DecryptionFailed("the message ends before its length says")
        if owner != app_id.encode():
            raise AppIdMismatch("the push was encrypted for another AppID")
        return framed[20:end]


def decrypt(encrypted: str, keys: Sequence[Key], app_id: str) -> tuple[bytes, Key]:
    """Decrypt the `Encrypt` field with the first key that fits.

    Args:
        encrypted: Base64, in one line.
        keys: The current key, then the previous one; at least one key.
        app_id: The account's AppID.

    Returns:
        The message, and the key that fitted: the reply is to be encrypted with the same key.

    Raises:
        DecryptionFailed: `encrypted` is not Base64, or no key fits.
        AppIdMismatch: A key fits, the AppID does not.
    """
    try:
        sealed = binascii.a2b_base64(encrypted.encode(), strict_mode=True)
    except ValueError:
        raise DecryptionFailed("Encrypt is no Base64") from None
    refusal: DecryptionFailed | AppIdMismatch | None = None
    for key in keys:
        try:
            return key.decrypt(sealed, app_id), key
        except AppIdMismatch as error:
            refusal = error
        except DecryptionFailed as error:
            refusal = refusal or error
    raise refusal or DecryptionFailed("no key is configured")


class Seal:
    """Encrypts what is put into a store, so that a reader of the store cannot read it: AES-256-GCM.

    Every process of the bot can open what another one sealed; without the secrets that the bot
    and the platform share, nobody can.

    Args:
        secrets: The secrets that they share.
        chance: Returns as many random bytes as it is asked for; nonces are drawn from it. None:
            nonces are derived from key and text, which takes six times as many instructions.
    """

    MARK = b"~"
    """Prefix of sealed bytes; JSON never begins with it."""

    def __init__(self, *secrets: str, chance: Callable[[int], bytes] | None = None) -> None:
        import hashlib

        self._chance = chance
        shared = "\0".join(secrets).encode("utf-8", "surrogatepass")
        self._key = hashlib.blake2b(shared, digest_size=32, person=b"wechat-dialog").digest()

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def close(self, plain: bytes) -> bytes:
        """Return the bytes sealed; without `chance`, equal bytes give equal results."""
        nonce = self._derived(plain) if self._chance is None else self._chance(12)
        return self.MARK + nonce + self._cipher.encrypt(nonce, plain, None)

    def _derived(self, plain: bytes) -> bytes:
        """Return a nonce that is repeated only with the same text."""
        import hashlib

        return hashlib.blake2b(plain, key=self._key, digest_size=12, person=b"nonce").digest()

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; bytes that were not sealed are returned unchanged.

        Raises:
            DecryptionFailed: The bytes were sealed with other secrets, or changed since.
        """
        if not sealed.startswith(self.MARK):
            return sealed
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[1:13], sealed[13:], None)
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed from error
