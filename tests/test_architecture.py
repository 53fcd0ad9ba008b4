"""The house keeps its rules, and the rules notice when it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import architecture as house

SRC = Path(__file__).parent.parent / "src"
MODULES = tuple(house.modules(SRC))
KNOWN = frozenset(module.name for module in MODULES)

Rule = Callable[[house.Module], Iterator[str]]
RULES: dict[str, Rule] = {
    "arrows point up the list": partial(house.climbs, known=KNOWN),
    "pure rooms are pure": house.impurities,
    "drivers stay in their rooms": house.strangers,
    "nothing is written twice, sync and async": house.twins,
    "a public name has one home": house.homes,
    "files are named for what they know": house.vague,
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    complaints = [complaint for module in MODULES for complaint in rule(module)]
    assert not complaints, "\n".join(complaints)


KNOWN_THERE = frozenset(
    {"wechat_dialog.bot", "wechat_dialog.stores.base", "wechat_dialog.stores.redis"}
)
climbs: Rule = partial(house.climbs, known=KNOWN_THERE)


@pytest.mark.parametrize(
    ("rule", "module", "source", "said"),
    [
        (climbs, "engine", "from wechat_dialog.bot import Bot", "not above"),
        (climbs, "engine", "from .bot import Bot", "not above"),
        (climbs, "engine", "from . import bot", "not above"),
        (climbs, "engine", "import wechat_dialog.bot", "not above"),
        (climbs, "engine", "def f():\n    from . import bot", "not above"),
        (climbs, "wire.xml", "from ..bot import Bot", "not above"),
        (climbs, "wire.xml", "from wechat import bot", "not above"),
        (climbs, "engine", "from wechat_dialog import Bot", "not above"),
        (
            climbs,
            "turn",
            "from .stores.redis_lua import claim\nfrom .runner import Runner",
            "runner",
        ),
        (climbs, "web.asgi", "from ..bot import Bot", "not above"),
        (climbs, "stores.redis_lua", "from ..engine import Run", "not above"),
        (climbs, "brand_new", "", "has no floor"),
        (house.impurities, "engine", "import time", "imports time"),
        (house.impurities, "engine", "from time import monotonic", "imports time"),
        (house.impurities, "engine", "def f():\n    import threading", "threading"),
        (house.impurities, "engine", "from random import Random", "random"),
        (house.impurities, "chat", "from random import choice", "random"),
        (house.impurities, "chat", "import random", "random"),
        (house.impurities, "wire.codec", "from urllib.request import urlopen", "urllib.request"),
        (house.impurities, "parsers.dates", "x = datetime.now(zone)", "reads a clock"),
        (house.impurities, "parsers.dates", "x = datetime.date.today()", "reads a clock"),
        (house.impurities, "journal", "x = open('j')", "does I/O"),
        (house.strangers, "engine", "import redis.asyncio", "its rooms: stores.redis"),
        (house.strangers, "bot", "def f():\n    from httpx import Client", "its rooms"),
        (house.strangers, "stores.redis", "import flask", "its rooms: web.flask"),
        (house.strangers, "engine", "import cn2an", "DRIVERS does not know"),
        (house.strangers, "wire.xml", "from cryptography import x509", "wire.crypto"),
        (house.twins, "turn", "def load(): ...\nasync def load_async(): ...", "twin of load"),
        (house.twins, "turn", "def load(): ...\nasync def aload(): ...", "twin of load"),
        (house.twins, "turn", "class A:\n def go(s): ...\nclass B:\n async def go(s): ...", "twin"),
        (house.homes, "turn", "from .engine import Run\n__all__ = ['Run']", "does not define it"),
        (house.homes, "turn", "__all__ = ['missing']", "does not define it"),
        (house.homes, "turn", "def f(): ...\n__all__ = ['f', 'f']", "twice"),
        (house.homes, "turn", "from .engine import *", "imports everything"),
        (house.vague, "wire.utils", "", "named for nothing"),
    ],
)
def test_a_broken_rule_is_noticed(rule: Rule, module: str, source: str, said: str) -> None:
    complaints = list(rule(house.parse(source, f"wechat_dialog.{module}")))
    assert any(said in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (climbs, "engine", "from .journal import Record\nfrom .chat import Chat"),
        (climbs, "engine", "import json, msgspec"),
        (climbs, "turn", "from .stores.base import Store"),
        (climbs, "wire.xml", "from .signature import sign"),
        (climbs, "effects", "if TYPE_CHECKING:\n    from .chat import Chat"),
        (climbs, "stores.redis_lua", "from .base import Write"),
        (house.impurities, "situation", "from random import Random"),
        (house.impurities, "wire.codec", "from urllib.parse import parse_qs"),
        (house.impurities, "stores.memory", "import time, threading"),
        (house.impurities, "engine", "if TYPE_CHECKING:\n    import threading"),
        (house.strangers, "stores.redis_lua", "import redis"),
        (house.strangers, "platform.web", "import starlette, httpx"),
        (house.strangers, "engine", "import msgspec, re"),
        (house.twins, "bot", "def answer(): ...\nasync def answer_async(): ..."),
        (house.twins, "turn", "def load(): ...\nasync def store(): ..."),
        (house.twins, "turn", "def __enter__(s): ...\nasync def __aenter__(s): ..."),
        (house.homes, "turn", "def f(): ...\nX: int = 1\nY = 2\n__all__ = ['X', 'Y', 'f']"),
        (house.homes, "turn", "from .engine import Run"),
    ],
)
def test_what_is_allowed_draws_no_complaint(rule: Rule, module: str, source: str) -> None:
    assert not list(rule(house.parse(source, f"wechat_dialog.{module}")))


def test_a_package_hands_on_names_of_its_own_modules_only() -> None:
    own = (
        "from .codec import Codec\nfrom wechat_dialog.wire.xml import parse\n"
        "__all__ = ['Codec', 'parse']"
    )
    assert not list(house.homes(house.parse(own, "wechat_dialog.wire", package=True)))
    foreign = "from wechat_dialog.errors import Refused\n__all__ = ['Refused']"
    assert list(house.homes(house.parse(foreign, "wechat_dialog.wire", package=True)))


@pytest.mark.parametrize("room", sorted(house.PURE))
def test_every_pure_room_has_a_floor_of_its_own(room: str) -> None:
    assert house.room_of(f"wechat_dialog.{room}") == room


def test_the_list_of_modules_is_not_empty() -> None:
    assert {"wechat_dialog", "wechat_dialog.engine", "wechat_dialog.wire.xml"} <= KNOWN


def test_importing_the_package_loads_no_driver() -> None:
    """asyncio may be loaded: the async face needs it, and the budget is stated in its terms."""
    optional = sorted(name for name, rooms in house.DRIVERS.items() if rooms)
    code = (
        "import sys, wechat_dialog\n"
        f"print(*[name for name in {optional} if name in sys.modules and name != 'cryptography'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
