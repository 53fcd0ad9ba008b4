"""What the store has of a talk: the records as they were written, rewinds and all."""

from __future__ import annotations

from typing import Any

import msgspec

from wechat_dialog.core.replay.header import UserHead, decode_head
from wechat_dialog.core.replay.records import Record, decode_records
from wechat_dialog.testing import Talk


def all_records(talk: Talk) -> list[Record]:
    """Return every record of the user's journal, oldest first."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    return [] if found is None else decode_records(found.records)


def state(talk: Talk) -> UserHead:
    """Return what stands beside the journal."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    return UserHead() if found is None else decode_head(found.head)


def stored_data(talk: Talk) -> dict[str, Any]:
    """Return what is remembered of the user."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    data: dict[str, Any] = msgspec.json.decode(found.data) if found and found.data else {}
    return data


def stored_bytes(talk: Talk) -> int:
    """Return the bytes of everything that is stored of the user, but for the last reply."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    return 0 if found is None else len(found.head) + len(found.data) + sum(map(len, found.records))


def counted(talk: Talk) -> list[str]:
    """Return a list to which every operation on the talk's store adds its name from now on."""
    asked: list[str] = []

    def counting(name: str) -> Any:
        real = getattr(talk._world.store, name)

        def ask(*args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            return real(*args, **kwargs)

        return ask

    for name in ("claim", "record", "commit", "renew", "release", "defer"):
        setattr(talk._world.store, name, counting(name))
    return asked
