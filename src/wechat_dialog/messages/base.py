"""What every message has, and how the platform's fields become one.

A message is a frozen value. Its attributes are the platform's fields under Python names: a class
lists them (`media_id` is `MediaId`, the name in Pascal case, unless the class names another), and
`from_fields` fills them in. Whatever the platform sends becomes a message: an unknown type becomes
an `Unknown`, an unknown event a plain `Event`. A field that does not fit its type has the class's
default, and `raw` has every field as it came. So a journal keeps `raw` alone, and a later version
of the library, which knows more fields, rebuilds a richer message from it.

Proof: `tests/wire/test_messages.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import convert, field
from msgspec.structs import force_setattr

from wechat_dialog.errors import BadMessage

M = TypeVar("M", bound="Message")


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", gc=False):
    """Base of everything the platform pushes (protocol reference 3).

    Attributes:
        kind: The `MsgType`, lower-case: "text", "image", …, "event". Readable on the class too,
            except for `Unknown`.
        user: OpenID of the sender, the platform's `FromUserName`. Never empty.
        account: Original id of the account, the platform's `ToUserName`; "" if the push had none.
        created: When it was sent, in seconds since 1970; 0 if that is missing or not a number.
        msg_id: The `MsgId` as text, since it exceeds 2^53; "" if there is none, as in every event.
        raw: All fields as parsed: text, or a dict or list of such. Numbers of XML are text. Not to
            be modified.
    """

    kind: ClassVar[str] = ""
    aliases: ClassVar[Mapping[str, str]] = {}  # other spellings of a tag: the spelling used here

    user: str = field(name="FromUserName")
    account: str = field(name="ToUserName", default="")
    created: int = field(name="CreateTime", default=0)
    msg_id: str = ""
    # No tag can have a blank, so no field of the platform is ever read into this attribute.
    raw: dict[str, Any] = field(name=" raw", default_factory=dict[str, Any])


class Event(Message, frozen=True, kw_only=True):
    """Something that happened (protocol reference 4).

    A known event is an instance of a subclass, an unknown one of this class itself.

    Attributes:
        event: Its name as the platform sends it, in mixed case. Compare it case-insensitively.
        event_key: The button's key, the QR code's scene or the URL; "" if the event has none.
    """

    kind: ClassVar[str] = "event"

    event: str = ""
    event_key: str = ""


class Unknown(Message, frozen=True, kw_only=True):
    """A message of a type this library does not know; its fields are in `raw`."""

    if not TYPE_CHECKING:

        @property
        def kind(self) -> str:
            """The `MsgType` as sent, lower-case; "" if `raw` is empty."""
            return str(self.raw.get("MsgType", "")).lower()


_kinds: dict[str, type[Message]] = {}
_events: dict[str, type[Event]] = {}


def register(*, kind: str = "", event: str = "") -> Callable[[type[M]], type[M]]:
    """Give a message type or an event a class of its own; a class decorator.

        @messages.register(event="bar_event")
        class Bar(messages.Event, frozen=True):
            bar_count: int = 0  # the field BarCount

    A type of message is registered by `kind="foo"`, and its class then has that `kind`.

    Every field needs a default, used where the platform leaves the field out. Names are compared
    case-insensitively. Register at import, before the first message.

    Args:
        kind: The `MsgType` whose messages become instances of the class.
        event: The `Event`, for a subclass of `Event`. Exactly one of the two is given.

    Raises:
        TypeError: Not exactly one name was given, or the class is not a `Message` (or `Event`), or
            the name belongs to another class that is not a parent of this one, or the class has
            another kind.
    """
    if bool(kind) == bool(event):
        raise TypeError("register() takes either kind= or event=")
    if event:
        return lambda cls: _enter(_events, event, cls, Event)
    return lambda cls: _enter(_kinds, kind, _of_kind(cls, kind.lower()), Message)


def _of_kind(cls: type[M], kind: str) -> type[M]:
    """Set the class's `kind` to that of the messages it reads: routes and journals depend on it."""
    if "kind" not in vars(cls):
        cls.kind = kind
    if cls.kind != kind:
        raise TypeError(f"{cls.__name__} is of kind {cls.kind!r}; register another for {kind!r}")
    return cls


