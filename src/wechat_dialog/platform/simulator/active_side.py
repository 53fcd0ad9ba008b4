"""The platform's API, simulated: it answers a bot's calls to WeChat.

Tokens, customer messages with their quotas, the typing sign, media, the menu (protocol reference
7). Calls are refused for the platform's reasons and with its error codes. HTTP is handled in `web`.
"""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from wechat_dialog.errors import ConfigurationError

from . import buttons, customer
from .desk import Desk
from .tokens import Tokens

__all__ = ["ActiveSide", "ApiCall", "ApiResponse", "CallRefused"]

TYPING = 15.0
"""Seconds the typing sign lasts."""
EXCHANGE = 30.0
"""Seconds: a typing sign needs a message between user and account that is not older."""

MADE_BY_AI = "内容由第三方AI生成"
"""The label below a message that the bot marks as made by an AI (protocol reference 7.2)."""

KILO = 1024
SIZES = {"image": 10 * KILO * KILO, "voice": 2 * KILO * KILO, "video": 10 * KILO * KILO}
SIZES["thumb"] = 64 * KILO

WORDS = {
    40001: "invalid credential, access_token is invalid or not latest",
    40003: "invalid openid",
    40004: "invalid media type",
    40006: "invalid media size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid appid",
    40016: "invalid button size",
    40125: "invalid appsecret",
    40200: "invalid account type",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    42001: "access_token expired",
    43004: "require subscribe",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45072: "invalid command",
    45080: "no message exchanged in the last 30 seconds",
    45081: "typing already",
    46003: "menu no exist",
    47001: "data format error",
    48001: "api unauthorized",
}
"""The platform's `errmsg` for each `errcode`."""


