"""For operators of a bot: stored conversations listed, shown, resumed, exported, checked."""

from .conversations import Checked, Conversations, Forgotten
from .not_found import NotFound

__all__ = [
    "Checked",
    "Conversations",
    "Forgotten",
    "NotFound",
]
