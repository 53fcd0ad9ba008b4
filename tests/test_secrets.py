"""Every secret that a bot is given, and every place where a text of the library may be shown.

Exceptions are checked as error trackers show them, with the `repr` of the local variables of each
frame.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.fake_platform import FakePlatform, running
from tests.cli.command import run
from tests.platform.pages import page_of
from wechat.bot import Settings, bot_of
from wechat_dialog import Bot
from wechat_dialog.api import Api, AsyncApi
from wechat_dialog.core.secrecy import Secret
from wechat_dialog.errors import ConfigurationError, DialogError
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.probe.prober import Prober
from wechat_dialog.platform.simulator.bot_info import BotInfo
from wechat_dialog.stores import open_store
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.redis.address import Address

TOKEN = "sesameTOKEN"
KEY = "sesameKEY0123456789abcdefghijklmnopqrstuvwx"
BEFORE = "sesameBEFORE6789abcdefghijklmnopqrstuvwxyzA"
APP_SECRET = "sesameAPPSECRET"
ACCESS = "sesameACCESSTOKEN"
PASSWORD = "sesamePASSWORD"
SECRETS = (TOKEN, KEY, BEFORE, APP_SECRET, ACCESS, PASSWORD, "sesame")

SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "redis+sentinel", "reddis", "mysql", "")
FORMS = (
    "me:{}@host:6379/0",
    ":{}@host/0",
    "{}@host",
    ":{}@a:1,b:2/m/0",
    "host/0?password={}",
    "host/m/0?sentinel_password={}&colour=blue",
    "host/0?db=x&password={}",
    ":{}@host:port/0",
    ":{}@[host/0",
    ":{}@host\u2100/0",
)
CHARACTERS = ("", *"/#?@:%[] &=\n\u2100", "//", "12/", "://")


def shown(error: BaseException | None) -> str:
    """All that a log, a terminal or an error tracker shows of an error."""
    told: list[str] = []
    while error is not None:
        told.append(f"{error!r} {error}")
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:  # the test itself has the secret in hand
                told += [f"{name} = {_repr(value)}" for name, value in frame.f_locals.items()]
        hidden = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or hidden
    return "\n".join(told)


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a connection that is half made has none
        return type(error).__name__


def full_bot(**options: Any) -> Bot:
    settings: dict[str, Any] = {
        "app_id": "wx1", "aes_key": KEY, "previous_aes_key": BEFORE, "app_secret": APP_SECRET,
        "mode": "safe", "store": f"redis://:{PASSWORD}@127.0.0.1:1/0",
    }  # fmt: skip
    return Bot(TOKEN, **{**settings, **options})


def must_not_show(text: str, *secrets: str) -> None:
    for secret in secrets or SECRETS:
        assert secret not in text, text


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_url_of_a_store_shows_a_part_of_its_password(scheme: str) -> None:
    """A password of two halves with a character between them that is special in a URL: neither half
    is shown.
    """
    refused = 0
    for form, character in itertools.product(FORMS, CHARACTERS):
        if not scheme and character == "://":
            continue  # then the first half is the scheme, as far as anybody can tell
        url = f"{scheme}://" * bool(scheme) + form.format(f"sesame{character}opendoor")
        try:
            store = open_store(url)
        except ConfigurationError as error:
            refused += 1
            must_not_show(shown(error), "sesame", "opendoor")
        else:
            assert isinstance(store, RedisStore)
            must_not_show(repr(store) + repr(vars(store)), "sesame", "opendoor")
    assert refused > 10


@pytest.mark.parametrize("character", [*"/#?", "12/"])
@pytest.mark.parametrize("form", ["redis://:{}@h:1/0", "redis+cluster://:{}@h", "unix://u:{}@/s"])
def test_a_password_that_has_to_be_escaped_is_an_error_that_says_so(
    form: str, character: str
) -> None:
    password = f"{character}pass"
    with pytest.raises(ConfigurationError, match=r"%2F, # is %23, \? is %3F"):
        open_store(form.format(password))
    escaped = quote(password, safe="")
    assert quote(password, safe="") in Address.parse(form.format(escaped)).url


@pytest.mark.parametrize(
    "url",
    ["unix:///run/redis@1.sock", "redis://h/0?password=p@ss", "redis://me:p@ss@h/0", "redis://h?client_name=a@b"],
)  # fmt: skip
def test_an_at_sign_elsewhere_is_not_taken_for_part_of_a_password(url: str) -> None:
    assert isinstance(open_store(url), RedisStore)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": -1}, {"cancel": "取消"}, {"on_divergence": "x"}, {"journal_limit": 1},
        {"mode": "x"}, {"aes_key": KEY + "-"}, {"previous_aes_key": BEFORE + "-"},
        {"app_id": ""}, {"time_zone": "Nowhere"}, {"data": int},
        {"app_id": "", "mode": "plain", "customer_messages": True},
    ],
    ids=str,
)  # fmt: skip
def test_an_error_about_one_setting_shows_no_other(options: dict[str, Any]) -> None:
    with pytest.raises((ConfigurationError, TypeError)) as raised:
        full_bot(**options)
    must_not_show(shown(raised.value))


def test_a_store_that_cannot_be_reached_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore(f"redis://:{PASSWORD}@127.0.0.1:1/0", patience=0.05)
    bot = full_bot(store=store)
    with pytest.raises(DialogError) as raised:
        bot.store.show("nobody")
    must_not_show(shown(raised.value))
    must_not_show(caplog.text)


# Calls to the platform ----------------------------------------------------------------------------


def nonsense(_: Any) -> dict[str, Any]:
    return {"access_token": ACCESS, "expires_in": "soon", "errmsg": f"{ACCESS} {APP_SECRET}"}


def refuses(_: Any) -> dict[str, Any]:
    return {"errcode": 40013, "errmsg": f"appsecret {APP_SECRET} is invalid"}


def refuses_the_token(_: Any) -> dict[str, Any]:
    return {"errcode": 48001, "errmsg": f"api unauthorized, {ACCESS}, {APP_SECRET}"}


def hangs_up(_: Any) -> dict[str, Any]:
    raise ConnectionResetError


FAILURES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "the token is refused": {"stable_token": refuses},
    "the token never ends": {"stable_token": nonsense, "send": refuses_the_token},
    "the call is refused": {"send": refuses_the_token},
    "the call breaks off": {"send": hangs_up},
    "fetching breaks off": {"stable_token": hangs_up},
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_no_call_that_fails_shows_the_token_or_the_secret(
    failure: str, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running() as platform:
        platform.token = ACCESS
        platform.answers.update(FAILURES[failure])
        error = _failed(platform, asynchronous=asynchronous)
    must_not_show(shown(error))
    must_not_show(caplog.text)


def _failed(platform: FakePlatform, *, asynchronous: bool) -> DialogError:
    async def send() -> None:
        api = AsyncApi("wx1", APP_SECRET, host=platform.host)
        try:
            await api.send_text("o1", "好")
        finally:
            await api.close()

    api = Api("wx1", APP_SECRET, host=platform.host)
    with pytest.raises(DialogError) as raised:
        asyncio.run(send()) if asynchronous else api.send_text("o1", "好")
    api.close()
    return raised.value


# Values -------------------------------------------------------------------------------------------


def parts(of: object, seen: set[int]) -> Iterator[object]:
    """Yield a value and all values within it that are of this library."""
    if id(of) in seen:
        return
    seen.add(id(of))
    inner: list[Any] = []
    if isinstance(of, dict):
        inner = [*of.values()]
    elif isinstance(of, (list, tuple, set, frozenset)):
        inner = [*of]
    if type(of).__module__.split(".")[0] in ("wechat_dialog", "wechat"):
        inner += [*getattr(of, "__dict__", {}).values()]
        names = [name for kind in type(of).__mro__ for name in getattr(kind, "__slots__", ())]
        inner += [getattr(of, name, None) for name in names]
        yield of
    for one in inner:
        yield from parts(one, seen)


def module_of_2017() -> ModuleType:
    module = ModuleType("sesame_2017")
    vars(module).update(ROUTER={}, REDIS_HOST="127.0.0.1", REDIS_PORT=1, REDIS_PASSWORD=PASSWORD)
    return module


def api_with_a_token() -> Api:
    with running() as platform:
        platform.token = ACCESS
        api = Api("wx1", APP_SECRET, host=platform.host)
        api.send_text("o1", "好")
        api.close()
    return api


VALUES: dict[str, Callable[[], Any]] = {
    "bot": full_bot,
    "bot's store": lambda: (bot := full_bot(), bot.store, bot.async_store, bot.api, bot.async_api),
    "2017": lambda: (bot_of(module_of_2017()), Settings.of(module_of_2017())),
    "address": lambda: Address.parse(f"redis+sentinel://:{PASSWORD}@h/m?sentinel_password=sesame"),
    "account": lambda: Account(TOKEN, "gh", "wx1", KEY, "safe", APP_SECRET),
    "bot's process": lambda: BotInfo(TOKEN, app_secret=APP_SECRET, aes_key=KEY),
    "probe": lambda: Prober(
        Account(TOKEN, app_id="wx1", aes_key=KEY, mode="safe"), "http://h", "o",
        previous_aes_key=BEFORE,
    ),
    "api": api_with_a_token,
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_no_repr_has_a_secret(value: str) -> None:
    met = [*parts(VALUES[value](), set())]
    assert met
    for one in met:
        must_not_show(repr(one))


def test_a_secret_is_a_text_whose_repr_hides_it() -> None:
    secret = Secret("sesame")
    assert secret == "sesame"
    assert f"{secret}" == "sesame"
    assert hash(secret) == hash("sesame")
    assert "sesame" not in repr({"at": [secret]})
    assert type(str(secret)) is str


# The command, and the simulator's page ------------------------------------------------------------

SHOP = f"""
from wechat_dialog import Bot
bot = Bot({TOKEN!r}, app_id="wx1", aes_key={KEY!r}, app_secret={APP_SECRET!r}, mode="safe",
          store="redis://:{PASSWORD[:6]}/{PASSWORD[6:]}@127.0.0.1/0", customer_messages=True)
@bot.text("说")
def says(chat):
    chat.say("一")
    return (yield from chat.ask("二？"))
"""


@pytest.mark.parametrize("command", ["serve", "check", "conversations list", "conversations show"])
def test_no_command_shows_a_password(command: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    done = run(tmp_path, *command.split(), "shop:bot", *(["x"] if "show" in command else []))
    assert done.returncode == 2
    assert "%2F" in done.stderr
    must_not_show(done.stdout + done.stderr, *SECRETS, PASSWORD[6:])


def test_the_simulators_page_has_no_secret_of_the_bot(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with page_of(tmp_path, "simulate", "shop:bot", "--kind", "service") as page:
        page.front = page.do("new_user")["id"]
        page.until(lambda: any(one["id"] == page.front for one in page.state["users"]))
        page.say("说")
        page.until(page.conversation)
        must_not_show(json.dumps(page.state, ensure_ascii=False))
