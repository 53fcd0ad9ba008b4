"""What a desk shows: users, bubbles, requests, buttons, as they are sent to a page.

Times are milliseconds since the epoch on the desk's clock.
"""

from __future__ import annotations

import msgspec

from wechat_dialog.platform.display import Article, Part

__all__ = ["Bubble", "Exchange", "Location", "Picture", "User"]


class User(msgspec.Struct):
    """A test user.

    Attributes:
        id: The OpenID.
        name: What the people at the desk call the user.
        colour: 0 to 7.
        following: Whether the user follows the account.
        typing: Whether the bot works on a message of the user, or has said that it is typing.
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
        id: Unique at its desk.
        sender: "user", "bot" or "system".
        at: When.
        kind: "text", "image", "voice", "video", "music", "news", "location", "link", "event",
            "notice" or "fault".
        parts: Its text, cut up.
        image: The picture; None if there is none.
        articles: The articles of a news reply; empty for any other kind.
        location: The place; None if there is none.
        title: A link's, a video's; an event's name.
        description: Likewise; an event's key.
        url: Likewise.
        point: Where the conversation stood before this message, to go back to; None if it cannot
            be gone back to.
        pushed: Whether it came by a customer message.
        note: The platform's own grey line below it; "" for none.
        why: For a fault: which rule was broken.
        why_zh: The same in Chinese.
        requests: Ids of the requests with this message.
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
    why: str = ""
    why_zh: str = ""
    requests: list[int] = []


class Exchange(msgspec.Struct):
    """One request of the platform, or one of the bot to it, for the developer.

    Attributes:
        id: Unique at its desk.
        message: The same for all copies of one message.
        number: Which copy it is, from 1.
        at: When it was made.
        seconds: How long it took; 0 while it is open.
        method: "POST" or "GET"; "API" if the bot asked us.
        url: The whole address.
        query: The address's query.
        body: What was sent.
        plain: The same decrypted.
        status: HTTP status; 0 if there was no answer in time.
        answer: What was answered.
        reply: The same decrypted.
        headers: What was sent along.
        problem: Which rule was broken; "" if none was.
        problem_zh: The same in Chinese.
        open: Whether it waits for its answer.
        window: Seconds it may take.
        of: How many copies there will be at most.
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
    window: float = 5.0
    of: int = 3
