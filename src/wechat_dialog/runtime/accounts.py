"""The account for which a process works: the `gh_…` id that is part of every user's key.

A push contains it; a signal and a timer do not. So it is configured (`Bot(account=)`), or learned
from the first push and stored for processes that never receive one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from wechat_dialog.core.logs import log, report
from wechat_dialog.errors import ConfigurationError

from .drive import Driving
from .wanted import AskAccount, NoteAccount

__all__ = ["Accounts", "unknown"]

MOST = 8
"""How many accounts pushes may name in one process. More are not a misconfiguration, but somebody
who replays a captured query with other bodies.
"""


def unknown() -> ConfigurationError:
    """Return the error to raise if the account is needed and unknown."""
    return ConfigurationError(
        "the account is not known yet, and users' keys begin with it: set Bot(account='gh_…'), the "
        "original id (原始ID) of the console; or let the bot answer one push first, which names it"
    )


class Accounts:
    """The accounts of one bot in this process.

    Attributes:
        seen: The accounts that pushes in this process have named, the first one first.
        unnoted: The account that the store has still to be told; "" if there is none.
    """

    def __init__(self, given: str, name: Callable[[], str]) -> None:
        """Start with the configured account.

        Args:
            given: The bot's setting; "": none.
            name: Returns the store's name for this bot.
        """
        self.seen: list[str] = [given] if given else []
        self.unnoted = ""
        self._given = given
        self._name = name

    def see(self, account: str) -> None:
        """Note that a push names an account; only has an effect if it is not in `seen`."""
        if account in self.seen or not account or len(self.seen) >= MOST:
            return
        if self._given:
            log.warning(
                "a push is for the account %s, but Bot(account=%r) is set: signals go to users of "
                "the latter", account, self._given,
            )  # fmt: skip
        elif not self.seen:
            self.unnoted = account
        self.seen.append(account)

    def learn(self) -> Driving[str]:
        """Return the account; "" if it is not known yet.

        Raises:
            StoreError: The store failed.
        """
        if self.seen:
            return self.seen[0]
        account: str = yield AskAccount(self._name())
        if account:
            self.see(account)
            self.unnoted = ""
        return account

    def note(self) -> Driving[None]:
        """Tell the store the account that was learned here. If that fails, it is tried again."""
        account, self.unnoted = self.unnoted, ""
        if not account:
            return
        try:
            yield NoteAccount(self._name(), account)
        except Exception as error:  # noqa: BLE001 - no message depends on it
            self.unnoted = account
            report(logging.DEBUG, "the store was not told of account %s", account, error=error)
