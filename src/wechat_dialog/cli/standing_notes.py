"""What the terminal is told of a simulator's bot: why it does not answer, and that it does again.

The page shows the same. But a developer who mistyped the bot's name, or has just saved the file,
looks at the terminal.
"""

from __future__ import annotations

from typing import Any

from wechat_dialog.platform.language import speaks_chinese, tr
from wechat_dialog.platform.safe_console import SafeConsole
from wechat_dialog.platform.simulator.terminal import in_brief

__all__ = ["StandingNotes"]

BROKEN = ("crashed", "unreachable", "faulty")


class StandingNotes:
    """Prints what changes about whether a bot answers."""

    def __init__(self, target: str, console: SafeConsole) -> None:
        """Print nothing yet.

        Args:
            target: What is simulated: `module:bot`, or a URL.
            console: Prints.
        """
        self._target = target
        self._console = console
        self._why = ""
        self._is_broken = False

    def tell(self, bot: dict[str, Any]) -> None:
        """Print what is new in a bot's state, as `Simulator.bot` returns it."""
        status = bot["status"]
        why = bot["error_zh"] if speaks_chinese() else bot["error"]
        if status in BROKEN and why and why != self._why:
            self._why, self._is_broken = why, True
            self._print(self._sentence(status, in_brief(why)))
        elif status == "starting":
            self._why = ""  # the same error is news after another attempt
        elif status == "running" and self._is_broken:
            self._why, self._is_broken = "", False
            self._print(tr("机器人在运行了"))

    def _sentence(self, status: str, why: str) -> str:
        if status != "crashed":
            return f"{self._target}{tr('：')}{why}"
        return "\n".join([tr("机器人没有在运行：") + why, tr("（改好并保存，就会再启动）")])

    def _print(self, sentence: str) -> None:
        self._console.print(f"wechat-dialog: {sentence}", markup=False)
