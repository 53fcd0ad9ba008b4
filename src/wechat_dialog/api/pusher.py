"""Pushes parts of answers as customer messages, and shows that the account is typing, unless the
account may do neither.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from wechat_dialog.core.logs import log, report
from wechat_dialog.errors import ApiError, NotGranted, Unreachable, WrongCredentials
from wechat_dialog.replies import Reply, Transfer

from .client import Api, AsyncApi

__all__ = ["Pusher"]

ASK_AGAIN = 600.0
"""Seconds for which nothing is pushed after the platform said that the account has no customer
messages."""


class Pusher:
    """Sends the parts that a bot's turns push; implements `runtime.pusher.Pusher`."""

    def __init__(
        self,
        api: Api,
        async_api: AsyncApi,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Push nothing yet.

        Args:
            api: The API for threads.
            async_api: The API for event loops.
            clock: Returns seconds; never goes back.
        """
        self._api = api
        self._async_api = async_api
        self._clock = clock
        self._refused_until = -math.inf

    @property
    def allowed(self) -> bool:
        """Whether the account may push, as far as is known. If it may not, users fetch the parts
        that are held, as they do with an account that has no customer messages.
        """
        return self._clock() >= self._refused_until

    def push(self, user: str, reply: Reply) -> Exception | None:
        """Push one part. Return why it was not sent; None if it was."""
        try:
            self._api.send(user, reply, ai=_is_made_by_ai(reply))
        except (ApiError, ValueError) as error:
            return self._refused(user, error)
        return None

    async def push_async(self, user: str, reply: Reply) -> Exception | None:
        """See `push`."""
        try:
            await self._async_api.send(user, reply, ai=_is_made_by_ai(reply))
        except (ApiError, ValueError) as error:
            return self._refused(user, error)
        return None

    def typing(self, user: str, *, on: bool) -> bool:
        """Show a user that the account is typing, or end that; for that alone nobody is warned.

        Returns:
            Whether it is worth a try for others: the platform can be reached, and the account may.
        """
        try:
            self._api.typing(user, on=on)
        except Exception as error:  # noqa: BLE001 - nobody's answer depends on it
            report(logging.DEBUG, "user %s was shown no typing sign", user, error=error)
            return not isinstance(error, (NotGranted, WrongCredentials, Unreachable))
        return True

    def _refused(self, user: str, error: Exception) -> Exception:
        if isinstance(error, (NotGranted, WrongCredentials)):
            self._refused_until = self._clock() + ASK_AGAIN
            log.error(
                "customer_messages=True, but %s; answers are held for their users to fetch for the "
                "next %d minutes", error, ASK_AGAIN // 60,
            )  # fmt: skip
        else:
            report(
                logging.WARNING,
                "user %s: a part of an answer was not pushed, and is held for their next message",
                user, error=error,
            )  # fmt: skip
        return error


def _is_made_by_ai(reply: Reply) -> bool:
    return not isinstance(reply, Transfer) and bool(reply.ai_generated)
