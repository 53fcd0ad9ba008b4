"""What bots answer: one frozen value for each kind of passive reply (protocol reference 5.1).

A reply has neither sender nor receiver nor time; `core.wire` adds them. It can be written as JSON
and read back (`msgspec.json`, tag field `type`), because stores remember replies. What the platform
shows of it (2047 bytes of text, one article or eight) depends on the message it answers and is held
by `packing` and `core.wire`, not here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import msgspec

__all__ = [
    "Article",
    "Image",
    "Markdown",
    "Music",
    "News",
    "Reply",
    "Sayable",
    "Text",
    "Transfer",
    "Video",
    "Voice",
    "to_reply",
]


class _Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    # Whether an AI made it. If so, a pushed message has the platform's label, a passive reply a
    # line of text. None: as set for the bot (`Bot(ai_generated=…)`).
    ai_generated: bool | None = None


class Text(_Content, frozen=True, tag="text"):
    """Text, with line breaks, links and emoticon codes (protocol reference 5.5 to 5.7).

    Attributes:
        content: The text. If it is empty or blank, nothing is sent.
        ai_generated: Whether an AI made it. If so, a line says that (`Texts.ai_generated`); if it
            is pushed, the platform's label. None: as set for the bot. The other kinds have it, too.
        markdown: What the answer page shows instead of `content`, in Markdown; "" shows `content`.
    """

    content: str
    markdown: str = ""


class Image(_Content, frozen=True, tag="image"):
    """A picture uploaded before."""

    media_id: str


class Voice(_Content, frozen=True, tag="voice"):
    """A recording uploaded before."""

    media_id: str


class Video(_Content, frozen=True, tag="video"):
    """A video uploaded before."""

    media_id: str
    title: str = ""
    description: str = ""


class Music(_Content, frozen=True, tag="music"):
    """A piece of music behind a link.

    Attributes:
        thumb_media_id: Id of the uploaded cover; "" for none, for accounts that may not upload.
            Customer messages need one.
        title: Shown in bold; may be "".
        description: Shown below; may be "".
        music_url: Address of the music.
        hq_music_url: Preferred on Wi-Fi; "" for none.
    """

    thumb_media_id: str = ""
    title: str = ""
    description: str = ""
    music_url: str = ""
    hq_music_url: str = ""


class Article(msgspec.Struct, frozen=True):
    """One entry of `News`.

    Attributes:
        title: Shown in bold.
        description: Shown if the article stands alone.
        pic_url: JPG or PNG, 360×200 for the first article, 200×200 for others.
        url: What a tap opens.
    """

    title: str
    description: str = ""
    pic_url: str = ""
    url: str = ""


class News(_Content, frozen=True, tag="news"):
    """Articles with pictures: one is shown in answer to a message, eight in answer to an event.

    Attributes:
        articles: At least one.

    Raises:
        ValueError: There is no article.
    """

    articles: list[Article]

    def __post_init__(self) -> None:
        if not self.articles:
            raise ValueError("News needs at least one article: return None for no reply")


class Transfer(msgspec.Struct, frozen=True, tag="transfer"):
    """Hands the message to the account's human agents.

    Attributes:
        account: The agent, `name@account`; "" for any agent who is free.
    """

    account: str = ""


CONVERTED = 256 * 1024
"""Characters of a text in Markdown that are converted: more than is kept of any answer, in the chat
or on a page.
"""


class Markdown(_Content, frozen=True, tag="markdown", dict=True):
    """A text in Markdown, as language models write it; sent as `formats.wechat_text` converts it.

    It may be said, asked and returned wherever a `str` may, except as the prompt of `chat.choose`
    and `chat.confirm`. A question is identified by this source and not by the converted text, so a
    later version may convert it better without disturbing running conversations.

    Attributes:
        text: What the model wrote. If it is empty or blank, nothing is sent.
        ai_generated: See `Text`.

    Raises:
        TypeError: `text` is not a `str`.
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Markdown of {type(self.text).__name__}: it takes a str")

    def __str__(self) -> str:
        """The source."""
        return self.text

    @cached_property
    def shown(self) -> Text:
        """The text reply that it becomes.

        Raises:
            ConfigurationError: markdown-it-py is not installed (`wechat-dialog[markdown]`).
        """
        from wechat_dialog.formats import wechat_text  # the package stays light

        return Text(wechat_text(self.text[:CONVERTED]), ai_generated=self.ai_generated)


Reply = Text | Image | Voice | Video | Music | News | Transfer

Sayable = str | Reply | Markdown | None
"""What a dialog may say, ask with and return; None says nothing."""

_KINDS = (Text, Image, Voice, Video, Music, News, Transfer)


def to_reply(value: object) -> Reply | None:
    """Return what a dialog answered, as a reply.

    Args:
        value: A reply, a `str` (a text reply), `Markdown` (likewise), or None (no reply).

    Returns:
        The reply without lone surrogates; None for None and for a text that is empty or blank, for
        which the platform would show its fault notice (protocol reference 5.2).

    Raises:
        TypeError: `value` is something else, or a picture whose `media_id` is an address.
        ConfigurationError: `value` is `Markdown`, and markdown-it-py is not installed.
    """
    if isinstance(value, str):
        value = Text(value)
    elif isinstance(value, Markdown):
        value = value.shown
    if value is None:
        return None
    if isinstance(value, _KINDS):
        value = _writable(value)
        return None if isinstance(value, Text) and not value.content.strip() else value
    kind: type = type(value)
    instead = _UNWAITED.get(kind.__name__) or (
        "answer a str, a reply of wechat_dialog.replies (Text, Markdown, Image, Voice, Video, "
        "Music, News, Transfer), or None for no reply"
    )
    raise TypeError(f"a dialog answered {kind.__name__}: {instead}")


_UNWAITED = {
    "coroutine": "it was never waited for; write `await` before it",
    "generator": "it was never waited for; write `yield from` before it",
}
"""What a value that is the promise of one lacks, by the name of its type."""


def _writable(reply: Reply) -> Reply:
    """Return a reply that can be stored and sent: subclasses of `str` made plain, lone surrogates
    left out. A text cut by somebody else's code may end with one, which neither a store nor XML
    can have.

    Raises:
        TypeError: A field of the reply has a value of a wrong type, or has an address where the id
            of an upload belongs: the platform would show nothing.
    """
    if type(reply) is Text and type(reply.content) is str and not _has_more(reply):
        if reply.content.isprintable():
            return (
                reply  # without a surrogate, which is not printable; so are most texts of one line
            )
        try:
            reply.content.encode()
        except UnicodeEncodeError:
            return Text(_plain(reply.content))
        return reply
    try:
        # A struct does not check its fields when it is created; converting it does.
        written = msgspec.convert(_plain(msgspec.structs.asdict(reply)), type(reply))
    except msgspec.ValidationError as error:
        raise TypeError(f"a dialog answered a {type(reply).__name__} with {error}") from None
    if isinstance(written, (Image, Voice, Video)) and "://" in written.media_id:
        raise TypeError(
            f"a dialog answered a {type(reply).__name__} with media_id {written.media_id!r}, which "
            "is the id of an upload, not an address; News shows a picture from the web"
        )
    return written


def _has_more(text: Text) -> bool:
    """Return whether a text has fields set besides its content."""
    return text.ai_generated is not None or text.markdown != ""


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return str.encode(value, "utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, Article):
        return _plain(msgspec.structs.asdict(value))
    return value
