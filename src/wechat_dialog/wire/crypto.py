"""Encryption of the compatible and safe modes: AES-256-CBC with the platform's own framing.

Protocol reference 6.

Proof: the vectors in `tests/wire/test_vectors.py`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence

from wechat_dialog.errors import AppIdMismatch, ConfigurationError, DecryptionFailed

__all__ = ["Key", "decrypt"]

_BLOCK = 32  # of the padding; the cipher's own is 16
_WELL_FORMED = re.compile("[A-Za-z0-9]{43}")


class Key:
    """One EncodingAESKey. Its text is nowhere kept and in no `repr`.

    Args:
        text: 43 letters and digits. Their last two bits mean nothing and may be set.
        setting: What the operator calls it, for the error.

    Raises:
        ConfigurationError: It is malformed (sample code −40004).
    """

    __slots__ = ("_cipher",)

    def __init__(self, text: str, setting: str = "aes_key") -> None:
        if not _WELL_FORMED.fullmatch(text):
            raise ConfigurationError(
                f"{setting} has {len(text)} characters; it must be the console's 43 letters "
                "and digits"
            )
        # Only where there is a key: in plain mode nobody waits for the library to load.
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        key = binascii.a2b_base64(text + "=")
        self._cipher = Cipher(AES(key), CBC(key[:16]))

    def encrypt(self, message: bytes, app_id: str, random16: bytes) -> str:
        """Encrypt a message for, or from, an account.

        Args:
            message: Any bytes.
            app_id: Whose it is; appended.
            random16: 16 random bytes; prepended.

        Returns:
            Base64 in one line.

        Raises:
            ValueError: `random16` has another length.
        """
        if len(random16) != 16:
            raise ValueError(f"random16 has {len(random16)} bytes")
        framed = b"".join((random16, len(message).to_bytes(4, "big"), message, app_id.encode()))
        pad = _BLOCK - len(framed) % _BLOCK
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(framed + bytes((pad,)) * pad) + encryptor.finalize()
        return binascii.b2a_base64(sealed, newline=False).decode("ascii")

    def decrypt(self, sealed: bytes, app_id: str) -> bytes:
        """Decrypt a message and check whose it is.

        Args:
            sealed: The ciphertext, no longer in Base64.
            app_id: Who it must be meant for.

        Raises:
            DecryptionFailed: It has a length no ciphertext has, or was not made with this key.
            AppIdMismatch: It is meant for somebody else.
        """
        if not sealed or len(sealed) % 16:
            raise DecryptionFailed(f"{len(sealed)} bytes of ciphertext, which is no multiple of 16")
        decryptor = self._cipher.decryptor()
        framed = decryptor.update(sealed) + decryptor.finalize()
        pad = framed[-1]
        if not 1 <= pad <= _BLOCK or not framed.endswith(bytes((pad,)) * pad):
            raise DecryptionFailed("the padding is wrong, so the key is another")
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
        keys: The current one, then the one before; at least one.
        app_id: The account's.

    Returns:
        The message, and the key that fitted: the reply is encrypted with the same.

    Raises:
        DecryptionFailed: No Base64, or no key fits.
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
