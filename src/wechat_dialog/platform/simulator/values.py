"""What a desk shows (users, bubbles, requests), in the form in which it is sent to the page.

Times are milliseconds since the epoch on the desk's clock.
"""

from __future__ import annotations

import msgspec

from wechat_dialog.platform.display import Article, Part

__all__ = ["Bubble", "Exchange", "Location", "Picture", "Place", "User"]


class User(msgspec.Struct):
    """A test user.

    Attributes:
        id: The OpenID.
        name: The user's name on the page.
        colour: The number of the user's colour, 0 to 7.
        following: Whether the user follows the account.
        typing: Whether the typing sign is shown: a message of the user is in flight, or the bot has
            asked for the sign.
        unread: The number of the bot's bubbles that have not been looked at.
    """

    id: str
    name: str
    colour: int = 0
    following: bool = True
    typing: bool = False
    unread: int = 0


class Picture(msgspec.Struct, frozen=True):
    """A picture; `url` is "" where only the media id is known."""

    url: str


class Location(msgspec.Struct, frozen=True):
    """A place on the map."""

    latitude: float
    longitude: float
    label: str = ""


class Bubble(msgspec.Struct):
    """One thing on the screen of a chat.

    Attributes:
        id: Unique on its desk.
        sender: "user", "bot" or "system".
        at: When it appeared.
        kind: "text", "image", "voice", "video", "music", "news", "location", "link", "event",
            "notice" or "fault"; for the developer alone: "silence" (there was no reply),
            "parked" (the conversation broke) and "refused" (nothing of a message was recorded).
        parts: Its text, cut up.
        image: The picture; None if there is none.
        articles: The articles of a news reply; empty for any other kind.
        location: The place; None if there is none.
        title: The title of a link or video; an event's name.
        description: The description of a link or video; an event's key.
        url: The address of a link or video.
        point: The savepoint made before this message; None if there is none.
        pushed: Whether it is a customer message.
        note: The platform's label below it; "" for none.
        rests: For a silence: whether no conversation of the user is running or waits; None while
            that is not known.
        why: For a fault: which rule was broken. For a parked conversation or a refused message:
            the error.
        why_zh: The same in Chinese.
        requests: The ids of the requests that delivered this message.
    """

    id: int
    sender: str = msgspec.field(name="from")
    at: int
    kind: str
    parts: tuple[Part, ...] = ()
    image: Picture | None = None
    articles: tuple[Article, ...] = ()
    location: Location | None = None
    title: str = ""
    description: str = ""
    url: str = ""
    point: int | None = None
    pushed: bool = False
    note: str = ""
    rests: bool | None = None
    why: str = ""
    why_zh: str = ""
    requests: list[int] = []


class Place(msgspec.Struct, frozen=True):
    """A place in the bot's code that is being executed.

    Attributes:
        at: File and line.
        name: The function.
        code: The line of source.
    """

    at: str
    name: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.at} {self.name}()"


class Exchange(msgspec.Struct):
    """One request of the platform, or one of the bot to it, for the developer.

    Attributes:
        id: Unique on its desk.
        message: A number that is the same for all requests with one message.
        number: The number of the attempt to deliver the message, from 1.
        at: When it was made.
        seconds: How long it took; 0 while it is open.
        method: "POST" or "GET"; "API" for a call of the bot's.
        url: The whole address.
        query: The address's query.
        body: The body that was sent.
        plain: The same decrypted.
        status: The HTTP status; 0 if there was no answer in time.
        answer: The body of the answer.
        reply: The same decrypted.
        headers: The headers that were sent.
        problem: Which rule was broken; "" if none was.
        problem_zh: The same in Chinese.
        open: Whether its answer is still awaited.
        doing: What the bot's code was last seen doing; None if the answer did not take long, empty
            if that is not known.
        window: Seconds within which it must be answered.
        of: How many attempts there are at most.
    """

    id: int
    message: int
    number: int
    at: int
    method: str
    url: str
    query: dict[str, str] = {}
    body: str = ""
    plain: str = ""
    seconds: float = 0.0
    status: int = 0
    answer: str = ""
    reply: str = ""
    headers: dict[str, str] = {}
    problem: str = ""
    problem_zh: str = ""
    open: bool = False
    doing: list[Place] | None = None
    window: float = 5.0
    of: int = 3
