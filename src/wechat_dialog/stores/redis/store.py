"""Conversations in Redis, for any number of machines: a single server, a cluster, or with Sentinel.

This is the blocking store; its calls are made and decoded in `stores.redis.calls`. A call without
an answer (a restart, a failover, a stalled server) is retried for `patience` seconds, which its
scripts allow; after that it is a `StoreError`, and the next call tries again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from wechat_dialog.core.quantities import require_seconds
from wechat_dialog.core.secrecy import hidden
from wechat_dialog.core.store.contract import AsyncStore
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import ClaimLost, StoreError
from wechat_dialog.stores.asynchronous import in_threads
from wechat_dialog.stores.redis.async_store import AsyncRedisStore
from wechat_dialog.stores.redis.calls import PREFIX, Call, Calls
from wechat_dialog.stores.redis.pages import PageCalls, Pages
from wechat_dialog.stores.redis.parts import PartCalls, Parts
from wechat_dialog.stores.redis.replicas import replicas_of

from . import clients, failures
from .address import Address
from .advice import advice
from .asking import UNSETTLED, attempt, settle
from .connections import Lines
from .keys import Keys
from .peeks import Peeks
from .queue import Gates
from .renewals import Renewals
from .replicas import Replicas
from .scripts import Scripts
from .times import TimeCalls, Times
from .try_write import Tries, TryCalls
from .writes import Writes, says_time

# The guard against a missing redis-py is in `failures`, so it is imported before.
import redis  # isort: skip

__all__ = ["RedisStore"]

T = TypeVar("T")


class RedisStore(Pages, Parts, Times, Tries):
    """See `Store`.

    Args:
        server: A URL (`stores.open_store` lists the forms; options of redis-py may follow as a
            query) or a client of redis-py that does not decode responses.
        prefix: First part of every key.
        key_format: Content of the hash tag of a user's keys, with `%(user)s` in it once; None:
            `<prefix>:%(user)s`, so that keys look like `{wechat-dialog:<user>}:h`.
        patience: Seconds for which a call without an answer is retried.

    Raises:
        ConfigurationError: The URL cannot be read, the client decodes, or redis-py is missing.

    Nothing is connected before the first operation.
    """

    def __init__(
        self,
        server: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = PREFIX,
        key_format: str | None = None,
        patience: float = 2.5,
        _clock: str | None = None,
    ) -> None:
        require_seconds("patience", patience, zero=True)
        server = hidden(server)
        self._options: dict[str, Any] = {
            "prefix": prefix,
            "key_format": key_format,
            "patience": patience,
            "_clock": _clock,
        }
        self._patience = patience
        self._url = server if isinstance(server, str) else None
        self._client: Any = None if isinstance(server, str) else server
        self._lines: Lines | None = None
        # Where several threads come first, all take the client and the connections of one of them.
        # setdefault decides which: a lock may be held by another thread while the process forks.
        self._first: dict[str, Any] = {}
        self._renewals = Renewals(self._attempt)
        self._gates: Gates | None = None
        self._replicas: Replicas | None = None
        self._direct = False
        if isinstance(server, str):
            address = Address.parse(server)
            clients.check(address)
            self._direct = address.kind != "cluster"
            self._gates = None if self._direct else Gates(clients.crowd(address))
            self._replicas = replicas_of(address)
        else:
            clients.require_bytes(server)
        self._build(_clock)

    def _build(self, clock: str | None) -> None:
        """Create what builds the calls, with a clock."""
        keys, scripts = Keys(self._options["prefix"], self._options["key_format"]), Scripts(clock)
        self._options["_clock"] = clock
        self._calls = Calls(keys, scripts)
        self._peeks = Peeks(keys, clock)
        self._writes = Writes(keys, scripts, self._patience, learns=clock is None)
        self._pages = PageCalls(keys, clock)
        self._parts = PartCalls(keys, clock, self._confirmed)
        self._try_calls = TryCalls(keys, clock)
        spread = hasattr(self._client, "get_primaries") if self._url is None else not self._direct
        self._times = TimeCalls(keys, scripts, self._writes, self._confirmed, spread=spread)

    def _confirmed(self, call: Call[T]) -> Call[T]:
        return call if self._replicas is None else self._replicas.confirmed(call)

    def for_async(self) -> AsyncStore:
        """Return a store on the same data for event loops."""
        if self._url is None:
            return in_threads(self)
        return AsyncRedisStore(self._url, **self._options)

    def advice(self) -> list[str]:
        """Return a sentence for each setting of the servers that may lose what users were told.

        Raises:
            StoreError: The servers do not answer.
        """
        try:
            return advice(self._connected())
        except failures.FAILED as error:
            raise failures.explain(error) from error

    def _connected(self) -> Any:
        if self._client is None and self._url is not None:
            new_client = clients.client(Address.parse(self._url))
            client = self._client = self._first.setdefault("client", new_client)
            if client is not new_client:
                new_client.close()
            return client
        return self._client

    def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        words = (command, script, *call.arguments)
        if not self._direct:
            client = self._client or self._connected()
            try:
                if self._gates is None:
                    return client.execute_command(*words)
                with self._gates.through(clients.server_of(client, words[3])):
                    return client.execute_command(*words)
            except AttributeError as error:
                # redis-py takes None for a node that it was referred to and does not know yet,
                # while a slot is being moved there.
                raise redis.ConnectionError("its client does not know the node yet") from error
        beside = () if call.beside is None else (call.beside,)
        return self._opened().ask(words, *beside)

    def _opened(self) -> Lines:
        lines = self._lines
        if lines is None:
            lines = self._lines = self._first.setdefault("lines", Lines(self._connected()))
        return lines

    def _attempt(self, call: Call[T]) -> T:
        return self._perform(attempt(call))  # type: ignore[no-any-return]

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        if self._direct and self._peeks.fits(claim):
            try:
                unclaimed = self._peeks.read(
                    claim, self._opened().ask(*self._peeks.commands(claim))
                )
            except failures.FAILED as error:
                if not self._peeks.is_refused(error):
                    call = self._calls.claim(claim, beside=self._direct)
                    return self._perform(settle(call, error, self._patience))  # type: ignore[no-any-return]
            else:
                if unclaimed is not None:
                    return unclaimed
        return self._call(self._calls.claim(claim, beside=self._direct))

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        if says_time(write):
            return self._perform(self._times.record(user, fence, write))  # type: ignore[no-any-return]
        call = self._writes.record(user, fence, write)
        return self._call(call if self._replicas is None else self._replicas.confirmed(call))

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        if commit.write.forget:  # first: if the process dies here, nothing is left behind
            self._perform(self._pages.forget(commit.user))
            self._call(self._parts.forget(commit.user))
        if commit.fires is not None or says_time(commit.write):
            return self._perform(self._times.commit(commit))  # type: ignore[no-any-return]
        call = self._writes.commit(commit)
        return self._call(call if self._replicas is None else self._replicas.confirmed(call))

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        return self._call(self._calls.defer(user, key, message))

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        self._call(self._calls.untaken(user, key, takes))

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        self._call(self._calls.renew(user, fence, lease))

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        """See `RenewsAll.renew_all`. Servers are independent of each other."""
        calls = [self._calls.renew(user, fence, lease) for user, fence in claims]
        try:
            results = self._renewals.send(self._connected(), calls, within)
        except failures.FAILED as error:
            results = [error] * len(calls)
        return [
            result if result is None or isinstance(result, ClaimLost) else failures.explain(result)
            for result in results
        ]

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`. A server that stalls is not asked again: the claim expires by
        itself, and the caller should not wait.
        """
        call = self._calls.release(user, fence)
        try:
            call.read(self._ask("EVALSHA", call.script.sha, call))
        except UNSETTLED as error:
            self._perform(settle(call, error, self._patience, through_stalls=False))

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """See `Store.list`."""
        kinds = "hpdcm" if everybody else "hp"
        listed: set[str] = set()
        try:
            for key in self._connected().scan_iter(
                match=self._calls.keys.pattern(prefix), count=1000
            ):
                owner = self._calls.keys.read(key)
                # A user is found by any of several keys, and SCAN may repeat keys.
                if owner is None or owner[1] not in kinds or owner[0] in listed:
                    continue
                listed.add(owner[0])
                line = self._call(self._calls.line(owner[0], everybody=everybody))
                if line is not None:
                    yield line
        except failures.FAILED as error:
            raise failures.explain(error) from error

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        return self._call(self._calls.show(user))

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        return self._call(self._calls.end(user, id))

    def forget(self, user: str, remember: float = 60.0) -> bool:
        """See `Store.forget`. Scans the names of all keys for those of replies, which other clients
        do not notice, but takes a second per million keys.
        """
        result = self._call(self._calls.forget(user, remember))
        while isinstance(result, tuple):
            result = self._call(self._calls.forget(user, remember, result))
        existed = bool(self._perform(self._pages.forget(user)) or result)
        existed |= self._call(self._parts.forget(user))
        try:
            # At the end: no worker of this user can store a reply any more.
            pattern = self._calls.keys.replies(user)
            replies = set(self._connected().scan_iter(match=pattern, count=1000))
        except failures.FAILED as error:
            raise failures.explain(error) from error
        for reply in replies:
            existed |= self._call(self._calls.silence(reply, remember))
        return existed

    def close(self) -> None:
        """See `Store.close`."""
        client, lines = self._client, self._lines
        self._first = {}
        self._renewals.close()
        if lines is not None:
            self._lines = None
            lines.close()
        if client is not None:
            if self._url is not None:
                self._client = None
            client.close()
            if self._direct:
                # It leaves those open that it used itself, for SCAN: its pool was given to it.
                client.connection_pool.disconnect(inuse_connections=False)
            for sentinel in clients.sentinels(client):
                sentinel.close()
