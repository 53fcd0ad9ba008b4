"""What reaches a bot without a message: signals, dialogs begun by the application, timers, and the
question whether it is ready.

    bot.signal(user, "paid", Payment(…), match=order.no, id=transaction_id)
    bot.begin(user, visit, {"order": no}, id="…")

Each has an async counterpart. What they do is in `core/turn/outside.py`, how it is performed in
`runtime/outside.py`; see `docs/time.md`.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.registration import Registration
from wechat_dialog.core.quantities import as_text, is_count, refusal
from wechat_dialog.core.replay.at_hand import is_in_step, refuse_in_dialog

if TYPE_CHECKING:
    from wechat_dialog.core.turn.mail import Letter
    from wechat_dialog.core.turn.settings import Rules
    from wechat_dialog.messages import Message
    from wechat_dialog.runtime.accounts import Accounts
    from wechat_dialog.runtime.outside import Outside
    from wechat_dialog.runtime.runner import Runner

__all__ = ["BotOutside", "Delivers", "Outcome"]

Outcome = Literal["taken", "kept", "repeated"]

Delivers = Callable[[str, "Letter", str, bool], Outcome]
"""Called with OpenID, letter, id, and whether it is only to be posted."""

LONGEST = 200
"""Most characters of a signal's id, and of an OpenID."""


