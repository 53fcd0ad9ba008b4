"""What users send: one frozen value a message or event, with the platform's fields under Python names."""

from wechat_dialog.messages.base import Event, Message, Unknown, from_fields, register
from wechat_dialog.messages.events import Click, LocationReport, Scan, Subscribe, Unsubscribe
from wechat_dialog.messages.kinds import (
    File,
    Image,
    Link,
    Location,
    MiniProgramPage,
    ShortVideo,
    Text,
    Unsupported,
    Video,
    Voice,
)

__all__ = [
    "Click",
    "Event",
    "File",
    "Image",
    "Link",
    "Location",
    "LocationReport",
    "Message",
    "MiniProgramPage",
    "Scan",
    "ShortVideo",
    "Subscribe",
    "Text",
    "Unknown",
    "Unsubscribe",
    "Unsupported",
    "Video",
    "Voice",
    "from_fields",
    "register",
]
