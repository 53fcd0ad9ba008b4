"""The active side on a desk: refused for the platform's reasons, with the platform's codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wechat_dialog.platform.account import Account, Kind
from wechat_dialog.platform.display import Part, Tap
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.simulator.active_side import ActiveSide, ApiCall
from wechat_dialog.platform.simulator.desk import Desk

APP_ID, SECRET = "wx0123456789abcdef", "s3cret"


class World:
    """A desk with one user whose bot says nothing, its active side, and the clock."""

    def __init__(self, kind: Kind) -> None:
        self.time = 1_700_000_000.0
        account = Account("t", app_id=APP_ID, app_secret=SECRET, kind=kind)
        platform = AsyncPlatform.to_asgi(_silent, account, clock=lambda: self.time)
        self.loop = asyncio.new_event_loop()
        self.desk = Desk(platform)
        self.user = self.desk.add_user().id
        self.side = ActiveSide(self.desk)
        self.token = ""

    def close(self) -> None:
        self.loop.run_until_complete(self.desk.close())
        self.loop.close()

    def happens(self, what: Callable[[], Any]) -> None:
        """Let a user do something, and the bot answer."""

        async def happening() -> None:
            task = what()
            if task is not None:
                await task

        self.loop.run_until_complete(happening())

    def call(self, path: str, body: Any = None, **query: str) -> Any:
        """Make a call with the token; gives its JSON."""
        call = ApiCall(
            "GET" if body is None else "POST",
            f"/cgi-bin/{path}",
            {"access_token": self.token, **query},
            b"" if body is None else json.dumps(body).encode(),
            "application/json",
        )
        return json.loads(self.side.answer(call).body)

    def fetch(self, **more: Any) -> Any:
        """Ask for the stable token."""
        body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET, **more}
        return self.call("stable_token", body)

    def send(self, content: str = "推", **more: Any) -> int:
        """Push a text; gives the code."""
        message = {"touser": self.user, "msgtype": "text", "text": {"content": content}, **more}
        return int(self.call("message/custom/send", message)["errcode"])

    def pushed(self) -> list[str]:
        """The texts that were pushed to the user's screen."""
        return [
            "".join(part.text for part in bubble.parts)
            for bubble in self.desk.bubbles[self.user]
            if bubble.pushed
        ]


async def _silent(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"success"})


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(getattr(request, "param", "service"))
    made.token = made.fetch()["access_token"]
    yield made
    made.close()


# Tokens. -------------------------------------------------------------------------------


def test_everybody_is_given_one_token_until_five_minutes_before_its_end(world: World) -> None:
    first = world.fetch()
    assert first == {"access_token": world.token, "expires_in": 7200}
    world.time += 6899
    assert world.fetch() == {"access_token": world.token, "expires_in": 301}
    world.time += 2
    second = world.fetch()["access_token"]
    assert second != world.token
    assert world.send() == 45015  # both are good for a while
    world.time += 299
    assert world.send() == 42001


def test_a_forced_token_ends_the_one_before_but_not_twice_in_half_a_minute(world: World) -> None:
    forced = world.fetch(force_refresh=True)["access_token"]
    assert world.send() == 40001
    assert world.fetch(force_refresh=True)["access_token"] == forced
    world.time += 30
    assert world.fetch(force_refresh=True)["access_token"] != forced


def test_the_older_token_is_another_at_every_call(world: World) -> None:
    asked = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    first = world.call("token", **asked)["access_token"]
    second = world.call("token", **asked)["access_token"]
    assert len({first, second, world.token}) == 3
    assert world.fetch()["access_token"] == world.token
    world.token = first
    world.time += 301
    assert world.send() == 42001


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx1"}, 40013),
        ({"secret": "x"}, 40125),
    ],
)
def test_wrong_credentials_are_told(world: World, wrong: dict[str, str], code: int) -> None:
    assert world.fetch(**wrong)["errcode"] == code


