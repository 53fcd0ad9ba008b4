"""Access tokens as the platform issues them (protocol reference 7.1).

`stable_token` returns the same token to every caller until five minutes before it expires; the
older `token` returns a new one at every call. The two kinds are independent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Tokens"]

LIFE = 7200.0
OVERLAP = 300.0
FORCE_AGAIN = 30.0


@dataclass(slots=True)
class _Token:
    value: str = field(repr=False)
    ends: float


class Tokens:
    """The tokens of one account."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without a token; `clock` returns the time in seconds."""
        self._clock = clock
        self._stable: _Token | None = None
        self._latest: _Token | None = None
        self._forced = 0.0
        self._all: dict[str, _Token] = {}

    def stable(self, *, force: bool) -> tuple[str, int]:
        """Return the stable token and the seconds until it expires.

        Args:
            force: Whether to issue a new one and invalidate the last; at most once in 30 s.
        """
        now = self._clock()
        token = self._stable
        if force and now - self._forced >= FORCE_AGAIN:
            self._forced = now
            if token is not None:
                self._all.pop(token.value, None)
            token = None
        if token is None or token.ends - now <= OVERLAP:
            token = self._stable = self._new(now)
        return token.value, int(token.ends - now)

    def single(self) -> tuple[str, int]:
        """Return a new token; the previous one stays valid for five minutes."""
        now = self._clock()
        if self._latest is not None:
            self._latest.ends = min(self._latest.ends, now + OVERLAP)
        self._latest = self._new(now)
        return self._latest.value, int(LIFE)

    def _new(self, now: float) -> _Token:
        token = _Token(secrets.token_urlsafe(96), now + LIFE)
        self._all[token.value] = token
        return token

    def refusal(self, token: str) -> int:
        """Return the error code for a call with this token; 0 if it is valid."""
        if not token:
            return 41001
        issued = self._all.get(token)
        if issued is None:
            return 40001
        return 42001 if issued.ends <= self._clock() else 0
