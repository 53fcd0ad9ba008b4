"""`wechat-dialog simulate`: serves the simulator's web page until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, cast

import msgspec
import typer
import uvicorn

from wechat_dialog.errors import ConfigurationError
from wechat_dialog.platform.account import Account, Kind, Mode
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.language import tr
from wechat_dialog.platform.safe_console import SafeConsole
from wechat_dialog.platform.simulator import buttons
from wechat_dialog.platform.simulator.bot_info import Terminal
from wechat_dialog.platform.simulator.bot_process import BotProcess
from wechat_dialog.platform.simulator.desk import Desk
from wechat_dialog.platform.simulator.simulator import Simulator
from wechat_dialog.platform.simulator.web import application, is_loopback

from .serve_checks import cause_of
from .standing_notes import StandingNotes

__all__ = ["LOOPBACK", "Host", "Port", "open_simulator", "simulate"]

PORT = 8765
"""The default port; if it is in use, any free one."""

LOOPBACK = "127.0.0.1"
Host = Annotated[str, typer.Option(help="address to listen on")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help=f"{PORT}, or any if that is taken")
]

USERS = 3

WINDOW = 5.0
"""Seconds that WeChat waits for an answer."""

errors = SafeConsole(stderr=True)


def simulate(
    target: Annotated[
        str, typer.Argument(metavar="APP|URL", help="module:bot, or the URL of a server")
    ],
    host: Host = LOOPBACK,
    port: Port = None,
    browser: Annotated[bool, typer.Option(help="open the page in a browser")] = True,
    token: Annotated[str, typer.Option(help="the account's token; for a URL")] = "",
    app_id: Annotated[str, typer.Option(help="for compatible and safe mode; for a URL")] = "",
    aes_key: Annotated[str, typer.Option(help="for compatible and safe mode; for a URL")] = "",
    mode: Annotated[str, typer.Option(help="plain, compatible or safe; for a URL")] = "plain",
    kind: Annotated[
        str,
        typer.Option(help="what the account may do: unverified, subscription, service, sandbox"),
    ] = "unverified",
    menu: Annotated[
        Path | None, typer.Option(help="the account's menu: JSON, as for the menu API")
    ] = None,
    window: Annotated[
        float, typer.Option(min=0.1, help="seconds for an answer; WeChat's are 5")
    ] = WINDOW,
) -> None:
    """Talk to a bot on a web page that looks like the phone, with its journal beside it."""
    account = Account(
        token or secrets.token_hex(8),
        app_id=app_id,
        aes_key=aes_key,
        mode=cast("Mode", mode),
        kind=cast("Kind", kind),
    )
    own_menu = () if menu is None else _menu(menu)
    open_simulator(
        target, account, host=host, port=port, browser=browser, menu=own_menu, window=window
    )


def _menu(path: Path) -> tuple[buttons.Button, ...]:
    try:
        return buttons.read(msgspec.json.decode(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (ConfigurationError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"--menu {path}: {error}") from error


def open_simulator(
    target: str,
    account: Account,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    browser: bool = True,
    menu: tuple[buttons.Button, ...] = (),
    folder: str | None = None,
    window: float = WINDOW,
    title: str = "",
) -> None:
    """Show the simulator until Ctrl-C or SIGTERM.

    Args:
        target: `module:bot`, or a URL.
        account: The account. For `module:bot` only `kind` is used; the rest is the bot's own.
        host: The address to listen on.
        port: The port; None for `PORT`, or any free one if that is in use.
        browser: Whether to open the page in a browser, if there is one.
        menu: The account's menu; () makes one of the keys that the bot has routes for.
        folder: The bot's working directory; None for this process's.
        window: Seconds after which a request is given up.
        title: The bot's name on the page; "" takes the target.

    Raises:
        ConfigurationError: The address is in use, or is not an address of this machine.
    """
    with _listening(host, port) as listener:
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to
        name = f"[{here}]" if ":" in here else here
        url = f"http://{name}:{listener.getsockname()[1]}"
        work = _serve(
            target, account, listener, url, host, browser, menu, folder, window, title or target
        )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(work)


def _listening(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = (PORT, 0) if port is None else (port,)
    for choice in ports:
        try:
            return socket.create_server((host, choice), family=family, backlog=2048)
        except (OSError, UnicodeError) as error:
            why = cause_of(error)
            if choice == ports[-1]:
                raise ConfigurationError(
                    f"cannot listen on {host} port {choice}: {why}; choose others with --host and "
                    "--port"
                ) from error
    raise AssertionError("unreachable")  # pragma: no cover


class _Server(uvicorn.Server):
    """A server without signal handlers: `_serve` handles signals, and ends the feed first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to `_serve`."""
        yield


async def _serve(
    target: str,
    account: Account,
    listener: socket.socket,
    url: str,
    host: str,
    browser: bool,
    menu: tuple[buttons.Button, ...],
    folder: str | None,
    window: float,
    title: str,
) -> None:
    process = None if "://" in target else _bot_process(target, account, url, folder)
    if process is None:
        platform = AsyncPlatform(account, target, window=window)
    else:
        platform = AsyncPlatform(account, process.url, window=window, clock=process.clock)
    desk = _desk(platform, url, menu)
    simulator = Simulator(desk, process, title)
    simulator.bot_changed = StandingNotes(target, errors).tell
    simulator.bot_printed = errors.print  # a developer looks there for what a bot prints, too
    config = uvicorn.Config(
        application(simulator, host),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)

    def end() -> None:
        desk.feed.end()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        caring = asyncio.create_task(simulator.run())
        caring.add_done_callback(lambda _: end())
        _announce(url, host, listener.getsockname()[1], browser=browser)
        await server.serve(sockets=[listener])
        caring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caring
    finally:
        await simulator.close()


def _bot_process(target: str, account: Account, url: str, folder: str | None) -> BotProcess:
    """Return the process that runs a bot, whose modules are found as from here."""
    paths = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return BotProcess(
        target, token=account.token, api=url, folder=folder, environment=environment,
        terminal=Terminal(
            parked=tr("（搁置了；改好代码以后在网页上点“接着走”，就用这条消息接着走）"),
            refused=tr("这条消息没有算数，对话还在原处：改好代码并保存，再发一次"),
            debugs=sys.stdin.isatty(),
        ),
    )  # fmt: skip


def _desk(platform: AsyncPlatform, url: str, menu: tuple[buttons.Button, ...]) -> Desk:
    desk = Desk(platform)
    desk.media.base = url
    desk.menu = menu
    for _ in range(USERS):
        desk.add_user()
    return desk


def _announce(url: str, host: str, port: int, *, browser: bool) -> None:
    """Print the page's address and who can reach it; open it in a browser if wanted and
    possible.
    """
    errors.print(f"wechat-dialog: {url}/  {tr('（按 Ctrl-C 结束）')}", markup=False)
    if not is_loopback(host):
        errors.print(f"wechat-dialog: {tr('谁能访问它，谁就能用它')}")
    if browser and not _has_screen() and is_loopback(host):
        errors.print(f"wechat-dialog: {_from_elsewhere(port)}", markup=False)
    elif browser:
        asyncio.get_running_loop().call_later(0.3, _open, f"{url}/")


def _has_screen() -> bool:
    """Whether a browser can be opened here; false only on a Unix without a display."""
    variables = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return os.name != "posix" or sys.platform == "darwin" or any(map(os.environ.get, variables))


def _from_elsewhere(port: int) -> str:
    """Return how to reach the page on a machine without a screen from another one."""
    # SSH_CONNECTION: the client's address and port, the server's address and port.
    way = os.environ.get("SSH_CONNECTION", "").split()
    host = way[2] if len(way) == 4 else socket.gethostname()
    return tr(
        "这里没有屏幕；在你自己的电脑上运行 ssh -L {0}:127.0.0.1:{0} {1}@{2}，"
        "再在那里打开 http://127.0.0.1:{0}/",
        port,
        os.environ.get("USER", "you"),
        host,
    )


def _open(url: str) -> None:
    """Open the page in a browser; if that fails, there is the printed address."""
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(url)