@pytest.mark.parametrize(("token", "code"), [("", 41001), ("x", 40001)])
def test_a_call_without_a_good_token_is_refused(world: World, token: str, code: int) -> None:
    world.token = token
    assert world.send() == code


def test_what_an_ai_made_has_the_platforms_line_below_it(world: World) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    world.send("made", aimsgcontext={"is_ai_msg": 1})
    world.send("said", aimsgcontext={"is_ai_msg": 0})
    world.send("plain", aimsgcontext="yes")
    notes = [bubble.note for bubble in world.desk.bubbles[world.user] if bubble.pushed]
    assert notes == ["内容由第三方AI生成", "", ""]


# Quotas. -------------------------------------------------------------------------------

DEEDS: dict[str, tuple[Callable[[World], Any], int, float]] = {
    "a message": (lambda w: w.desk.text(w.user, "a"), 5, 48 * 3600),
    "a menu tap": (lambda w: w.desk.event(w.user, "CLICK", "k", "menu"), 3, 60),
    "a tapped link": (lambda w: w.desk.text(w.user, "a", "101"), 3, 60),
    "a scan": (lambda w: w.desk.scan(w.user, "s"), 3, 60),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_opens_so_many_messages_for_so_long(world: World, deed: str) -> None:
    does, number, seconds = DEEDS[deed]
    assert world.send() == 45015
    world.happens(lambda: does(world))
    assert [world.send(str(i)) for i in range(number)] == [0] * number
    assert world.send() == 45047
    assert world.pushed() == [str(i) for i in range(number)]
    world.happens(lambda: does(world))
    world.time += seconds - 0.5
    world.token = world.fetch()["access_token"]
    assert world.send() == 0
    world.time += 1
    world.token = world.fetch()["access_token"]
    assert world.send() == 45015


def test_a_view_or_a_reported_place_opens_none(world: World) -> None:
    world.happens(lambda: world.desk.event(world.user, "VIEW", "https://a/"))
    world.happens(lambda: world.desk.event(world.user, "LOCATION"))
    assert world.send() == 45015


def test_who_follows_may_be_written_to_and_who_left_may_not(world: World) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    world.happens(lambda: world.desk.unfollow(world.user))
    assert world.send() == 43004
    world.happens(lambda: world.desk.follow(world.user))
    assert [world.send() for _ in range(4)] == [0, 0, 0, 45047]
    assert world.send(touser="oNobody") == 40003


@pytest.mark.parametrize("world", ["unverified"], indirect=True)
def test_an_unverified_account_may_nothing(world: World) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    assert world.send() == 48001
    assert world.call("menu/create", {"button": []})["errcode"] == 48001
    assert world.call("getcallbackip") == {"ip_list": ["127.0.0.1"]}


# Messages. -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("text", {"content": " "}, 44004),
        ("text", {"content": "字" * 683}, 45002),
        ("text", None, 47001),
        ("image", {}, 40007),
        ("news", {"articles": []}, 45008),
        ("news", {"articles": [{"title": "a"}, {"title": "b"}]}, 45008),
        ("nonsense", {}, 40008),
        ("text", {"content": "字" * 682}, 0),
        ("image", {"media_id": "m"}, 0),
        ("music", {"thumb_media_id": "m", "musicurl": "https://a/", "title": "曲"}, 0),
        ("news", {"articles": [{"title": "题", "url": "https://a/"}]}, 0),
        ("miniprogrampage", {"title": "页", "appid": "wx1", "pagepath": "p"}, 0),
    ],
)
def test_a_message_is_taken_or_refused(world: World, kind: str, content: Any, code: int) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    message = {"touser": world.user, "msgtype": kind, kind: content}
    assert world.call("message/custom/send", message)["errcode"] == code
    assert len(world.pushed()) == (not code)


def menu(world: World) -> dict[str, Any]:
    items = [{"id": "101", "content": "满意"}, {"id": "102", "content": "不满意"}]
    inner = {"head_content": "满意吗?", "list": items, "tail_content": "谢谢"}
    return {"touser": world.user, "msgtype": "msgmenu", "msgmenu": inner}


