"""Keeps secrets (tokens, passwords, secret answers) out of texts that are shown."""

from __future__ import annotations

import re
from typing import Any, TypeVar

__all__ = ["SHOWN", "Secret", "hidden", "without_secret", "without_secrets"]

T = TypeVar("T")

SHOWN = "●●●"
"""Shown in place of a secret answer, everywhere."""

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")


class Secret(str):
    """A `str` whose `repr` does not show it.

    Otherwise it equals its text. Error trackers and test runners show the local variables of every
    frame of a traceback by their `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def hidden(value: T) -> T:
    """Return a `str` as a `Secret`; other values unchanged, which their own check refuses."""
    secret: Any = Secret(value) if isinstance(value, str) else value
    return secret  # type: ignore[no-any-return]


def without_secrets(url: str) -> str:
    """Return a URL without passwords, for errors to quote.

    If a password is not percent-encoded, or the scheme is missing, the end of the password is
    unknown. So a URL that may have a password is cut off after its `://`.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    if not re.search("[@?#%]", rest) and (not separator or _SCHEME.fullmatch(scheme)):
        return str(url)
    return f"{scheme}://…" if _SCHEME.fullmatch(scheme) else "…"


def without_secret(text: str, secret: str) -> str:
    """Return a text with `SHOWN` in place of a user's secret answer, which an error may quote."""
    for form in sorted({secret, secret.strip()}, key=len, reverse=True):
        if form:
            text = text.replace(form, SHOWN)
    return text
