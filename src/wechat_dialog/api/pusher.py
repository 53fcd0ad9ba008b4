"""Pushes the parts of answers, and knows when the account may not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from wechat_dialog.api.client import Api, AsyncApi
from wechat_dialog.delivery import Pushes
from wechat_dialog.errors import ApiError, NotGranted, WrongCredentials
from wechat_dialog.logs import log, report
from wechat_dialog.replies import Reply

__all__ = ["Pusher"]

ASK_AGAIN = 600.0
"""Seconds for which an account that was refused for good is taken to have no customer messages."""


class Pusher:
    """What a bot's turns push with."""

    def __init__(
        self,
        api: Api,
        async_api: AsyncApi,
        pushes: Pushes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Push nothing yet.

        Args:
            api: The active side for threads.
            async_api: The same for event loops.
            pushes: Told when the account turns out to have no customer messages: answers are then
                announced and fetched, as those of other accounts are.
            clock: Seconds, ever rising.
        """
        self._api = api
        self._async_api = async_api
        self._pushes = pushes
        self._clock = clock

    def push(self, user: str, reply: Reply) -> Exception | None:
        """Push one part; returns why it did not go out."""
        try:
            self._api.send(user, reply)
        except (ApiError, ValueError) as error:
            return self._refused(user, error)
        return None

    async def push_async(self, user: str, reply: Reply) -> Exception | None:
        """See `push`."""
        try:
            await self._async_api.send(user, reply)
        except (ApiError, ValueError) as error:
            return self._refused(user, error)
        return None

    def _refused(self, user: str, error: Exception) -> Exception:
        if isinstance(error, (NotGranted, WrongCredentials)):
            self._pushes.not_before(self._clock() + ASK_AGAIN, self._clock)
            log.error(
                "customer_messages=True, but %s; answers are held for their users to fetch for the "
                "next %d minutes", error, ASK_AGAIN // 60,
            )  # fmt: skip
        else:
            report(
                logging.WARNING,
                "user %s: a part of an answer was not pushed, and is held for his next message",
                user, error=error,
            )  # fmt: skip
        return error
