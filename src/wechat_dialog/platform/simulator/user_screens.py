"""What the users of a desk see (bubbles, the typing sign), and the requests shown beside it.

Every change is published in the `feed`. Nothing here posts anything.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from typing import Any

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.display import Part, Shown
from wechat_dialog.platform.language import in_chinese

from .buttons import Button
from .feed import Feed
from .media import Media
from .values import Bubble, Exchange, Picture, User

__all__ = ["NotPossible", "Screens"]

NAMES = ("小明", "小红", "小刚", "小丽", "大伟", "阿芳", "老王", "小燕")
COLOURS = 8
REQUESTS = 500
"""Requests that are kept for each user; beyond that the oldest is dropped."""


class NotPossible(DialogError):
    """The command cannot be carried out now; the message says why."""


class Screens:
    """The users of an account, and what each of them sees.

    Attributes:
        feed: Where every change is published.
        users: By OpenID, in the order in which they were added.
        bubbles: What each user's screen shows, oldest first.
        requests: Each user's requests, oldest first.
        menu: The account's menu.
        media: The uploaded files.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without users; `clock` returns the time in seconds since 1970."""
        self.clock = clock
        self.feed = Feed()
        self.users: dict[str, User] = {}
        self.bubbles: dict[str, list[Bubble]] = {}
        self.requests: dict[str, list[Exchange]] = {}
        self.menu: tuple[Button, ...] = ()
        self.media = Media()
        self._ids = itertools.count(1)
        self._busy: dict[str, int] = {}
        self._typing: dict[str, asyncio.TimerHandle] = {}
        self._eras: dict[str, int] = {}
        self._heard: dict[str, float] = {}

    def now(self) -> int:
        """Return the desk's time in ms since the epoch."""
        return int(self.clock() * 1000)

    def state(self) -> dict[str, Any]:
        """Return the whole state."""
        return {
            "now": self.now(),
            "users": list(self.users.values()),
            "menu": self.menu,
            "messages": self.bubbles,
            "requests": self.requests,
        }

    # Users ----------------------------------------------------------------------------------------

    def add_user(self, name: str = "", *, following: bool = True) -> User:
        """Add a test user."""
        number = len(self.users)
        names = {user.name for user in self.users.values()}
        free = [name for name in NAMES if name not in names]
        openid = f"o{secrets.token_urlsafe(24)[:27]}"
        user = User(
            openid, name or (free[0] if free else f"用户 {number + 1}"), number % COLOURS, following
        )
        self.users[openid] = user
        self.bubbles[openid] = []
        self.requests[openid] = []
        self.feed.emit("user", user=user)
        return user

    def remove_user(self, user: str) -> None:
        """Remove a user, and everything on their screen."""
        self.clear(user)
        for table in (self.users, self.bubbles, self.requests):
            table.pop(user, None)
        self.feed.emit("user_removed", id=user)

    def user(self, id: str) -> User:
        """Return a user.

        Raises:
            NotPossible: There is no user with this OpenID.
        """
        if id not in self.users:
            raise NotPossible(f"no user {id!r} here")
        return self.users[id]

    def seen(self, user: str) -> None:
        """Note that a user's screen was looked at: nothing on it is unread."""
        person = self.user(user)
        if person.unread:
            person.unread = 0
            self.feed.emit("user", user=person)

    # Bubbles and requests -------------------------------------------------------------------------

    def set_following(self, user: User, *, following: bool) -> None:
        """Note whether a user follows the account."""
        user.following = following
        self.feed.emit("user", user=user)

    def bubble(self, sender: str, kind: str, **fields: Any) -> Bubble:
        """Make a bubble; `show` puts it on a screen."""
        return Bubble(next(self._ids), sender, self.now(), kind, **fields)

    def exchanged(self, user: str, exchange: Exchange) -> None:
        """Add a request to a user's list, or publish that it has changed."""
        listed = self.requests.get(user)
        if listed is None:
            return
        if not listed or exchange.id not in {each.id for each in listed}:
            listed.append(exchange)
            del listed[:-REQUESTS]
        self.feed.emit("request", user=user, request=exchange)

    def api_called(self, user: str, exchange: dict[str, Any]) -> None:
        """Note a call of the bot to the platform's API, in the list of the user it is about; a call
        about no user is published as a line of the log.

        Args:
            user: The OpenID; "" or an unknown one for no user.
            exchange: The fields of its `Exchange`.
        """
        if user in self.users:
            number = next(self._ids)
            self.exchanged(user, Exchange(number, number, 1, self.now(), "API", of=1, **exchange))
            last = next(reversed(self.bubbles[user]), None)
            if last is not None and last.pushed and not last.requests and not exchange["problem"]:
                last.requests = [number]
                self.feed.emit("bubble", user=user, bubble=last)
            return
        line = f"{exchange['url']} → {exchange['answer'][:200]}"
        self.feed.emit("log", line=line)

    def answered(
        self,
        user: str,
        shown: Shown,
        *,
        requests: list[int],
        pushed: bool = False,
        note: str = "",
    ) -> None:
        """Show a user an answer; do nothing if it has no reply, or the user was removed or does not
        follow the account.

        Args:
            user: The OpenID.
            shown: The answer.
            requests: See `Bubble`.
            pushed: See `Bubble`.
            note: See `Bubble`.
        """
        person = self.users.get(user)
        if person is None or not shown.kind or not person.following:
            return
        bubble = self.bubble("bot", shown.kind, parts=shown.parts, articles=shown.articles)
        bubble.pushed, bubble.requests, bubble.note = pushed, requests, note
        if shown.fault:
            bubble.sender, bubble.why = "system", shown.fault
            bubble.why_zh = in_chinese(shown.fault)
        self._attach(bubble, shown)
        self.stop_typing(user)
        self.show(user, bubble)
        person.unread += 1
        self.feed.emit("user", user=person)

    def unanswered(self, user: str, requests: list[int]) -> Bubble | None:
        """Show the developer that a message was answered with no reply, which the user cannot see.

        Args:
            user: The OpenID.
            requests: See `Bubble`.

        Returns:
            The note; None if the user was removed or does not follow the account.
        """
        person = self.users.get(user)
        if person is None or not person.following:
            return None
        note = self.bubble("system", "silence", requests=requests)
        self.show(user, note)
        return note

    def _attach(self, bubble: Bubble, shown: Shown) -> None:
        if shown.kind in ("image", "voice", "video", "music"):
            inner = shown.reply.get(shown.kind.capitalize(), {})
            media = str(inner.get("MediaId") or inner.get("ThumbMediaId") or "")
            bubble.title = str(inner.get("Title", ""))
            bubble.description = str(inner.get("Description", ""))
            bubble.url = str(inner.get("MusicUrl", "")) or self.media.shown(media)
            if shown.kind == "image":
                bubble.image = Picture(self.media.shown(media))
        elif shown.kind == "transfer_customer_service":
            bubble.kind, bubble.sender = "notice", "system"

    def show(self, user: str, bubble: Bubble) -> None:
        """Put a bubble on a user's screen."""
        if bubble.kind not in ("notice", "silence", "parked"):
            self._heard[user] = self.clock()
        self.bubbles[user].append(bubble)
        self.feed.emit("bubble", user=user, bubble=bubble)

    def notice(self, user: str, text: str) -> None:
        """Put a system notice on a user's screen."""
        self.show(user, self.bubble("system", "notice", parts=(Part(text),)))

    def silence(self, user: str) -> float:
        """Return the seconds since the last message between user and account."""
        return self.clock() - self._heard.get(user, float("-inf"))

    # The typing sign ------------------------------------------------------------------------------

    def work(self, user: str, change: int) -> None:
        """Change the number of a user's messages in flight by `change`."""
        self._busy[user] = self._busy.get(user, 0) + change
        self._show_typing(user)

    def start_typing(self, user: str, seconds: float) -> None:
        """Show the typing sign for `seconds`."""
        self.stop_typing(user)
        loop = asyncio.get_running_loop()
        self._typing[user] = loop.call_later(seconds, self.stop_typing, user)
        self._show_typing(user)

    def stop_typing(self, user: str) -> None:
        """Remove the sign that `start_typing` shows."""
        timer = self._typing.pop(user, None)
        if timer is not None:
            timer.cancel()
        self._show_typing(user)

    def is_typing(self, user: str) -> bool:
        """Whether the sign of `start_typing` is still shown."""
        return user in self._typing

    def is_busy(self, user: str) -> bool:
        """Whether a message of the user is in flight."""
        return self._busy.get(user, 0) > 0

    def _show_typing(self, user: str) -> None:
        person = self.users.get(user)
        typing = self.is_busy(user) or user in self._typing
        if person is not None and person.typing != typing:
            person.typing = typing
            self.feed.emit("user", user=person)

    # Going back -----------------------------------------------------------------------------------

    def clear(self, user: str, before: Bubble | None = None) -> None:
        """Empty a user's screen, or remove a bubble and all after it; the results of messages in
        flight are dropped.
        """
        bubbles = self.bubbles[self.user(user).id]
        end = 0 if before is None else bubbles.index(before)
        remaining = {id for bubble in bubbles[:end] for id in bubble.requests}
        self._eras[user] = self._eras.get(user, 0) + 1
        self.bubbles[user] = bubbles[:end]
        own = self.requests[user]
        self.requests[user] = [request for request in own if request.id in remaining]
        self.feed.emit(
            "cleared", user=user, messages=self.bubbles[user], requests=self.requests[user]
        )

    def set_menu(self, menu: tuple[Button, ...]) -> None:
        """Replace the account's menu."""
        self.menu = menu
        self.feed.emit("menu", menu=menu)
