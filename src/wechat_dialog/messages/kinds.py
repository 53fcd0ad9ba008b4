"""The ordinary messages: what a user sends on purpose (protocol reference 3)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import field
from msgspec.structs import force_setattr

from .base import Event, Message, register

# Also excludes "nan" and "inf", which Python reads as floats, but which are not in JSON.
Finite = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]


@register(kind="text")
class Text(Message, frozen=True, kw_only=True):
    """Text, typed or dictated, or a tap on a menu link.

    Attributes:
        text: The `Content`, unchanged: line breaks, outer white space and emoticon codes included.
        bizmsgmenuid: Id of the tapped menu item; None if typed, and for accounts whose pushes lack
            the tag.
        msg_data_id: Id of the article from which the chat was opened; "" if there was none.
        idx: The article's position in its post, from 1; None if there was none.
    """

    kind: ClassVar[str] = "text"

    text: str = field(name="Content", default="")
    bizmsgmenuid: str | None = field(name="bizmsgmenuid", default=None)
    msg_data_id: str = ""
    idx: int | None = None

    def __post_init__(self) -> None:
        if self.bizmsgmenuid == "":
            force_setattr(self, "bizmsgmenuid", None)


@register(kind="unsupported")
class Unsupported(Message, frozen=True, kw_only=True):
    """A message that the platform does not pass on: a custom sticker, some cards.

    On the wire it is a text with a fixed sentence.

    It is not a `Text` and has no attribute `text`, so that no dialog takes the platform's sentence
    for the user's answer, or repeats it to them.

    Attributes:
        sentence: The platform's sentence.
    """

    kind: ClassVar[str] = "unsupported"

    sentence: str = field(name="Content", default="")


@register(kind="image")
class Image(Message, frozen=True, kw_only=True):
    """A picture.

    Attributes:
        pic_url: Its address at the platform, http.
        media_id: Its id, by which it can be downloaded for three days.
    """

    kind: ClassVar[str] = "image"

    pic_url: str = ""
    media_id: str = ""


@register(kind="voice")
class Voice(Message, frozen=True, kw_only=True):
    """A voice recording.

    Attributes:
        media_id: Id of the recording, 8 kHz if `format` is "amr".
        format: "amr", "speex", ….
        media_id_16k: Id of the recording at 16 kHz; "" if there is none.
        recognition: The recognised words. The platform retired this in 2023, so it is usually
            None.
    """

    kind: ClassVar[str] = "voice"

    media_id: str = ""
    format: str = ""
    media_id_16k: str = field(name="MediaId16K", default="")
    recognition: str | None = None

    def __post_init__(self) -> None:
        if self.recognition is not None and not self.recognition.strip():
            force_setattr(self, "recognition", None)


@register(kind="video")
class Video(Message, frozen=True, kw_only=True):
    """A video from the album."""

    kind: ClassVar[str] = "video"

    media_id: str = ""
    thumb_media_id: str = ""


@register(kind="shortvideo")
class ShortVideo(Message, frozen=True, kw_only=True):
    """A clip recorded in the chat."""

    kind: ClassVar[str] = "shortvideo"

    media_id: str = ""
    thumb_media_id: str = ""


@register(kind="location")
class Location(Message, frozen=True, kw_only=True):
    """A place the user picked; not the event of the same name, which is `LocationReport`.

    Attributes:
        location_x: Latitude in degrees; 0.0 if it was not a number.
        location_y: Longitude in degrees.
        scale: Zoom of the map.
        label: Address, may be "".
    """

    kind: ClassVar[str] = "location"

    location_x: Finite = field(name="Location_X", default=0.0)
    location_y: Finite = field(name="Location_Y", default=0.0)
    scale: int = 0
    label: str = ""


@register(kind="link")
class Link(Message, frozen=True, kw_only=True):
    """A shared article."""

    kind: ClassVar[str] = "link"

    title: str = ""
    description: str = ""
    url: str = ""


@register(kind="file")
class File(Message, frozen=True, kw_only=True):
    """A file; seen on the wire, undocumented, and there is no way to download it.

    Attributes:
        title: The file's name.
        description: May be "".
        file_key: The platform's id of it.
        file_md5: MD5 of its content, hexadecimal.
        file_total_len: Its size in bytes.
    """

    kind: ClassVar[str] = "file"

    title: str = ""
    description: str = ""
    file_key: str = ""
    file_md5: str = ""
    file_total_len: int = 0


@register(kind="miniprogrampage")
class MiniProgramPage(Message, frozen=True, kw_only=True):
    """A card of a mini program."""

    kind: ClassVar[str] = "miniprogrampage"

    title: str = ""
    app_id: str = ""
    page_path: str = ""
    thumb_url: str = ""
    thumb_media_id: str = ""


register(kind="event")(Event)
