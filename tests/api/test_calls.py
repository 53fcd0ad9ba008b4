"""The active side over real HTTP: one token for all, typed errors, every kind of message."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.fake_platform import Asked, FakePlatform
from wechat_dialog import errors, replies
from wechat_dialog.api import Api, AsyncApi, Media, customer
from wechat_dialog.api.calls import EARLY, FORCE_AGAIN

USER = "oDemoOpenId0123456789abcdefgh"
SECRET = "a-secret-0123456789"

Ask = Callable[..., Any]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def api_of(platform: FakePlatform, clock: Clock) -> Api:
    return Api("wx0123456789abcdef", SECRET, host=platform.host, clock=clock)


@pytest.fixture(params=["threads", "event loop"])
def ask(request: pytest.FixtureRequest, platform: FakePlatform, clock: Clock) -> Any:
    """Ask by name: `ask("send", USER, "x")`, on threads and on event loops."""
    api = api_of(platform, clock)
    if request.param == "threads":
        yield lambda name, *args, **kwargs: getattr(api, name)(*args, **kwargs)
        api.close()
        return
    asynchronous = api.for_async()
    with asyncio.Runner() as runner:
        yield lambda name, *args, **kwargs: runner.run(getattr(asynchronous, name)(*args, **kwargs))
        runner.run(asynchronous.close())
    api.close()


MENU = customer.Menu({"101": "满意", "102": "不满意"}, head="满意吗?", tail="谢谢")
ARTICLE = replies.Article("题", "述", "https://e.com/p.jpg", "https://e.com/")


@pytest.mark.parametrize(
    ("message", "kind", "content"),
    [
        ("处理完成", "text", {"content": "处理完成"}),
        (replies.Text("好"), "text", {"content": "好"}),
        (replies.Image("m1"), "image", {"media_id": "m1"}),
        (replies.Voice("m2"), "voice", {"media_id": "m2"}),
        (customer.Video("m3", "c3", "t", "d"), "video",
         {"media_id": "m3", "thumb_media_id": "c3", "title": "t", "description": "d"}),
        (replies.Music("c4", "t", "d", "https://e.com/a.mp3"), "music",
         {"title": "t", "description": "d", "musicurl": "https://e.com/a.mp3",
          "hqmusicurl": "https://e.com/a.mp3", "thumb_media_id": "c4"}),
        (replies.News([ARTICLE]), "news",
         {"articles": [{"title": "题", "description": "述", "url": "https://e.com/",
                        "picurl": "https://e.com/p.jpg"}]}),
        (customer.Published("m5"), "mpnews", {"media_id": "m5"}),
        (customer.PublishedArticle("a6"), "mpnewsarticle", {"article_id": "a6"}),
        (MENU, "msgmenu",
         {"head_content": "满意吗?", "tail_content": "谢谢",
          "list": [{"id": "101", "content": "满意"}, {"id": "102", "content": "不满意"}]}),
        (customer.Card("k7"), "wxcard", {"card_id": "k7"}),
        (customer.MiniProgram("t", "wx1", "pages/a", "c8"), "miniprogrampage",
         {"title": "t", "appid": "wx1", "pagepath": "pages/a", "thumb_media_id": "c8"}),
    ],
)  # fmt: skip
def test_every_kind_of_customer_message(
    ask: Ask, platform: FakePlatform, message: Any, kind: str, content: Any
) -> None:
    ask("send", USER, message)
    assert platform.asked[-1].path == "/cgi-bin/message/custom/send"
    assert platform.asked[-1].json == {"touser": USER, "msgtype": kind, kind: content}


def test_chinese_is_sent_as_it_is(ask: Ask, platform: FakePlatform) -> None:
    ask("send", USER, "好", agent="a@demo", ai=True)
    sent = platform.asked[-1]
    assert "好" in sent.body.decode()
    assert sent.json["customservice"] == {"kf_account": "a@demo"}
    assert sent.json["aimsgcontext"] == {"is_ai_msg": 1}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (" ", "44004"),
        (replies.Video("m"), "cover"),
        (replies.Transfer(), "agent"),
        (replies.News([ARTICLE, ARTICLE]), "45008"),
    ],
)
def test_what_cannot_be_sent_is_not(
    ask: Ask, platform: FakePlatform, message: Any, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        ask("send", USER, message)
    assert platform.asked == []


def test_typing_menus_addresses_and_anything_else(ask: Ask, platform: FakePlatform) -> None:
    ask("typing", USER)
    ask("typing", USER, on=False)
    assert [one.json["command"] for one in platform.asked[1:]] == ["Typing", "CancelTyping"]
    buttons = [{"type": "click", "name": "今日", "key": "today"}]
    ask("create_menu", buttons)
    assert platform.asked[-1].json == {"button": buttons}
    platform.answers["get"] = lambda _: {"menu": {"button": buttons}}
    assert ask("get_menu") == {"menu": {"button": buttons}}
    ask("delete_menu")
    platform.answers["getcallbackip"] = lambda _: {"ip_list": ["101.226.103.0/25"]}
    assert ask("callback_ips") == ["101.226.103.0/25"]
    platform.answers["info"] = lambda one: {"openid": one.query["openid"]}
    assert ask("call", "/cgi-bin/user/info", params={"openid": USER}) == {"openid": USER}
    assert ask("call", "/cgi-bin/clear_quota", {"appid": "wx"}) == {"errcode": 0, "errmsg": "ok"}


def test_files_go_up_and_come_down(ask: Ask, platform: FakePlatform, tmp_path: Path) -> None:
    platform.answers["upload"] = lambda _: {"type": "image", "media_id": "m1", "created_at": 1}
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG")
    assert ask("upload", "image", photo, content_type="image/png") == "m1"
    sent = platform.asked[-1]
    assert sent.query["type"] == "image"
    assert b'name="media"; filename="photo.png"' in sent.body
    assert b"Content-Type: image/png\r\n\r\n\x89PNG" in sent.body
    platform.answers["upload"] = lambda _: {"thumb_media_id": "m2"}
    assert ask("upload", "thumb", b"\xff\xd8") == "m2"
    platform.answers["get"] = lambda _: (b"\xff\xd8", "image/jpeg")
    assert ask("download", "m1") == Media(b"\xff\xd8", "image/jpeg")
    platform.answers["get"] = lambda _: {"video_url": "https://e.com/v"}
    assert ask("download", "m2") == Media(b"", url="https://e.com/v")
    platform.refusals["get"] = [40007]
    with pytest.raises(errors.ApiError, match="40007"):
        ask("download", "m3")


# Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (45015, errors.OutOfWindow),
        (45047, errors.QuotaUsedUp),
        (48001, errors.NotGranted),
        (40200, errors.NotGranted),
        (40003, errors.NoFollower),
        (43004, errors.NoFollower),
        (48002, errors.NoFollower),
        (45009, errors.Busy),
        (-1, errors.Busy),
        (45002, errors.ApiError),
    ],
)
def test_a_refusal_is_an_error_of_its_own_and_nothing_is_repeated(
    ask: Ask, platform: FakePlatform, code: int, error: type[Exception]
) -> None:
    platform.refusals["send"] = [code]
    with pytest.raises(error, match=f"{code}: refused rid: 1-2-3"):
        ask("send", USER, "x")
    assert platform.names() == ["stable_token", "send"]


@pytest.mark.parametrize("code", [40001, 40013, 40125, 40164, 40243, 41002, 41004])
def test_credentials_that_are_wrong_say_so(ask: Ask, platform: FakePlatform, code: int) -> None:
    platform.refusals["stable_token"] = [code]
    with pytest.raises(errors.WrongCredentials):
        ask("send", USER, "x")
    assert platform.names() == ["stable_token"]


def test_a_busy_platform_is_asked_again_where_nothing_can_come_of_it_twice(
    ask: Ask, platform: FakePlatform
) -> None:
    platform.refusals = {"stable_token": [-1], "getcallbackip": [-1]}
    platform.answers["getcallbackip"] = lambda _: {"ip_list": []}
    assert ask("callback_ips") == []
    assert platform.names() == ["stable_token"] * 2 + ["getcallbackip"] * 2


def test_an_answer_that_is_none_is_an_error(ask: Ask, platform: FakePlatform) -> None:
    platform.answers["send"] = lambda _: (b"<html>502</html>", "text/html")
    with pytest.raises(errors.ApiError, match="no JSON, HTTP status 200"):
        ask("send", USER, "x")


@pytest.mark.parametrize("api", [Api, AsyncApi])
def test_a_platform_that_cannot_be_reached_says_so_without_the_token(api: Any) -> None:
    made = api("wx0123456789abcdef", SECRET, host="http://127.0.0.1:9")

    async def sending() -> None:
        await made.send(USER, "x")

    with pytest.raises(errors.Unreachable, match="stable_token: ConnectError") as raised:
        made.send(USER, "x") if api is Api else asyncio.run(sending())
    assert not raised.value.sent
    assert raised.value.__cause__ is None
    assert SECRET not in str(raised.value)
    if api is Api:
        made.close()


def test_neither_secret_nor_token_is_told(
    ask: Ask, platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.answers["send"] = lambda _: {"errcode": 1, "errmsg": f"{platform.token} {SECRET}"}
    with caplog.at_level(logging.INFO), pytest.raises(errors.ApiError) as raised:
        ask("send", USER, "x")
    assert "custom/send?access_token=…" in caplog.text, "httpx tells its URLs"
    for told in (caplog.text, str(raised.value), repr(raised.value.args)):
        assert platform.token not in told
        assert SECRET not in told


# The token ------------------------------------------------------------------------------------


def test_a_token_is_fetched_once_and_anew_a_little_before_it_runs_out(
    clock: Clock, ask: Ask, platform: FakePlatform
) -> None:
    ask("send", USER, "1")
    clock.now += 7200 - EARLY - 1
    ask("send", USER, "2")
    clock.now += 2
    platform.token = "token-2"
    ask("send", USER, "3")
    assert platform.names() == ["stable_token", "send", "send", "stable_token", "send"]
    assert platform.asked[-1].query["access_token"] == "token-2"
    assert platform.asked[0].json == {
        "grant_type": "client_credential",
        "appid": "wx0123456789abcdef",
        "secret": SECRET,
        "force_refresh": False,
    }


def test_a_token_in_hand_serves_while_no_other_can_be_had(
    clock: Clock, ask: Ask, platform: FakePlatform
) -> None:
    ask("send", USER, "1")
    clock.now += 7200 - EARLY + 1
    platform.refusals["stable_token"] = [45009]
    ask("send", USER, "2")
    clock.now += EARLY
    platform.refusals["stable_token"] = [45009]
    with pytest.raises(errors.Busy):
        ask("send", USER, "3")


def test_a_token_that_went_stale_and_is_given_again_is_forced_once(
    clock: Clock, ask: Ask, platform: FakePlatform
) -> None:
    def stable(one: Asked) -> dict[str, Any]:
        if one.json["force_refresh"]:
            platform.token = f"forced-{len(platform.asked)}"
            return {"access_token": platform.token, "expires_in": 7200}
        return {"access_token": "stale", "expires_in": 7200}

    platform.answers["stable_token"] = stable
    ask("send", USER, "x")
    forced = [one.json["force_refresh"] for one in platform.asked if one.name == "stable_token"]
    assert forced == [False, False, True]
    assert platform.asked[-1].query["access_token"].startswith("forced")
    platform.token = "yet another"
    with pytest.raises(errors.ApiError, match="40001"):
        ask("send", USER, "y")
    clock.now += FORCE_AGAIN
    ask("send", USER, "z")


def test_threads_and_event_loops_share_one_fetching(platform: FakePlatform, clock: Clock) -> None:
    everybody, release = 6, threading.Event()

    def slowly(_: Asked) -> dict[str, Any]:
        release.wait(20)
        return {"access_token": platform.token, "expires_in": 7200}

    platform.answers["stable_token"] = slowly
    api = api_of(platform, clock)
    asynchronous = api.for_async()

    async def three() -> None:
        await asyncio.gather(*(asynchronous.send(USER, "x") for _ in range(3)))
        await asynchronous.close()

    with ThreadPoolExecutor(everybody) as pool:
        sendings = [pool.submit(api.send, USER, "x") for _ in range(3)]
        sendings.append(pool.submit(asyncio.run, three()))
        release.set()
        for sending in sendings:
            sending.result(20)
    api.close()
    assert platform.names().count("stable_token") == 1
    assert platform.names().count("send") == everybody


def test_who_gives_up_while_fetching_does_not_take_the_others_along(
    platform: FakePlatform,
) -> None:
    fetching, release = threading.Event(), threading.Event()

    def slowly(_: Asked) -> dict[str, Any]:
        fetching.set()
        release.wait(20)
        return {"access_token": platform.token, "expires_in": 7200}

    platform.answers["stable_token"] = slowly

    async def scene() -> None:
        api = AsyncApi("wx0123456789abcdef", SECRET, host=platform.host)
        first = asyncio.ensure_future(api.send(USER, "first"))
        await asyncio.to_thread(fetching.wait, 20)
        second = asyncio.ensure_future(api.send(USER, "second"))
        await asyncio.sleep(0)
        first.cancel()
        release.set()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        await api.close()

    asyncio.run(scene())
    assert [content["content"] for _, content in platform.sent()] == ["second"]
