"""Conversion of messages to records, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.replay.records import TICKED, MessageRecord, Record, TextRecord

__all__ = ["arrival_of", "record_message"]


_PLAIN = {"ToUserName", "FromUserName", "CreateTime", "MsgType", "Content", "MsgId"}


def record_message(
    wait: str, message: messages.Message, arrived: int, ticked: Sequence[str] | None = None
) -> Record:
    """Return the record of `message` as the answer to `wait`.

    Args:
        wait: Identifies the question; see the docstring of `records`.
        message: The message.
        arrived: Milliseconds since the epoch.
        ticked: The labels its user had ticked, if they are the answer: replay has no other source.
    """
    raw = message.raw
    late = arrived - message.created * 1000
    if ticked is None and type(message) is messages.Text and raw.keys() == _PLAIN:
        number = message.msg_id
        digits = len(number) < 19 and number.isascii() and number.isdecimal()
        compact = int(number) if digits and number[0] != "0" else number
        if raw["CreateTime"] == str(message.created) and raw["Content"] == message.text:
            return TextRecord(wait, late, compact, message.created, message.text)
    # Account and user are known from the conversation; this keeps OpenIDs out of records.
    rest = {
        name: value for name, value in raw.items() if name not in ("ToUserName", "FromUserName")
    }
    if ticked is not None:
        rest[TICKED] = list(ticked)
    return MessageRecord(wait, late, rest)


def arrival_of(record: TextRecord | MessageRecord) -> int:
    """Return when the message of a record arrived, in milliseconds since the epoch."""
    if isinstance(record, TextRecord):
        return record.created * 1000 + record.late
    return created_of(record.raw) * 1000 + record.late


def created_of(raw: Mapping[str, Any]) -> int:
    """Return `CreateTime` of raw fields in seconds; 0 if it is missing or not a number."""
    try:
        return int(raw.get("CreateTime", 0))
    except (TypeError, ValueError):
        return 0
