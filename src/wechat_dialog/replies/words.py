"""What a dialog says as one text, in transcripts and journals: for people who read them."""

from __future__ import annotations

import re

from .kinds import Image, Markdown, Music, News, Text, Transfer, Video, Voice

__all__ = ["in_words", "labels_only"]

# As clients read it (protocol reference 5.5): an <a> that is not closed before the next one is
# shown as it is. If each were searched for its end, a thousand would take a thousand times as long.
_LINK = re.compile(r"<a\s[^<>]*>([^<]*(?:<(?!/a>|a\s)[^<]*)*)</a>", re.IGNORECASE)


def labels_only(text: str) -> str:
    """Return a text with its links as their labels, as its reader sees it."""
    return _LINK.sub(r"\1", text)


def in_words(said: object) -> str:
    """Return what is said or asked as a text: "[图文] 新菜 https://…" for what is no text.

    Args:
        said: What `to_reply` takes. Markdown is its source; "" is returned for None.
    """
    match said:
        case None:
            words = ""
        case News(articles=articles):
            words = "\n".join(f"[图文] {one.title} {one.url}".rstrip() for one in articles)
        case Image(media_id=name):
            words = f"[图片] {name}"
        case Voice(media_id=name):
            words = f"[语音] {name}"
        case Video(media_id=name, title=title):
            words = f"[视频] {title or name}"
        case Music(title=title, music_url=url):
            words = f"[音乐] {title or url}"
        case Transfer():
            words = "[转接人工客服]"
        case Text(content=content) | Markdown(text=content):
            words = labels_only(content)
        case _:
            words = labels_only(str(said))
    return words
