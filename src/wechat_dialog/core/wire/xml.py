"""XML as the platform writes and reads it (protocol reference 8).

Nearly every push is short and flat: one element for each field, its text in one piece of CDATA or
plain letters and digits. One pattern takes such a body apart, in a quarter of expat's time;
whatever it does not match in full goes to expat, so the pattern may be narrow and never has to
refuse.

Expat is used directly: its handlers see every declaration before anything is expanded, so parsing
ends at the first byte of a DOCTYPE. Size and depth are bounded, and by the size the number of
elements. Users type control characters, which XML forbids and the platform passes on; a body that
is refused for such a reason is repaired and parsed once more, so that other bodies pay nothing for
it. Building is string concatenation: text in CDATA, numbers as digits.

Proof: `tests/wire/test_xml.py`, and `fuzz/` for arbitrary bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from xml.parsers import expat

from wechat_dialog.errors import BadMessage, TooLarge

__all__ = [
    "LISTS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "VERBATIM",
    "build",
    "cdata",
    "clean",
    "encrypted",
    "parse",
]

MAX_BYTES = 64 * 1024  # a compatible-mode push of the longest text takes 15 KiB
MAX_ENVELOPE = 64  # opening brackets; the platform's envelope in safe mode has 8
MAX_DEPTH = 16  # the deepest push, the copyright check of a mass send, has 5

# These may be repeated, so they are always read as a list (protocol reference 8).
LISTS = frozenset({"item", "List", "PicList", "fail_idx"})

# Text that people wrote: white space inside its CDATA belongs to it. In other fields it is dropped.
VERBATIM = frozenset(
    {"Content", "Title", "Description", "Label", "Recognition", "EventKey", "ScanResult", "Poiname"}
)

_BLANKS = " \t\r\n"


class _VerbatimNeeded(Exception):
    """A text begins or ends with white space; whether that belongs to it depends on where its CDATA
    is.
    """


def parse(body: bytes) -> dict[str, Any]:
    """Parse one XML document of the platform's kind.

    Args:
        body: UTF-8, at most `MAX_BYTES`; a byte order mark and a declaration are accepted; the
            encoding that the declaration names is ignored.

    Returns:
        The root's fields by tag: text, or a dict or list of such. The tags in `LISTS`
        give a list, empty for an empty element; of any other repeated tag the last element counts.
        "" for an empty element. Attributes
        are ignored. White space around a text is dropped, except inside the CDATA of a
        `VERBATIM` tag and in a `Content` without CDATA. Characters that XML forbids are left out,
        bytes that are not UTF-8 become U+FFFD.

    Raises:
        TooLarge: The body has more bytes than `MAX_BYTES`.
        BadMessage: The body is not XML, has no fields or a DOCTYPE, or nests elements deeper than
            `MAX_DEPTH`.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{len(body)} bytes of XML")
    try:
        return _parse(body)
    except expat.ExpatError as error:
        repaired = _repair(body)
        if repaired == body:
            raise BadMessage(f"not XML: {error}") from None
    try:
        return _parse(repaired)
    except expat.ExpatError as error:
        raise BadMessage(f"not XML: {error}") from None


def encrypted(body: bytes) -> object:
    """Return the `Encrypt` of an envelope whose signature nobody has verified yet.

    Anybody who can reach the server can send one, so it is read once and never repaired: the
    platform's envelope has two fields and no text of a user. A body with more tags than an envelope
    has is not parsed.

    Raises:
        BadMessage: The body is not an envelope.
    """
    if body.count(b"<") > MAX_ENVELOPE:
        raise BadMessage("more tags than in any envelope of the platform")
    try:
        return _parse(body).get("Encrypt")
    except expat.ExpatError as error:
        raise BadMessage(f"not XML: {error}") from None


_FLAT_BYTES = 4096
"""Longest body that the pattern is tried on: what does not match is searched again from each of its
tags, which takes a time that grows with the square of the length."""

_FIELD = re.compile(
    r"<([A-Za-z][A-Za-z0-9_]*)>"
    # CDATA up to its first end. Not if it has characters that expat changes or refuses, or white
    # space at its ends, which is kept or dropped depending on the field's name.
    r"(?:<!\[CDATA\[(?![ \t\n])(?>([^\x00-\x08\x0b-\x1f\ufffe\uffff]*?)\]\]>)(?<![ \t\n]\]\]>)"
    r"|([A-Za-z0-9_@.-]*))</\1>[ \t\r\n]*"
)


def _flat(body: bytes) -> dict[str, Any] | None:
    """Return the fields of a short and flat body, the same that expat finds; None if it is not
    plainly one.
    """
    if len(body) > _FLAT_BYTES:
        return None
    try:
        pieces = _FIELD.split(body.decode())
    except UnicodeDecodeError:
        return None
    # The text before the first field; then for each field its name, its CDATA, its plain text, and
    # the text after it.
    if (
        len(pieces) == 1
        or pieces[0].rstrip(_BLANKS) != "<xml>"
        or pieces[-1].rstrip(_BLANKS) != "</xml>"
        or any(pieces[4:-1:4])
    ):
        return None
    fields = {
        name: plain if cdata is None else cdata
        for name, cdata, plain in zip(pieces[1::4], pieces[2::4], pieces[3::4], strict=True)
    }
    return fields if LISTS.isdisjoint(fields) else None


def _parse(body: bytes) -> dict[str, Any]:
    fields = _flat(body)
    if fields is not None:
        return fields
    try:
        return _expat(body, verbatim=False)
    except _VerbatimNeeded:
        return _expat(body, verbatim=True)


