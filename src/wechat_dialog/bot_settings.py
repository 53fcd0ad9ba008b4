"""Checks of a bot's settings: an invalid one is refused where it is set, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from inspect import iscoroutinefunction
from typing import Literal

from .core.dialog.routes import POLICIES
from .core.quantities import as_text, is_count, is_seconds
from .errors import ConfigurationError

__all__ = ["age_limit", "check_policies", "check_times", "refuse", "require_markdown", "zone_of"]

MAX_AGE = 300.0
"""Seconds; see `Bot`."""


def refuse(wrong: object, sentence: str) -> None:
    """Refuse a setting if it is wrong.

    Raises:
        ConfigurationError: It is wrong.
    """
    if wrong:
        raise ConfigurationError(sentence)


def check_times(
    *, timeout: float | None, longest_turn: float | None, lease: float, drain: float
) -> None:
    """Refuse times out of range.

    Raises:
        ConfigurationError: One of them is no number of seconds, or below its minimum.
    """
    refuse(
        timeout is not None and not is_seconds(timeout),
        f"timeout={as_text(timeout)}: seconds above 0, or None for never",
    )
    refuse(
        longest_turn is not None and not is_seconds(longest_turn),
        f"longest_turn={as_text(longest_turn)}: seconds above 0, or None for no limit",
    )
    refuse(not is_seconds(lease), f"lease={as_text(lease)}: seconds above 0")
    refuse(not is_seconds(drain, zero=True), f"drain={as_text(drain)}: seconds, 0 or more")


def check_policies(
    words: Mapping[str, Iterable[str]],
    *,
    on_divergence: str,
    review: object,
    on_turn: object,
    journal_limit: int,
    live_dialogs: int,
) -> None:
    """Refuse invalid rules of conversations.

    Args:
        words: Collections of words, by the names of their settings.
        on_divergence: See `Bot`, as for the others.
        review: The reviewer.
        on_turn: Receives reports.
        journal_limit: The records a conversation may have.
        live_dialogs: The dialogs that are kept running.

    Raises:
        ConfigurationError: One of them is invalid.
    """
    for name, collection in words.items():
        # A string is a collection, too: of its letters.
        refuse(
            isinstance(collection, str), f"{name}={collection!r}: a collection of words is wanted"
        )
    refuse(
        on_divergence not in POLICIES,
        f"on_divergence={on_divergence!r}: one of {', '.join(POLICIES)}",
    )
    refuse(
        on_turn is not None and not callable(on_turn), f"on_turn={on_turn!r}: a function is wanted"
    )
    refuse(
        iscoroutinefunction(on_turn) or iscoroutinefunction(type(on_turn).__call__),
        f"on_turn={on_turn!r}: a plain function is wanted, which is called on a thread of its own",
    )
    refuse(review is not None and not callable(review), f"review={review!r}: a function is wanted")
    refuse(
        not is_count(journal_limit, 2),
        f"journal_limit={as_text(journal_limit)}: a whole number, 2 or more",
    )
    refuse(
        not is_count(live_dialogs, 0),
        f"live_dialogs={as_text(live_dialogs)}: a whole number, 0 or more",
    )


def age_limit(setting: float | Literal["safe"] | None, mode: str) -> float | None:
    """Return the seconds by which a push may be older or newer than our clock; None: any.

    Raises:
        ConfigurationError: They are not above 0.
    """
    age = (MAX_AGE if mode == "safe" else None) if setting == "safe" else setting
    refuse(
        age is not None and not is_seconds(age),
        f"max_age={as_text(age)}: seconds above 0, or None for any",
    )
    return age


def require_markdown() -> None:
    """Refuse `pages=` if pages could not be rendered.

    Raises:
        ConfigurationError: markdown-it-py is not installed.
    """
    from importlib.util import find_spec

    refuse(
        find_spec("markdown_it") is None,
        'pages= needs markdown-it-py: pip install "wechat-dialog[pages]"',
    )


def zone_of(setting: str | tzinfo) -> tzinfo:
    """Return a time zone given as such or by name.

    Raises:
        ConfigurationError: The system has no time zone of that name.
    """
    if isinstance(setting, tzinfo):
        return setting
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(setting)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"time_zone={setting!r} is no time zone: {error}; use a name like 'Asia/Shanghai'"
        ) from error
