"""The sources keep the rules of the architecture, and each rule notices a breach."""

from __future__ import annotations

import graphlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from tests import architecture as house

SRC = Path(__file__).parent.parent / "src"
Rule = Callable[[house.Module], Iterator[str]]


@cache
def modules() -> tuple[house.Module, ...]:
    """All modules, parsed at the first use: every test process collects this file."""
    return tuple(house.modules(SRC))


@cache
def known() -> frozenset[str]:
    return frozenset(module.name for module in modules())


def upward(module: house.Module) -> Iterator[str]:
    return house.upward(module, known())


RULES: dict[str, Rule] = {
    "a wing imports only what it knows": lambda module: house.climbs(module, known()),
    "a module imports only from floors below its own": upward,
    "the core is pure": house.impurities,
    "drivers stay in their places": house.strangers,
    "nothing is written twice, sync and async": house.twins,
    "a public name has one home": house.homes,
    "files are named for what they know": house.vague,
    "files, functions and classes have a size": house.overgrown,
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_sources_keep_each_rule(rule: Rule) -> None:
    complaints = [complaint for module in modules() for complaint in rule(module)]
    assert not complaints, "\n".join(complaints)


def test_no_two_modules_import_each_other() -> None:
    assert not list(house.circles(modules(), known()))


def test_every_allowed_import_exists() -> None:
    assert not list(house.unused(modules(), known()))


def test_every_exception_for_length_is_needed() -> None:
    assert not list(house.needless(modules()))


def test_a_needless_exception_for_length_is_noticed() -> None:
    without_errors = [module for module in modules() if module.inner != "errors"]
    [said] = house.needless(without_errors)
    assert said.startswith("errors is not too long")


def test_an_allowed_import_that_does_not_exist_is_noticed() -> None:
    without_web = [module for module in modules() if module.wing != "web"]
    assert any(
        said.startswith("web may know errors") for said in house.unused(without_web, known())
    )


def test_a_circular_import_is_noticed() -> None:
    one = house.parse("from .run import Run", "wechat_dialog.core.replay.strict")
    other = house.parse(
        "def f():\n    from .strict import compare", "wechat_dialog.core.replay.run"
    )
    known = frozenset({one.name, other.name})
    [said] = house.circles([one, other], known)
    assert "wechat_dialog.core.replay.run" in said
    assert not list(house.circles([one], known))
    annotated = house.parse(
        "if TYPE_CHECKING:\n    from .strict import compare", "wechat_dialog.core.replay.run"
    )
    assert list(house.circles([one, annotated], known))


def test_a_wing_may_import_only_wings_above_it_in_the_table() -> None:
    names = list(house.WINGS)
    for number, (name, wing) in enumerate(house.WINGS.items()):
        assert wing.knows <= set(names[:number]), name


def test_no_two_top_level_entries_import_each_other() -> None:
    """The top-level entries have an order as well, with `core` as one of them."""
    arrows: dict[str, set[str]] = {}
    for name, wing in house.WINGS.items():
        top = name.partition(".")[0]
        knows = {known.partition(".")[0] for known in wing.knows}
        arrows[top] = arrows.get(top, set()) | (knows - {top})
    graphlib.TopologicalSorter(arrows).prepare()


@pytest.mark.parametrize("wing", house.FLOORS)
def test_every_listed_floor_exists(wing: str) -> None:
    inner = {module.inner for module in modules()}
    assert {f"{wing}.{name}" for name in house.FLOORS[wing]} <= inner


def test_every_file_that_may_be_long_exists() -> None:
    inner = {module.inner: module for module in modules()}
    assert {name.partition(":")[0] for name in house.LONG} <= set(inner)


def test_the_table_in_the_architecture_page_is_up_to_date() -> None:
    page = (SRC.parent / "docs" / "architecture.md").read_text("utf-8")
    assert house.table() in page, "python -m tests.architecture prints the table"


KNOWN_THERE = frozenset(
    {"wechat_dialog.bot", "wechat_dialog.core.store.values", "wechat_dialog.stores.redis"}
)
climbs: Rule = partial(house.climbs, known=KNOWN_THERE)
RUN = "core.replay.run"


@pytest.mark.parametrize(
    ("rule", "module", "source", "said"),
    [
        (climbs, RUN, "from wechat_dialog.bot import Bot", "must not know"),
        (climbs, RUN, "from ...bot import Bot", "must not know"),
        (climbs, RUN, "from ... import bot", "must not know"),
        (climbs, RUN, "import wechat_dialog.bot", "must not know"),
        (climbs, RUN, "def f():\n    from ... import bot", "must not know"),
        (climbs, "core.wire.xml", "from wechat_dialog.bot import Bot", "must not know"),
        (climbs, "core.wire.xml", "from wechat import bot", "must not know"),
        (climbs, "core.dialog.chat", "from wechat_dialog.core.replay.run import Run", "must not"),
        (climbs, RUN, "from wechat_dialog import Bot", "must not know"),
        (climbs, "core.turn.job", "from wechat_dialog.runtime.runner import Runner", "runner"),
        (climbs, "web.asgi", "from ..bot import Bot", "must not know"),
        (climbs, "stores.redis.calls", "from wechat_dialog.core.replay.run import Run", "must not"),
        (climbs, "brand_new", "", "is in no wing"),
        (upward, "core.turn.brand_new", "", "is on no floor"),
        (upward, "core.turn.stack", "from .dispatch import handle", "stands above it"),
        (upward, "core.turn.stack", "def f():\n    from .job import Job", "stands above it"),
        (house.impurities, RUN, "import time", "imports time"),
        (house.impurities, RUN, "from time import monotonic", "imports time"),
        (house.impurities, RUN, "def f():\n    import threading", "threading"),
        (house.impurities, RUN, "from random import Random", "random"),
        (house.impurities, "core.dialog.chat", "from random import choice", "random"),
        (house.impurities, "core.dialog.chat", "import random", "random"),
        (house.impurities, "core.wire.codec", "from urllib.request import urlopen", "urllib"),
        (house.impurities, "parsers.dates", "x = datetime.now(zone)", "reads a clock"),
        (house.impurities, "parsers.dates", "x = datetime.date.today()", "reads a clock"),
        (house.impurities, "core.replay.records", "x = open('j')", "does I/O"),
        (house.strangers, RUN, "import redis.asyncio", "its places: stores.redis"),
        (house.strangers, "bot", "def f():\n    from httpx import Client", "its places"),
        (house.strangers, "stores.redis.calls", "import flask", "its places: web.flask"),
        (house.strangers, RUN, "import cn2an", "DRIVERS does not know"),
        (house.strangers, "core.wire.xml", "from cryptography import x509", "core.wire.crypto"),
        (house.twins, "core.turn.job", "def load(): ...\nasync def load_async(): ...", "of load"),
        (house.twins, "core.turn.job", "def load(): ...\nasync def aload(): ...", "of load"),
        (
            house.twins,
            "core.turn.job",
            "class A:\n def go(s): ...\nclass B:\n async def go(s): ...",
            "twin",
        ),
        (house.homes, RUN, "from .standing import Ended\n__all__ = ['Ended']", "not define it"),
        (house.homes, RUN, "__all__ = ['missing']", "does not define it"),
        (house.homes, RUN, "def f(): ...\n__all__ = ['f', 'f']", "twice"),
        (house.homes, RUN, "from .standing import *", "imports everything"),
        (house.vague, "core.wire.utils", "", "named for nothing"),
        (house.overgrown, RUN + "s", "x = 1\n" * 401, "401 lines"),
        (house.overgrown, RUN + "s", "def f():\n" + "    x = 1\n" * 50, "f has 51 lines"),
        (
            house.overgrown,
            RUN + "s",
            "class A:\n" + "".join(f"    def f{n}(s): ...\n" for n in range(26)),
            "A has 26 methods",
        ),
    ],
)
def test_a_broken_rule_is_noticed(rule: Rule, module: str, source: str, said: str) -> None:
    complaints = list(rule(house.parse(source, f"wechat_dialog.{module}")))
    assert any(said in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (
            climbs,
            RUN,
            "from .records import Record\nfrom wechat_dialog.core.dialog.chat import Chat",
        ),
        (climbs, RUN, "import json, msgspec"),
        (climbs, "core.turn.job", "from wechat_dialog.core.store.values import Claimed"),
        (climbs, "core.wire.xml", "from .signature import sign"),
        (upward, "core.turn.stack", "from .work import Work"),
        (upward, "core.turn.stack", "from ..replay.run import Run"),
        (upward, RUN, "from .standing import Ended"),
        (climbs, RUN, "if TYPE_CHECKING:\n    from wechat_dialog.bot import Bot"),
        (climbs, "stores.redis.calls", "from wechat_dialog.core.store.values import Write"),
        (house.impurities, "core.dialog.chat_state", "from random import Random"),
        (house.impurities, "core.wire.codec", "from urllib.parse import parse_qs"),
        (house.impurities, "stores.memory", "import time, threading"),
        (house.impurities, RUN, "if TYPE_CHECKING:\n    import threading"),
        (house.strangers, "stores.redis.calls", "import redis"),
        (house.strangers, "platform.simulator.web", "import starlette, httpx"),
        (house.strangers, RUN, "import msgspec, re"),
        (house.twins, "bot", "def answer(): ...\nasync def answer_async(): ..."),
        (house.twins, "core.turn.job", "def load(): ...\nasync def store(): ..."),
        (house.twins, "core.turn.job", "def __enter__(s): ...\nasync def __aenter__(s): ..."),
        (house.homes, RUN, "def f(): ...\nX: int = 1\nY = 2\n__all__ = ['X', 'Y', 'f']"),
        (house.homes, RUN, "from .standing import Ended"),
        (house.overgrown, "errors", "x = 1\n" * 401),
    ],
)
def test_allowed_code_is_not_reported(rule: Rule, module: str, source: str) -> None:
    assert not list(rule(house.parse(source, f"wechat_dialog.{module}")))


