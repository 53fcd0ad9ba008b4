"""Users of the worker of time, and those who tell it of their payments."""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.outside_worker import PAYMENTS
from tests.chaos.processes import Worker, balanced
from wechat_dialog import Texts

__all__ = ["KINDS", "Customer", "Opened"]

KINDS = ("占座", "买票", "订阅", "赛", "提醒", "来访")
QUESTION = re.compile(r"第 \d+ [座场]")
IDLE = "没事"
APOLOGY = Texts().apology


@dataclass
class Opened:
    """What a customer opened.

    Attributes:
        kind: One of `KINDS`.
        sent: What was sent for it, by the signal's id.
        outcomes: What the sender was told of each, each time.
    """

    kind: str
    sent: dict[str, Any] = field(default_factory=dict[str, Any])
    outcomes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


class Customer(threading.Thread):
    """Somebody who opens one thing after another, answers or is silent, pays or does not.

    Attributes:
        opened: What they opened, by its number.
        seen: What they said and saw, or would have if no answer had been lost on its way.
        faults: Messages whose answer may be lost: those that were not answered at all, or with an
            apology.
    """

    def __init__(
        self, number: int, workers: list[Worker], *, seed: int, rounds: int,
        span: tuple[float, float], until: float, calm: threading.Event, silent: bool,
        pace: tuple[float, float],
    ) -> None:  # fmt: skip
        """Make one.

        Args:
            number: Tells them from others.
            workers: Who answers.
            seed: Of what they do.
            rounds: How many things they open.
            span: Seconds that each takes, at least and at most.
            until: When they give up.
            calm: Set once nothing is due any more.
            silent: Whether they write nothing between their last round and then: what is due until
                then is nobody's but the sweepers'.
            pace: Seconds that typing takes, at least and at most.
        """
        super().__init__(daemon=True)
        self.openid = f"oTime{number:04d}"
        self.choose = random.Random(f"{seed} {number}")
        self.workers, self.until, self.calm, self.silent = workers, until, calm, silent
        self.span, self.pace = span, pace
        self.kinds = [self.choose.choice(KINDS) for _ in range(rounds)]
        self.platform = balanced(workers, random.Random(f"{seed} {number} ways"))
        self.opened: dict[int, Opened] = {}
        self.seen: list[str] = []
        self.faults = 0
        self.over = threading.Event()
        self._tellers: list[threading.Thread] = []

    def run(self) -> None:
        """Open one thing after another, and then see how all of them end."""
        with self.platform.client:
            for kind in self.kinds:
                self._open(kind)
            for teller in self._tellers:
                teller.join()
            self.over.set()
            while not self.calm.is_set() and self._has_time():
                if not self.silent:
                    self._follow(self._say("在吗"))
                self.calm.wait(self.choose.uniform(0.2, 1.0))
            self._hear_all()
        self.seen += self.platform.lost

    def _has_time(self) -> bool:
        return time.monotonic() < self.until

    def _hear_all(self) -> None:
        idle = 0
        while idle < 2 and self._has_time():
            text = self._say("在吗")
            idle = idle + 1 if text == IDLE else 0
            self._follow(text)

    # What they write ------------------------------------------------------------------------------

    def _open(self, kind: str) -> None:
        if not self._has_time():
            return
        number = len(self.opened) + 1
        opened = self.opened[number] = Opened(kind)
        seconds = self.choose.uniform(*self.span)
        self._tell(number, opened, seconds)
        if kind != "来访":
            self._follow(self._say(f"{kind} {number} {seconds:.1f}"), silent=0.4)

    def _follow(self, text: str, silent: float = 0.0) -> None:
        """Answer what is asked, and fetch what is held."""
        for _ in range(6):
            if "继续" in text:
                text = self._say("继续")
            elif not QUESTION.search(text):
                return
            elif self.choose.random() < silent:
                time.sleep(self.choose.uniform(*self.span))
                return
            else:
                text = self._say(str(self.choose.randrange(1, 9)))

    def _say(self, text: str) -> str:
        shown = self.platform.deliver(self.platform.message(self.openid, "text", Content=text))
        # An apology is said where the store is away while the turn is committed: if it was, and the
        # process dies before it can tell the store that nobody had the reply, nobody will.
        self.faults += bool(shown.fault) or APOLOGY in shown.text
        self.seen.append(f"{text} → {shown.text}")
        time.sleep(self.choose.uniform(*self.pace))
        return shown.text

    # What others say of them ----------------------------------------------------------------------

    def _tell(self, number: int, opened: Opened, seconds: float) -> None:
        count = {"订阅": PAYMENTS, "买票": 1, "赛": 1, "来访": 1}.get(opened.kind, 0)
        for one in range(count):
            if opened.kind in ("买票", "赛") and self.choose.random() < 0.3:
                continue  # never paid
            id = f"{opened.kind} {number} {one}"
            begins = opened.kind == "来访"
            opened.sent[id] = round(seconds, 1) if begins else number * 10 + one
            # Before it is waited for, meanwhile, and when it is too late.
            delay = self.choose.uniform(0, seconds * 1.5)
            arguments = (number, opened, id, delay, random.Random(f"{self.openid} {id}"))
            teller = threading.Thread(target=self._teller, args=arguments, daemon=True)
            teller.start()
            self._tellers.append(teller)

    def _teller(
        self, number: int, opened: Opened, id: str, delay: float, choose: random.Random
    ) -> None:
        """Say it three times, each until somebody has heard it."""
        body = {
            "path": "begin" if opened.kind == "来访" else "signal",
            "user": self.openid, "match": str(number), "data": opened.sent[id], "id": id,
        }  # fmt: skip
        outcomes = opened.outcomes[id] = []
        time.sleep(delay)
        while len(outcomes) < 3 and self._has_time():
            url = f"{choose.choice(self.workers).url}told"
            try:
                answer = self.platform.client.post(url, json=body, timeout=5)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                outcomes.append(answer.json()["outcome"])
            time.sleep(choose.uniform(0.05, 0.4))