class CallRefused(Exception):
    """The call is refused.

    Attributes:
        code: The `errcode`.
        why: An explanation to add to the platform's `errmsg`; may be "".
    """

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call: method, path, query, body and its type."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes = b""
    content_type: str = ""

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises:
            CallRefused: The body is not a JSON object.
        """
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise CallRefused(47001, str(error)) from error


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """The answer to a call: body, content type, HTTP status, `errcode`.

    Attributes:
        user: The OpenID of the user that the call is about; "" if it is about none.
    """

    body: bytes
    content_type: str = "application/json; charset=utf-8"
    status: int = 200
    user: str = ""
    code: int = 0


class ActiveSide:
    """The platform's API for the account of a desk."""

    def __init__(self, desk: Desk) -> None:
        """Answer calls about the account and the users of `desk`."""
        self._desk = desk
        self._tokens = Tokens(desk.clock)
        self._menu: dict[str, Any] | None = None
        self._calls: dict[str, Callable[[ApiCall], Any]] = {
            "message/custom/send": self._send,
            "message/custom/typing": self._typing,
            "media/upload": self._upload,
            "media/get": self._get,
            "menu/create": self._create_menu,
            "menu/get": self._get_menu,
            "menu/delete": self._delete_menu,
            "user/info": self._user_info,
            "getcallbackip": lambda _: {"ip_list": ["127.0.0.1"]},
            "clear_quota": lambda _: None,
        }

    def answer(self, call: ApiCall) -> ApiResponse:
        """Answer a call."""
        user = ""
        path = call.path.removeprefix("/cgi-bin/")
        try:
            if path == "stable_token":
                return _json(self._stable_token(call.json()))
            if path == "token":
                return _json(self._token(call.query))
            method = self._calls.get(path)
            if method is None:
                return _json({"errcode": 404, "errmsg": f"no {call.path} on this desk"}, 404)
            if code := self._tokens.refusal(call.query.get("access_token", "")):
                raise CallRefused(code)
            if call.method == "POST" and "json" in call.content_type:
                user = str(call.json().get("touser", ""))
            result = method(call)
            if isinstance(result, ApiResponse):
                return result
            return _json({"errcode": 0, "errmsg": "ok"} if result is None else result, user=user)
        except CallRefused as refusal:
            words = WORDS.get(refusal.code, "error")
            sentence = f"{words}: {refusal.why}" if refusal.why else words
            refused = {"errcode": refusal.code, "errmsg": f"{sentence} rid: simulated"}
            return _json(refused, user=user, code=refusal.code)

    # Tokens ---------------------------------------------------------------------------------------

    def _credentials(self, app_id: object, secret: object) -> None:
        account = self._desk.platform.account
        if not app_id:
            raise CallRefused(41002)
        if not secret:
            raise CallRefused(41004)
        if account.app_id and app_id != account.app_id:
            raise CallRefused(40013)
        if account.app_secret and secret != account.app_secret:
            raise CallRefused(40125)

    def _stable_token(self, fields: dict[str, Any]) -> dict[str, Any]:
        self._credentials(fields.get("appid"), fields.get("secret"))
        token, seconds = self._tokens.stable(force=fields.get("force_refresh") is True)
        return {"access_token": token, "expires_in": seconds}

    def _token(self, query: Mapping[str, str]) -> dict[str, Any]:
        self._credentials(query.get("appid"), query.get("secret"))
        token, seconds = self._tokens.single()
        return {"access_token": token, "expires_in": seconds}

    def _granted(self) -> None:
        if self._desk.platform.account.kind == "unverified":
            raise CallRefused(48001)

    # Customer messages ----------------------------------------------------------------------------

    def _reachable(self, user: str) -> None:
        person = self._desk.users.get(user)
        if person is None:
            raise CallRefused(40003)
        if not person.following:
            raise CallRefused(43004)

    def _send(self, call: ApiCall) -> None:
        self._granted()
        message = call.json()
        user = str(message.get("touser", ""))
        self._reachable(user)
        if message.get("msgtype") == "msgmenu" and self._desk.platform.account.kind == "sandbox":
            raise CallRefused(40200)
        try:
            shown = customer.shown(message)
        except customer.MessageRefused as refusal:
            raise CallRefused(refusal.code, refusal.why) from refusal
        refused = self._desk.quotas.take(user)
        if refused:
            raise CallRefused(45015 if refused == "closed" else 45047)
        note = MADE_BY_AI if customer.is_made_by_ai(message) else ""
        self._desk.answered(user, shown, requests=[], pushed=True, note=note)

    def _typing(self, call: ApiCall) -> None:
        self._granted()
        fields = call.json()
        user, command = str(fields.get("touser", "")), fields.get("command")
        self._reachable(user)
        if command not in ("Typing", "CancelTyping"):
            raise CallRefused(45072)
        if not self._desk.quotas.open(user):
            raise CallRefused(45015)
        if self._desk.silence(user) > EXCHANGE:
            raise CallRefused(45080)
        if command == "CancelTyping":
            self._desk.stop_typing(user)
        elif self._desk.is_typing(user):
            raise CallRefused(45081)
        else:
            self._desk.start_typing(user, TYPING)

    # Media ----------------------------------------------------------------------------------------

    def _upload(self, call: ApiCall) -> dict[str, Any]:
        self._granted()
        kind = call.query.get("type", "")
        if kind not in SIZES:
            raise CallRefused(40004)
        data, content_type, name = _file_in(call)
        if len(data) > SIZES[kind]:
            raise CallRefused(40006, f"{len(data)} bytes, {SIZES[kind]} are the limit of {kind}")
        id = self._desk.media.add(data, content_type, name)
        at = self._desk.now() // 1000
        field = "thumb_media_id" if kind == "thumb" else "media_id"
        return {"type": kind, field: id, "created_at": at}

    def _get(self, call: ApiCall) -> ApiResponse | dict[str, Any]:
        id = call.query.get("media_id", "")
        file = self._desk.media.get(id)
        if file is None:
            raise CallRefused(40007)
        if file.kind.startswith("video/"):
            return {"video_url": self._desk.media.url(id)}
        return ApiResponse(file.data, file.kind)

    # The menu -------------------------------------------------------------------------------------

    def _create_menu(self, call: ApiCall) -> None:
        self._granted()
        menu = call.json()
        try:
            self._desk.set_menu(buttons.read(menu))
        except ConfigurationError as error:
            raise CallRefused(40016, str(error)) from error
        self._menu = menu

    def _get_menu(self, _: ApiCall) -> dict[str, Any]:
        self._granted()
        if self._menu is None:
            raise CallRefused(46003)
        return {"menu": self._menu}

    def _delete_menu(self, _: ApiCall) -> None:
        self._granted()
        self._menu = None
        self._desk.set_menu(())

    # Users ----------------------------------------------------------------------------------------

    def _user_info(self, call: ApiCall) -> dict[str, Any]:
        self._granted()
        user = self._desk.users.get(call.query.get("openid", ""))
        if user is None:
            raise CallRefused(40003)
        fields = {"subscribe": int(user.following), "openid": user.id}
        return {**fields, "language": "zh_CN"} if user.following else fields


def _json(answer: object, status: int = 200, *, user: str = "", code: int = 0) -> ApiResponse:
    return ApiResponse(msgspec.json.encode(answer), status=status, user=user, code=code)


def _file_in(call: ApiCall) -> tuple[bytes, str, str]:
    """Return the first file of a multipart form: its bytes, MIME type and name.

    Raises:
        CallRefused: The form has no file.
    """
    head = f"Content-Type: {call.content_type}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    for part in parser.parsebytes(head + call.body).iter_parts():
        data = cast("bytes | None", part.get_payload(decode=True))
        name = part.get_filename()
        if name is not None and data:
            return data, part.get_content_type(), name
    raise CallRefused(41005)
