"""The platform's signature: it proves that the sender of a request knows the token.

Protocol reference 1, 2 and 6.
"""

from __future__ import annotations

__all__ = ["is_token", "matches", "sign"]


def is_token(text: str) -> bool:
    """Whether the platform's console takes the text as a token: 3 to 32 letters and digits."""
    return 3 <= len(text) <= 32 and text.isascii() and text.isalnum()


def sign(*parts: str) -> str:
    """Return the signature of the parts, whose order does not matter.

    Args:
        parts: Token, timestamp and nonce, percent-decoded; for `msg_signature` the `Encrypt` text
            as well.

    Returns:
        SHA-1 of the sorted and joined parts, 40 lower-case hexadecimal digits. They are sorted by
        code points, which is the order of UTF-8 bytes that the platform prescribes.
    """
    # The platform sends no lone surrogate, but a mapping can hold one: it must fail to match, not
    # raise.
    joined = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    import hashlib  # see `checksum` in core/store: it takes longer to load than all of this

    # The flag lets it run where SHA-1 is locked away as a security function; the platform gives no
    # choice.
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def matches(text: str, *parts: str) -> bool:
    """Return whether it is the signature of `parts`, compared in constant time; malformed text is
    False.
    """
    import hmac

    return text.isascii() and hmac.compare_digest(text, sign(*parts))