def test_a_package_exports_names_of_its_own_modules_only() -> None:
    own = (
        "from .codec import Codec\nfrom wechat_dialog.core.wire.xml import parse\n"
        "__all__ = ['Codec', 'parse']"
    )
    assert not list(house.homes(house.parse(own, "wechat_dialog.core.wire", package=True)))
    foreign = "from wechat_dialog.errors import Refused\n__all__ = ['Refused']"
    assert list(house.homes(house.parse(foreign, "wechat_dialog.core.wire", package=True)))


@pytest.mark.parametrize("wing", sorted(house.PURE))
def test_every_pure_wing_is_in_the_table(wing: str) -> None:
    assert wing in house.WINGS
    assert house.wing_of(f"wechat_dialog.{wing}") == wing


def test_the_list_of_modules_is_not_empty() -> None:
    assert {"wechat_dialog", f"wechat_dialog.{RUN}", "wechat_dialog.core.wire.xml"} <= known()


def test_importing_the_package_loads_none_of_its_modules() -> None:
    code = (
        "import sys, wechat_dialog\n"
        "print(*[name for name in sys.modules if name.startswith('wechat_dialog.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_the_first_name_that_is_asked_for_is_there() -> None:
    """In any order, and listed before it is loaded."""
    code = (
        "import sys, wechat_dialog as package\n"
        "assert {*package.__all__} <= {*dir(package)}\n"
        "assert getattr(package, sys.argv[1]) is getattr(package, sys.argv[1])\n"
    )
    for name in ("Cancelled", "Chat", "Field", "formats", "step"):
        subprocess.run([sys.executable, "-c", code, name], check=True)


def test_importing_a_bot_loads_no_driver() -> None:
    """asyncio may be loaded: the async interface needs it, and the import budget is a multiple of
    its time.
    """
    optional = sorted(name for name, places in house.DRIVERS.items() if places)
    code = (
        "import sys\nfrom wechat_dialog import Bot\n"
        f"print(*[name for name in {optional} if name in sys.modules and name != 'cryptography'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_importing_a_bot_loads_nothing_that_replays_or_serves() -> None:
    """Only what registers dialogs is loaded; the first message loads what handles it."""
    later = [
        *("core.replay.run", "core.replay.records", "core.turn.document", "core.turn.dispatch"),
        *("core.store.entry", "core.store.rules", "core.dialog.menu", "core.dialog.form"),
        *("formats", "core.pages", "parsers", "stores", "runtime.runner", "api", "web", "platform"),
        *("operators", "testing", "cli"),
    ]
    code = (
        "import sys\nfrom wechat_dialog import Bot\n"
        f"print(*[name for name in {later} if f'wechat_dialog.{{name}}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
