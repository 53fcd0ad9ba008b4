"""`wechat-dialog serve`: a bot behind uvicorn."""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator
from copy import deepcopy
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.refusals import refusal
from wechat_dialog.platform.safe_console import SafeConsole
from wechat_dialog.runtime.garbage import SurvivorsFrozen

from .breakpoints import pass_over_without_terminal
from .load import load
from .serve_checks import AccessFilter, LogLevel, cause_of, doubts, log_to_stderr
from .unfinished_heads import options as bounds

__all__ = ["asgi_of_worker", "listening", "serve"]

errors = SafeConsole(stderr=True)

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot, or a 2017 dialog module")]


KEEP_ALIVE = 150
"""Seconds that a connection may be idle: longer than a proxy keeps it (by default nginx 60, Caddy
120). If the server closed it first, the proxy's next request could meet a closed connection, and
the platform a 502."""


def serve(
    target: App,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    drain: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="time that running turns have to end after SIGTERM",
            show_default="the bot's, 15",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="lowest level on stderr")] = LogLevel.info,
    access_log: Annotated[
        bool,
        typer.Option("--access-log", help="log every request but health checks, without queries"),
    ] = False,
) -> None:
    """Serve a bot with uvicorn.

    At SIGTERM no new connection is taken, requests are answered, turns under way end and are
    recorded, and the store is closed.
    """
    seconds = "" if drain is None else str(drain)
    os.environ.update({_TARGET: target, _LOG_LEVEL: log_level.value, _DRAIN: seconds})
    bot = _bot_to_serve()
    _must_have_token(bot)
    # uvicorn raises the signal again after its shutdown, and one may come before uvicorn handles
    # signals. In both cases the process ends with status 0.
    signal.signal(signal.SIGTERM, _end)
    for doubt in doubts(bot):
        errors.print(f"wechat-dialog: {refusal(doubt)}")
    with listening(host, port) as listener:
        errors.print(f"wechat-dialog: {_url(host, listener)}")
        options: dict[str, Any] = {
            **bounds(), "lifespan": "on", "log_level": log_level.value, "log_config": _with_times(),
            "access_log": access_log, "timeout_keep_alive": KEEP_ALIVE,
            # A client that does not read its response must not delay the end.
            "timeout_graceful_shutdown": max(1, math.ceil(bot.drain)),
        }  # fmt: skip
        if workers == 1:
            _Server(uvicorn.Config(bot.asgi, **options)).run(sockets=[listener])
            return
        _end_if_told()
        uvicorn.run(
            "wechat_dialog.cli.serve:asgi_of_worker", factory=True, workers=workers,
            fd=listener.fileno(), **options,
        )  # fmt: skip


def _with_times() -> dict[str, Any]:
    """Return uvicorn's logging configuration with the time added to each line."""
    config: dict[str, Any] = deepcopy(LOGGING_CONFIG)
    for formatter in config["formatters"].values():
        formatter["fmt"] = f"%(asctime)s {formatter['fmt']}"
    return config


def _must_have_token(bot: Any) -> None:
    if not bot.token:
        raise ConfigurationError(
            "the bot has no token; set the one of your account's console: Bot(token=…), or the "
            "environment's WECHAT_TOKEN, where `new` and 2017 modules read it"
        )


def _url(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}/"


_told: list[int] = []
"""The signals that `_end` was called for."""


def _end(number: int, _frame: FrameType | None) -> None:
    # Python ignores an exception that is raised in a finalizer or in a callback of its garbage
    # collector, and a handler runs wherever the signal comes. So the signal is also noted.
    _told.append(number)
    sys.exit(0)


def _end_if_told() -> None:
    if _told:
        sys.exit(0)


class _Server(uvicorn.Server):
    """A server that also ends at a signal which came before it handled signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle signals from now on."""
        with super().capture_signals():
            if _told:
                signal.raise_signal(_told[0])
            # Not earlier: its callback runs wherever Python collects garbage.
            SurvivorsFrozen().install()
            yield


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address and that worker processes can inherit.

    Raises:
        ConfigurationError: The address is in use, or is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        why = cause_of(error)
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {why}; choose others with --host and --port"
        ) from error
    listener.set_inheritable(True)
    return listener


# The environment variables by which a worker process gets its settings.
_TARGET = "WECHAT_DIALOG_TARGET"
_DRAIN = "WECHAT_DIALOG_DRAIN"
_LOG_LEVEL = "WECHAT_DIALOG_LOG_LEVEL"


def asgi_of_worker() -> Any:
    """Return the application in a worker process that `serve --workers` started."""
    bot = _bot_to_serve()
    SurvivorsFrozen().install()
    threading.Thread(target=_end_with_parent, name="wechat-dialog-parent", daemon=True).start()
    return bot.asgi


def _end_with_parent() -> None:
    """End this worker, as at a SIGTERM, when the process that started it is gone: killed, it cannot
    tell. Workers that stayed would keep the port, and answer with the code of before.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _bot_to_serve() -> Any:
    _keep_signatures_out_of_the_log()
    pass_over_without_terminal()
    bot = _checked(os.environ[_TARGET])
    log_to_stderr(os.environ[_LOG_LEVEL].upper())
    if os.environ[_DRAIN]:
        bot.drain = float(os.environ[_DRAIN])
    return bot


def _keep_signatures_out_of_the_log() -> None:
    logging.getLogger("uvicorn.access").addFilter(AccessFilter())


def _checked(target: str) -> Any:
    """Load a bot, and refuse invalid settings before a port is opened."""
    bot = load(target)
    bot.check()
    return bot
