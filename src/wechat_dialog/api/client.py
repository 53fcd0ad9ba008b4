"""`Api` and `AsyncApi`: the calls of `calls.py` over HTTP, for threads and for event loops.

Neither the secret nor the token is part of an error or, above DEBUG, of a log: httpx logs every URL
at INFO, and the platform wants the token in the URL.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import httpx
import msgspec

from wechat_dialog.core.quantities import require_seconds
from wechat_dialog.errors import ApiError, Unreachable

from .calls import Answer, Call, Calls, Join, Pause, Request
from .customer import CustomerMessage
from .media import Media

__all__ = ["HOST", "Api", "AsyncApi"]

T = TypeVar("T")

HOST = "https://api.weixin.qq.com"
TIMEOUT = 10.0
"""Seconds that a request to the platform may take by default."""

MediaKind = Literal["image", "voice", "video", "thumb"]
_TYPES = {"image": "image/jpeg", "voice": "audio/amr", "video": "video/mp4", "thumb": "image/jpeg"}
_ENDS = {"image": "jpg", "voice": "amr", "video": "mp4", "thumb": "jpg"}
_SECRET = re.compile(r"(access_token|secret)=[^&\s\"']+")


class _Face:
    """What `Api` and `AsyncApi` share: the calls, and requests and answers as httpx has them."""

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        host: str = HOST,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        require_seconds("timeout", timeout)
        self.host = host.rstrip("/")
        self.timeout = timeout
        self.calls = Calls(app_id, app_secret, clock)
        _keep_tokens_out_of_logs()

    def request(self, request: Request) -> dict[str, Any]:
        """Return the arguments of httpx's `request`."""
        arguments: dict[str, Any] = {
            "method": request.method,
            "url": self.host + request.path,
            "params": request.params,
        }
        if request.file is not None:
            field, name, content, content_type = request.file
            arguments["files"] = {field: (name, content, content_type)}
        elif request.json is not None:
            # msgspec leaves Chinese as it is, which some fields need (protocol reference 7.2).
            arguments["content"] = msgspec.json.encode(request.json)
            arguments["headers"] = {"Content-Type": "application/json; charset=utf-8"}
        return arguments

    def answer(self, response: httpx.Response) -> Answer:
        """Return httpx's response as an `Answer`."""
        name = re.search(r'filename="?([^";]+)', response.headers.get("content-disposition", ""))
        return Answer(
            response.status_code,
            response.content,
            response.headers.get("content-type", ""),
            name[1] if name else "",
        )

    def unreachable(self, error: httpx.HTTPError, request: Request) -> Unreachable:
        """Return an error of our own; httpx's has the request in it, and so the token."""
        sent = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        return Unreachable(f"{request.path}: {type(error).__name__}", sent=sent)


