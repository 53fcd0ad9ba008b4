"""Links that the platform draws, and what becomes of all others (protocol reference 5.5)."""

from __future__ import annotations

import re

__all__ = ["ANCHOR", "LONGEST", "anchor", "contact", "only_ours", "unlinked", "web"]

LONGEST = 1500
"""Bytes of one link with its words. One that fits no reply would be cut, and show as source."""

# An HTML link as a model may write it: with either quotes, other attributes, and emphasis.
ANCHOR = re.compile(
    r"""<a\s+(?:[a-z-]{1,20}\s*=\s*(?:"[^"<>\n]{0,200}"|'[^'<>\n]{0,200}')\s+){0,4}"""
    r"""href\s*=\s*(?:"([^"<>\n]{0,2000})"|'([^'<>\n]{0,2000})')[^<>\n]{0,200}>"""
    r"""([^<>\n]{0,1000})</a\s*>""",
    re.IGNORECASE,
)

# A link as `anchor` writes it.
_OURS = re.compile(r"""<a href="(https?://[^"<>\s]+)">([^<>\n]+)</a>""", re.IGNORECASE)
_TAG = re.compile(r"<(?=/?a(?:[\s/>]|$))", re.IGNORECASE)

_WEB = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)
_TOLD = re.compile(r"(?:mailto|tel|sms):([\w.+@ -]{1,100})(?:\?|$)", re.IGNORECASE)
_NAKED = re.compile(r"www\.[\w.-]+(?:/[^\s<>\"']*)?", re.IGNORECASE)

# Characters that are escaped in an address; all others stay as the author wrote them.
_UNSAFE = re.compile(r"""[\s"'<>`\\^{|}\x00-\x20]""")


def anchor(words: str, address: str) -> str:
    """Return a link for the platform to draw, or what is left of one that it must not.

    Args:
        words: What is shown; may be empty.
        address: Where it leads, as it was written.
    """
    address = address.strip()
    words = " ".join(words.split()).replace("<", "＜").replace(">", "＞")
    if url := web(address):
        if not words or words in (address, url):
            return url
        link = f'<a href="{url}">{words}</a>'
        return link if len(link.encode("utf-8", "ignore")) <= LONGEST else words
    if value := contact(address):
        if not words or value in words:
            return words or value
        return f"{words}（{value}）"
    return words


def web(address: str) -> str:
    """Return an address of the web as it may stand in a link; "" for any other."""
    address = address.strip()
    return _UNSAFE.sub(_escaped, address) if _WEB.match(address) else ""


def contact(address: str) -> str:
    """Return what a reader may do without a link: a number to call, an address to write to, a site
    without its scheme; "" for any other.
    """
    match = _TOLD.match(address) or _NAKED.fullmatch(address)
    return match[match.lastindex or 0].strip() if match else ""


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def unlinked(text: str) -> str:
    """Return code or escaped text, changed so that nothing in it begins a link."""
    return _TAG.sub("＜", text)


def only_ours(text: str) -> str:
    """Return a text, changed so that nothing begins a link in it but what `anchor` writes."""
    pieces: list[str] = []
    start = 0
    for ours in _OURS.finditer(text):
        pieces += (_TAG.sub("＜", text[start : ours.start()]), ours[0])
        start = ours.end()
    return "".join((*pieces, _TAG.sub("＜", text[start:])))
