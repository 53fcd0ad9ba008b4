"""XML as the platform writes and reads it (protocol reference 8).

Straight on expat: its handlers see every declaration before anything is expanded, so a DOCTYPE ends the parse at its first
byte, and size, depth and number of elements are bounded. Users type control characters, which XML forbids and the
platform passes on; a body that is refused for such reasons is repaired and parsed once more, so the common body pays
nothing for it. Building is plain text: everything in CDATA, numbers as digits.

Proof: `tests/wire/test_xml.py`, and `fuzz/` for what nobody thought of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from xml.parsers import expat

from wechat_dialog.errors import BadMessage, TooLarge

__all__ = ["LISTS", "MAX_BYTES", "MAX_DEPTH", "MAX_ELEMENTS", "VERBATIM", "build", "cdata", "clean", "parse"]

MAX_BYTES = 64 * 1024  # a compatible-mode push of the longest text takes 15 KiB
MAX_DEPTH = 16  # the deepest push, the copyright check of a mass send, has 5
MAX_ELEMENTS = 2000

# These repeat; one of them is a list of one (protocol reference 8).
LISTS = frozenset({"item", "List", "PicList"})

# Text that people wrote: white space inside its CDATA is theirs. Everywhere else it is dropped.
VERBATIM = frozenset(
    {"Content", "Title", "Description", "Label", "Recognition", "EventKey", "ScanResult", "Poiname"}
)

_BLANKS = " \t\r\n"


class _Verbatim(Exception):
    """A text begins or ends with white space: only the positions of its CDATA tell whose it is."""


def parse(body: bytes) -> dict[str, Any]:
    """Parse one XML document of the platform's kind.

    Args:
        body: UTF-8, at most `MAX_BYTES`; a byte order mark and a declaration are accepted, whatever encoding that one
            claims.

    Returns:
        The root's fields by tag: text, or a dict or list of such. A list for the tags in `LISTS` (empty if the
        element is), else the last of its name. "" for an empty element. Attributes are ignored. White space around a
        text is dropped, but inside the CDATA of a `VERBATIM` tag, and in a `Content` without CDATA, it is kept.
        Characters that XML forbids are left out, bytes that are no UTF-8 become U+FFFD.

    Raises:
        TooLarge: More bytes than `MAX_BYTES`.
        BadMessage: No XML, no fields, a DOCTYPE, or beyond `MAX_DEPTH` or `MAX_ELEMENTS`.
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
    except _Verbatim:
        return _expat(body, verbatim=True)


def _expat(body: bytes, *, verbatim: bool) -> dict[str, Any]:
    """Run expat over the body.

    Args:
        body: The document.
        verbatim: Watch where CDATA begins and ends, which costs a third more. Without it, a text for which that matters
            raises `_Verbatim`.
    """
    open_elements: list[dict[str, Any] | None] = [{}]  # None: nothing but text so far
    texts: list[str] = []  # since the last tag
    pieces = _Pieces()  # the same, if verbatim
    elements = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > MAX_ELEMENTS or len(open_elements) > MAX_DEPTH:
            raise BadMessage("more elements than any message of the platform")
        if open_elements[-1] is None:
            open_elements[-1] = {}
        open_elements.append(None)
        texts.clear()
        pieces.clear()

    def end(name: str) -> None:
        value: dict[str, Any] | str | None = open_elements.pop()
        parent = open_elements[-1]
        assert parent is not None  # `start` of this element made it a dict
        if value is None:
            text = "".join(texts)
            value = text.strip(_BLANKS)
            if verbatim and name in VERBATIM:
                value = pieces.text() if pieces.cdata or name == "Content" else value
            elif value != text and name in VERBATIM:
                raise _Verbatim
        texts.clear()
        pieces.clear()
        if name not in LISTS:
            parent[name] = value
        else:
            values = parent.setdefault(name, [])
            if value:
                values.append(value)

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if verbatim:
        parser.StartCdataSectionHandler = pieces.begin
        parser.EndCdataSectionHandler = pieces.finish
        parser.CharacterDataHandler = lambda text: (texts.append(text), pieces.append(text))
    parser.Parse(body, True)
    root = open_elements[0]
    fields = next(iter(root.values())) if root else None
    if not isinstance(fields, dict):
        raise BadMessage("the XML has no fields")
    return cast("dict[str, Any]", fields)


def _refuse_doctype(*_: object) -> None:
    raise BadMessage("a DOCTYPE, which the platform never sends")


class _Pieces:
    """The text of one element, in pieces that stand in CDATA or outside of it."""

    __slots__ = ("_inside", "_pieces", "cdata")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._pieces: list[tuple[str, bool]] = []
        self._inside = False
        self.cdata = False

    def begin(self) -> None:
        self._inside = self.cdata = True

    def finish(self) -> None:
        self._inside = False

    def append(self, text: str) -> None:
        self._pieces.append((text, self._inside))

    def text(self) -> str:
        """All of it, but for white space between the tags and the outermost CDATA."""
        if not self.cdata:
            return "".join(text for text, _ in self._pieces)
        first = next((n for n, (_, inside) in enumerate(self._pieces) if inside), len(self._pieces))
        last = len(self._pieces) - next(
            (n for n, (_, inside) in enumerate(reversed(self._pieces)) if inside), len(self._pieces)
        )
        before, after = (
            "".join(text for text, _ in part) for part in (self._pieces[:first], self._pieces[last:])
        )
        own = "".join(text for text, _ in self._pieces[first:last])
        return before.lstrip(_BLANKS) + own + after.rstrip(_BLANKS)


# Repair. --------------------------------------------------------------------------------------------------------

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A reference in CDATA is the user's own text, so CDATA is matched first and left as it is.
_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|&#(?:x([0-9A-Fa-f]+)|([0-9]+));", re.DOTALL)


def clean(text: str) -> str:
    """Leave out what no XML document may hold: control characters but TAB, LF, CR; lone surrogates; U+FFFE, U+FFFF."""
    return _FORBIDDEN.sub("", text) if _FORBIDDEN.search(text) else text


def _repair(body: bytes) -> bytes:
    return _REFERENCE.sub(_keep_allowed, clean(body.decode("utf-8", "replace"))).encode()


def _keep_allowed(match: re.Match[str]) -> str:
    hexadecimal, decimal = match.groups()
    if hexadecimal is None and decimal is None:
        return match.group()
    # Eight digits say all there is to say, and keep the conversion of a long row of them from taking its square.
    digits = (hexadecimal or decimal).lstrip("0")[:8] or "0"
    code = int(digits, 16 if hexadecimal else 10)
    return "" if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else match.group()


# Building. ------------------------------------------------------------------------------------------------------


def cdata(text: str) -> str:
    """Wrap a text so that nothing in it can end its element, and so that it is allowed in XML at all (see `clean`)."""
    if "]]>" in text:
        text = text.replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{clean(text)}]]>"


def build(fields: Mapping[str, Any], root: str = "xml") -> str:
    """Write fields as XML, in their order; the reverse of `parse`.

    Args:
        fields: By tag: a `str`, an `int` (digits without CDATA), a dict, or a list, whose element is repeated for each
            of its values.
        root: Name of the root element.
    """
    parts: list[str] = []
    for name, value in fields.items():
        for one in cast("list[Any]", value) if isinstance(value, list) else (value,):
            if isinstance(one, str):
                parts.append(f"<{name}>{cdata(one)}</{name}>")
            elif isinstance(one, Mapping):
                parts.append(build(cast("Mapping[str, Any]", one), name))
            else:
                parts.append(f"<{name}>{one}</{name}>")
    return f"<{root}>{''.join(parts)}</{root}>"