class Api:
    """The platform's API for threads; safe to use from any number of them.

    Every call raises `errors.ApiError` if the platform refuses it (`OutOfWindow`, `QuotaUsedUp`,
    `NotGranted`, …) and `errors.Unreachable` if it cannot be reached.
    """

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        host: str = HOST,
        timeout: float = TIMEOUT,
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open nothing yet.

        Args:
            app_id: The account's AppID.
            app_secret: Its AppSecret.
            host: The platform's base URL, without a path.
            timeout: Seconds one request may take.
            client: The HTTP client; None makes one.
            clock: Returns seconds and never goes back; the token's age is measured by it.
        """
        self._face = _Face(app_id, app_secret, host=host, timeout=timeout, clock=clock)
        self._calls = self._face.calls
        self._client = client or httpx.Client(timeout=timeout)

    def send(
        self, user: str, message: CustomerMessage, *, agent: str = "", ai: bool = False
    ) -> None:
        """Send a customer message (protocol reference 7.2).

        Args:
            user: The user's OpenID.
            message: A text, a reply, or a message of `api.customer`.
            agent: The agent shown as its sender, `name@account`; "" shows the account.
            ai: Whether the platform marks the content as made by an AI.

        Raises:
            ValueError: The message cannot be sent as a customer message.
        """
        return self._run(self._calls.send(user, message, agent=agent, ai=ai))

    def send_text(self, user: str, content: str) -> None:
        """Send a text; see `send`."""
        return self.send(user, content)

    def typing(self, user: str, *, on: bool = True) -> None:
        """Show for 15 s that the account is typing, or stop showing it (7.3)."""
        return self._run(self._calls.typing(user, on=on))

    def upload(
        self,
        kind: MediaKind,
        content: bytes | Path,
        name: str = "",
        content_type: str = "",
    ) -> str:
        """Upload a file, which the platform keeps for three days. Return its media id.

        Args:
            kind: "image", "voice", "video" or "thumb" (a cover).
            content: The bytes, or the path of a file.
            name: Its file name; "" takes that of the path, or a default.
            content_type: Its content type; "" takes the usual one of the kind.
        """
        return self._run(self._calls.upload(*_file(kind, content, name, content_type)))

    def download(self, media_id: str) -> Media:
        """Return a file that a user sent, or that was uploaded."""
        return self._run(self._calls.download(media_id))

    def create_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """Replace the account's menu; the buttons are dicts with the platform's own field names."""
        return self._run(self._calls.create_menu(buttons))

    def get_menu(self) -> dict[str, Any]:
        """Return the menu that was created with `create_menu`, as the platform returns it."""
        return self._run(self._calls.get_menu())

    def delete_menu(self) -> None:
        """Delete the account's menu."""
        return self._run(self._calls.delete_menu())

    def callback_ips(self) -> list[str]:
        """Return the IP addresses that the platform's pushes come from."""
        return self._run(self._calls.callback_ips())

    def call(
        self, path: str, json: object = None, *, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Make any other call, with the token added.

        Args:
            path: Its path, such as "/cgi-bin/user/info".
            json: Its body; None makes it a GET.
            params: Its query, without the token; None for no parameters.
        """
        return self._run(self._calls.call(path, json, params=params))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def for_async(self) -> AsyncApi:
        """Return the same API for event loops; the two share one token."""
        return AsyncApi("", "", face=self._face)

    def _run(self, call: Call[T]) -> T:
        result: Any = None
        failure: ApiError | None = None
        try:
            while True:
                operation = call.send(result) if failure is None else call.throw(failure)
                failure = None
                if isinstance(operation, Pause):
                    time.sleep(operation.seconds)
                elif isinstance(operation, Join):
                    result = operation.flight.result()
                else:
                    try:
                        response = self._client.request(**self._face.request(operation))
                    except httpx.HTTPError as error:
                        failure = self._face.unreachable(error, operation)
                    else:
                        result = self._face.answer(response)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            call.close()


class AsyncApi:
    """The same calls for event loops, any number of them; see `Api`."""

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        host: str = HOST,
        timeout: float = TIMEOUT,
        client: httpx.AsyncClient | None = None,
        face: _Face | None = None,
    ) -> None:
        """See `Api`.

        Args:
            app_id: The account's AppID.
            app_secret: Its AppSecret.
            host: The platform's base URL.
            timeout: Seconds one request may take.
            client: The HTTP client; None makes one for each event loop.
            face: Given by `Api.for_async`: the calls and the token, instead of other arguments.
        """
        self._face = face or _Face(app_id, app_secret, host=host, timeout=timeout)
        self._calls = self._face.calls
        self._own_client = client
        # A connection belongs to the event loop that opened it.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    async def send(
        self, user: str, message: CustomerMessage, *, agent: str = "", ai: bool = False
    ) -> None:
        """See `Api.send`."""
        return await self._run(self._calls.send(user, message, agent=agent, ai=ai))

    async def send_text(self, user: str, content: str) -> None:
        """See `Api.send_text`."""
        return await self.send(user, content)

    async def typing(self, user: str, *, on: bool = True) -> None:
        """See `Api.typing`."""
        return await self._run(self._calls.typing(user, on=on))

    async def upload(
        self,
        kind: MediaKind,
        content: bytes | Path,
        name: str = "",
        content_type: str = "",
    ) -> str:
        """See `Api.upload`."""
        return await self._run(self._calls.upload(*_file(kind, content, name, content_type)))

    async def download(self, media_id: str) -> Media:
        """See `Api.download`."""
        return await self._run(self._calls.download(media_id))

    async def create_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """See `Api.create_menu`."""
        return await self._run(self._calls.create_menu(buttons))

    async def get_menu(self) -> dict[str, Any]:
        """See `Api.get_menu`."""
        return await self._run(self._calls.get_menu())

    async def delete_menu(self) -> None:
        """See `Api.delete_menu`."""
        return await self._run(self._calls.delete_menu())

    async def callback_ips(self) -> list[str]:
        """See `Api.callback_ips`."""
        return await self._run(self._calls.callback_ips())

    async def call(
        self, path: str, json: object = None, *, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """See `Api.call`."""
        return await self._run(self._calls.call(path, json, params=params))

    async def close(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        if self._own_client is not None:
            return self._own_client
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(timeout=self._face.timeout)
        return client

    async def _run(self, call: Call[T]) -> T:
        result: Any = None
        failure: ApiError | None = None
        try:
            while True:
                operation = call.send(result) if failure is None else call.throw(failure)
                failure = None
                if isinstance(operation, Pause):
                    await asyncio.sleep(operation.seconds)
                elif isinstance(operation, Join):
                    # Shielded: a caller that is cancelled must not cancel the fetch for the others.
                    result = await asyncio.shield(asyncio.wrap_future(operation.flight))
                else:
                    try:
                        response = await self._client().request(**self._face.request(operation))
                    except httpx.HTTPError as error:
                        failure = self._face.unreachable(error, operation)
                    else:
                        result = self._face.answer(response)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            call.close()


def _file(
    kind: MediaKind, content: bytes | Path, name: str, content_type: str
) -> tuple[str, bytes, str, str]:
    if isinstance(content, Path):
        name = name or content.name
        content = content.read_bytes()
    return kind, content, name or f"file.{_ENDS[kind]}", content_type or _TYPES[kind]


class _WithoutTokens(logging.Filter):
    """Removes secrets from the URLs that httpx logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove the secrets of a record. Always return True."""
        text = record.getMessage()
        without = _SECRET.sub(r"\1=…", text)
        if without != text:
            record.msg, record.args = without, ()
        return True


_FILTER = _WithoutTokens()


def _keep_tokens_out_of_logs() -> None:
    logging.getLogger("httpx").addFilter(_FILTER)  # adding the same filter twice has no effect
