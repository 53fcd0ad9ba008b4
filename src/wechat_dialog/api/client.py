"""Calls to the platform: one token for all, one repetition where a token went stale, typed errors.

A call is a generator of HTTP requests, so that the rules stand once and `Api` and `AsyncApi` differ
in an `await`. Protocol reference 7.1 and 7.2.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import httpx
import msgspec

from wechat_dialog.errors import DialogError

__all__ = ["Api", "ApiError", "AsyncApi"]

HOST = "https://api.weixin.qq.com"
STALE = frozenset({40001, 40014, 42001})
"""The token is invalid or has expired: fetch another, and repeat the call once (7.1)."""

Call = Generator[httpx.Request, httpx.Response, dict[str, Any]]


class ApiError(DialogError):
    """The platform refused a call; repeating it as it is helps nobody.

    Attributes:
        code: Its `errcode`: 45015 the window is over, 45047 the quota is used up, 48001 the account
            may not do this, … (7.1, 7.4).
        message: Its `errmsg`.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"the platform answered {self.code}: {self.message} (protocol reference 7)"


class _Calls:
    """The calls of one account, as generators of requests."""

    def __init__(self, app_id: str, app_secret: str, host: str = HOST) -> None:
        self._app_id = app_id
        self._secret = app_secret
        self._host = host
        self._token = ""

    def send(self, user: str, kind: str, content: dict[str, Any]) -> Call:
        body = {"touser": user, "msgtype": kind, kind: content}
        return self._authorised("/cgi-bin/message/custom/send", body)

    def _authorised(self, path: str, body: dict[str, Any]) -> Call:
        for last in (False, True):
            if not self._token:
                yield from self._fetch_token()
            used = self._token
            answer = yield self._post(f"{path}?access_token={used}", body)
            found = _read(answer)
            code = int(found.get("errcode", 0))
            if not code:
                return found
            if code not in STALE or last:
                raise ApiError(code, str(found.get("errmsg", "")))
            # Another thread may have fetched a new one meanwhile.
            if self._token == used:
                self._token = ""
        raise AssertionError("unreachable")  # pragma: no cover

    def _fetch_token(self) -> Call:
        body = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._secret,
            "force_refresh": False,
        }
        found = _read((yield self._post("/cgi-bin/stable_token", body)))
        if found.get("errcode") or "access_token" not in found:
            raise ApiError(int(found.get("errcode", -1)), str(found.get("errmsg", "no token")))
        self._token = str(found["access_token"])
        return found

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Request:
        # msgspec leaves Chinese as it is, which some fields need (7.2).
        content = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return httpx.Request("POST", self._host + path, content=content, headers=headers)


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ApiError(-1, f"no JSON, HTTP status {answer.status_code}") from error


class Api:
    """Calls for threads.

    Args:
        app_id: The account's AppID.
        app_secret: Its AppSecret.
        client: Does the requests; None makes one.
        host: Where the platform is.
    """

    def __init__(
        self, app_id: str, app_secret: str, *, client: httpx.Client | None = None, host: str = HOST
    ) -> None:
        self._calls = _Calls(app_id, app_secret, host)
        self._client = client or httpx.Client(timeout=5)

    def send_text(self, user: str, content: str) -> None:
        """Send a customer message (7.2).

        Raises:
            ApiError: The platform refused it.
            httpx.HTTPError: It could not be reached.
        """
        self._run(self._calls.send(user, "text", {"content": content}))

    def _run(self, call: Call) -> dict[str, Any]:
        request = next(call)
        while True:
            answer = self._client.send(request)
            try:
                request = call.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]


class AsyncApi:
    """The same calls for an event loop; see `Api`."""

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        client: httpx.AsyncClient | None = None,
        host: str = HOST,
    ) -> None:
        self._calls = _Calls(app_id, app_secret, host)
        self._client = client or httpx.AsyncClient(timeout=5)

    async def send_text(self, user: str, content: str) -> None:
        """See `Api.send_text`."""
        await self._run(self._calls.send(user, "text", {"content": content}))

    async def _run(self, call: Call) -> dict[str, Any]:
        request = next(call)
        while True:
            answer = await self._client.send(request)
            try:
                request = call.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