def test_the_items_of_a_menu_can_be_tapped(world: World) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    assert world.call("message/custom/send", menu(world))["errcode"] == 0
    assert world.desk.bubbles[world.user][-1].parts == (
        Part("满意吗?\n"),
        Part("满意", tap=Tap("满意", "101")),
        Part("\n"),
        Part("不满意", tap=Tap("不满意", "102")),
        Part("\n谢谢"),
    )


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
def test_a_sandbox_has_no_menus_of_items(world: World) -> None:
    world.happens(lambda: world.desk.text(world.user, "a"))
    assert world.call("message/custom/send", menu(world))["errcode"] == 40200
    assert world.send() == 0


def test_the_typing_sign_stands_until_a_message_comes(world: World) -> None:
    def typing(command: str = "Typing") -> int:
        body = {"touser": world.user, "command": command}
        found: list[int] = []

        async def calling() -> None:  # it sets a timer of the loop
            found.append(world.call("message/custom/typing", body)["errcode"])

        world.loop.run_until_complete(calling())
        return found[0]

    assert typing() == 45015
    world.happens(lambda: world.desk.text(world.user, "a"))
    assert typing("Walking") == 45072
    assert typing() == 0
    assert world.desk.users[world.user].typing
    assert typing() == 45081
    assert world.send() == 0
    assert not world.desk.users[world.user].typing
    assert typing() == 0
    assert typing("CancelTyping") == 0
    world.time += 31
    assert typing() == 45080


# Media and menu. -----------------------------------------------------------------------


def upload(world: World, data: bytes, kind: str = "image", name: str = "a.jpg") -> Any:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="media"; filename="%b"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%b\r\n--b--\r\n" % (name.encode(), data)
    )
    query = {"access_token": world.token, "type": kind}
    call = ApiCall("POST", "/cgi-bin/media/upload", query, body, "multipart/form-data; boundary=b")
    return json.loads(world.side.answer(call).body)


@pytest.mark.parametrize("data", [b"\xff\xd8\x00\r\n--x\n", bytes(range(256)) * 50])
def test_what_was_uploaded_is_downloaded_byte_for_byte(world: World, data: bytes) -> None:
    id = upload(world, data)["media_id"]
    query = {"access_token": world.token, "media_id": id}
    answer = world.side.answer(ApiCall("GET", "/cgi-bin/media/get", query))
    assert (answer.body, answer.content_type) == (data, "image/jpeg")


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [(b"a", "zip", 40004), (b"", "image", 41005), (b"a" * 65537, "thumb", 40006)],
)
def test_what_cannot_be_uploaded_is_refused(
    world: World, data: bytes, kind: str, code: int
) -> None:
    assert upload(world, data, kind)["errcode"] == code


def test_a_menu_is_made_shown_and_taken_away(world: World) -> None:
    wanted = {"button": [{"name": "一", "type": "click", "key": "k"}, {"name": "多", "sub_button": [
        {"name": "站", "type": "view", "url": "https://a/"}]}]}  # fmt: skip
    assert world.call("menu/get")["errcode"] == 46003
    assert world.call("menu/create", wanted)["errcode"] == 0
    assert world.call("menu/get") == {"menu": wanted}
    assert [button.name for button in world.desk.menu] == ["一", "多"]
    assert world.desk.menu[1].sub[0].url == "https://a/"
    too_many = {"button": [{"name": "一", "type": "click", "key": "k"}] * 4}
    assert world.call("menu/create", too_many)["errcode"] == 40016
    assert world.call("menu/delete")["errcode"] == 0
    assert world.desk.menu == ()


def test_a_call_the_desk_does_not_know_is_not_found(world: World) -> None:
    query = {"access_token": world.token}
    answer = world.side.answer(ApiCall("GET", "/cgi-bin/card/get", query))
    assert answer.status == 404
