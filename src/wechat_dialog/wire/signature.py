"""The platform's signature: proof that who made a request knows the token.

Protocol reference 1, 2 and 6.
"""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["is_token", "matches", "sign"]


def is_token(text: str) -> bool:
    """Whether the platform's console takes the text as a token: 3 to 32 letters and digits."""
    return 3 <= len(text) <= 32 and text.isascii() and text.isalnum()


def sign(*parts: str) -> str:
    """Sign the parts, in whatever order they are given.

    Args:
        parts: Token, timestamp and nonce, percent-decoded; for `msg_signature` the `Encrypt` text
            as well.

    Returns:
        SHA-1 of the sorted parts, 40 lower-case hexadecimal digits. Order of code points is the
        order of UTF-8 bytes that the platform asks for.
    """
    # A lone surrogate cannot come from the platform, but it can come in a mapping: it shall
    # mismatch, not raise.
    joined = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    # The flag lets it run where SHA-1 is locked away as a security function; the platform gives no
    # choice.
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def matches(given: str, *parts: str) -> bool:
    """Compare with the signature of `parts`, in constant time; anything odd is False."""
    return given.isascii() and hmac.compare_digest(given, sign(*parts))
