"""A request and its answer as lines of text, for a developer's terminal."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["lines"]

SHOWN = 2000
"""Bytes of a body that are shown where nothing is said."""


def lines(
    method: str,
    target: str,
    sent: tuple[bytes, bytes],
    status: int | str,
    received: tuple[bytes, bytes],
    *,
    limit: int = SHOWN,
) -> Iterator[str]:
    """Yield an exchange line by line: `>` was sent, `<` was received.

    Args:
        method: GET or POST.
        target: Path and query.
        sent: The body, and the same before it was encrypted.
        status: The HTTP status, or why there was none.
        received: The body of the answer, and the same decrypted.
        limit: Bytes of a body that are shown.
    """
    yield f"> {method} {target}"
    yield from _body(">", sent[0], limit)
    if sent[1] != sent[0]:
        yield from _body("> inside:", sent[1], limit)
    yield f"< {status}"
    yield from _body("<", received[0], limit)
    if received[1] not in (received[0], b""):
        yield from _body("< inside:", received[1], limit)


def _body(mark: str, body: bytes, limit: int) -> Iterator[str]:
    more = f"… ({len(body)} bytes)" if len(body) > limit else ""
    # A cut may fall inside a character; that is no news to the reader.
    text = body[:limit].decode("utf-8", "ignore" if more else "backslashreplace")
    for line in (text + more).splitlines():
        yield f"{mark} {_safe(line)}"


def _safe(line: str) -> str:
    """Escape what a terminal would obey rather than show."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in line
    )
