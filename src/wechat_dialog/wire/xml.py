"""XML as the platform writes and reads it (protocol reference 8).

Straight on expat: its handlers see every declaration before anything is expanded, so a DOCTYPE ends
the parse at its first byte, and size and depth are bounded, and with the size
the number of elements. Users type control
characters, which XML forbids and the platform passes on; a body that is refused for such reasons is
repaired and parsed once more, so the common body pays nothing for it. Building is plain text:
everything in CDATA, numbers as digits.

Proof: `tests/wire/test_xml.py`, and `fuzz/` for what nobody thought of.
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
    "parse",
]

MAX_BYTES = 64 * 1024  # a compatible-mode push of the longest text takes 15 KiB
MAX_DEPTH = 16  # the deepest push, the copyright check of a mass send, has 5

# These repeat; one of them is a list of one (protocol reference 8).
LISTS = frozenset({"item", "List", "PicList", "fail_idx"})

# Text that people wrote: white space inside its CDATA is theirs. Everywhere else it is dropped.
VERBATIM = frozenset(
    {"Content", "Title", "Description", "Label", "Recognition", "EventKey", "ScanResult", "Poiname"}
)

_BLANKS = " \t\r\n"


class _VerbatimNeeded(Exception):
    """A text begins or ends with white space: only the positions of its CDATA tell whose it is."""


def parse(body: bytes) -> dict[str, Any]:
    """Parse one XML document of the platform's kind.

    Args:
        body: UTF-8, at most `MAX_BYTES`; a byte order mark and a declaration are accepted, whatever
            encoding that one claims.

    Returns:
        The root's fields by tag: text, or a dict or list of such. A list for the tags in `LISTS`
        (empty if the element is), else the last of its name. "" for an empty element. Attributes
        are ignored. White space around a text is dropped, but inside the CDATA of a `VERBATIM` tag,
        and in a `Content` without CDATA, it is kept. Characters that XML forbids are left out,
        bytes that are no UTF-8 become U+FFFD.

    Raises:
        TooLarge: More bytes than `MAX_BYTES`.
        BadMessage: No XML, no fields, a DOCTYPE, or elements nested deeper than
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


def _parse(body: bytes) -> dict[str, Any]:
    try:
        return _expat(body, verbatim=False)
    except _VerbatimNeeded:
        return _expat(body, verbatim=True)


def _expat(body: bytes, *, verbatim: bool) -> dict[str, Any]:
    """Run expat over the body.

    This is the hottest loop of the whole wire, and its handlers are what it costs: they do the
    least that a flat message needs.

    Args:
        body: The document.
        verbatim: Watch where CDATA begins and ends, which costs a third more. Without it, a text
            for which that matters raises `_VerbatimNeeded`.
    """
    fields: dict[str, Any] = {}  # of the element around the open one
    outer: list[dict[str, Any]] = []  # the same of the elements around that
    is_leaf = False  # the open element has no element in it, so far
    texts: list[str] = []  # pieces of text since the last tag
    bounds: list[int] = []  # where CDATA begins and ends among them, if verbatim

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
    parser.ordered_attributes = True  # a list, made faster than a dict, and not looked at
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
    if value:  # an empty element is no entry of a list
        values.append(value)


def _refuse_doctype(*_: object) -> None:
    raise BadMessage("a DOCTYPE, which the platform never sends")


def _own_text(name: str, texts: list[str], bounds: list[int]) -> str:
    """The text of a `VERBATIM` element, but for the white space between its tags and its CDATA.

    Args:
        name: The element.
        texts: Its text in pieces; a piece is all in CDATA or all outside.
        bounds: Of its CDATA sections: index of the first piece, index after the last one, ….
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
# A reference in CDATA is the user's own text, so CDATA is matched first and left as it is.
_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|&#(?:x([0-9A-Fa-f]+)|([0-9]+));", re.DOTALL)


def clean(text: str) -> str:
    """Leave out what no XML document may hold.

    That is control characters but TAB, LF and CR; lone surrogates; U+FFFE and U+FFFF.
    """
    return _FORBIDDEN.sub("", text) if _FORBIDDEN.search(text) else text


def _repair(body: bytes) -> bytes:
    return _REFERENCE.sub(_keep_allowed, clean(body.decode("utf-8", "replace"))).encode()


def _keep_allowed(match: re.Match[str]) -> str:
    hexadecimal, decimal = match.groups()
    if hexadecimal is None and decimal is None:
        return match.group()
    # Eight digits say all there is to say, and keep the conversion of a long row of them from
    # taking its square.
    digits = (hexadecimal or decimal).lstrip("0")[:8] or "0"
    code = int(digits, 16 if hexadecimal else 10)
    return "" if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else match.group()


# Building. -----------------------------------------------------------------------------


def cdata(text: str) -> str:
    """Wrap a text so that nothing in it can end its element, cleaned of what XML forbids."""
    text = clean(text)  # first: what it leaves out may stand between two brackets
    if "]]>" in text:
        text = text.replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"


def build(fields: Mapping[str, Any], root: str = "xml") -> str:
    """Write fields as XML, in their order; the reverse of `parse`.

    Args:
        fields: By tag: a `str`, an `int` (digits without CDATA), a dict, or a list, whose element
            is repeated for each of its values.
        root: Name of the root element.
    """
    parts: list[str] = []
    for name, value in fields.items():
        several = cast("list[object]", value if isinstance(value, list) else [value])
        for one in several:
            if isinstance(one, str):
                parts.append(f"<{name}>{cdata(one)}</{name}>")
            elif isinstance(one, Mapping):
                parts.append(build(cast("Mapping[str, Any]", one), name))
            else:
                parts.append(f"<{name}>{one}</{name}>")
    return f"<{root}>{''.join(parts)}</{root}>"
