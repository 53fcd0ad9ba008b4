"""The JSON data format: the same fields with the same names (protocol reference 2, rule 5).

Proof: `tests/wire/test_json.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from wechat_dialog.errors import BadMessage, TooLarge

from .xml import LISTS, MAX_BYTES, MAX_DEPTH, VERBATIM, clean

__all__ = ["build", "encrypted", "parse"]


class _Envelope(msgspec.Struct):
    """The only field of an envelope that is read; the others are skipped."""

    Encrypt: object = None


_envelope = msgspec.json.Decoder(_Envelope)


def parse(body: bytes) -> dict[str, Any]:
    """Parse one JSON object of the platform's kind.

    Args:
        body: UTF-8, at most `xml.MAX_BYTES`.

    Returns:
        The object's fields: text (outer white space and forbidden characters dropped as in XML),
        numbers, dicts, lists. Integers are exact. The names in `xml.LISTS` always have lists,
        even if there is only one value.

    Raises:
        TooLarge: The body has more bytes than that.
        BadMessage: The body is not a JSON object, or is nested deeper than `xml.MAX_DEPTH`.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{len(body)} bytes of JSON")
    try:
        # Bytes that are not UTF-8 are replaced rather than refused, as in XML.
        fields: object = msgspec.json.decode(body.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadMessage("the JSON is no object")
    tidy = _tidy(cast("dict[str, object]", fields), "", MAX_DEPTH)
    return cast("dict[str, Any]", tidy)


def encrypted(body: bytes) -> object:
    """Return the `Encrypt` of an envelope whose signature nobody has verified yet; see
    `xml.encrypted`.

    Raises:
        BadMessage: The body is not an envelope.
    """
    try:
        return _envelope.decode(body).Encrypt
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from None


def _tidy(value: object, name: str, depth: int) -> object:
    if depth < 0:
        raise BadMessage("JSON nested deeper than any message of the platform")
    if isinstance(value, str):
        text = clean(value)
        return text if name in VERBATIM else text.strip(" \t\r\n")
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
        tidy = {key: _tidy(field, key, depth - 1) for key, field in inner.items()}
        for key in LISTS & tidy.keys():
            if not isinstance(tidy[key], list):
                tidy[key] = [tidy[key]]
        return tidy
    if isinstance(value, list):
        return [_tidy(item, name, depth - 1) for item in cast("list[object]", value)]
    return value


def build(fields: Mapping[str, Any]) -> str:
    """Write fields as JSON, in their order, Chinese unescaped.

    Characters that XML forbids are left out here too.

    Args:
        fields: By name: a `str`, an `int`, a dict or a list of such.
    """
    return msgspec.json.encode(_tidy_out(fields)).decode()


def _tidy_out(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _tidy_out(item) for name, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_tidy_out(item) for item in cast("list[object]", value)]
    return value
