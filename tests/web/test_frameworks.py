"""The faces for Flask, Django and FastAPI, each in a real application over real HTTP."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import clear_url_caches, path, set_urlconf
from fastapi import FastAPI
from flask import Flask

from tests.full_path.accumulator import TRANSCRIPT, make_bot
from tests.full_path.doors import HttpDoor
from tests.full_path.people import TOKEN, Person, push, signed
from tests.full_path.servers import asgi_application
from tests.platform.servers import wsgi
from wechat_dialog import Bot, Chat, replies
from wechat_dialog.core.pages.document import HEADERS
from wechat_dialog.web import fastapi as fastapi_face
from wechat_dialog.web.django import async_view
from wechat_dialog.web.django import view as django_view
from wechat_dialog.web.flask import view as flask_view

GOOD = push("oUser0000000000000000000001", Content="累加器")
LIMIT = 65536

Application = Callable[[Bot], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def flask_app(bot: Bot) -> Iterator[int]:
    app = Flask("shop")
    wechat = flask_view(bot)
    app.add_url_rule("/wx", view_func=wechat)
    app.add_url_rule("/wx/p/<id>", view_func=wechat)

    @app.route("/")
    def home() -> str:
        return "shop"

    with wsgi(app) as url:
        yield int(url.rsplit(":", 1)[1].rstrip("/"))


def configure(view: Any) -> None:
    """A Django project with the middleware that a new one has, as far as it needs no database."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["127.0.0.1"],
            SECRET_KEY="of a test",
            MIDDLEWARE=[
                "django.middleware.security.SecurityMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.middleware.clickjacking.XFrameOptionsMiddleware",
            ],
            LOGGING_CONFIG=None,
            ROOT_URLCONF="tests_web_urls",
        )
        django.setup()
    urls = ModuleType("tests_web_urls")
    urls.urlpatterns = [path("wx", view), path("wx/p/<id>", view)]  # type: ignore[attr-defined]
    sys.modules["tests_web_urls"] = urls
    clear_url_caches()
    set_urlconf(None)


@contextlib.contextmanager
def django_wsgi(bot: Bot) -> Iterator[int]:
    configure(django_view(bot))
    with wsgi(WSGIHandler()) as url:
        yield int(url.rsplit(":", 1)[1].rstrip("/"))


@contextlib.contextmanager
def django_asgi(bot: Bot) -> Iterator[int]:
    configure(async_view(bot))
    with asgi_application(ASGIHandler(), lifespan="off") as port:
        yield port


@contextlib.contextmanager
def fastapi_app(bot: Bot) -> Iterator[int]:
    app = FastAPI()
    app.include_router(fastapi_face.router(bot, "/wx"))

    @app.get("/")
    def home() -> str:
        return "shop"

    assert list(app.openapi()["paths"]) == ["/"], "the route stands in no schema"
    with asgi_application(app) as port:
        yield port


APPLICATIONS: dict[str, Application] = {
    "flask": flask_app,
    "django wsgi": django_wsgi,
    "django asgi": django_asgi,
    "fastapi": fastapi_app,
}


@pytest.fixture(params=APPLICATIONS)
def application(request: pytest.FixtureRequest) -> Application:
    return APPLICATIONS[request.param]


@contextlib.contextmanager
def opened(application: Application, bot: Bot) -> Iterator[HttpDoor]:
    with application(bot) as port:
        door = HttpDoor(port, "/wx")
        try:
            yield door
        finally:
            door.close()
            bot.close()


def test_a_conversation(application: Application) -> None:
    with opened(application, make_bot("memory://")) as door:
        person = Person(door)
        for said, seen in TRANSCRIPT:
            assert person.say(said) == seen


def test_the_echo_is_plain_text_to_the_letter(application: Application) -> None:
    with opened(application, make_bot("memory://")) as door:
        response = door.request("GET", signed() + "&echostr=a%2Bb%20%3Ci%3E")
        assert (response.status, response.body) == (200, b"a+b <i>")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        answer = door.request("POST", signed(), GOOD, {"Content-Type": "text/xml"})
        assert answer.headers["content-type"] == "application/xml; charset=utf-8"
        assert (door.request("HEAD", signed() + "&echostr=1").status) == 200


@pytest.mark.parametrize(
    ("status", "query", "body"),
    [
        pytest.param(403, "", GOOD, id="unsigned"),
        pytest.param(400, signed(), b"hello", id="not XML"),
        pytest.param(413, signed(), GOOD + b" " * LIMIT, id="too large"),
    ],
)
def test_what_is_refused_says_no_more_than_its_status(
    application: Application, status: int, query: str, body: bytes
) -> None:
    ran: list[Any] = []
    bot = make_bot("memory://")

    @bot.fallback
    def anything(chat: Chat) -> None:
        ran.append(chat.message)

    with opened(application, bot) as door:
        response = door.request("POST", query, body)
        assert (response.status, response.body) == (status, b"")
    assert ran == []


def test_other_methods_are_refused(application: Application) -> None:
    with opened(application, make_bot("memory://")) as door:
        response = door.request("PUT", signed(), GOOD)
        assert response.status == 405
        assert {"GET", "HEAD", "POST"} <= {
            method.strip() for method in response.headers["allow"].split(",")
        }


def test_a_bot_that_cannot_work_is_a_500_without_a_page(application: Application) -> None:
    bot = make_bot("memory://")

    @bot.text("累加器")
    def unreachable(chat: Chat) -> str:
        return ""

    with opened(application, bot) as door:
        response = door.request("POST", signed(), GOOD)
        assert (response.status, response.body) == (500, b"")


def test_answer_pages_are_served_beside_it(application: Application) -> None:
    bot = Bot(TOKEN, store="memory://", pages="https://example.com/wx/p")

    @bot.fallback
    def long(chat: Chat) -> replies.Markdown:
        return replies.Markdown("**很长**\n\n" * 1000)

    with application(bot) as port:
        seen = Person(HttpDoor(port, "/wx")).say("a")
        id = seen.partition("https://example.com/wx/p/")[2][:32]
        page = HttpDoor(port, f"/wx/p/{id}").request("GET")
        assert page.status == 200
        assert page.body.count(b"<strong>") == 1000
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for name, value in HEADERS.items():
            assert page.headers[name.lower()] == value
        assert "set-cookie" not in page.headers
        news = HttpDoor(port, f"/wx/p/{id}").request("GET", "after=1.1")
        assert b'"end":' in news.body
        assert HttpDoor(port, f"/wx/p/{'0' * 32}").request("GET").status == 404
        assert HttpDoor(port, f"/wx/p/{id}").request("POST").status == 405
    bot.close()


@pytest.mark.parametrize("name", ["flask", "django wsgi", "fastapi"])
def test_a_body_that_is_announced_too_large_is_not_waited_for(name: str) -> None:
    with APPLICATIONS[name](make_bot("memory://")) as port:
        head = f"POST /wx?{signed()} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(head.encode() + b"<xml>")
            assert connection.recv(64).split()[1] == b"413"
