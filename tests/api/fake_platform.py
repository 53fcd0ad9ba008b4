"""The platform's active side as a small real HTTP server, told by the test what to answer."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.platform.servers import wsgi

OK = {"errcode": 0, "errmsg": "ok"}


@dataclass
class Asked:
    """One call the platform got."""

    path: str
    query: dict[str, str]
    body: bytes
    content_type: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass
class FakePlatform:
    """What it knows and what it was asked.

    Attributes:
        host: Its URL.
        asked: Every call, oldest first.
        token: The token it gives out now, and the only one it takes.
        seconds: How long that is good for, as it says.
        refusals: Codes it answers the next calls with, by the last part of their path; 0 is none.
        answers: Makes the answer of a call in place of `OK`, likewise.
    """

    host: str = ""
    asked: list[Asked] = field(default_factory=list)
    token: str = "token-1"
    seconds: int = 7200
    refusals: dict[str, list[int]] = field(default_factory=dict)
    answers: dict[str, Callable[[Asked], Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self) -> list[str]:
        return [one.name for one in self.asked]

    def sent(self) -> list[tuple[str, Any]]:
        """The customer messages it took: to whom, and what."""
        return [
            (one.json["touser"], one.json[one.json["msgtype"]])
            for one in self.asked
            if one.name == "send" and one.query["taken"] == "yes"
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        one = Asked(
            environ["PATH_INFO"],
            {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()},
            environ["wsgi.input"].read(size),
            environ.get("CONTENT_TYPE", ""),
        )
        with self.lock:
            one.query["taken"] = "no"
            self.asked.append(one)
            refusals = self.refusals.get(one.name)
            code = refusals.pop(0) if refusals else 0
        found = {"errcode": code, "errmsg": "refused rid: 1-2-3"} if code else self._answer(one)
        content, kind = (
            found if isinstance(found, tuple) else (json.dumps(found).encode(), "application/json")
        )
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content)))])
        return [content]

    def _answer(self, one: Asked) -> Any:
        if one.name == "stable_token":
            if one.name in self.answers:
                return self.answers[one.name](one)
            return {"access_token": self.token, "expires_in": self.seconds}
        if one.query.get("access_token") != self.token:
            return {"errcode": 40001, "errmsg": f"invalid credential {self.token}"}
        one.query["taken"] = "yes"
        return self.answers[one.name](one) if one.name in self.answers else OK


@contextlib.contextmanager
def running() -> Iterator[FakePlatform]:
    """Serve one on 127.0.0.1."""
    platform = FakePlatform()
    with wsgi(platform) as url:
        platform.host = url
        yield platform
