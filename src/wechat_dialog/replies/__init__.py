"""What bots answer: kinds of replies, links, splitting and packing."""

from .kinds import (
    Article,
    Image,
    Markdown,
    Music,
    News,
    Reply,
    Sayable,
    Text,
    Transfer,
    Video,
    Voice,
    to_reply,
)

__all__ = [
    "Article",
    "Image",
    "Markdown",
    "Music",
    "News",
    "Reply",
    "Sayable",
    "Text",
    "Transfer",
    "Video",
    "Voice",
    "to_reply",
]
