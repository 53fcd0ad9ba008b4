"""The calls of one account, as generators of what they need: no socket, no clock, no event loop.

A call yields a `Request` and is sent the `Answer`, yields a `Join` to wait for somebody else's
fetching of the token, or a `Pause`. So its rules stand once, and the two drivers in `client.py`
differ in an `await`.

One token serves everybody of a process, and other processes are given the same by the platform,
as long as nobody forces a new one. It is fetched anew a little before it runs out, by one caller
at a time, and the others wait for that one. Protocol reference 7.1.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from copy import copy
from threading import Lock
from typing import Any, TypeVar

import msgspec

from wechat_dialog.api.customer import CustomerMessage, body
from wechat_dialog.api.media import Media
from wechat_dialog.errors import ApiError, api_error

__all__ = ["Answer", "Call", "Calls", "Join", "Pause", "Request"]

T = TypeVar("T")

STALE = frozenset({40001, 40014, 42001})
"""The token is invalid or has expired: fetch another, and repeat the call once."""

BUSY = -1
PAUSES = (0.2, 0.8)
"""Seconds between repetitions where the platform is busy and nothing can come of it twice."""

EARLY = 240.0
"""Seconds before a token runs out at which another is fetched: the platform has a new one from 300
seconds before, and then takes both."""

FORCE_AGAIN = 600.0
"""Seconds between two forced tokens of one process: the platform allows 20 a day for all."""


class Request(msgspec.Struct, frozen=True):
    """An HTTP request to the platform.

    Attributes:
        method: GET or POST.
        path: Its path.
        params: Its query, the token included.
        json: Its body as JSON; None: it has none.
        file: Its body as a form with one file: field, name, content and type.
    """

    method: str
    path: str
    params: dict[str, str]
    json: object = None
    file: tuple[str, str, bytes, str] | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        status: The HTTP status.
        content: The body.
        content_type: Its type, or "".
        name: The file's name that it says it is, or "".
    """

    status: int
    content: bytes
    content_type: str = ""
    name: str = ""


class Join(msgspec.Struct, frozen=True):
    """Wait until another caller has fetched the token."""

    flight: Future[ApiError | None]


class Pause(msgspec.Struct, frozen=True):
    """Wait these seconds."""

    seconds: float


Call = Generator[Request | Join | Pause, Any, T]
Found = dict[str, Any]


