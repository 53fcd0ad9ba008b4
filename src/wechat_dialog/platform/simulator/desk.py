"""A desk: the test users of one account, what they send and what they see.

Every message of a user is posted as the platform would post it. The results are published in the
`feed`: bubbles on the users' screens and, for the developer, each request. Several messages of one
user may be in flight at once, as with real users. For use on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from wechat_dialog.platform.display import Shown, plain_parts
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.language import in_chinese
from wechat_dialog.platform.protocol import HEADERS, Request

from .buttons import tapped
from .looking import LATE
from .quotas import Quotas
from .user_screens import NotPossible, Screens
from .values import Bubble, Exchange, Location, Picture, Place, User

__all__ = ["Desk"]

Task = asyncio.Task[Shown]


def _nowhere(_user: str) -> None:
    """Return no savepoint."""


def _nothing(_fault: str) -> None:
    """Do nothing."""


async def _nowhere_known() -> list[Place]:
    """Return nothing."""
    return []


async def _unknown(_user: str) -> bool | None:
    """Return that it is not known."""
    return None


class Desk(Screens):
    """The users of an account.

    Attributes:
        platform: Posts to the bot.
        quotas: How many customer messages each user may be sent.
        marks: Called with a user's OpenID before each of their messages; returns a savepoint of the
            conversation, or None.
        before: Awaited before each message is posted; None to post at once.
        after: Called with the fault of each message, "" for none, when its requests are over.
        where: Awaited for what the bot's code is doing, while an answer takes long.
        late: Seconds after which it does; then it is asked again as often.
        rests: Awaited with the OpenID of a user who got no reply: whether nothing waits for them;
            None if that is not known.
    """

    def __init__(
        self, platform: AsyncPlatform, *, marks: Callable[[str], int | None] | None = None
    ) -> None:
        """Create a desk without users."""
        super().__init__(platform.clock)
        self.platform = platform
        self.quotas = Quotas(self.clock)
        self.marks = marks or _nowhere
        self.before: Callable[[], Awaitable[object]] | None = None
        self.after: Callable[[str], object] = _nothing
        self.rests: Callable[[str], Awaitable[bool | None]] = _unknown
        self.where: Callable[[], Awaitable[list[Place]]] = _nowhere_known
        self.late = min(LATE, platform.window / 2)
        self._last: dict[str, tuple[dict[str, Any], Bubble]] = {}
        self._broken: dict[str, list[Bubble]] = {}
        self._tasks: set[Task] = set()

    async def close(self) -> None:
        """Cancel what is in progress."""
        for timer in self._typing.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # What users do --------------------------------------------------------------------------------

    def text(self, user: str, content: str, menu_id: str = "") -> Task:
        """Send a text; `menu_id` is that of the link that was tapped to send it."""
        fields = {"Content": content, **({"bizmsgmenuid": menu_id} if menu_id else {})}
        bubble = self.bubble("user", "text", parts=plain_parts(content))
        return self._send(user, "text", fields, bubble, counts_as="menu" if menu_id else "message")

    def image(self, user: str, data: bytes = b"", kind: str = "", url: str = "") -> Task:
        """Send a picture: its bytes and MIME type, or the URL of one."""
        media = self.media.add(data, kind or "image/png") if data else None
        address = self.media.url(media) if media else url or "http://mmbiz.qpic.cn/demo/0"
        fields = {"PicUrl": address, "MediaId": media or "media_demo_1"}
        picture = Picture(self.media.shown(media) if media else address)
        return self._send(user, "image", fields, self.bubble("user", "image", image=picture))

    def voice(self, user: str, recognition: str = "") -> Task:
        """Send a recording; `recognition` is the text that the platform recognised in it."""
        fields = {"MediaId": "media_demo_2", "Format": "amr", "Recognition": recognition}
        bubble = self.bubble("user", "voice", parts=plain_parts(recognition))
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
        bubble = self.bubble("user", "location", location=place)
        return self._send(user, "location", fields, bubble)

    def link(self, user: str, title: str, description: str, url: str) -> Task:
        """Share an article."""
        fields = {"Title": title, "Description": description, "Url": url}
        bubble = self.bubble("user", "link", title=title, description=description, url=url)
        return self._send(user, "link", fields, bubble)

    def event(
        self, user: str, name: str, key: str | None = None, counts_as: str = "", **fields: Any
    ) -> Task:
        """Push an event."""
        own = {"Event": name, **({} if key is None else {"EventKey": key}), **fields}
        bubble = self.bubble(
            "system", "event", title=name, description=str(own.get("EventKey", ""))
        )
        return self._send(user, "event", own, bubble, counts_as=counts_as)

    def follow(self, user: str, scene: str = "") -> Task:
        """Follow the account, by the QR code of a scene if one is given.

        Raises:
            NotPossible: The user follows it already.
        """
        person = self.user(user)
        if person.following:
            raise NotPossible(f"{person.name} follows the account already")
        self.set_following(person, following=True)
        ticket = {"Ticket": f"ticket_{scene}"} if scene else {}
        key = f"qrscene_{scene}" if scene else ""
        return self.event(user, "subscribe", key, counts_as="follow", **ticket)

    def unfollow(self, user: str) -> Task:
        """Stop following the account.

        Raises:
            NotPossible: The user does not follow it.
        """
        follower = self._follower(user)
        task = self.event(user, "unsubscribe", "")
        self.set_following(follower, following=False)
        self.quotas.forget(user)
        return task

    def scan(self, user: str, scene: str) -> Task:
        """Scan the QR code of a scene; a user who does not follow the account yet follows it."""
        if not self.user(user).following:
            return self.follow(user, scene)
        return self.event(user, "SCAN", scene, counts_as="scan", Ticket=f"ticket_{scene}")

    def press(self, user: str, index: Iterable[int]) -> Task | None:
        """Tap a button of the menu.

        Args:
            user: The user's OpenID.
            index: The button's position in the bar and, if it is in a sub-menu, in that.

        Returns:
            None if the button only opens a sub-menu.

        Raises:
            NotPossible: There is no such button.
        """
        row, button = self.menu, None
        for place in index:
            if not 0 <= place < len(row):
                raise NotPossible("the menu has no such button")
            button = row[place]
            row = button.sub
        if button is None:
            raise NotPossible("the menu has no such button")
        last: Task | None = None
        for kind, fields in tapped(button):
            if kind == "event":
                own = {name: value for name, value in fields.items() if name != "Event"}
                menu = button.type in ("click", "scancode_push", "scancode_waitmsg")
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
        """Push the last message again, as the platform does when it got no answer.

        Raises:
            NotPossible: The user has sent no message.
        """
        if user not in self._last:
            raise NotPossible(f"{self.user(user).name} has sent nothing yet")
        message, bubble = self._last[user]
        return self._start(user, message, bubble)

    # Delivery -------------------------------------------------------------------------------------

    def _follower(self, id: str) -> User:
        user = self.user(id)
        if not user.following:
            raise NotPossible(f"{user.name} does not follow the account, and so cannot write to it")
        return user

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

        def watch(request: Request) -> None:
            if era != self._eras.get(user, 0):
                return
            exchange = self._exchange(request, group, exchanges.get(request.number))
            if request.number not in exchanges:
                if (before := exchanges.get(request.number - 1)) is not None:
                    exchange.doing = before.doing
                exchanges[request.number] = exchange
                bubble.requests = [*bubble.requests, exchange.id]
                self.feed.emit("bubble", user=user, bubble=bubble)
            self.exchanged(user, exchange)

        self.work(user, 1)
        try:
            if self.before is not None:
                await self.before()
            looking = asyncio.create_task(self._look(user, exchanges))
            try:
                shown = await self.platform.deliver(message, watch)
            finally:
                looking.cancel()
        finally:
            self.work(user, -1)
        self.after(shown.fault)
        silence: Bubble | None = None
        if era == self._eras.get(user, 0) and user in self.users:
            requests = [exchange.id for exchange in exchanges.values()]
            if shown.kind:
                self.answered(user, shown, requests=requests)
            else:
                silence = self.unanswered(user, requests)
        self._show_broken(user)
        if silence is not None:
            # Added to the note afterwards: the bot may take long to say, and answer others first.
            silence.rests = await self.rests(user)
            if silence in self.bubbles.get(user, ()):
                self.feed.emit("bubble", user=user, bubble=silence)
        return shown

    async def _look(self, user: str, exchanges: dict[int, Exchange]) -> None:
        """Tell the developer what the bot is doing while it does not answer, until cancelled."""
        while True:
            await asyncio.sleep(self.late)
            doing = await self.where()
            exchange = exchanges.get(max(exchanges, default=0))
            if exchange is not None and exchange.open and exchange.doing != doing:
                exchange.doing = doing
                self.exchanged(user, exchange)

    def broke(self, user: str, why: str, why_zh: str, kind: str = "parked") -> None:
        """Show the developer why a conversation was parked, or a message "refused": below the
        answer, if one is to come.
        """
        bubble = self.bubble("system", kind, why=why, why_zh=why_zh)
        self._broken.setdefault(user, []).append(bubble)
        if not self.is_busy(user):
            self._show_broken(user)

    def _show_broken(self, user: str) -> None:
        """Show what `broke` has kept until the answer was there."""
        for bubble in self._broken.pop(user, ()):
            if user in self.users:
                self.show(user, bubble)

    def _exchange(self, request: Request, group: int, exchange: Exchange | None) -> Exchange:
        if exchange is None:
            exchange = Exchange(
                next(self._ids),
                group,
                request.number,
                self.now(),
                "POST",
                self.platform.address(request.query),
                dict(parse_qsl(request.query)),
                request.body.decode("utf-8", "replace"),
                request.message.decode("utf-8", "replace"),
                headers=HEADERS,
                window=self.platform.window,
                of=self.platform.requests,
            )
        exchange.open, exchange.seconds = request.open, request.seconds
        exchange.status, exchange.problem = request.status, request.problem
        exchange.problem_zh = in_chinese(request.problem)
        exchange.answer = request.answer.decode("utf-8", "replace")
        exchange.reply = request.reply.decode("utf-8", "replace")
        return exchange

    def clear(self, user: str, before: Bubble | None = None) -> None:
        """See `Screens.clear`; `resend` has nothing to send then."""
        super().clear(user, before)
        self._broken.pop(user, None)
        self._last.pop(user, None)