class BotOutside(Registration):
    """The part of a bot for events that do not come as messages.

    Attributes:
        account: The account's original id (`gh_…`) as configured; "": it is learned from the first
            push.
        timers: Whether this process runs what falls due.
        delivers: Returns the function that receives signals in place of the store, for the testing
            kit, which simulates its own world; None: there is none.
    """

    account: str
    timers: bool
    rules: Rules
    delivers: Callable[[], Delivers | None] | None = None

    @abstractmethod
    def check(self) -> None:
        """Refuse routes that can never work; see `Bot`."""

    @cached_property
    @abstractmethod
    def _runner(self) -> Runner:
        """What runs the bot's turns."""

    # From outside ---------------------------------------------------------------------------------

    def signal(
        self, user: str, name: str, data: object = None, *, match: str = "", id: str = ""
    ) -> Outcome:
        """Tell a user's conversations that something has happened: a payment, a door that opened.

        It is delivered to the oldest wait for this name and match (`chat.wait_for`), and to no
        other. The conversation continues before this returns, unless a message of the user is being
        answered: then it continues after that. If no conversation waits yet, the signal is stored
        for a week, up to a hundred per user.

        May be called from anywhere but a dialog between two questions, where a replay would repeat
        it. In a step it is only posted, and the conversation continues by itself. On an event loop,
        await `signal_async`.

        Args:
            user: The user's OpenID.
            name: The signal's name.
            data: JSON data, a dataclass or a `msgspec.Struct`.
            match: Distinguishes it from other signals of its name, such as an order's number.
            id: Idempotency key, such as the number of a payment, since a callback may be called
                twice: a signal with the same id within a week has no effect. "": it has none.

        Returns:
            "taken": a conversation has continued with it. "kept": it is stored until a conversation
            waits for it. "repeated": a signal with this id came before, and nothing was done.

        Raises:
            SignalMisfit: The data are not what the conversation waits for. They are not stored.
            MailboxFull: A hundred are stored for this user already.
            ConfigurationError: The account is unknown: `Bot(account=)`.
            TypeError: A name, match or id is not a text, or the data are not JSON.
            ValueError: The user or the name is empty, or a text is longer than 200 characters.
            SideEffect: It is called by a dialog between two questions.
            RuntimeError: It is called on an event loop, which it would block.
            StoreError: The store failed: try again, with the same `id`.
            Closing: The bot is being closed, or the system has no thread for it: likewise. A closed
                bot opens its store again.
        """
        return self._send(user, self._signal_of(name, data, match, "bot.signal"), id, "bot.signal")

    async def signal_async(
        self, user: str, name: str, data: object = None, *, match: str = "", id: str = ""
    ) -> Outcome:
        """Do the same on an event loop, without blocking it; see `signal`."""
        call = "bot.signal_async"
        return await self._send_async(user, self._signal_of(name, data, match, call), id, call)

    def begin(
        self,
        user: str,
        dialog: Callable[..., Any],
        state: Mapping[str, Any] | None = None,
        *,
        id: str = "",
    ) -> Outcome:
        """Begin a conversation without a message, beside the conversation that the user is in.

        Its `chat.message` is a `messages.Begun`. What it says is pushed at once if the account may
        push, else it is sent with the reply to the user's next message; its question is asked once
        no other conversation's question is open.

        Args:
            user: The user's OpenID.
            dialog: A dialog of the bot: with a route, or registered with `bot.dialog`.
            state: Its arguments by name; JSON data. None: no arguments.
            id: See `signal`.

        Returns:
            "taken": it has begun. "kept": it begins as soon as the user's turn is free. "repeated":
            see `signal`.

        Raises:
            LookupError: The function is not a dialog of the bot.
            TypeError: The dialog is not a function, or the state is not JSON data.
            SecretMisused: A secret answer is in the state.
            DialogError: See `signal`.
        """
        return self._send(user, self._beginning_of(dialog, state, "bot.begin"), id, "bot.begin")

    async def begin_async(
        self,
        user: str,
        dialog: Callable[..., Any],
        state: Mapping[str, Any] | None = None,
        *,
        id: str = "",
    ) -> Outcome:
        """Do the same on an event loop, without blocking it; see `begin`."""
        call = "bot.begin_async"
        return await self._send_async(user, self._beginning_of(dialog, state, call), id, call)

    def run_due(self, limit: int = 100) -> int:
        """Run what has fallen due, and wait until that is done: for places where no process lives
        long.

        Called by a cron job or a cloud function; where a server or `wechat-dialog work` runs, those
        do it.

        Args:
            limit: How many users at most, 1 or more.

        Returns:
            How many things were done; 0: nothing was due.

        Raises:
            TypeError: The limit is no number.
            ValueError: It is no whole number from 1 up.
            ConfigurationError: The account is unknown: `Bot(account=)`.
            SideEffect: It is called by a dialog between two questions.
            RuntimeError: It is called on an event loop: await `run_due_async`.
            StoreError: The store failed.
        """
        _must_not_block("bot.run_due")
        _check_limit(limit, "bot.run_due")
        return self._outside.run(self._outside.run_due(limit))

    async def run_due_async(self, limit: int = 100) -> int:
        """Do the same on an event loop, without blocking it; see `run_due`."""
        refuse_in_dialog("bot.run_due_async")
        _check_limit(limit, "bot.run_due_async")
        return await self._outside.run_async(self._outside.run_due(limit))

    def next_due(self) -> float | None:
        """Return when something falls due next, in seconds since 1970 by the store's clock,
        according to its index; None: nothing does. For simulators, which set the clock forward.

        Raises:
            StoreError: The store failed.
        """
        self.learn_account()
        accounts = self._outside.accounts.seen
        times = [self._runner.store.due(account, 0, 0.0).next for account in accounts]
        return min((at / 1000 for at in times if at is not None), default=None)

    def learn_account(self) -> str:
        """Return the account as configured, learned or stored; "" if it is unknown.

        Raises:
            StoreError: The store failed.
        """
        return self._outside.run(self._outside.accounts.learn())

    def _send(self, user: str, letter: Letter, id: str, call: str) -> Outcome:
        _must_not_block(call)
        _check(user, id, call)
        delivers = self.delivers and self.delivers()
        if delivers:
            return delivers(user, letter, id, is_in_step())
        outside = self._outside
        return outside.run(outside.send(user, letter, id, post_only=is_in_step())).outcome

    async def _send_async(self, user: str, letter: Letter, id: str, call: str) -> Outcome:
        _check(user, id, call)
        delivers = self.delivers and self.delivers()
        if delivers:
            return delivers(user, letter, id, is_in_step())
        outside = self._outside
        sent = await outside.run_async(outside.send(user, letter, id, post_only=is_in_step()))
        return sent.outcome

    @staticmethod
    def _signal_of(name: str, data: object, match: str, call: str) -> Letter:
        from .core.turn.mail import SignalMail

        refuse_in_dialog(call)
        return SignalMail.of(name, data, match, call)

    def _beginning_of(
        self, dialog: Callable[..., Any], state: Mapping[str, Any] | None, call: str
    ) -> Letter:
        from .core.turn.mail import begin_mail

        refuse_in_dialog(call)
        return begin_mail(self.rules.routes, dialog, state, call)

    # Health checks --------------------------------------------------------------------------------

    def check_ready(self) -> None:
        """Return if this process would take a message now: the store takes writes, and the bot is
        not being closed. For readiness checks of load balancers.

        It may be called as often as one likes: whoever asks, the store is asked once a second at
        most. On an event loop, await `check_ready_async`.

        Raises:
            Closing: The bot is being closed.
            StoreError: The store fails, or has not answered within a second. The text is for the
                operator only: it may contain a path or an address.
            ConfigurationError: The bot's routes or its store cannot work.
            SideEffect: It is called by a dialog between two questions.
            RuntimeError: It is called on an event loop, which it would block.
        """
        _must_not_block("bot.check_ready")
        self.check()
        self._runner.readiness.check()

    async def check_ready_async(self) -> None:
        """Do the same on an event loop, without blocking it; see `check_ready`."""
        refuse_in_dialog("bot.check_ready_async")
        self.check()
        await self._runner.readiness.check_async()

    # Where it is performed ------------------------------------------------------------------------

    @property
    def _outside(self) -> Outside:
        return self._runner.outside

    def sweep(self, *, alone: bool = False) -> None:
        """Run what falls due from now on, on a separate thread, unless this process already does
        so. A server's first push starts it; it does nothing if `Bot(timers=False)`.

        Args:
            alone: Whether it does so for processes that do not, so that times which they set do not
                ring here.
        """
        # checked at every turn, so the cheap condition comes first
        if not self._runner.outside.sweeping.on_thread and self._sweeps:
            self._outside.sweeping.on_a_thread()
            if alone:
                self._outside.sweeping.look_often()

    def sweep_here(self) -> None:
        """Run what falls due as a task of the running event loop; see `sweep`."""
        if self._sweeps:
            self._outside.sweeping.on_this_loop()

    @property
    def _sweeps(self) -> bool:
        return self.timers and hasattr(self._runner.store, "due")

    def _hears(self, message: Message) -> None:
        """Learn the account from a push."""
        outside = self._runner.outside
        if message.account not in outside.accounts.seen:
            outside.accounts.see(message.account)
            if self._sweeps:
                outside.sweeping.ring()  # stores it; the next sweep may be a minute off
            elif hasattr(self._runner.store, "note_account"):
                outside.note()

    def _accounts(self) -> Accounts:
        from .runtime.accounts import Accounts

        return Accounts(self.account, self._name_in_store)

    @abstractmethod
    def _name_for_pages(self) -> str:
        """Identifies this bot among the bots of one store; should outlast a change of its token."""

    def _name_in_store(self) -> str:
        from hashlib import sha256  # brings OpenSSL, which nothing else needs when a bot is made

        # the token is not stored, not even in a name
        return sha256(f"account of {self._name_for_pages()}".encode()).hexdigest()[:16]