def _expat(body: bytes, *, verbatim: bool) -> dict[str, Any]:
    """Run expat over the body.

    This is the hottest loop of `wire`, and its cost is that of its handlers: they do no more than a
    flat message needs.

    Args:
        body: The document.
        verbatim: Whether to note where CDATA begins and ends, which costs a third more. If False,
            a text for which that matters raises `_VerbatimNeeded`.
    """
    fields: dict[str, Any] = {}  # of the open element's parent
    outer: list[dict[str, Any]] = []  # those of the parent's ancestors, outermost first
    is_leaf = False  # the open element has had no child so far
    texts: list[str] = []  # pieces of text since the last tag
    bounds: list[int] = []  # indexes in `texts` where CDATA begins and ends, if verbatim

    def start(name: str, attributes: list[str]) -> None:  # noqa: ARG001 - expat's call
        nonlocal fields, is_leaf
        if is_leaf:
            if len(outer) >= MAX_DEPTH:
                raise BadMessage("elements nested deeper than in any message of the platform")
            outer.append(fields)
            fields = {}
        is_leaf = True
        texts.clear()
        if bounds:
            bounds.clear()

    def end(name: str) -> None:
        nonlocal fields, is_leaf
        value: dict[str, Any] | str
        if is_leaf:
            is_leaf = False
            text = "".join(texts)
            value = text.strip(_BLANKS)
            if value != text and name in VERBATIM:
                if not verbatim:
                    raise _VerbatimNeeded
                value = _own_text(name, texts, bounds)
        else:
            value = fields
            fields = outer.pop()
        if name in LISTS:
            _collect(fields, name, value)
        else:
            fields[name] = value

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True  # faster than a dict; nobody reads the attributes
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if verbatim:
        parser.StartCdataSectionHandler = lambda: bounds.append(len(texts))
        parser.EndCdataSectionHandler = lambda: bounds.append(len(texts))
    parser.Parse(body, True)
    (root,) = fields.values()
    if not isinstance(root, dict):
        raise BadMessage("the XML has no fields")
    return cast("dict[str, Any]", root)


def _collect(fields: dict[str, Any], name: str, value: object) -> None:
    values = fields.setdefault(name, [])
    if value:  # an empty element adds no entry to a list
        values.append(value)


def _refuse_doctype(*_: object) -> None:
    raise BadMessage("a DOCTYPE, which the platform never sends")


def _own_text(name: str, texts: list[str], bounds: list[int]) -> str:
    """Return the text of a `VERBATIM` element, without white space between its tags and its CDATA.

    Args:
        name: The element.
        texts: Its text in pieces, each entirely inside CDATA or entirely outside.
        bounds: For each of its CDATA sections two numbers in a row: the index of its first piece,
            and the index after its last one.
    """
    if not bounds:
        text = "".join(texts)
        return text if name == "Content" else text.strip(_BLANKS)
    before, inside, after = texts[: bounds[0]], texts[bounds[0] : bounds[-1]], texts[bounds[-1] :]
    return "".join(
        ("".join(before).lstrip(_BLANKS), "".join(inside), "".join(after).rstrip(_BLANKS))
    )


# Repair. -------------------------------------------------------------------------------

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]++)|([0-9]++));")


def clean(text: str) -> str:
    """Return the text without the characters that XML forbids.

    They are the control characters other than TAB, LF and CR, lone surrogates, U+FFFE and U+FFFF.
    """
    # None of these is printable, and most names and lines are, which is quick to find out.
    if text.isprintable() or not _FORBIDDEN.search(text):
        return text
    return _FORBIDDEN.sub("", text)


def _repair(body: bytes) -> bytes:
    """Return the document without forbidden characters, and without references to them outside
    CDATA; inside CDATA a reference is the user's own text.
    """
    text = clean(body.decode("utf-8", "replace"))
    pieces: list[str] = []
    at = 0
    while (begin := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", begin)) >= 0:
        pieces += [_REFERENCE.sub(_keep_allowed, text[at:begin]), text[begin : end + 3]]
        at = end + 3
    # After a CDATA section without an end, no more sections are looked for.
    return "".join((*pieces, _REFERENCE.sub(_keep_allowed, text[at:]))).encode()


def _keep_allowed(match: re.Match[str]) -> str:
    hexadecimal, decimal = match.groups()
    # Eight digits are enough for any code point; converting a long number takes quadratic time.
    digits = (hexadecimal or decimal).lstrip("0")[:8] or "0"
    code = int(digits, 16 if hexadecimal else 10)
    return "" if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else match.group()


# Building. -----------------------------------------------------------------------------


def cdata(text: str) -> str:
    """Return the text as CDATA that nothing in it can end, without what XML forbids."""
    text = clean(text)  # first: a character that it removes may be between two brackets
    if "]]>" in text:
        text = text.replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


def build(fields: Mapping[str, Any], root: str = "xml") -> str:
    """Write fields as XML, in their order; the reverse of `parse`.

    Args:
        fields: By tag: a `str`, an `int` (digits without CDATA), a dict, or a list, for each of
            whose values the element is repeated.
        root: Name of the root element.
    """
    parts: list[str] = []
    for name, value in fields.items():
        values = cast("list[object]", value if isinstance(value, list) else [value])
        for item in values:
            if isinstance(item, str):
                parts.append(f"<{name}>{cdata(item)}</{name}>")
            elif isinstance(item, Mapping):
                parts.append(build(cast("Mapping[str, Any]", item), name))
            else:
                parts.append(f"<{name}>{item}</{name}>")
    return f"<{root}>{''.join(parts)}</{root}>"
