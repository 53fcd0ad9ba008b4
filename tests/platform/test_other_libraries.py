"""Servers written with wechatpy and with WeRoBot, not ours, answer through the emulator."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import flask
import pytest

from tests.platform.servers import wsgi
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.display import FAULT
from wechat_dialog.platform.emulator import Platform

pytestmark = pytest.mark.oracle

APP_ID = "wx0123456789abcdef"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
USER = "oUser"


def of_wechatpy(mode: Mode) -> Any:
    """The server of its manual: verify, decrypt, parse, reply, encrypt."""
    wechatpy: Any = pytest.importorskip("wechatpy")
    crypto = importlib.import_module("wechatpy.crypto").WeChatCrypto("secret", KEY, APP_ID)
    check = importlib.import_module("wechatpy.utils").check_signature
    replies = importlib.import_module("wechatpy.replies")
    errors = importlib.import_module("wechatpy.exceptions")
    application = flask.Flask("wechatpy")

    @application.route("/", methods=["GET", "POST"])
    def answer() -> Any:
        query = flask.request.args
        try:
            check("secret", query["signature"], query["timestamp"], query["nonce"])
        except Exception:  # noqa: BLE001 - any of its own
            return "", 403
        if flask.request.method == "GET":
            return query["echostr"]
        stamp, nonce = query["timestamp"], query["nonce"]
        body = flask.request.data
        if mode != "plain":
            try:
                body = crypto.decrypt_message(body, query["msg_signature"], stamp, nonce)
            except (errors.InvalidSignatureException, errors.InvalidAppIdException):
                return "", 403
        message = wechatpy.parse_message(body)
        if message.type == "event":
            reply = replies.create_reply([{"title": "欢迎", "url": "https://a/"}], message)
        elif message.type == "text":
            reply = replies.create_reply(f"听到：{message.content}", message)
        else:
            reply = replies.create_reply("暂时不能处理", message)
        written = reply.render()
        return written if mode == "plain" else crypto.encrypt_message(written, nonce, stamp)

    return application


def of_werobot() -> Any:
    """The server of its manual, as a plain WSGI application."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about the Python of its day
        werobot: Any = pytest.importorskip("werobot")
        robot = werobot.WeRoBot(token="secret", enable_session=False)
    robot.text(lambda message: f"听到：{message.content}")
    robot.subscribe(lambda message: [["欢迎", "", "", "https://a/"]])

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            return [*robot.wsgi(environ, start_response)]
        finally:
            # bottle leaves the file of a long body to the collector, which tells of it in whichever
            # test is next.
            if (body := environ.get("bottle.request.body")) is not None:
                body.close()

    return application


def talk(application: Any, account: Account) -> list[str]:
    """What is seen of a verification, a text and an event."""
    with wsgi(application) as url, Platform(account, url) as platform:
        return [
            platform.verify(),
            platform.deliver(platform.message(USER, "text", Content="你好 <&>")).text,
            platform.deliver(platform.message(USER, "event", Event="subscribe", EventKey="")).text,
        ]


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_wechatpy_answers_in_every_mode(mode: Mode) -> None:
    account = Account("secret", app_id=APP_ID, aes_key=KEY, mode=mode)
    assert talk(of_wechatpy(mode), account) == ["", "听到：你好 <&>", "[图文] 欢迎 https://a/"]


def test_werobot_answers() -> None:
    assert talk(of_werobot(), Account("secret")) == [
        "",
        "听到：你好 <&>",
        "[图文] 欢迎 https://a/",
    ]


def test_a_server_of_another_token_is_shown_as_the_platform_shows_it() -> None:
    verified, said, _ = talk(of_wechatpy("plain"), Account("other"))
    assert said == FAULT
    assert "HTTP status 403" in verified