def _must_not_block(call: str) -> None:
    """Refuse a call made by a dialog, or one that would block an event loop.

    Raises:
        SideEffect: A dialog makes it.
        RuntimeError: An event loop runs in this thread.
    """
    refuse_in_dialog(call)
    loops = sys.modules.get("asyncio")
    try:
        if loops is None:
            return
        loops.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"{call} at {line_at_hand()} would block the event loop: await {call}_async(…)"
    )


def _check_limit(limit: object, call: str) -> None:
    if not is_count(limit):
        why = f"{as_text(limit)} is no number of users; write 1 or more"
        raise refusal(limit, f"{call} at {line_at_hand()}: {why}")


def _check(user: object, id: object, call: str) -> None:
    """Refuse an invalid OpenID or id.

    Raises:
        TypeError: One of them is not a text.
        ValueError: The user is empty, or one of them is too long.
    """
    for what, text in (("user", user), ("id", id)):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise TypeError(f"{call} at {line_at_hand()}: a text is wanted as {what}, not {kind}")
        if len(text) > LONGEST:
            why = f"a {what} has {LONGEST} characters at most"
            raise ValueError(f"{call} at {line_at_hand()}: {text[:20]!r}…: {why}")
    if not user:
        raise ValueError(f"{call} at {line_at_hand()}: the user's OpenID is empty")
