"""Times and the mailbox in Redis: each operation as its calls, for both stores.

The index has the users for whom something is due: sorted sets with slots of their own, since
whoever reads them does not know a user. So in a cluster it is written separately, always before the
user: if the process dies in between, the index names a user for whom nothing is due, which is found
out later. If index and user are on one server, one script writes both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from wechat_dialog.core.logs import log
from wechat_dialog.core.store.checks import check, check_commit
from wechat_dialog.core.store.entry import micros, millis
from wechat_dialog.core.store.times import Due, Dues, Post, Posted
from wechat_dialog.core.store.values import Commit, Committed, Write
from wechat_dialog.errors import MailboxFull, StoreError

from .answers import Unsaid
from .asking import Asker, Asking, AsyncAsker
from .calls import Arguments, Call
from .keys import Keys
from .packing import Packable
from .scripts import Scripts
from .walking import Walk
from .writes import Writes, timing_of

__all__ = ["AsyncTimes", "TimeCalls", "Times"]

_ANSWERED, _FULL = 0, 6  # as in entry.lua
_SHARDS = 8
"""Shards of an index in a cluster: enough to spread it, few enough to read all of them."""


_When = tuple[int, str, bool, int, bool]
"""When something of a user is due (µs, 0: nothing), of which account, whether the user is claimed,
the store's time (µs), and whether the index lacked the user.
"""


class TimeCalls:
    """Builds the calls for times and the mailbox of one store.

    Args:
        keys: The store's key names.
        scripts: The store's scripts.
        writes: Builds the store's writes.
        confirmed: Lets a write wait for replicas, if the store's writes do.
        spread: Whether the servers are a cluster, so that a script may not write both the index and
            the user. A cluster behind a single address is detected later.
    """

    def __init__(
        self,
        keys: Keys,
        scripts: Scripts,
        writes: Writes,
        confirmed: Callable[[Call[Any]], Call[Any]],
        *,
        spread: bool,
    ) -> None:
        self._keys = keys
        self._scripts = scripts
        self._writes = writes
        self._confirmed = confirmed
        self._shards = _SHARDS if spread else 1
        self._together = not spread
        self._walk = Walk(keys, scripts, self._put_back)

    def record(self, user: str, fence: int, write: Write) -> Asking:
        """See `Store.record`; for a write that sets times."""
        check(write, commits=False)
        index = None if write.wake is None else self._index(user, write.wake.account)
        timing = timing_of(user, write)

        def call(timing: dict[str, Packable], index: str | None) -> Call[Committed]:
            return self._writes.record(user, fence, write, timing=timing, index=index)

        return (yield from self._written(user, write, timing, call, index))

    def commit(self, requested: Commit) -> Asking:
        """See `Store.commit`; for one that sets times."""
        check_commit(requested)
        user, write, fires = requested.user, requested.write, requested.fires
        timing = timing_of(user, write)
        of = {write.wake.account} if write.wake else set[str]()
        if fires is not None:
            timing["fires"] = [fires.at, fires.until]
            of.add(fires.account)
        index = self._index(user, *of) if len(of) == 1 else None

        def call(timing: dict[str, Packable], index: str | None) -> Call[Any]:
            return self._writes.commit(requested, timing=timing, index=index)

        result = yield from self._written(user, write, timing, call, index)
        together = index is not None and self._together
        if fires is not None and type(result) is Committed and not together:
            again = write.wake is not None and write.wake.at == fires.at
            yield self.drop(fires, "again" if again else "fired")
        return result

    def _written(
        self,
        user: str,
        write: Write,
        timing: dict[str, Packable],
        call: Callable[[dict[str, Packable], str | None], Call[Any]],
        index: str | None,
    ) -> Asking:
        """Write a user, and the index with it or before it."""
        if index is not None and self._together:
            try:
                return (yield self._confirmed(call(timing, index)))
            except StoreError as error:
                self._stand_apart(error)
        if write.wake is None:
            return (yield self._confirmed(call({**timing, "apart": 2}, None)))
        try:
            return (yield self._confirmed(call({**timing, "apart": 1}, None)))
        except Unsaid as unsaid:
            wake = write.wake
            yield self._add(user, wake.account, wake.at, stays=unsaid.fires)
        return (yield self._confirmed(call({**timing, "apart": 2}, None)))

    def _stand_apart(self, error: StoreError) -> None:
        """Write the index separately from now on, if a server requires that."""
        if "slot" not in str(error.__cause__).lower():
            raise error
        self._together = False
        log.info("there is a cluster behind this address: the index of times is written separately")

    def due(self, account: str, limit: int, lease: float) -> Asking:
        """See `Store.due`."""
        span = micros(lease)
        keys = [self._keys.index(shard, account) for shard in range(self._shards)]
        if len(keys) == 1:
            (now, following, leased) = yield self._asked(keys[0], limit, span)
        else:
            now, following, leased = yield from self._asked_all(keys, limit, span)
        entries = [_due(member, until, account) for member, until in leased]
        if len(entries) < limit:
            yield from self._walk.step(account)
        # Rounded up: a caller that sleeps until then finds it.
        return Dues(tuple(entries), millis(now), None if following < 0 else -millis(-following))

    def _asked_all(self, keys: list[str], limit: int, span: int) -> Asking:
        """Lease the first entries of several shards: all shards are read first, and again if
        another process was faster.
        """
        leased: list[tuple[bytes, int]] = []
        scores: dict[bytes, int] = {}
        while True:
            now, firsts, ripe = 0, dict[str, int](), list[tuple[int, str, bytes]]()
            for key in keys:
                now, firsts[key], entries = yield self._asked(key, limit - len(leased), -1)
                ripe += [(score, key, member) for member, score in entries]
            chosen = [key for _, key, _ in sorted(ripe)[: limit - len(leased)]]
            missing = len(chosen)
            scores |= {member: score for score, _, member in ripe}
            for key in dict.fromkeys(chosen):
                now, firsts[key], entries = yield self._asked(key, chosen.count(key), span)
                leased += entries
                missing -= len(entries)
            if missing <= 0:
                break
        leased.sort(key=lambda each: scores.get(each[0], now))
        return now, min([each for each in firsts.values() if each >= 0], default=-1), leased

    def end_leases(self, entries: Sequence[Due]) -> Asking:
        """See `EndsLeases.end_leases`; one call for each shard."""
        of = dict[str, list[str | int]]()
        for due in entries:
            leased = of.setdefault(self._index(due.user, due.account), [])
            leased += [due.user, due.at, due.until]
        for index, leased in of.items():
            yield Call(self._scripts.index_free, (1, index, *leased), int)

    def undue(self, due: Due) -> Asking:
        """See `Store.undue`."""
        yield from self._either(self._undue(due, due.account, due.at), self._undue(due))

    def _undue(self, due: Due, *of: str | int) -> Asking:
        answer = yield self._when(due.user, *of)
        # The script has seen to the index of one account, and cannot see to that of another.
        if not of or answer[1] not in {"", due.account}:
            yield from self._drop_undue(due, answer)

    def _drop_undue(self, due: Due, answer: _When) -> Asking:
        """Take an entry out of the index if nothing is due, and add one for what is due later."""
        first, account, claimed, now, _ = answer
        if claimed or 0 < first <= now:
            return
        again = first > 0 and (millis(first), account) == (due.at, due.account)
        if first and not again:
            yield self._add(due.user, account, millis(first), stays=True)
        yield self.drop(due, "again" if again else "idle")

    def post(self, post: Post) -> Asking:
        """See `Store.post`."""
        if not post.account:
            raise ValueError("Post.account must not be empty")
        token = os.urandom(6)
        together, apart = self._post_together(post, token), self._post_apart(post, token)
        return (yield from self._either(together, apart))

    def _post_together(self, post: Post, token: bytes) -> Asking:
        return _posted(post, (yield self._confirmed(self._post(post, token))))

    def _post_apart(self, post: Post, token: bytes) -> Asking:
        at, until, _ = yield self._add(post.user, post.account, 0, lease=micros(post.lease))
        posted = _posted(post, (yield self._confirmed(self._post(post, token))))
        if posted.due is None:
            return posted
        due = Due(post.user, at, until, post.account)
        return Posted(posted.outcome, posted.number, due)

    def note(self, name: str, *account: str) -> Call[str]:
        """Store an account under a name, or without one return the stored account."""
        arguments: Arguments = (1, self._keys.account(name), *account)
        return Call(self._scripts.note, arguments, bytes.decode)

    def _put_back(self, user: str, account: str) -> Asking:
        """Add a user to the index; returns whether they were missing.

        Args:
            user: The user.
            account: The account whose index probably has them.
        """
        together, apart = self._put_back_together(user, account), self._put_back_apart(user)
        return (yield from self._either(together, apart))

    def _put_back_together(self, user: str, account: str) -> Asking:
        first, of, *_, lacked = yield self._when(user, account)
        if first and of != account:
            *_, lacked = yield self._when(user, of)
        return bool(first and lacked)

    def _put_back_apart(self, user: str) -> Asking:
        first, of, *_ = yield self._when(user)
        if not first:
            return False
        at, until, added = yield self._add(user, of, millis(first), stays=True)
        if not added:
            return False
        # A firing may have ended since, and its entry have been dropped.
        now_first, *_ = yield self._when(user)
        if now_first == first:
            return True
        yield self.drop(Due(user, at, until, of), "fired")
        return False

    def _either(self, together: Asking, apart: Asking) -> Asking:
        """Perform the first if one script may write user and index, otherwise the second."""
        if self._together:
            try:
                return (yield from together)
            except StoreError as error:
                self._stand_apart(error)
        return (yield from apart)

    # The calls ------------------------------------------------------------------------------------

    def _index(self, user: str, account: str) -> str:
        return self._keys.index(self._keys.shard(user, self._shards), account)

    def _when(self, user: str, *of: str | int) -> Call[_When]:
        """Look when something of a user is due and, if they are on one server, see to the index.

        Args:
            user: The user.
            of: The account of the index; then the time of an entry that may be of no use.
        """
        keys = [self._keys.of(user) + kind for kind in "hjcmt"]
        if of:
            keys.append(self._index(user, str(of[0])))
        return Call(self._scripts.when, (len(keys), *keys, user, *of), _read_when)

    def _add(
        self, user: str, account: str, at: int, *, lease: int = 0, stays: bool = False
    ) -> Call[tuple[int, int, int]]:
        arguments = (1, self._index(user, account), user, at, lease, int(stays))
        return Call(self._scripts.index_add, arguments, tuple)

    def drop(self, due: Due, why: str) -> Call[int]:
        """Remove an entry from the index, unless it was leased again since.

        Args:
            due: The entry.
            why: See `lua/index_drop.lua`.
        """
        arguments = (1, self._index(due.user, due.account), due.user, due.at, due.until, why)
        return Call(self._scripts.index_drop, arguments, int)

    def _asked(self, key: str, limit: int, span: int) -> Call[tuple[int, int, Any]]:
        return Call(self._scripts.index_due, (1, key, limit, span), _read_due)

    def _post(self, post: Post, token: bytes) -> Call[Any]:
        keys: Arguments = tuple(self._keys.of(post.user) + kind for kind in "hjcmi")
        if self._together:
            keys = (*keys, self._index(post.user, post.account))
        values = (
            post.account,
            post.id,
            post.body,
            post.most,
            micros(post.kept),
            micros(post.lease),
        )
        arguments = (len(keys), *keys, *values, post.user, token, int(self._together))
        return Call(self._scripts.post, arguments, tuple)


def _posted(post: Post, answer: Any) -> Posted:
    kind, *rest = answer
    if kind == _FULL:
        raise MailboxFull(post.user, post.most)
    if kind == _ANSWERED:
        return Posted("repeated")
    number, until = rest
    return Posted("kept", number, Due(post.user, millis(number), until, post.account))


def _read_when(answer: Any) -> _When:
    first, account, claimed, now, lacked = answer
    return first, account.decode(), claimed == 1, now, lacked == 1


def _read_due(answer: Any) -> tuple[int, int, list[tuple[bytes, int]]]:
    now, following, flat = answer
    return now, following, list(zip(flat[::2], map(int, flat[1::2]), strict=True))


def _due(member: bytes, until: int, account: str) -> Due:
    at, _, user = member.partition(b":")
    return Due(user.decode(), int(at), until, account)


class Times(Asker):
    """The operations of a `RedisStore` on times and the mailbox."""

    _times: TimeCalls

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        return self._perform(self._times.due(account, limit, lease))  # type: ignore[no-any-return]

    def end_leases(self, entries: Sequence[Due]) -> None:
        """See `EndsLeases.end_leases`."""
        self._perform(self._times.end_leases(entries))

    def undue(self, due: Due) -> None:
        """See `Store.undue`."""
        self._perform(self._times.undue(due))

    def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        return self._perform(self._times.post(post))  # type: ignore[no-any-return]

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        self._call(self._times.note(name, account))

    def account(self, name: str) -> str:
        """See `Store.account`."""
        return self._call(self._times.note(name))


class AsyncTimes(AsyncAsker):
    """The operations of an `AsyncRedisStore` on times and the mailbox."""

    _times: TimeCalls

    async def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        return await self._perform(self._times.due(account, limit, lease))  # type: ignore[no-any-return]

    async def end_leases(self, entries: Sequence[Due]) -> None:
        """See `EndsLeases.end_leases`."""
        await self._perform(self._times.end_leases(entries))

    async def undue(self, due: Due) -> None:
        """See `Store.undue`."""
        await self._perform(self._times.undue(due))

    async def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        return await self._perform(self._times.post(post))  # type: ignore[no-any-return]

    async def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        await self._call(self._times.note(name, account))

    async def account(self, name: str) -> str:
        """See `Store.account`."""
        return await self._call(self._times.note(name))
