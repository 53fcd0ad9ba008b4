"""Which account a process works for: the `gh_…` id that is part of every user's key.

A push names it, a signal and a timer do not. So it is set (`Bot(account=)`), or learned from the
first push, and kept in the store for processes that never see one.
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
"""Accounts that pushes may name in one process. More are nobody's mistake, but somebody's who sends
a captured query with bodies of their own."""


def unknown() -> ConfigurationError:
    """Return what is raised where the account has to be known, and is not."""
    return ConfigurationError(
        "the account is not known yet, and users' keys begin with it: set Bot(account='gh_…'), the "
        "original id (原始ID) of the console; or let the bot answer one push first, which names it"
    )


class Accounts:
    """The accounts of one bot in this process.

    Attributes:
        seen: Those that pushes have named here, the first one first.
        unnoted: The one that the store has still to be told; "" if there is none.
    """

    def __init__(self, given: str, name: Callable[[], str]) -> None:
        """Know what was given.

        Args:
            given: What the bot was told; "": nothing.
            name: Returns what the store knows this bot by.
        """
        self.seen: list[str] = [given] if given else []
        self.unnoted = ""
        self._given = given
        self._name = name

    def see(self, account: str) -> None:
        """A push names an account; only for one that is not in `seen`."""
        if account in self.seen or not account or len(self.seen) >= MOST:
            return
        if self._given:
            log.warning(
                "a push is for the account %s, and Bot(account=%r) says another: signals go to "
                "users of that one", account, self._given,
            )  # fmt: skip
        elif not self.seen:
            self.unnoted = account
        self.seen.append(account)

    def learn(self) -> Driving[str]:
        """Return the account; "" if nobody knows it yet.

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
        """Tell the store what was learned here. That may fail: it is tried again."""
        account, self.unnoted = self.unnoted, ""
        if not account:
            return
        try:
            yield NoteAccount(self._name(), account)
        except Exception as error:  # noqa: BLE001 - nothing that a message depends on
            self.unnoted = account
            report(logging.DEBUG, "the store was not told of account %s", account, error=error)
