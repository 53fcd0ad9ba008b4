"""A desk and the bot that its users talk to: what `wechat-dialog simulate` shows.

The bot runs in a child process (`bot_process`): its conversations can be shown, its clock can be
put forward, and it is restarted when its source changes. Or it is a server elsewhere, in any
language; then only its answers are known.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import msgspec
from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType] - trio's part of it

from wechat_dialog.platform.account import Account, Mode

from .bot_file import LOOK, changed_users, opened
from .bot_process import BotProcess
from .buttons import from_keys
from .desk import Desk
from .elsewhere import Elsewhere
from .not_running import NotRunning
from .own_process import OwnProcess
from .savepoints import Points
from .user_screens import NotPossible

__all__ = ["Simulator"]

TICK = 5.0
"""Seconds between two events that tell the pages the bot's time."""


class Simulator:
    """A desk with a bot.

    Attributes:
        desk: The desk.
        process: The bot's process; None if the bot is a server elsewhere.
        name: The bot's name.
        conversations: Each user's conversation, by OpenID, as `inspection.inspect` returns it; None
            for a user without one.
        bot_changed: Called with the state of the bot whenever it changes; see `bot`.
    """

    def __init__(self, desk: Desk, process: BotProcess | None, name: str) -> None:
        """Connect desk and bot; `run` then keeps them in step."""
        self.desk = desk
        self.process = process
        self.name = name
        self.conversations: dict[str, dict[str, Any] | None] = {}
        self.bot_changed: Callable[[dict[str, Any]], None] = lambda _: None
        self.bot_printed: Callable[[str], None] = lambda _: None
        self._points = Points(process.store) if process is not None else None
        self._own_menu = bool(desk.menu)
        self._reloading = False
        self._settled = asyncio.Event()
        self._standing: OwnProcess | Elsewhere
        self._tasks: set[asyncio.Task[Any]] = set()
        if process is not None:
            desk.marks = self._mark
            desk.before = self._settled.wait
            desk.platform.refused = self._refused
            desk.rests = self._rests
            self._standing = OwnProcess(process, self._emit_bot)
            desk.where = self._standing.where
        else:
            self._standing = Elsewhere(desk.platform, self._emit_bot)
            desk.after = self._standing.heard

    def _mark(self, user: str) -> int | None:
        return None if self._points is None else self._points.mark(user, self.desk.clock())

    def _refused(self) -> str:
        """Return why the bot cannot answer; "" if it can, or may be able to in time."""
        # A process that was ended on purpose may be started again within the five seconds.
        crashed = self.process is not None and self.process.status == "crashed"
        return "the bot's process has ended; see its error" if crashed else ""

    def state(self) -> dict[str, Any]:
        """Return the whole state, for a page that has just been opened."""
        account = self.desk.platform.account
        return {
            "bot": self.bot(),
            "account": {"id": account.id, "app_id": account.app_id, "mode": account.mode},
            **self.desk.state(),
            "conversations": {user: self.conversations.get(user) for user in self.desk.users},
        }

    def bot(self) -> dict[str, Any]:
        """Return the state of the bot's process."""
        return {"name": self.name, **self._standing.told()}

    def _emit_bot(self) -> None:
        bot = self.bot()
        self.desk.feed.emit("bot", bot=bot)
        self.bot_changed(bot)

    # Following the bot ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Start the bot and follow its changes until cancelled."""
        process = self.process
        jobs = [self._tell_the_time(), self._standing.watch()]
        if process is not None:
            loop = asyncio.get_running_loop()

            def changed(kind: str, line: str) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._changed, kind, line)

            process.changed = changed
            jobs += [self._look_at_the_file(process), self._watch_the_source(process)]
            await asyncio.to_thread(process.start)
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)

    async def _tell_the_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.desk.feed.emit("clock", now=self.desk.now())

    def _changed(self, kind: str, line: str) -> None:
        process = self.process
        if process is None:
            return
        if kind == "log":
            self.desk.feed.emit("log", line=line)
            self.bot_printed(line)
            return
        if kind == "refused":
            refusal = msgspec.json.decode(line)
            if refusal["refused"] in self.desk.users:
                self.desk.broke(
                    refusal["refused"], refusal["why"], refusal["why_zh"], kind="refused"
                )
            return
        if process.status == "running":
            self._take_over(process)
            self._later(self._refresh_all())
        elif process.status == "crashed" and self._reloading:
            self._reloading = False
            self.desk.feed.emit(
                "reloaded", divergence=None, error=process.error, error_zh=process.error_zh
            )
        if process.status in ("running", "crashed"):
            self._settled.set()
        self._emit_bot()

    def _take_over(self, process: BotProcess) -> None:
        """Take over the account and the menu of a bot that has just started."""
        info = process.info
        if info is None:
            return
        account = Account(
            info.token,
            app_id=info.app_id,
            aes_key=info.aes_key,
            mode=cast("Mode", info.mode),
            app_secret=info.app_secret,
            kind=self.desk.platform.account.kind,
        )
        if account != self.desk.platform.account:
            self.desk.platform.account = account
            self.desk.feed.emit("state", **self.state())
        menu = from_keys(info.keys)
        if not self._own_menu and menu != self.desk.menu:
            self.desk.set_menu(menu)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refresh_all(self) -> None:
        for user in list(self.desk.users):
            await self.refresh(user)
        if self._reloading:
            self._reloading = False
            divergences = [
                conversation["divergence"]
                for conversation in self.conversations.values()
                if conversation
            ]
            first = next((divergence for divergence in divergences if divergence), None)
            self.desk.feed.emit("reloaded", divergence=first, error="")

    async def refresh(self, user: str) -> None:
        """Read a user's conversation again, and publish it if it has changed."""
        process = self.process
        standing = self._standing
        if process is None or isinstance(standing, Elsewhere) or process.status != "running":
            return
        try:
            conversation = await standing.ask(process.conversation, user)
        except NotRunning as error:
            # What was known last stays. Of a process that does not answer the page says so itself.
            if error.refused:
                process.printed(f"{user}: {error}")
            return
        if user not in self.desk.users or self.conversations.get(user) == conversation:
            return
        before, self.conversations[user] = self.conversations.get(user), conversation
        self.desk.feed.emit("conversation", user=user, conversation=conversation)
        parked_before: list[dict[str, Any]] = before["parked"] if before else []
        parked_now: list[dict[str, Any]] = conversation["parked"] if conversation else []
        known = {parked["id"] for parked in parked_before}
        for parked in parked_now:
            if parked["id"] not in known:
                self.desk.broke(user, parked["error"], parked["error_zh"])

    async def _rests(self, user: str) -> bool | None:
        """Return whether no conversation of a user is running or waits; None: it is not known."""
        if self.desk.platform.account.kind == "service":
            return None  # its bot may still be at work, and push the answer
        await self.refresh(user)
        if not (isinstance(self._standing, OwnProcess) and self._standing.answers):
            return None
        conversation = self.conversations.get(user)
        return not (conversation and (conversation["dialog"] or conversation["aside"]))

    # The file -------------------------------------------------------------------------------------

    async def _look_at_the_file(self, process: BotProcess) -> None:
        rows: dict[str, Any] = {}
        with contextlib.closing(await opened(process.store)) as connection:
            version = -1
            while True:
                # SQLite changes this number when another connection has written.
                (now,) = connection.execute("PRAGMA data_version").fetchone()
                if now != version:
                    version = now
                    changed, rows = changed_users(connection, rows)
                    for user in [user for user in self.desk.users if user in changed]:
                        await self.refresh(user)
                await asyncio.sleep(LOOK)

    # The source -----------------------------------------------------------------------------------

    async def _watch_the_source(self, process: BotProcess) -> None:
        while True:
            folders = _folders(process.files)
            if not folders:
                await asyncio.sleep(LOOK)
                continue
            async for changes in awatch(
                *folders, recursive=False, debounce=200, rust_timeout=1000, yield_on_timeout=True
            ):
                paths = _sources(path for _, path in changes) | process.edited()
                if paths and await _concerns(process, paths):
                    self._reloading = True
                    await asyncio.to_thread(process.restart)
                    await asyncio.to_thread(process.wait)
                if _folders(process.files) != folders:
                    break

    # Commands to the bot --------------------------------------------------------------------------

    def managed(self) -> BotProcess:
        """Return the bot's process.

        Raises:
            NotPossible: The bot is a server elsewhere.
        """
        if self.process is None:
            raise NotPossible(f"{self.name} is a server somewhere else: that cannot be done to it")
        return self.process

    async def advance(self, seconds: float) -> None:
        """Let time pass for the bot."""
        process = self.managed()
        await asyncio.to_thread(process.advance, seconds)
        self.desk.feed.emit("clock", now=self.desk.now())
        await self._refresh_all()

    async def signal(self, user: str, name: str, data: str, match: str, id: str) -> str:
        """Send a signal, as the bot's application would; returns what became of it.

        Raises:
            NotPossible: The data is not JSON, or the bot is a server elsewhere.
            NotRunning: The bot refused it, or no process runs.
        """
        outcome = await asyncio.to_thread(self.managed().signal, user, name, data, match, id)
        await self.refresh(user)
        return outcome

    async def kill(self) -> None:
        """Kill the bot's process at once."""
        await asyncio.to_thread(self.managed().kill)

    async def restart(self) -> None:
        """End the bot's process and start another."""
        process = self.managed()
        self._reloading = True
        await asyncio.to_thread(process.restart)

    async def back(self, user: str, point: int) -> None:
        """Restore a user's conversation as it was before one of their messages.

        Raises:
            NotPossible: There is no such savepoint, or one of their messages is being answered.
        """
        process = self.managed()
        screen = self.desk.bubbles[self.desk.user(user).id]
        bubbles = [bubble for bubble in screen if bubble.point == point]
        if self.desk.is_busy(user):
            raise NotPossible("a message is being answered; wait for it")
        points = self._points
        now = self.desk.clock()
        if points is None or not bubbles or not await asyncio.to_thread(points.restore, point, now):
            raise NotPossible("that point of the conversation is not kept")
        with contextlib.suppress(Exception):  # without a process there are no live dialogs
            await asyncio.to_thread(process.ask, "forget")
        self.desk.clear(user, bubbles[0])
        await self.refresh(user)

    async def resume(self, user: str, id: str) -> bool:
        """Resume a parked conversation with the message at which it was parked; its answer comes
        with the user's next message. Return whether it went on: False if it broke again.

        Raises:
            NotRunning: It cannot be resumed; the message says why.
        """
        resumed: bool = await asyncio.to_thread(self.managed().ask, "resume", conversation=id)
        await self.refresh(user)
        return resumed

    async def clear(self, user: str) -> None:
        """Empty a user's screen and end their conversation."""
        self.desk.clear(user)
        if self.process is not None and self._points is not None:
            with contextlib.suppress(Exception):  # without a process, deleting the rows is enough
                await asyncio.to_thread(self.process.ask, "end", user=user)
            await asyncio.to_thread(self._points.drop, user)
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self.process.ask, "forget")
            await self.refresh(user)

    async def close(self) -> None:
        """End the feed, deliveries in progress, and the bot's process."""
        self.desk.feed.end()
        await self.desk.close()
        await self.desk.platform.close()
        if self.process is not None:
            await asyncio.to_thread(self.process.close)


async def _concerns(process: BotProcess, paths: set[str]) -> bool:
    with contextlib.suppress(Exception):  # without a process, the files it named last are used
        process.files |= set(await asyncio.to_thread(process.ask, "files"))
    return bool(paths & process.files)


def _sources(paths: Iterable[str]) -> set[str]:
    return {os.path.realpath(path) for path in paths if path.endswith(".py")}


def _folders(files: set[str]) -> set[str]:
    return {str(Path(file).parent) for file in files if Path(file).parent.is_dir()}
