"""Consoles whose output cannot control the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.segment import Segment

from wechat_dialog.core.printable import block

__all__ = ["SafeConsole"]


class SafeConsole(Console):
    """A console that escapes control characters in everything that is printed.

    Text, tables and frames alike: what rich itself does with colours and cursors is told apart from
    their content only when they are drawn. rich takes five control characters out by itself, and
    lets ESC, C1 and bidirectional marks through.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = True) -> None:
        """Write to standard output, or to standard error; `soft_wrap` leaves lines as long as they
        are.
        """
        super().__init__(
            stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap
        )
        self.push_render_hook(_Hook())

    def print(self, *objects: Any, **options: Any) -> None:
        """See `rich.console.Console.print`."""
        super().print(*(block(one) if isinstance(one, str) else one for one in objects), **options)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Safe(one) for one in renderables]


class _Safe:
    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(block(segment.text), segment.style)
