"""A page without a browser: the simulator's events heard, its commands asked for."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import httpx

from tests.cli.command import COMMAND, PATIENCE, environment, see_the_end_of
from tests.forking import Forked

Event = dict[str, Any]


class Page:
    """One page: listens from the moment it is made, and knows what a page would show."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[Event] = []
        self.state: Event = {}
        self.front = ""
        self._heard = threading.Condition()
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.wait(lambda event: event["type"] == "state")

    def close(self) -> None:
        self._thread.join(PATIENCE)
        self.client.close()

    def _listen(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.stream("GET", f"{self.url}/events", timeout=None, trust_env=False) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    with self._heard:
                        self._take(json.loads(line[5:]))
                        self._heard.notify_all()

    def _take(self, event: Event) -> None:
        self.events.append(event)
        state, kind = self.state, event["type"]
        if kind == "state":
            self.state = event
        elif kind == "bubble":
            _put(state["messages"].setdefault(event["user"], []), event["bubble"])
        elif kind == "request":
            _put(state["requests"].setdefault(event["user"], []), event["request"])
        elif kind == "user":
            state["messages"].setdefault(event["user"]["id"], [])
            state["requests"].setdefault(event["user"]["id"], [])
            _put(state["users"], event["user"])
        elif kind == "conversation":
            state["conversations"][event["user"]] = event["conversation"]
        elif kind == "cleared":
            state["messages"][event["user"]] = event["messages"]
            state["requests"][event["user"]] = event["requests"]
        elif kind in ("bot", "menu"):
            state[kind] = event[kind]

    def wait(self, fits: Callable[[Event], Any], *, after: int = 0) -> Event:
        """The first event that fits; waits for it."""
        end = time.monotonic() + PATIENCE
        with self._heard:
            while True:
                for event in self.events[after:]:
                    if fits(event):
                        return event
                if not self._heard.wait(end - time.monotonic()):
                    raise TimeoutError(json.dumps(self.events[after:], ensure_ascii=False))

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something holds of what the page shows; gives what it is. It may look at what
        is not there yet.
        """
        end = time.monotonic() + PATIENCE
        with self._heard:
            while True:
                with contextlib.suppress(LookupError):
                    if found := holds():
                        return found
                if not self._heard.wait(end - time.monotonic()):
                    raise TimeoutError(json.dumps(self.state, ensure_ascii=False))

    @property
    def user(self) -> str:
        """The OpenID of the user in front: the first, unless another was put there."""
        return self.front or cast("str", self.state["users"][0]["id"])

    @property
    def person(self) -> Event:
        """The user in front."""
        return next(one for one in self.state["users"] if one["id"] == self.user)

    def ask(self, command: str, **fields: Any) -> httpx.Response:
        """Ask for a command."""
        return self.client.post(f"/do/{command}", json=fields)

    def do(self, command: str, **fields: Any) -> Event:
        """Ask for a command that must succeed."""
        answer = self.ask(command, **fields)
        assert answer.status_code == 200, answer.text
        return cast("Event", answer.json())

    def shown(self, user: str = "") -> list[tuple[str, str]]:
        """What a user's screen shows: who, and the text."""
        return [
            (bubble["from"], "".join(part["text"] for part in bubble["parts"]))
            for bubble in self.state["messages"].get(user or self.user, [])
        ]

    def say(self, text: str, user: str = "") -> str:
        """Send a text, and give the text that is answered."""
        user = user or self.user
        before = len(self.shown(user))
        self.do("text", user=user, content=text)

        def answer() -> str:
            new = self.shown(user)[before:]
            return next((said for who, said in new if who != "user"), "")

        return cast("str", self.until(answer))

    def conversation(self, user: str = "") -> Event | None:
        """What is told of a user's conversation."""
        return cast("Event | None", self.state["conversations"].get(user or self.user))


def _put(kept: list[Event], one: Event) -> None:
    for index, other in enumerate(kept):
        if other["id"] == one["id"]:
            kept[index] = one
            return
    kept.append(one)


@contextlib.contextmanager
def simulating(
    folder: Path, *words: str, port: str = "0", chinese: bool = False, first: str = ""
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`simulate` for the length of a block; gives the process and its URL.

    Args:
        first: Code that its process runs first.
    """
    *python, code = COMMAND
    process = Forked(
        [*python, f"{first}\n{code}", *words, "--no-browser", "--port", port],
        cwd=folder,
        env=environment(chinese=chinese),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for line in cast("IO[str]", process.stderr):
            if found := re.search(r"http://[^/\s]+", line):
                yield process, found[0]
                break
        else:
            raise AssertionError("it ended before it said where it listens")
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)
        see_the_end_of(process.pid)


@contextlib.contextmanager
def page_of(folder: Path, *words: str, first: str = "") -> Iterator[Page]:
    """A page of a simulator of its own."""
    with simulating(folder, *words, first=first) as (process, url):
        page = Page(url)
        try:
            yield page
        finally:
            process.terminate()
            page.close()