def event_name(cls: type[Event]) -> str:
    """Return the name, lower-case, under which a class of events is registered; "" if it is not."""
    return next((name for name, registered in _events.items() if issubclass(registered, cls)), "")


def _enter(table: dict[str, Any], name: str, cls: type[M], base: type[Message]) -> type[M]:
    if not issubclass(cls, base):
        raise TypeError(f"{cls.__name__} must be a subclass of messages.{base.__name__}")
    registered = table.get(name.lower())
    # The same class again: its module was reloaded.
    same = registered is not None and _place(registered) == _place(cls)
    if registered is not None and not same and not issubclass(cls, registered):
        raise TypeError(
            f"{name!r} is {registered.__name__} already; derive {cls.__name__} from it to extend it"
        )
    table[name.lower()] = cls
    return cls


def _place(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


# A sticker in the client arrives as this text, with full-width commas or others (protocol
# reference 3).
_UNSUPPORTED = frozenset(
    {"【收到不支持的消息类型，暂无法显示】", "【收到不支持的消息类型,暂无法显示】"}
)


def from_fields(raw: Mapping[str, Any]) -> Message:
    """Return the message that these fields describe. Equal fields give equal messages.

    Args:
        raw: The platform's fields as in `Message.raw`, from a push or from a journal. A dict is
            kept and not copied.

    Returns:
        An instance of the class registered for the type or event, else an `Event` or `Unknown`. A
        field that is missing or does not fit (letters in a number, text in place of a list) has its
        class's default.

    Raises:
        BadMessage: `FromUserName` or `MsgType` is missing, empty, or not text.
    """
    fields: dict[str, Any] = raw if isinstance(raw, dict) else dict(raw)
    kind = fields.get("MsgType")
    if not (isinstance(kind, str) and kind):
        raise BadMessage("the message has no MsgType")
    user = fields.get("FromUserName")
    if not (isinstance(user, str) and user):
        raise BadMessage("the message has no FromUserName")
    cls = _kinds.get(kind) or _kinds.get(kind.lower(), Unknown)
    if cls is Event:
        name = str(fields.get("Event", ""))
        cls = _events.get(name) or _events.get(name.lower(), Event)
    elif kind == "text" and str(fields.get("Content", "")).strip() in _UNSUPPORTED:
        cls = _kinds["unsupported"]
    canonical = fields
    if cls.aliases:
        canonical = {cls.aliases.get(name, name): value for name, value in fields.items()}
    try:
        message = convert(canonical, cls, strict=False)
    except msgspec.ValidationError:
        message = _convert_what_fits(canonical, cls)
    force_setattr(message, "raw", fields)
    return message


# Where a value does not fit, by msgspec: `$.SendPicsInfo.PicList[0].item[1].PicMd5Sum`.
_PLACE = re.compile(r"`\$\.([^`]+)`")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_ROUNDS = 32  # so many values are left out one by one; then whole fields, to stay linear


def _convert_what_fits(fields: Mapping[str, Any], cls: type[M]) -> M:
    """Return the values that fit, converted; a number of JSON becomes text for a text field."""
    values = {
        name: as_text(fields[name]) for name in cls.__struct_encode_fields__ if name in fields
    }
    for round_ in range(_ROUNDS + len(values)):
        try:
            return convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            place = _PLACE.search(str(error))
            if place is None:
                raise BadMessage(f"the message does not fit {cls.__name__}: {error}") from error
            steps = [int(n) if n else name for n, name in _STEP.findall(place.group(1))]
            _leave_out(values, steps if round_ < _ROUNDS else steps[:1])
    raise BadMessage(f"the message does not fit {cls.__name__}")


def _leave_out(values: dict[str, Any], steps: list[int | str]) -> None:
    inner: Any = values
    for step in steps[:-1]:
        inner = inner[step]
    del inner[steps[-1]]


def as_text(value: object) -> object:
    """Return the value with every number and boolean in it as text."""
    match value:
        case dict():
            return {name: as_text(item) for name, item in cast("dict[str, object]", value).items()}
        case list():
            return [as_text(item) for item in cast("list[object]", value)]
        case str():
            return value
        case None:
            return ""
        case bool():
            return str(int(value))
        case _:
            return str(value)
