"""Media files as they are downloaded: pictures, recordings, videos, covers."""

from __future__ import annotations

import msgspec

__all__ = ["Media"]


class Media(msgspec.Struct, frozen=True):
    """A file from the platform.

    Attributes:
        content: Its bytes; empty for a video, which has only a `url`.
        content_type: The content type that the platform gives, or "".
        name: Its file name, or "".
        url: The address from which a video is to be fetched; "" for any other file.
    """

    content: bytes
    content_type: str = ""
    name: str = ""
    url: str = ""
