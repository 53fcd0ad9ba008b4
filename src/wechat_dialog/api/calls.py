"""The calls of one account, as generators of requests: no socket, no clock, no event loop.

A call yields a `Request` and is sent the `Answer`, yields a `Join` to wait while another caller
fetches the token, or a `Pause`. So its rules are written once, and the two drivers in `client.py`
differ only in an `await`.

All callers of a process share one access token; the platform gives other processes the same token,
unless somebody forces a new one. It is refreshed a little before it expires, by one caller at a
time, and the others wait for that caller. Protocol reference 7.1.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from copy import copy
from threading import Lock
from typing import Any, TypeVar

import msgspec

from wechat_dialog.api.codes import api_error
from wechat_dialog.core.secrecy import Secret
from wechat_dialog.errors import ApiError

from .customer import CustomerMessage, body
from .media import Media

__all__ = ["Answer", "Call", "Calls", "Join", "Pause", "Request"]

T = TypeVar("T")

STALE = frozenset({40001, 40014, 42001})
"""Codes for an invalid or expired token: fetch another one, and repeat the call once."""

BUSY = -1
PAUSES = (0.2, 0.8)
"""Seconds between the attempts of a repeatable call while the platform is busy."""

LIFE = 7200.0
"""Seconds for which a token is valid, if the platform does not say."""

EARLY = 240.0
"""Seconds before its expiry at which a token is refreshed: the platform has a new one from 300
seconds before, and accepts both during that time."""

FORCE_AGAIN = 600.0
"""Seconds between two forced tokens of one process: the platform allows 20 a day for all."""


class Request(msgspec.Struct, frozen=True):
    """An HTTP request to the platform.

    Attributes:
        method: GET or POST.
        path: Its path.
        params: Its query, the token included.
        json: Its body, to be written as JSON; None if it has no JSON body.
        file: Its body as a form with one file (field, name, content and type); None if it has none.
    """

    method: str
    path: str
    params: dict[str, str]
    json: object = None
    file: tuple[str, str, bytes, str] | None = None

    def __repr__(self) -> str:  # the query has the token, a body the secret
        return f"Request({self.method} {self.path})"


class Answer(msgspec.Struct, frozen=True):
    """The platform's response.

    Attributes:
        status: The HTTP status.
        content: The body.
        content_type: Its content type, or "".
        name: The file name of its Content-Disposition, or "".
    """

    status: int
    content: bytes
    content_type: str = ""
    name: str = ""

    def __repr__(self) -> str:  # the body may have a new token
        return f"Answer({self.status}, {len(self.content)} bytes)"


class Join(msgspec.Struct, frozen=True):
    """Wait until another caller has fetched the token; the result is its error, or None."""

    flight: Future[ApiError | None]


class Pause(msgspec.Struct, frozen=True):
    """Wait these seconds."""

    seconds: float


Call = Generator[Request | Join | Pause, Any, T]
Payload = dict[str, Any]


class Calls:
    """The calls of one account, and its token."""

    def __init__(self, app_id: str, app_secret: str, clock: Callable[[], float]) -> None:
        """Fetch nothing yet.

        Args:
            app_id: The account's AppID.
            app_secret: Its AppSecret; never part of an error or a log.
            clock: Returns seconds; never goes back.
        """
        self._app_id = app_id
        self._secret = Secret(app_secret)
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._ends = 0.0
        self._forced = -FORCE_AGAIN
        self._flight: Future[ApiError | None] | None = None

    # The calls ------------------------------------------------------------------------------------

    def send(
        self, user: str, message: CustomerMessage, *, agent: str = "", ai: bool = False
    ) -> Call[None]:
        """Send a customer message."""
        kind, content = body(message)
        payload: Payload = {"touser": user, "msgtype": kind, kind: content}
        if agent:
            payload["customservice"] = {"kf_account": agent}
        if ai:
            payload["aimsgcontext"] = {"is_ai_msg": 1}
        yield from self.call("/cgi-bin/message/custom/send", payload)

    def typing(self, user: str, *, on: bool = True) -> Call[None]:
        """Show that the account is typing, or stop showing it."""
        command = "Typing" if on else "CancelTyping"
        yield from self.call("/cgi-bin/message/custom/typing", {"touser": user, "command": command})

    def upload(self, kind: str, content: bytes, name: str, content_type: str) -> Call[str]:
        """Upload a file; returns its media id."""
        payload = yield from self._checked(
            lambda token: Request(
                "POST", "/cgi-bin/media/upload", {"access_token": token, "type": kind},
                file=("media", name, content, content_type),
            ),
            repeatable=True,
        )  # fmt: skip
        id = payload.get("media_id") or payload.get("thumb_media_id")
        if not isinstance(id, str):
            raise ApiError(0, "the answer to an upload has no media_id")
        return id

    def download(self, media_id: str) -> Call[Media]:
        """Fetch a file."""
        answer = yield from self._answered(
            lambda token: Request(
                "GET", "/cgi-bin/media/get", {"access_token": token, "media_id": media_id}
            ),
            repeatable=True,
        )
        if isinstance(answer, Answer):
            return Media(answer.content, answer.content_type, answer.name)
        return Media(b"", url=str(answer.get("video_url", "")))

    def create_menu(self, buttons: object) -> Call[None]:
        """Replace the account's menu."""
        yield from self.call("/cgi-bin/menu/create", {"button": buttons}, repeatable=True)

    def get_menu(self) -> Call[Payload]:
        """Return the menu."""
        return self.call("/cgi-bin/menu/get")

    def delete_menu(self) -> Call[None]:
        """Delete the menu."""
        yield from self.call("/cgi-bin/menu/delete")

    def callback_ips(self) -> Call[list[str]]:
        """Return the IP addresses that the platform's pushes come from."""
        payload = yield from self.call("/cgi-bin/getcallbackip")
        return [str(ip) for ip in payload.get("ip_list", ())]

    def call(
        self,
        path: str,
        json: object = None,
        *,
        params: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Call[Payload]:
        """Make any call.

        Args:
            path: Its path.
            json: Its body; None makes it a GET.
            params: Its query, without the token; None for no parameters.
            repeatable: Whether a POST may be repeated while the platform is busy, because doing it
                twice has the effect of doing it once.
        """
        method = "GET" if json is None else "POST"
        return self._checked(
            lambda token: Request(method, path, {"access_token": token, **(params or {})}, json),
            repeatable=repeatable or json is None,
        )

    # How a call is made ---------------------------------------------------------------------------

    def _checked(self, make: Callable[[str], Request], *, repeatable: bool) -> Call[Payload]:
        """Make a request whose answer must be JSON."""
        payload = yield from self._answered(make, repeatable=repeatable)
        if isinstance(payload, Answer):
            raise ApiError(0, f"no JSON, HTTP status {payload.status}")
        return payload

    def _answered(
        self, make: Callable[[str], Request], *, repeatable: bool
    ) -> Call[Payload | Answer]:
        """Make a request with the token; if the token is stale, once more with a new one."""
        token = yield from self._fresh()
        retried = False
        pauses = list(PAUSES) if repeatable else []
        while True:
            answer: Answer = yield make(token)
            payload = self._json(answer)
            code = _code(payload) if isinstance(payload, dict) else 0
            if not code and answer.status == 200:
                return payload
            if code in STALE and not retried:
                retried = True
                token = yield from self._replacement(token)
            elif code == BUSY and pauses:
                yield Pause(pauses.pop(0))
            else:
                raise self._error(payload, answer)

    def _fresh(self, stale: str = "", *, force: bool = False) -> Call[str]:
        """Return a token other than `stale` that is valid for some minutes more."""
        while True:
            with self._lock:
                now = self._clock()
                if self._token and self._token != stale and now < self._ends - EARLY:
                    return self._token
                flight, mine = self._flight, self._flight is None
                if flight is None:
                    flight = self._flight = Future()
            if mine:
                return (yield from self._fetch(flight, force=force))
            error = yield Join(flight)
            if error is not None:
                raise copy(error)
            stale = ""  # the token that the other caller fetched is newer than the stale one

    def _fetch(self, flight: Future[ApiError | None], *, force: bool) -> Call[str]:
        failure: ApiError | None = None
        try:
            token, seconds = yield from self._ask_for_token(force=force)
            with self._lock:
                self._token = token
                self._ends = self._clock() + seconds
            return token
        except ApiError as error:
            with self._lock:
                remaining = self._ends - self._clock()
                if self._token and remaining > 0 and not force and error.may_pass:
                    return self._token  # refreshed early: the current token is still valid
            failure = error
            raise
        finally:
            with self._lock:
                self._flight = None
            flight.set_result(failure)

    def _ask_for_token(self, *, force: bool) -> Call[tuple[str, float]]:
        request = Request(
            "POST", "/cgi-bin/stable_token", {},
            {
                "grant_type": "client_credential", "appid": self._app_id,
                "secret": str(self._secret), "force_refresh": force,
            },
        )  # fmt: skip
        pauses = list(PAUSES)
        while True:
            answer: Answer = yield request
            payload = self._json(answer)
            if isinstance(payload, dict) and isinstance(payload.get("access_token"), str):
                return Secret(payload.pop("access_token")), _seconds(payload.get("expires_in"))
            if isinstance(payload, dict) and _code(payload) == BUSY and pauses:
                yield Pause(pauses.pop(0))
                continue
            raise self._error(payload, answer, fetching=True)

    def _replacement(self, stale: str) -> Call[str]:
        """Return a token other than the one that the platform has just refused."""
        with self._lock:
            if self._token == stale:
                self._ends = 0.0
        token = yield from self._fresh(stale)
        if token != stale:
            return token
        # The platform still gives out the token that it refuses. Forcing a new one invalidates all
        # others, so it is done rarely.
        with self._lock:
            now = self._clock()
            may = now - self._forced >= FORCE_AGAIN
            if may:
                self._forced = now
                self._ends = 0.0
        return (yield from self._fresh(stale, force=True)) if may else token

    def _error(
        self, payload: Payload | Answer, answer: Answer, *, fetching: bool = False
    ) -> ApiError:
        if isinstance(payload, Answer) or answer.status != 200:
            return ApiError(0, f"no JSON, HTTP status {answer.status}")
        return api_error(_code(payload), str(payload.get("errmsg", "")), fetching=fetching)

    def _json(self, answer: Answer) -> Payload | Answer:
        """Return an answer's JSON object; the answer itself if it is not JSON, such as a file.

        Secrets that the platform quotes in `errmsg` are removed: that text is logged.
        """
        payload = _json(answer)
        if isinstance(payload, dict) and isinstance(message := payload.get("errmsg"), str):
            for secret in (self._secret, self._token):
                message = message.replace(secret, "…") if secret else message
            payload["errmsg"] = message
        return payload


def _json(answer: Answer) -> Payload | Answer:
    """Return an answer's JSON object; the answer itself if it is not JSON, such as a file."""
    if answer.content[:1] not in (b"{", b" ", b"\n", b"\r", b"\t"):
        return answer
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return answer


def _seconds(expires_in: object) -> float:
    """Return for how many seconds a token is valid; `LIFE` if the platform does not say."""
    return float(expires_in) if isinstance(expires_in, (int, float)) else LIFE


def _code(payload: Payload) -> int:
    code = payload.get("errcode", 0)
    return code if isinstance(code, int) else 0
