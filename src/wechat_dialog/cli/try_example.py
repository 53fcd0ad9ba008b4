"""`wechat-dialog demo`: the example bot, on a page or in the terminal."""

from __future__ import annotations

import secrets
import sys
import tempfile
from typing import Annotated

import typer

from wechat_dialog.platform.account import Account

from .chat import talk_to
from .simulate import LOOPBACK, Host, Port, open_simulator

__all__ = ["demo"]


def demo(
    terminal: Annotated[
        bool, typer.Option("--terminal", help="chat in the terminal, as lines from a pipe do")
    ] = False,
    host: Host = LOOPBACK,
    port: Port = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="open the page in a browser")
    ] = None,
) -> None:
    """Try the example bot, on the embedded store: on a web page, or in the terminal.

    If the input is not a terminal and no option asks for the page, its lines are messages.
    """
    asked_for = browser is not None or port is not None or host != LOOPBACK
    if not terminal and (asked_for or sys.stdin.isatty()):
        open_simulator(
            "wechat_dialog.cli.demo:bot",
            Account(secrets.token_hex(8), kind="unverified"),
            host=host,
            port=port,
            browser=browser is not False,
            title="示例公众号",
        )
        return
    with tempfile.TemporaryDirectory(prefix="wechat-dialog-demo-") as folder:
        talk_to("wechat_dialog.cli.demo:bot", folder=folder)
