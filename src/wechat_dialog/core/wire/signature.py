"""The platform's signature: it proves that the sender of a request knows the token.

Protocol reference 1, 2 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["is_token", "matches", "sign"]


def is_token(text: str) -> bool:
    """Whether the platform's console takes the text as a token: 3 to 32 letters and digits."""
    return 3 <= len(text) <= 32 and text.isascii() and text.isalnum()


@cache
def _tools() -> tuple[Callable[..., Any], Callable[[str, str], bool]]:
    """Return SHA-1 and a comparison in constant time.

    Loaded when they are first needed, since they take longer to load than all of this; and once: an
    `import` that finds its module loaded still costs a thousand instructions.
    """
    import hashlib
    import hmac

    return hashlib.sha1, hmac.compare_digest


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
    sha1, _ = _tools()
    # The flag lets it run where SHA-1 is locked away as a security function; the platform gives no
    # choice.
    digest: str = sha1(joined, usedforsecurity=False).hexdigest()
    return digest


def matches(text: str, *parts: str) -> bool:
    """Return whether it is the signature of `parts`, compared in constant time; malformed text is
    False.
    """
    return text.isascii() and _tools()[1](text, sign(*parts))
