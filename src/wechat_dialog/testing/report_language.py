"""Puts what the library says in a report of pytest into the terminal's language.

The errors themselves stay English, since a test may compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wechat_dialog.core.blame import told
from wechat_dialog.platform.refusals import refusal

__all__ = ["put_into_language"]


def put_into_language(report: Any, error: BaseException) -> None:
    """Translate the messages of an error, and of those that led to it, in a report that shows it.

    Args:
        report: A report of a test or of a collection. It is made by pytest in many forms, of which
            those are known here that show exceptions.
        error: The error.
    """
    translated = {
        english: refusal(english) for english in map(told, _chain(error)) if english.strip()
    }
    translated = {english: other for english, other in translated.items() if english != other}
    if not translated:
        return

    def put(line: str) -> str:
        for english, other in translated.items():
            whole = line.rstrip("\n")
            if whole.endswith(english):
                return whole.removesuffix(english) + other + line[len(whole) :]
        return line

    _put_in_all(report.longrepr, put)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    known: set[int] = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _put_in_all(shown: Any, put: Callable[[str], str]) -> None:
    """Replace the lines of a representation of an exception, and of all in its chain."""
    if not hasattr(shown, "reprtraceback"):
        return
    # Of `--tb=native` there is one for the whole chain.
    alone = (shown.reprtraceback, shown.reprcrash, None)
    for traceback, crash, _ in getattr(shown, "chain", (alone,)):
        if crash is not None:
            crash.message = put(crash.message)
        for entry in traceback.reprentries:
            entry.lines[:] = map(put, entry.lines)
