"""A desk: the test users of one account, what they send and what they see.

Every message of a user goes out as the platform would send it, and what comes of it is told to the
`feed`: the bubbles on the users' screens, and for the developer each request. Users write whenever
they like; several messages of one user may be under way at once, as with real ones. To be used on
one event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.buttons import Button, tapped
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.feed import Feed
from wechat_dialog.platform.media import Media
from wechat_dialog.platform.pushing import HEADERS, Request
from wechat_dialog.platform.quotas import Quotas
from wechat_dialog.platform.showing import Part, Shown, plain_parts
from wechat_dialog.platform.values import Bubble, Exchange, Location, Picture, User

__all__ = ["Desk", "NotPossible"]

NAMES = ("小明", "小红", "小刚", "小丽", "大伟", "阿芳", "老王", "小燕")
COLOURS = 8

Task = asyncio.Task[Shown]


def _nowhere(_user: str) -> None:
    """Give no point to go back to."""


class NotPossible(DialogError):
    """What was asked of a desk cannot be done as things stand; the sentence says why."""


class Desk:
    """The users of an account.

    Attributes:
        platform: Posts to the bot.
        feed: Hears of everything.
        users: By OpenID, in the order they came.
        bubbles: What each user's screen shows, oldest first.
        requests: Each user's requests, oldest first.
        menu: The account's menu.
        media: What was uploaded.
        quotas: How many customer messages each user may be sent.
        marks: Called with a user's OpenID before each message of his; gives the point to go back
            to.
        before: Awaited before each message goes out; None for nothing.
    """

    def __init__(
        self, platform: AsyncPlatform, *, marks: Callable[[str], int | None] | None = None
    ) -> None:
        """Lay out an empty one."""
        self.platform = platform
        self.feed = Feed()
        self.users: dict[str, User] = {}
        self.bubbles: dict[str, list[Bubble]] = {}
        self.requests: dict[str, list[Exchange]] = {}
        self.menu: tuple[Button, ...] = ()
        self.media = Media()
        self.quotas = Quotas(platform.clock)
        self.marks = marks or _nowhere
        self.before: Callable[[], Awaitable[object]] | None = None
        self._ids = itertools.count(1)
        self._last: dict[str, tuple[dict[str, Any], Bubble]] = {}
        self._busy: dict[str, int] = {}
        self._typing: dict[str, asyncio.TimerHandle] = {}
        self._eras: dict[str, int] = {}
        self._tasks: set[Task] = set()

    def now(self) -> int:
        """Return the desk's time in ms since the epoch."""
        return int(self.platform.clock() * 1000)

    def state(self) -> dict[str, Any]:
        """Return all there is."""
        return {
            "now": self.now(),
            "users": list(self.users.values()),
            "menu": self.menu,
            "messages": self.bubbles,
            "requests": self.requests,
        }

    async def close(self) -> None:
        """Give up what is under way."""
        for timer in self._typing.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # Users ----------------------------------------------------------------------------------------

    def add_user(self, name: str = "", *, following: bool = True) -> User:
        """Sit another user down."""
        number = len(self.users)
        taken = {user.name for user in self.users.values()}
        free = [one for one in NAMES if one not in taken]
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
        """Let a user go, with all that is on the screen."""
        self.clear(user)
        for kept in (self.users, self.bubbles, self.requests, self._last):
            kept.pop(user, None)
        self.feed.emit("user_removed", id=user)

    def user(self, id: str) -> User:
        """Return a user.

        Raises:
            NotPossible: There is none of this OpenID.
        """
        if id not in self.users:
            raise NotPossible(f"no user {id!r} here")
        return self.users[id]

    def seen(self, user: str) -> None:
        """Note that somebody looked at a user's screen."""
        one = self.user(user)
        if one.unread:
            one.unread = 0
            self.feed.emit("user", user=one)

    # What users do --------------------------------------------------------------------------------

    def text(self, user: str, content: str, menu_id: str = "") -> Task:
        """Send a text; `menu_id` is that of the link that was tapped to send it."""
        fields = {"Content": content, **({"bizmsgmenuid": menu_id} if menu_id else {})}
        bubble = self._bubble("user", "text", parts=plain_parts(content))
        return self._send(user, "text", fields, bubble, counts_as="menu" if menu_id else "message")

    def image(self, user: str, data: bytes = b"", kind: str = "", url: str = "") -> Task:
        """Send a picture: its bytes and MIME type, or the URL of one."""
        media = self.media.add(data, kind or "image/png") if data else None
        address = self.media.url(media) if media else url or "http://mmbiz.qpic.cn/demo/0"
        fields = {"PicUrl": address, "MediaId": media or "media_demo_1"}
        shown = Picture(self.media.shown(media) if media else address)
        return self._send(user, "image", fields, self._bubble("user", "image", image=shown))

    def voice(self, user: str, recognition: str = "") -> Task:
        """Send a recording; `recognition` is what was understood of it."""
        fields = {"MediaId": "media_demo_2", "Format": "amr", "Recognition": recognition}
        bubble = self._bubble("user", "voice", parts=plain_parts(recognition))
        return self._send(user, "voice", fields, bubble)

    def location(self, user: str, latitude: float, longitude: float, label: str = "") -> Task:
        """Send a place on the map."""
        fields = {
            "Location_X": f"{latitude:.6f}",
            "Location_Y": f"{longitude:.6f}",
            "Scale": "16",
            "Label": label,
        }
        place = Location(latitude, longitude, label)
        bubble = self._bubble("user", "location", location=place)
        return self._send(user, "location", fields, bubble)

    def link(self, user: str, title: str, description: str, url: str) -> Task:
        """Share an article."""
        fields = {"Title": title, "Description": description, "Url": url}
        bubble = self._bubble("user", "link", title=title, description=description, url=url)
        return self._send(user, "link", fields, bubble)

    def event(
        self, user: str, name: str, key: str | None = None, counts_as: str = "", **fields: Any
    ) -> Task:
        """Let an event happen."""
        own = {"Event": name, **({} if key is None else {"EventKey": key}), **fields}
        bubble = self._bubble(
            "system", "event", title=name, description=str(own.get("EventKey", ""))
        )
        return self._send(user, "event", own, bubble, counts_as=counts_as)

    def follow(self, user: str, scene: str = "") -> Task:
        """Follow the account, by the QR code of a scene if there is one.

        Raises:
            NotPossible: The user does already.
        """
        one = self.user(user)
        if one.following:
            raise NotPossible(f"{one.name} follows the account already")
        self._set_following(one, following=True)
        ticket = {"Ticket": f"ticket_{scene}"} if scene else {}
        key = f"qrscene_{scene}" if scene else ""
        return self.event(user, "subscribe", key, counts_as="follow", **ticket)

    def unfollow(self, user: str) -> Task:
        """Follow the account no longer.

        Raises:
            NotPossible: The user does not anyway.
        """
        one = self._follower(user)
        task = self.event(user, "unsubscribe", "")
        self._set_following(one, following=False)
        self.quotas.forget(user)
        return task

    def scan(self, user: str, scene: str) -> Task:
        """Scan the QR code of a scene; whoever does not follow yet follows by it."""
        if not self.user(user).following:
            return self.follow(user, scene)
        return self.event(user, "SCAN", scene, counts_as="scan", Ticket=f"ticket_{scene}")

    def press(self, user: str, index: Iterable[int]) -> Task | None:
        """Tap a button of the menu.

        Args:
            user: Who does.
            index: Its place in the bar, and in its sub-menu.

        Returns:
            None if it only opens a sub-menu.

        Raises:
            NotPossible: There is no such button.
        """
        row, found = self.menu, None
        for place in index:
            if not 0 <= place < len(row):
                raise NotPossible("the menu has no such button")
            found = row[place]
            row = found.sub
        if found is None:
            raise NotPossible("the menu has no such button")
        last: Task | None = None
        for kind, fields in tapped(found):
            if kind == "event":
                own = {name: value for name, value in fields.items() if name != "Event"}
                menu = found.type in ("click", "scancode_push", "scancode_waitmsg")
                counts_as = "menu" if menu else ""
                key = own.pop("EventKey", "")
                last = self.event(user, fields["Event"], key, counts_as, **own)
            elif kind == "image":
                last = self.image(user)
            else:
                x, y = float(fields["Location_X"]), float(fields["Location_Y"])
                last = self.location(user, x, y, fields["Label"])
        return last

    def resend(self, user: str) -> Task:
        """Push the last message once more, as the platform does that was not heard.

        Raises:
            NotPossible: There was none.
        """
        if user not in self._last:
            raise NotPossible(f"{self.user(user).name} has sent nothing yet")
        message, bubble = self._last[user]
        return self._start(user, message, bubble)

    # What comes of it -----------------------------------------------------------------------------

    def _follower(self, user: str) -> User:
        one = self.user(user)
        if not one.following:
            raise NotPossible(f"{one.name} does not follow the account, and so cannot write to it")
        return one

    def _set_following(self, user: User, *, following: bool) -> None:
        user.following = following
        self.feed.emit("user", user=user)

    def _bubble(self, sender: str, kind: str, **more: Any) -> Bubble:
        return Bubble(next(self._ids), sender, self.now(), kind, **more)

    def _send(
        self,
        user: str,
        kind: str,
        fields: dict[str, Any],
        bubble: Bubble,
        counts_as: str = "message",
    ) -> Task:
        self._follower(user)
        if counts_as:
            self.quotas.allow(user, counts_as)
        bubble.point = self.marks(user)
        self.show(user, bubble)
        message = self.platform.message(user, kind, **fields)
        self._last[user] = message, bubble
        return self._start(user, message, bubble)

    def _start(self, user: str, message: dict[str, Any], bubble: Bubble) -> Task:
        task = asyncio.create_task(self._deliver(user, message, bubble))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, user: str, message: dict[str, Any], bubble: Bubble) -> Shown:
        era, group = self._eras.get(user, 0), next(self._ids)
        exchanges: dict[int, Exchange] = {}

        def watch(made: Request) -> None:
            if era != self._eras.get(user, 0):
                return
            exchange = self._exchange(made, group, exchanges.get(made.number))
            if made.number not in exchanges:
                exchanges[made.number] = exchange
                bubble.requests = [*bubble.requests, exchange.id]
                self.feed.emit("bubble", user=user, bubble=bubble)
            self.exchanged(user, exchange)

        self._work(user, 1)
        try:
            if self.before is not None:
                await self.before()
            shown = await self.platform.deliver(message, watch)
        finally:
            self._work(user, -1)
        if era == self._eras.get(user, 0) and user in self.users:
            self.answered(user, shown, requests=[one.id for one in exchanges.values()])
        return shown

    def _exchange(self, made: Request, group: int, known: Exchange | None) -> Exchange:
        if known is None:
            known = Exchange(
                next(self._ids),
                group,
                made.number,
                self.now(),
                "POST",
                self.platform.address(made.query),
                dict(parse_qsl(made.query)),
                made.body.decode("utf-8", "replace"),
                made.message.decode("utf-8", "replace"),
                headers=HEADERS,
                window=self.platform.window,
                of=self.platform.requests,
            )
        known.open, known.seconds = made.open, made.seconds
        known.status, known.problem = made.status, made.problem
        known.answer = made.answer.decode("utf-8", "replace")
        known.reply = made.reply.decode("utf-8", "replace")
        return known

    def exchanged(self, user: str, exchange: Exchange) -> None:
        """Put a request into a user's list, or say that it has changed."""
        listed = self.requests.get(user)
        if listed is None:
            return
        if not listed or exchange.id not in {one.id for one in listed}:
            listed.append(exchange)
        self.feed.emit("request", user=user, request=exchange)

    def answered(
        self, user: str, shown: Shown, *, requests: list[int], pushed: bool = False
    ) -> None:
        """Show a user an answer; nothing if it is none, or the user has gone."""
        one = self.users.get(user)
        if one is None or not shown.kind or not one.following:
            return
        bubble = self._bubble("bot", shown.kind, parts=shown.parts, articles=shown.articles)
        bubble.pushed, bubble.requests = pushed, requests
        if shown.fault:
            bubble.sender, bubble.why = "system", shown.fault
        self._attach(bubble, shown)
        self.stop_typing(user)
        self.show(user, bubble)
        one.unread += 1
        self.feed.emit("user", user=one)

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
        self.bubbles[user].append(bubble)
        self.feed.emit("bubble", user=user, bubble=bubble)

    def notice(self, user: str, text: str) -> None:
        """Tell something on a user's screen that nobody said."""
        self.show(user, self._bubble("system", "notice", parts=(Part(text),)))

    # The typing sign ------------------------------------------------------------------------------

    def _work(self, user: str, more: int) -> None:
        self._busy[user] = self._busy.get(user, 0) + more
        self._show_typing(user)

    def start_typing(self, user: str, seconds: float) -> None:
        """Show the typing sign for so long."""
        self.stop_typing(user)
        loop = asyncio.get_running_loop()
        self._typing[user] = loop.call_later(seconds, self.stop_typing, user)
        self._show_typing(user)

    def stop_typing(self, user: str) -> None:
        """Take the sign away that `start_typing` put up."""
        timer = self._typing.pop(user, None)
        if timer is not None:
            timer.cancel()
        self._show_typing(user)

    def is_typing(self, user: str) -> bool:
        """Whether `start_typing` put up a sign that is still there."""
        return user in self._typing

    def is_busy(self, user: str) -> bool:
        """Whether a message of the user is under way."""
        return self._busy.get(user, 0) > 0

    def _show_typing(self, user: str) -> None:
        one = self.users.get(user)
        typing = self.is_busy(user) or user in self._typing
        if one is not None and one.typing != typing:
            one.typing = typing
            self.feed.emit("user", user=one)

    # Going back -----------------------------------------------------------------------------------

    def clear(self, user: str, before: Bubble | None = None) -> None:
        """Empty a user's screen, or only from a bubble on; what is under way is not heard of any
        more.
        """
        bubbles = self.bubbles[self.user(user).id]
        end = 0 if before is None else bubbles.index(before)
        kept = {id for bubble in bubbles[:end] for id in bubble.requests}
        self._eras[user] = self._eras.get(user, 0) + 1
        self.bubbles[user] = bubbles[:end]
        self.requests[user] = [one for one in self.requests[user] if one.id in kept]
        self._last.pop(user, None)
        self.feed.emit(
            "cleared", user=user, messages=self.bubbles[user], requests=self.requests[user]
        )

    def set_menu(self, menu: tuple[Button, ...]) -> None:
        """Give the account another menu."""
        self.menu = menu
        self.feed.emit("menu", menu=menu)
