"""What must hold of the customers of the worker of time, once all is over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tests.chaos.customers import Customer, Opened
from wechat_dialog.core.replay.header import decode_head
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.turn.mail import SignalMail, decode_mail

__all__ = ["ACCOUNT", "FAR", "Books", "is_calm"]

ACCOUNT = "gh_0123456789ab"
FAR = 60_000
"""Milliseconds until what is due only then, and is left by nobody: a question's last day."""

ENDS = {
    "占座": {"released", "seated"},
    "买票": {"bought", "unpaid"},
    "订阅": {"subscribed"},
    "赛": {"race0", "race1", "race2"},
    "提醒": {"missed", "comes"},
    "来访": {"missed", "comes"},
}


class Entry(NamedTuple):
    """A run of a step.

    Attributes:
        number: Of what it was for.
        what: What it said, as far as the "=".
        value: What it said behind that.
        key: Its idempotency key.
        process: Where it ran.
        run: Number of the run in that process.
    """

    number: int
    what: str
    value: str
    key: str
    process: str
    run: str


def is_calm(store: Store, customer: Customer, now: int) -> bool:
    """Return whether nothing of a customer is due, at work, or soon to be."""
    shown = store.show(f"{ACCOUNT}:{customer.openid}")
    if shown is None:
        return True
    soon = shown.wake is not None and shown.wake.at < now + FAR
    return not soon and not decode_head(shown.head).key


class Books:
    """The books of one customer.

    Attributes:
        entries: The ledger, each run of a step once: the client of the ledger repeats an entry when
            it does not hear that it was written.
        again: How many runs were repetitions of a step that was cut off.
    """

    def __init__(self, customer: Customer, lines: list[Any], store: Store) -> None:
        self._customer = customer
        self._shown = store.show(f"{ACCOUNT}:{customer.openid}")
        self.entries = {_entry(line) for line in lines}
        self.again = len(self.entries) - len({entry.key for entry in self.entries})
        self._said: dict[int, dict[str, str]] = defaultdict(dict)
        for entry in self.entries:
            self._said[entry.number][entry.what] = entry.value

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        yield from self._keys()
        for number, opened in self._customer.opened.items():
            yield from self._ended(number, opened)
            yield from self._texts(number, opened)
            yield from self._signals(number, opened)
        yield from self._left()

    def began(self) -> int:
        """Return how many of the things that were opened began."""
        return len(self._said)

    def ends(self) -> Counter[str]:
        """Return how they ended."""
        return Counter(what for said in self._said.values() for what in said)

    def _keys(self) -> Iterator[str]:
        """One key for each step, and one run of it in a process."""
        keys: dict[tuple[int, str], set[str]] = defaultdict(set)
        runs: dict[tuple[str, str], set[str]] = defaultdict(set)
        for entry in self.entries:
            keys[entry.number, entry.what].add(entry.key)
            runs[entry.process, entry.key].add(entry.run)
        for step, found in keys.items():
            if len(found) > 1:
                yield f"{step} ran under {len(found)} keys: {sorted(found)}"
        for (process, key), ran in runs.items():
            if len(ran) > 1:
                yield f"process {process} ran {key} {len(ran)} times, and lived"

    def _ended(self, number: int, opened: Opened) -> Iterator[str]:
        said = self._said[number].keys()
        ends = said & ENDS[opened.kind]
        if opened.kind == "来访" and not said:
            yield f"{opened.kind} {number} never began"
        elif said and len(ends) != 1:
            yield f"{opened.kind} {number} ended {len(ends)} times: {sorted(said)}"

    def _texts(self, number: int, opened: Opened) -> Iterator[str]:
        """What is owed is delivered; only a message that was not answered, or with an apology, may
        have lost it.
        """
        if not self._said[number] or self._customer.faults:
            return
        seen = "\n".join(self._customer.seen)
        for text in (f"完#{number}#", f"记得#{number}#"):
            if text not in seen and (opened.kind == "提醒" or "完" in text):
                yield f"{opened.kind} {number}: {text} was never delivered"

    def _signals(self, number: int, opened: Opened) -> Iterator[str]:
        """Each is consumed once, or kept."""
        for id, outcomes in opened.outcomes.items():
            first = [outcome for outcome in outcomes if outcome != "repeated"]
            if len(first) > 1 or len(outcomes) < 3:
                yield f"{opened.kind} {number}: {id} is {outcomes}"
        if opened.kind == "来访":
            return
        said = self._said[number]
        values = ",".join(said.get(what, "") for what in ("bought", "race0", "subscribed"))
        there = [int(value) for value in values.split(",") if value]
        kept = [data for match, data in self._mail() if match == str(number)]
        if sorted(there + kept) != sorted(opened.sent.values()):
            sent = sorted(opened.sent.values())
            yield f"{opened.kind} {number}: of {sent}, {there} were consumed and {kept} are kept"

    def _mail(self) -> Iterator[tuple[str, Any]]:
        for mail in () if self._shown is None else self._shown.mail:
            letter = decode_mail(mail)
            if isinstance(letter, SignalMail):
                yield letter.match, msgspec.json.decode(letter.data)

    def _left(self) -> Iterator[str]:
        """Nothing is left but signals for which nobody waits."""
        if self._shown is None:
            return
        head = decode_head(self._shown.head)
        left = {
            "on the stack": [frame.dialog for frame in head.stack],
            "aside": [*head.aside, *self._shown.aside],
            "parked": [(id, parked.document) for id, parked in self._shown.parked.items()],
            "owed": head.owed,
            "cut off": head.key,
            "due": self._shown.wake,
            "records": self._shown.records,
            "to begin": [mail for mail in self._shown.mail if b"visit" in mail.body],
        }
        for where, what in left.items():
            if what:
                yield f"{where}: {what}"


def _entry(line: Any) -> Entry:
    number, said, key, process, run = str(line).split()
    what, _, value = said.partition("=")
    return Entry(int(number), what, value, key, process, run)
