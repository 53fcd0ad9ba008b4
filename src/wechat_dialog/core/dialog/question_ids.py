"""How a question, and what was said to it, is named in a journal."""

from __future__ import annotations

from zlib import crc32

__all__ = [
    "decode_answered",
    "decode_thrown",
    "digest",
    "encode_answered",
    "encode_thrown",
    "wait_id",
]


def wait_id(kind: str, key: str | None, text: str | bytes) -> str:
    """Return the id of a question: one letter for its kind, then `=key`, or the CRC of its text."""
    if key is not None:
        return f"{kind}={key}"
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return f"{kind}{crc32(encoded):x}"


def digest(*parts: str) -> str:
    """Return six hexadecimal digits by which options of a question are told apart.

    Args:
        parts: What identifies an option, or all of them in order.
    """
    return f"{crc32(chr(10).join(parts).encode('utf-8', 'surrogatepass')) & 0xFFFFFF:06x}"


def encode_answered(wait: str, meant: str) -> str:
    """Return what the record of an answer has as its `wait`.

    Args:
        wait: The question's id.
        meant: Digest of the option that was chosen; "" if the answer was free.
    """
    return f"{wait[0]}~{meant}{wait[1:]}" if meant else wait


def decode_answered(wait: str) -> tuple[str, str]:
    """Return the question's id and the digest of the option; undoes `encode_answered`."""
    return (wait[0] + wait[8:], wait[2:8]) if wait[1:2] == "~" else (wait, "")


def encode_thrown(what: str, wait: str) -> str:
    """Return what the record of something thrown into a dialog has as its `wait`.

    Args:
        what: What was thrown, as `core.replay.thrown.thrown_by` reads it.
        wait: Id of the question at which.
    """
    return f"!{what} {wait}"


def decode_thrown(wait: str) -> tuple[str, str]:
    """Return what was thrown, and the id of the question at which ("" in older journals)."""
    what, _, question = wait[1:].partition(" ")
    return what, question
