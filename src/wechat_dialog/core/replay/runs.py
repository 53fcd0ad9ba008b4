"""The only place where a run is made.

Turns, `check`, transcripts, exports and the simulator replay the same journals and must come to the
same questions. Everything that a dialog can see besides its records (texts, time zone, the shape of
its user's data) is therefore a required argument here, and no other module creates a `Run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from wechat_dialog import messages
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.dialog.user_data import DataShape
from wechat_dialog.core.replay.run import Run

from .header import Frame
from .records import Record

__all__ = ["restore", "run_of"]


def run_of(
    dialog: RegisteredDialog,
    frame: Frame,
    *,
    user: str,
    account: str,
    texts: Texts,
    zone: tzinfo,
    data_shape: DataShape,
    message: messages.Message | None = None,
    arrived: int = 0,
    code: str = "",
    runs: type[Run] | None = None,
) -> Run:
    """Return a run of a conversation that has been fed nothing yet.

    Args:
        dialog: The dialog to run.
        frame: The conversation's header.
        user: The user's OpenID.
        account: The account's id.
        texts: The bot's sentences: words of menus, confirmations and forms are among them.
        zone: The bot's time zone, in which dates in answers are read.
        data_shape: The shape of a user's data.
        message: The value of `chat.message` before the first record; None: an empty text.
        arrived: When that message arrived, ms since the epoch.
        code: Fingerprint of the code that wrote the journal; "": that of `dialog`.
        runs: Class of the run; None: `Run`. `redacted_run.RedactedRun` is for records that lack
            what was said.
    """
    if message is None:
        message = messages.Text(user=user, account=account, created=0, msg_id="", raw={}, text="")
    make = runs or Run
    chat = make.chats(
        user, message, account=account, id=frame.id, arrived=arrived, texts=texts, zone=zone,
        data_shape=data_shape,
    )  # fmt: skip
    return make(dialog, chat, dict(frame.args), account=account, code=code)


def restore(run: Run, records: Sequence[Record], committed: int) -> None:
    """Feed a run records, of which the first `committed` are of turns that were committed: what
    these changed in the user's data is stored. The rest is of a turn that was cut off or failed.

    Raises:
        ReplayMismatch: The dialog does something else than was recorded.
        TypeError: A value of the user's data cannot be encoded as JSON.
    """
    run.replay(records[:committed])
    run.chat.end_turn()
    if committed < len(records):
        # If its code had changed, that turn continues the dialog without a record of its message.
        run.chat.begin_turn()
        run.replay(records[committed:])
