"""What the store has of a talk: the records as they were written, rewinds and all."""

from __future__ import annotations

from typing import Any

import msgspec

from wechat_dialog.journal import Record, State, decode_records, decode_state
from wechat_dialog.testing import Talk


def all_records(talk: Talk) -> list[Record]:
    """Return every record of the user's journal, oldest first."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    return [] if found is None else decode_records(found.records)


def state(talk: Talk) -> State:
    """Return what stands beside the journal."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    return State() if found is None else decode_state(found.head)


def stored_data(talk: Talk) -> dict[str, Any]:
    """Return what is remembered of the user."""
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    data: dict[str, Any] = msgspec.json.decode(found.data) if found and found.data else {}
    return data
