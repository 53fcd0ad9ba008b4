"""Names of questions, and of the answers to them, in a journal."""

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
    """Return six hexadecimal digits that distinguish the options of a question.

    Args:
        parts: What identifies an option, or all of them in order.
    """
    return f"{crc32(chr(10).join(parts).encode('utf-8', 'surrogatepass')) & 0xFFFFFF:06x}"


def encode_answered(wait: str, meant: str) -> str:
    """Return the `wait` field for the record of an answer.

    Args:
        wait: The question's id.
        meant: Digest of the option that was chosen; "" if there were no options.
    """
    return f"{wait[0]}~{meant}{wait[1:]}" if meant else wait


def decode_answered(wait: str) -> tuple[str, str]:
    """Return the question's id and the digest of the option; the inverse of `encode_answered`."""
    return (wait[0] + wait[8:], wait[2:8]) if wait[1:2] == "~" else (wait, "")


def encode_thrown(name: str, wait: str) -> str:
    """Return the `wait` field for the record of an exception thrown into a dialog.

    Args:
        name: The name of the exception; see `core.replay.thrown.thrown_by`.
        wait: Id of the question at which it was thrown.
    """
    return f"!{name} {wait}"


def decode_thrown(wait: str) -> tuple[str, str]:
    """Return the name of the exception, and the id of the question ("" in older journals)."""
    name, _, question = wait[1:].partition(" ")
    return name, question
