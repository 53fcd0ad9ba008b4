"""What is uploaded and downloaded: pictures, recordings, videos, covers."""

from __future__ import annotations

import msgspec

__all__ = ["Media"]


class Media(msgspec.Struct, frozen=True):
    """A file from the platform.

    Attributes:
        content: Its bytes; empty where there is only a `url`.
        content_type: As the platform says, or "".
        name: Its file name, or "".
        url: Where a video is to be fetched, or "".
    """

    content: bytes
    content_type: str = ""
    name: str = ""
    url: str = ""
