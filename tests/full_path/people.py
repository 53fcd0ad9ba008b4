"""People who write to an account: signed pushes out, what they see back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from tests.conformance.cases import sign
from tests.full_path.doors import Door, Response
from wechat_dialog.core.turn.window import Window

TOKEN = "full-path"

ACCOUNT = "gh_0123456789ab"

_ids = itertools.count(24_000_000_000_000_001)


def signed(token: str = TOKEN) -> str:
    """The query of a push."""
    timestamp, nonce = "1700000001", "987654321"
    return f"signature={sign(token, timestamp, nonce)}&timestamp={timestamp}&nonce={nonce}"


def push(user: str, kind: str = "text", /, **fields: str) -> bytes:
    """A new push; `fields` are the platform's, and replace the usual ones."""
    usual = {"ToUserName": ACCOUNT, "FromUserName": user, "CreateTime": "1700000001"}
    usual["MsgType"] = kind
    if kind != "event":
        usual["MsgId"] = str(next(_ids))
    xml = ET.Element("xml")
    for name, text in (usual | fields).items():
        ET.SubElement(xml, name).text = text
    body: bytes = ET.tostring(xml, encoding="utf-8", xml_declaration=False)
    return body


def content(response: Response) -> str:
    """The text a user sees; "" for `success`."""
    assert response.status == 200, response
    if response.body == b"success":
        return ""
    reply = ET.fromstring(response.body)
    assert reply.findtext("MsgType") == "text"
    return reply.findtext("Content") or ""


PATIENT = Window(seconds=100.0, patience=90.0)
"""A platform that waits for an answer as long as the slowest machine takes."""


class Unhurried(Window):
    """A platform that waits as long as a turn takes on the slowest machine, but for the length of a
    block in which there is nothing to wait for: the store is away, or a step does not end.
    """

    def __init__(self, requests: int = 3) -> None:
        super().__init__(seconds=120.0, requests=requests, patience=100.0)

    @contextmanager
    def in_a_hurry(self, patience: float = 0.1, room: float = 20.0) -> Iterator[None]:
        """Wait for no answer longer than `patience` seconds, and hang up `room` seconds later."""
        usual = self.seconds, self.patience
        self._wait(patience + room, patience)
        yield
        self._wait(*usual)

    def _wait(self, seconds: float, patience: float) -> None:
        object.__setattr__(self, "seconds", seconds)  # frozen for everybody else
        object.__setattr__(self, "patience", patience)


class OneRequest(Unhurried):
    """A platform whose first request is its last: where the store is away, it gets the apology."""

    def __init__(self) -> None:
        super().__init__(requests=1)


@dataclass
class Person:
    """One user of one bot.

    Attributes:
        door: Where the pushes go; may be changed on the way.
        name: The OpenID.
        sent: The pushes so far, oldest first.
    """

    door: Door
    name: str = "oUser0000000000000000000001"
    sent: list[bytes] = field(default_factory=list[bytes])

    def send(self, kind: str = "text", /, **fields: str) -> Response:
        self.sent.append(push(self.name, kind, **fields))
        return self.again()

    def again(self) -> Response:
        """Send the last push once more, as the platform does."""
        return self.door.request("POST", signed(), self.sent[-1])

    def say(self, text: str) -> str:
        """Send a text; what comes back as text, "" for no reply."""
        reply = self.send(Content=text)
        seen = content(reply)
        if seen:
            fields = ET.fromstring(reply.body)
            assert fields.findtext("ToUserName") == self.name
            assert fields.findtext("FromUserName") == ACCOUNT
        return seen
