"""What becomes of a look by plain commands that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis.exceptions import AuthenticationError, ResponseError

from wechat_dialog.core.store.values import Claim, Have, Unclaimed
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import RedisStore, queue
from wechat_dialog.stores.redis.failures import Crowded
from wechat_dialog.stores.redis.keys import Keys
from wechat_dialog.stores.redis.peeks import Peeks
from wechat_dialog.testing.store_contract.asking import LONG, ONE, begin

LOOK = Claim("ada", "k", lease=LONG, have=Have(7, 1), optimistic=True)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (ResponseError("unknown command 'TIME', with args beginning with: "), True),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind"), False),
        (AuthenticationError("WRONGPASS invalid username-password pair"), False),
        (Crowded("all connections are in use"), False),
        (ConnectionError("gone"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_only_a_server_without_the_command_is_never_asked_in_this_way_again(
    error: Exception, refused: bool
) -> None:
    peeks = Peeks(Keys("p", None), None)
    assert peeks.fits(LOOK)
    assert peeks.is_refused(error) is refused
    peeks.is_refused(ConnectionError("later"))
    assert peeks.fits(LOOK) is not refused


@pytest.fixture
def crowded(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisStore]:
    """A store with one connection, which nobody waits for long."""
    monkeypatch.setattr(queue, "LONGEST", 0.05)
    store = RedisStore(f"{redis_url}?max_connections=1")
    yield store
    store.close()


def test_a_look_without_a_connection_fails_and_the_next_looks_again(crowded: RedisStore) -> None:
    have = Have(begin(crowded, ONE).journal, 1)
    look = Claim("ada", "k", lease=LONG, have=have, optimistic=True)
    assert isinstance(crowded.claim(look), Unclaimed)
    lines = crowded._opened()
    busy = lines._idle.pop()
    with pytest.raises(StoreError, match="connections"):
        crowded.claim(look)
    lines._give_back(busy)
    assert isinstance(crowded.claim(look), Unclaimed)
