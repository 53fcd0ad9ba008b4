"""The most bytes of a text, and tappable links in a text."""

from __future__ import annotations

__all__ = ["TEXT_LIMIT", "anchor", "link"]


TEXT_LIMIT = 2047
"""Bytes of UTF-8 in one text reply (protocol reference 5.2)."""


def anchor(label: str, address: str) -> str:
    """Return a link to a web page (protocol reference 5.5). If the label is blank or cannot be in a
    link, return the address alone, of which clients make a link.
    """
    if any(character in "<>\r\n" for character in label) or not label.strip():
        return address
    return f'<a href="{address}">{label}</a>'


def link(word: str, id: str = "0", *, shown: str | None = None) -> str:
    """Return a link that sends `word` as the user's own text when tapped (protocol reference 5.6).

    Args:
        word: The text that is sent. If it has characters that clients decode in different ways, no
            link is made: what would be shown is returned as plain text, for the user to type.
        id: The id that most clients, though not all, send back as `bizmsgmenuid`.
        shown: What the user sees in place of `word`; None shows the word.
    """
    label = word if shown is None else shown
    if any(character in "%+&#=\"'<>\r\n" for character in word) or not word.strip():
        return label
    if any(character in "<>\r\n" for character in label) or not label.strip():
        return label
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={word}&msgmenuid={id}">{label}</a>'