class Calls:
    """The calls of one account, and its token."""

    def __init__(self, app_id: str, app_secret: str, clock: Callable[[], float]) -> None:
        """Fetch nothing yet.

        Args:
            app_id: The account's AppID.
            app_secret: Its AppSecret; stands in no error and no log.
            clock: Seconds, ever rising.
        """
        self._app_id = app_id
        self._secret = app_secret
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._ends = 0.0
        self._forced = -FORCE_AGAIN
        self._flight: Future[ApiError | None] | None = None

    # What can be asked ----------------------------------------------------------------------------

    def send(
        self, user: str, message: CustomerMessage, *, agent: str = "", ai: bool = False
    ) -> Call[None]:
        """Send a customer message."""
        kind, content = body(message)
        sent: Found = {"touser": user, "msgtype": kind, kind: content}
        if agent:
            sent["customservice"] = {"kf_account": agent}
        if ai:
            sent["aimsgcontext"] = {"is_ai_msg": 1}
        yield from self.call("/cgi-bin/message/custom/send", sent)

    def typing(self, user: str, *, on: bool = True) -> Call[None]:
        """Show, or stop showing, that the account is typing."""
        command = "Typing" if on else "CancelTyping"
        yield from self.call("/cgi-bin/message/custom/typing", {"touser": user, "command": command})

    def upload(self, kind: str, content: bytes, name: str, content_type: str) -> Call[str]:
        """Upload a file; returns its media id."""
        found = yield from self._asked(
            lambda token: Request(
                "POST", "/cgi-bin/media/upload", {"access_token": token, "type": kind},
                file=("media", name, content, content_type),
            ),
            repeatable=True,
        )  # fmt: skip
        id = found.get("media_id") or found.get("thumb_media_id")
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
        """Put a menu in place of the account's."""
        yield from self.call("/cgi-bin/menu/create", {"button": buttons}, repeatable=True)

    def get_menu(self) -> Call[Found]:
        """Return the menu."""
        return self.call("/cgi-bin/menu/get")

    def delete_menu(self) -> Call[None]:
        """Take the menu away."""
        yield from self.call("/cgi-bin/menu/delete")

    def callback_ips(self) -> Call[list[str]]:
        """Return where the platform's pushes come from."""
        found = yield from self.call("/cgi-bin/getcallbackip")
        return [str(ip) for ip in found.get("ip_list", ())]

    def call(
        self,
        path: str,
        json: object = None,
        *,
        params: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Call[Found]:
        """Make any call.

        Args:
            path: Its path.
            json: Its body; None makes a GET of it.
            params: Its query, without the token.
            repeatable: Whether a POST may be repeated where the platform is busy: nothing comes of
                it twice.
        """
        method = "GET" if json is None else "POST"
        return self._asked(
            lambda token: Request(method, path, {"access_token": token, **(params or {})}, json),
            repeatable=repeatable or json is None,
        )

    # How it is asked ------------------------------------------------------------------------------

    def _asked(self, make: Callable[[str], Request], *, repeatable: bool) -> Call[Found]:
        found = yield from self._answered(make, repeatable=repeatable)
        if isinstance(found, Answer):
            raise ApiError(0, f"no JSON, HTTP status {found.status}")
        return found

    def _answered(
        self, make: Callable[[str], Request], *, repeatable: bool
    ) -> Call[Found | Answer]:
        """Ask with the token, and once more with another where it went stale."""
        token = yield from self._fresh()
        retried = False
        pauses = list(PAUSES) if repeatable else []
        while True:
            answer: Answer = yield make(token)
            found = _json(answer)
            code = _code(found) if isinstance(found, dict) else 0
            if not code and answer.status == 200:
                return found
            if code in STALE and not retried:
                retried = True
                token = yield from self._other(token)
            elif code == BUSY and pauses:
                yield Pause(pauses.pop(0))
            else:
                raise self._error(found, answer)

    def _fresh(self, stale: str = "", *, force: bool = False) -> Call[str]:
        """Return a token that is not `stale`, and good for some minutes."""
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
            stale = ""  # whatever the other fetched is newer than what went stale

    def _fetch(self, flight: Future[ApiError | None], *, force: bool) -> Call[str]:
        told: ApiError | None = None
        try:
            token, seconds = yield from self._ask_for_token(force=force)
            with self._lock:
                self._token = token
                self._ends = self._clock() + seconds
            return token
        except ApiError as error:
            with self._lock:
                left = self._ends - self._clock()
                if self._token and left > 0 and not force and error.may_pass:
                    return self._token  # fetched early: the one in hand is still good
            told = error
            raise
        finally:
            with self._lock:
                self._flight = None
            flight.set_result(told)

    def _ask_for_token(self, *, force: bool) -> Call[tuple[str, float]]:
        request = Request(
            "POST", "/cgi-bin/stable_token", {},
            {
                "grant_type": "client_credential", "appid": self._app_id, "secret": self._secret,
                "force_refresh": force,
            },
        )  # fmt: skip
        pauses = list(PAUSES)
        while True:
            answer: Answer = yield request
            found = _json(answer)
            if isinstance(found, dict) and isinstance(found.get("access_token"), str):
                return found["access_token"], float(found.get("expires_in", 7200))
            if isinstance(found, dict) and _code(found) == BUSY and pauses:
                yield Pause(pauses.pop(0))
                continue
            raise self._error(found, answer, fetching=True)

    def _other(self, stale: str) -> Call[str]:
        """Return another token than the one the platform does not take any more."""
        with self._lock:
            if self._token == stale:
                self._ends = 0.0
        token = yield from self._fresh(stale)
        if token != stale:
            return token
        # The platform gives what it does not take. One may be forced, rarely: it ends all others.
        with self._lock:
            now = self._clock()
            may = now - self._forced >= FORCE_AGAIN
            if may:
                self._forced = now
                self._ends = 0.0
        return (yield from self._fresh(stale, force=True)) if may else token

    def _error(self, found: Found | Answer, answer: Answer, *, fetching: bool = False) -> ApiError:
        if isinstance(found, Answer) or answer.status != 200:
            return ApiError(0, f"no JSON, HTTP status {answer.status}")
        message = str(found.get("errmsg", ""))
        for secret in (self._secret, self._token):
            message = message.replace(secret, "…") if secret else message
        return api_error(_code(found), message, fetching=fetching)


def _json(answer: Answer) -> Found | Answer:
    """Return an answer's JSON object; the answer itself where it is a file."""
    if answer.content[:1] not in (b"{", b" ", b"\n", b"\r", b"\t"):
        return answer
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return answer


def _code(found: Found) -> int:
    code = found.get("errcode", 0)
    return code if isinstance(code, int) else 0
