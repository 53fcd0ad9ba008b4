"""What is known of a dialog's code: its fingerprint, and the sets that it iterates over.

Each is computed when first needed, and kept as long as the dialog object lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.registered import RegisteredDialog

    from .set_order import SetOrder

__all__ = ["code_of", "sets_of"]

_sets: WeakKeyDictionary[RegisteredDialog, SetOrder] = WeakKeyDictionary()


def code_of(dialog: RegisteredDialog) -> str:
    """Return the fingerprint of a dialog's code; see `fingerprint`."""
    if not dialog.fingerprint:
        from .fingerprint import fingerprint

        dialog.fingerprint = fingerprint(dialog.fn)
    return dialog.fingerprint


def sets_of(dialog: RegisteredDialog) -> SetOrder:
    """Return the instrumented code with which strict mode observes a dialog's sets."""
    sets = _sets.get(dialog)
    if sets is None:
        from .set_order import SetOrder

        sets = _sets[dialog] = SetOrder(dialog.fn)
    return sets
