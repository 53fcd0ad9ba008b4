"""Files uploaded to the simulated platform by users and by the bot, kept in memory."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

__all__ = ["File", "Media"]

LIMIT = 200
"""Files that are kept; beyond that the oldest is dropped."""


@dataclass(frozen=True, slots=True)
class File:
    """A file: its bytes, MIME type and name."""

    data: bytes
    kind: str
    name: str = ""


class Media:
    """The files by media id.

    Attributes:
        base: The address of the simulator, which serves them; without a slash at its end.
    """

    def __init__(self) -> None:
        self.base = "http://127.0.0.1"
        self._files: dict[str, File] = {}

    def add(self, data: bytes, kind: str, name: str = "") -> str:
        """Keep a file; return its media id."""
        id = secrets.token_urlsafe(24)
        self._files[id] = File(data, kind, name)
        while len(self._files) > LIMIT:
            del self._files[next(iter(self._files))]
        return id

    def get(self, id: str) -> File | None:
        """Return a file; None if there is none."""
        return self._files.get(id)

    def url(self, id: str) -> str:
        """Return the address at which a server can fetch a file."""
        return f"{self.base}/media/{id}"

    def shown(self, id: str) -> str:
        """Return the address at which the page shows a file; "" if there is no such file."""
        return f"/media/{id}" if id in self._files else ""
