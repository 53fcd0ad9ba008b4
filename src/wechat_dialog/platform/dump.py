"""A request and its answer as lines of text, for a developer's terminal."""

from __future__ import annotations

from collections.abc import Iterator

from wechat_dialog.core.printable import one_line

__all__ = ["lines"]

SHOWN = 2000
"""Bytes of a body that are shown by default."""


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
        sent: The body that was sent, as it was sent and before encryption.
        status: The HTTP status, or why there was none.
        received: The body of the answer, as received and decrypted.
        limit: Most bytes of a body that are shown.
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
    ellipsis = f"… ({len(body)} bytes)" if len(body) > limit else ""
    # The cut may be inside a character, which is not worth an error.
    text = body[:limit].decode("utf-8", "ignore" if ellipsis else "backslashreplace")
    for line in (text + ellipsis).splitlines():
        yield f"{mark} {one_line(line)}"
