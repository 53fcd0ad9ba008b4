"""The commands that the page sends: one class each, validated when the JSON is decoded.

`POST /do/text` with `{"user": …, "content": …}` becomes `Text(user=…, content=…)`, and its `do`
carries it out. The answer is plain data. A command does not wait for a message to be delivered: the
result is published in the feed.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Any, Protocol

import msgspec

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.language import ENGLISH, SIGNAL_OUTCOMES, chinese_of_error

from .simulator import Simulator
from .user_screens import NotPossible

__all__ = ["refusal", "run"]

Answer = dict[str, Any]


class _Command(Protocol):
    async def do(self, simulator: Simulator) -> Answer | None:
        """Carry the command out; the answer's fields, None for none."""


class _Text(msgspec.Struct):
    user: str
    content: str
    menu_id: str = ""

    async def do(self, simulator: Simulator) -> None:
        if not self.content.strip():
            raise NotPossible("an empty text cannot be sent")
        simulator.desk.text(self.user, self.content, self.menu_id)


class _Tap(msgspec.Struct):
    user: str
    content: str
    id: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.text(self.user, self.content, self.id)


class _Image(msgspec.Struct):
    user: str
    name: str = ""
    data: str = ""
    url: str = ""

    async def do(self, simulator: Simulator) -> None:
        kind = mimetypes.guess_type(self.name)[0] or "image/png"
        if not kind.startswith("image/"):
            raise NotPossible(f"{self.name!r} is no picture")
        try:
            data = base64.b64decode(self.data.rpartition(",")[2], validate=True)
        except binascii.Error as error:
            raise NotPossible(f"the picture's data is no Base64: {error}") from error
        simulator.desk.image(self.user, data, kind, self.url)


class _Voice(msgspec.Struct):
    user: str
    recognition: str = ""

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.voice(self.user, self.recognition)


class _Location(msgspec.Struct):
    user: str
    latitude: float
    longitude: float
    label: str = ""

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.location(self.user, self.latitude, self.longitude, self.label)


class _Link(msgspec.Struct):
    user: str
    title: str
    description: str = ""
    url: str = ""

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.link(self.user, self.title, self.description, self.url)


class _Event(msgspec.Struct):
    user: str
    name: str
    key: str | None = None
    fields: dict[str, Any] = {}

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.event(self.user, self.name, self.key, **self.fields)


class _Follow(msgspec.Struct):
    user: str
    scene: str = ""

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.follow(self.user, self.scene)


class _Unfollow(msgspec.Struct):
    user: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.unfollow(self.user)


class _Scan(msgspec.Struct):
    user: str
    scene: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.scan(self.user, self.scene)


class _Menu(msgspec.Struct):
    user: str
    index: list[int]

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.press(self.user, self.index)


class _Resend(msgspec.Struct):
    user: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.resend(self.user)


class _Together(msgspec.Struct):
    user: str
    contents: list[str]

    async def do(self, simulator: Simulator) -> None:
        for content in self.contents:
            simulator.desk.text(self.user, content)


class _NewUser(msgspec.Struct):
    name: str = ""

    async def do(self, simulator: Simulator) -> Answer:
        return {"id": simulator.desk.add_user(self.name).id}


class _RemoveUser(msgspec.Struct):
    user: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.remove_user(self.user)


class _Seen(msgspec.Struct):
    user: str

    async def do(self, simulator: Simulator) -> None:
        simulator.desk.seen(self.user)


class _Advance(msgspec.Struct):
    seconds: float

    async def do(self, simulator: Simulator) -> None:
        if not 0 < self.seconds <= 366 * 86400:
            raise NotPossible("time passes forward, and by a year at most")
        await simulator.advance(self.seconds)


class _Signal(msgspec.Struct):
    user: str
    name: str
    data: str = ""
    match: str = ""
    id: str = ""

    async def do(self, simulator: Simulator) -> Answer:
        simulator.desk.user(self.user)
        outcome = await simulator.signal(self.user, self.name, self.data, self.match, self.id)
        chinese = SIGNAL_OUTCOMES[outcome]
        return {"outcome": outcome, "english": ENGLISH[chinese], "chinese": chinese}


class _Kill(msgspec.Struct):
    async def do(self, simulator: Simulator) -> None:
        await simulator.kill()


class _Restart(msgspec.Struct):
    async def do(self, simulator: Simulator) -> None:
        await simulator.restart()


class _Back(msgspec.Struct):
    user: str
    point: int

    async def do(self, simulator: Simulator) -> None:
        await simulator.back(self.user, self.point)


class _Clear(msgspec.Struct):
    user: str

    async def do(self, simulator: Simulator) -> None:
        await simulator.clear(self.user)


class _Resume(msgspec.Struct):
    user: str
    id: str

    async def do(self, simulator: Simulator) -> Answer:
        return {"resumed": await simulator.resume(self.user, self.id)}


_COMMANDS: dict[str, type[_Command]] = {
    "text": _Text,
    "tap": _Tap,
    "image": _Image,
    "voice": _Voice,
    "location": _Location,
    "link": _Link,
    "event": _Event,
    "follow": _Follow,
    "unfollow": _Unfollow,
    "scan": _Scan,
    "menu": _Menu,
    "resend": _Resend,
    "together": _Together,
    "new_user": _NewUser,
    "remove_user": _RemoveUser,
    "seen": _Seen,
    "advance": _Advance,
    "signal": _Signal,
    "kill": _Kill,
    "restart": _Restart,
    "back": _Back,
    "clear": _Clear,
    "resume": _Resume,
}


async def run(simulator: Simulator, name: str, body: bytes) -> tuple[int, Answer]:
    """Carry out a command.

    Args:
        simulator: The simulator.
        name: The command's name.
        body: Its JSON.

    Returns:
        The HTTP status and the answer; unless the status is 200, a `refusal`.
    """
    command = _COMMANDS.get(name)
    if command is None:
        return 404, refusal(NotPossible(f"no command {name!r}"))
    try:
        answer = await msgspec.json.decode(body or b"{}", type=command).do(simulator)
    except msgspec.MsgspecError as error:
        return 400, refusal(error)
    except DialogError as error:
        return 409, refusal(error)
    return 200, answer or {}


def refusal(error: Exception) -> Answer:
    """Return the answer to a command that is refused: why, in both of the page's languages."""
    return {"error": str(error), "error_zh": chinese_of_error(error)}
