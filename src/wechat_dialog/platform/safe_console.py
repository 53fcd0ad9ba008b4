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

    They are escaped when text, tables and frames are rendered: only then are rich's own control
    sequences (colours, cursor movements) apart from the content. rich itself removes only five
    control characters, and lets ESC, C1 and bidirectional marks through.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = True) -> None:
        """Write to standard output, or to standard error; `soft_wrap` does not break long lines."""
        super().__init__(
            stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap
        )
        self.push_render_hook(_Hook())

    def print(self, *objects: Any, **options: Any) -> None:
        """See `rich.console.Console.print`."""
        safe = (block(each) if isinstance(each, str) else each for each in objects)
        super().print(*safe, **options)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Safe(renderable) for renderable in renderables]


class _Safe:
    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(block(segment.text), segment.style)
