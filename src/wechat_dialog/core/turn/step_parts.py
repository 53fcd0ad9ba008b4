"""Parts of a step: which are run, which are returned from the record, and what the step has said.

A part is identified by its name, its arguments as far as JSON can represent them, a count of
earlier runs with these, and the part within which it was run. Its outcome is recorded like a
step's, together with the paragraphs said within it: a worker that takes the step over does not run
the part, and says them again from the record. All other paragraphs are said again by the step's
function itself, so they need no record; the page compares them with those it already has
(`core/store/page_rules.py`).

Nothing is performed here: calls of parts and store operations are yielded, and performed by
`runtime/step_parts.py`, on a thread or an event loop.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Generator, Iterable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.steps import wants_idempotency_key
from wechat_dialog.core.logs import log
from wechat_dialog.core.pages import pieces
from wechat_dialog.core.pages.address import KEPT
from wechat_dialog.core.replay.outcomes import failed, must_come_back, raised, returned, value
from wechat_dialog.core.replay.records import (
    Failed,
    Paragraph,
    Returned,
    encode_record,
    paragraph,
    said,
)
from wechat_dialog.core.secrecy import without_secret
from wechat_dialog.core.store.pages import PageAppend
from wechat_dialog.core.store.parts import PartPut, PartsRead
from wechat_dialog.core.turn.given_parts import GivenParts, plain_part
from wechat_dialog.core.turn.page_link import pieces_of
from wechat_dialog.core.wire.crypto import Seal
from wechat_dialog.errors import (
    ClaimLost,
    DecryptionFailed,
    StepEnded,
    StoreError,
    TooManyParts,
)
from wechat_dialog.replies import Markdown

__all__ = ["MOST", "ROOM", "Part", "StepParts", "TriedParts"]

MOST = 1000
"""How many parts a step may have, and how many paragraphs it may say."""

ROOM = 1024 * 1024
"""Bytes of the outcomes of its parts, at most."""

SAID = 256 * 1024
"""Bytes of what it says, at most."""


class Part(msgspec.Struct, frozen=True):
    """Call a part's function; the result is the function's result.

    Attributes:
        name: Its name.
        fn: The function.
        args: Its arguments.
        kwargs: Its keyword arguments.
    """

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


Wants = Generator[Any, Any, Any]


@dataclass
class _Running:
    """A running part, and the part within which it runs."""

    id: str
    within: _Running | None
    said: list[Paragraph] = field(default_factory=list[Paragraph])


_running: ContextVar[_Running | None] = ContextVar("wechat-dialog-part", default=None)


class StepParts:
    """The parts of one call of a step, including repetitions.

    Attributes:
        context: What the turn passed to the step.
        known: Outcomes of parts by id, in stored form.
        page: The store's id of the turn's page; "" if it was not needed yet.
    """

    def __init__(self, name: str, context: GivenParts, in_hand: MutableMapping[str, bytes]) -> None:
        """Do not ask the store for anything yet.

        Args:
            name: The step's name.
            context: What the turn passed to the step.
            in_hand: Outcomes of parts in this process that the store is not known to have.
        """
        self.name = name
        self.context = context
        self.known: dict[str, bytes] = {}
        self.page = ""
        self._in_hand = in_hand
        self._read = False

    def attempt(self) -> TriedParts:
        """Return the object that is passed to one call of the function."""
        return TriedParts(self)

    def again(self) -> Wants:
        """Forget the parts that raised, since the function is called again."""
        for id, stored in list(self.known.items()):
            if isinstance(self.decoded(stored), Failed):
                self._in_hand.pop(id, None)
                yield self._put(id, b"")
                del self.known[id]

    def outcome(self, id: str) -> Generator[Any, Any, Returned | Failed | None]:
        """Return the outcome of a part; None if none is known. What the store has takes precedence
        over what is in hand: another worker recorded it, and may have continued from it.
        """
        if not self._read:
            context = self.context
            stored_parts = (yield PartsRead(context.user, context.step)).get(context.step, {})
            for recorded in stored_parts:
                self._in_hand.pop(recorded, None)
            self.known = {**self._in_hand, **stored_parts, **self.known}
            self._read = True
        stored = self.known.get(id)
        if stored is None:
            return None
        if id in self._in_hand:
            yield from self.keep(id, stored)
        return self.decoded(stored)

    def keep(self, id: str, stored: bytes) -> Wants:
        """Record the outcome of a part; it is kept in memory until the store has confirmed it."""
        self._in_hand[id] = self.known[id] = stored
        yield self._put(id, stored)
        self._in_hand.pop(id, None)

    def _put(self, id: str, stored: bytes) -> PartPut:
        context = self.context
        return PartPut(context.user, context.fence, context.step, id, stored, context.ttl)

    def decoded(self, stored: bytes) -> Returned | Failed | None:
        """Decode a recorded outcome; None if it cannot be decrypted or decoded."""
        seal = self.context.seal
        try:
            if seal is not None and stored.startswith(Seal.MARK):
                stored = seal.open(stored)
            return plain_part(stored)
        except (DecryptionFailed, msgspec.DecodeError):
            return None

    def encoded(self, record: Returned | Failed) -> bytes:
        """Encode an outcome for recording."""
        plain, seal = encode_record(record), self.context.seal
        return plain if seal is None else seal.close(plain)

    def tell_of_others(self, requested: Iterable[str]) -> None:
        """Warn if outcomes are known of parts that the function did not request: it took another
        path than when they were recorded.
        """
        unused = [self.decoded(stored) for id, stored in self.known.items() if id not in requested]
        names = sorted({record.name for record in unused if record is not None})
        if names:
            log.warning(
                "step %r was run again, and did not come to %d of its parts (%s): what differs "
                "from run to run, a clock, chance, belongs into a part of its own",
                self.name, len(unused), ", ".join(map(repr, names)),
            )  # fmt: skip


class TriedParts:
    """What one call of a step's function does with its parts.

    Attributes:
        said: What it has said.
        lost: The exception if the store failed or the claim was lost: whatever the function does
            with it, its turn starts over.
    """

    def __init__(self, parts: StepParts) -> None:
        self.said: list[Paragraph] = []
        self.lost: BaseException | None = None
        self._parts = parts
        self._over = False
        self._counts: dict[str, itertools.count[int]] = {}
        self._asked: dict[str, None] = {}
        self._page = _Page(parts)
        self._room = SAID

    def end(self, *, returned: bool) -> None:
        """Note that the function has returned, raised, or was given up.

        Raises:
            BaseException: `lost`.
        """
        self._over = True
        if self.lost is not None:
            raise self.lost
        if returned:
            self._parts.tell_of_others(self._asked)

    def stop(self) -> None:
        """Note that the function was given up: nobody waits for it any more, though it may still
        run.
        """
        self._over = True

    def _must_go_on(self, call: str) -> None:
        if self.lost is not None:
            raise self.lost
        if self._over:
            raise StepEnded(call, line_at_hand(), self._parts.name)

    def _stored(self, wants: Wants) -> Wants:
        """Perform store operations; note if they fail."""
        try:
            return (yield from wants)
        except StoreError as error:
            self.lost = error
            raise

    # Parts ----------------------------------------------------------------------------------------

    def run(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Wants:
        """See `Steps.run`."""
        call = f"steps.run({name!r}, …)"
        self._must_go_on(call)
        parts, running = self._parts, _Running("", _running.get())
        running.id = self._id(name, args, kwargs, running.within)
        record = yield from self._stored(parts.outcome(running.id))
        self._asked[running.id] = None
        if record is not None:
            for stored_paragraph in record.said:
                yield from self.say(paragraph(stored_paragraph))
            return _unpacked(fn, record)
        if len(self._asked) > MOST:
            raise TooManyParts(call, line_at_hand(), f"a step has {MOST} parts at most")
        if wants_idempotency_key(fn) and "idempotency_key" not in kwargs:
            kwargs = {**kwargs, "idempotency_key": f"{parts.context.step}:{running.id}"}
        error: Exception | None = None
        result: object = None
        before = _running.set(running)
        try:
            result = yield Part(name, fn, args, kwargs)
        except Exception as raised_error:  # noqa: BLE001 - this is the part's outcome
            error = raised_error
        finally:
            with contextlib.suppress(ValueError):  # closed unfinished, in another context
                _running.reset(before)
        self._must_go_on(call)
        return (yield from self._ended(call, running, name, fn, result, error))

    def _ended(
        self,
        call: str,
        running: _Running,
        name: str,
        fn: Callable[..., Any],
        result: object,
        error: Exception | None,
    ) -> Wants:
        parts = self._parts
        record: Returned | Failed
        if error is None:
            record = returned(name, result)  # type: ignore[assignment]
            must_come_back(fn, name, result, value(fn, record))  # type: ignore[arg-type]
        else:
            record = failed(name, error)  # type: ignore[assignment]
        stored = parts.encoded(msgspec.structs.replace(record, said=running.said))
        if sum(map(len, parts.known.values())) + len(stored) > ROOM:
            why = f"what its parts return is more than {ROOM // 1024} KB; return less of it"
            raise TooManyParts(call, line_at_hand(), why)
        yield from self._stored(parts.keep(running.id, stored))
        if error is not None and type(raised(record)) is type(error):  # type: ignore[arg-type]
            raise error
        return _unpacked(fn, record)

    def _id(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        within: _Running | None,
    ) -> str:
        """Return the id of a part."""
        identity: list[Any] = ["" if within is None else within.id, name]
        if self._parts.context.seal is None:
            identity += [args, kwargs]
        try:
            encoded = _in_order.encode(identity)
        except Exception:  # noqa: BLE001 - arguments may raise when they are inspected
            encoded = _in_order.encode(identity[:2])
        digest = hashlib.blake2s(encoded, digest_size=8).hexdigest()
        return f"{digest}:{next(self._counts.setdefault(digest, itertools.count()))}"

    # Paragraphs -----------------------------------------------------------------------------------

    def say(self, text: str | Markdown) -> Wants:
        """See `Steps.say`."""
        call = "steps.say(…)"
        self._must_go_on(call)
        plain = text.text if isinstance(text, Markdown) else text
        for secret in self._parts.context.secrets:
            plain = without_secret(plain, secret)
        if not plain.strip():
            return
        size = len(plain.encode("utf-8", "surrogatepass"))
        if len(self.said) >= MOST or size > self._room:
            why = f"a step says {MOST} paragraphs and {SAID // 1024} KB at most"
            raise TooManyParts(call, line_at_hand(), why)
        self._room -= size
        record = said(Markdown(plain) if isinstance(text, Markdown) else plain)
        self.said.append(record)
        running = _running.get()
        while running is not None:
            running.said.append(record)
            running = running.within
        try:
            yield from self._page.write(paragraph(record))
        except ClaimLost as error:
            self.lost = error
            raise


class _Page:
    """What one call of a step's function writes to the turn's page."""

    def __init__(self, parts: StepParts) -> None:
        self._parts = parts
        self._pieces: list[bytes] = []
        self._begun = False
        self._written = 0
        self._room = pieces.TEXTS

    def write(self, text: str | Markdown) -> Wants:
        """Write a paragraph. If the store fails, it is written with the next one: what matters is
        the answer, which will be on the page, too.
        """
        context = self._parts.context
        if context.page is None:
            return
        if not self._begun:
            self._add(pieces_of(context.before))
            self._begun = True
        reply = context.reply_of(text)
        self._add(pieces_of([] if reply is None else [reply]))
        if self._room < 0:
            return  # the answer will be truncated there, and say so
        first = self._written
        new = tuple(self._pieces[first:])
        try:
            if not self._parts.page:
                self._parts.page = yield from context.page(context.user, context.fence)
            written = yield PageAppend(self._parts.page, first, new, KEPT, context.fence)
        except ClaimLost:
            raise
        except StoreError:
            written = False
        self._written = max(self._written, first + len(new)) if written else 0

    def _add(self, more: list[pieces.Piece]) -> None:
        encoded = pieces.encode(more)
        self._room -= sum(map(len, encoded))
        self._pieces += encoded


def _unpacked(fn: Callable[..., Any], record: Returned | Failed) -> Any:
    if isinstance(record, Failed):
        raise raised(record)
    return value(fn, record)


def _named(value: object) -> str:
    """Return a stand-in for an argument that JSON cannot represent."""
    return f"<{type(value).__qualname__}>"


_in_order = msgspec.json.Encoder(order="deterministic", enc_hook=_named)
