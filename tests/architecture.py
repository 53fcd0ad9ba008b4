"""The rules of the house (design, section 3), as functions from source text to complaints.

A rule takes a module's name and its parsed source, imports nothing of the project, and gives one
sentence for each thing that is wrong. `test_architecture.py` applies them to the tree, and to
small bad examples that each rule must catch.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# From the ground up: a room may import from the floors above its own line, and from itself.
# Rooms of one floor do not know each other. A module belongs to the longest name that fits.
FLOORS = """
    errors texts replies window fingerprint second_code paging parsers stores.base forks
    logs set_order
    messages remembered web.face
    wire
    delivery heartbeat stores.rules web.wsgi web.asgi
    stores.memory stores.sqlite_rows journal
    stores.asynchronous effects head
    situation answers stores.sqlite stores.redis steps operations
    menus
    form_fields
    forms
    stores web.flask web.django web.fastapi web
    chat performing
    engine
    router document deploy redaction strict
    conversation cache
    dispatch
    pushing
    turn
    flights
    runner
    api
    bot
    exports
    lookup
    transcripts
    platform store_contract operators inspection
    rehearsal
    testing
    testing_plugin
    check
    __init__
    wechat demo
    application scaffold serving
    operator_cli simulator_cli account_cli simulated
    terminal_cli
    cli
    __main__
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# `stores` stands above these in the house but only hands them out; the engine's side sees
# `stores.base` alone: the contract, which is values and protocols.
PURE = _words("""
    errors texts replies window fingerprint paging parsers stores.base stores.rules messages wire
    logs situation
    delivery answers journal head effects operations menus form_fields forms chat engine router
    document deploy redaction conversation dispatch pushing turn remembered web.face
    set_order second_code strict
""")

IMPURE = _words("""
    asyncio concurrent ftplib http multiprocessing os queue random sched secrets select selectors
    signal socket socketserver sqlite3 ssl subprocess threading time urllib uuid
""")

# What a pure room may have of an impure module: name by name, with the reason.
ALLOWED = {
    ("situation", "random", "Random"),  # seeded by the conversation's id: the same at every replay
    ("wire", "urllib.parse", "*"),  # reads a query string; opens nothing
}

# A package from elsewhere is imported in its own rooms only; () is everywhere.
DRIVERS: Mapping[str, tuple[str, ...]] = {
    "msgspec": (),
    "cryptography": ("wire.crypto",),
    "redis": ("stores.redis",),
    "hiredis": ("stores.redis",),
    "httpx": ("api", "platform"),
    "flask": ("web.flask",),
    "django": ("web.django",),
    "fastapi": ("web.fastapi",),
    "starlette": ("platform",),
    "uvicorn": ("cli", "simulator_cli", "simulated"),
    "watchfiles": ("platform",),
    "typer": ("cli", "operator_cli", "simulator_cli", "account_cli", "terminal_cli", "platform"),
    "rich": ("cli", "operator_cli", "simulator_cli", "account_cli", "terminal_cli", "platform"),
    "pytest": ("testing", "testing_plugin", "store_contract"),
}

# A name whose home is one module and whose source another, and why.
HANDED_ON = {
    # An author's program may use `testing` without pytest, which the contract's source imports.
    ("testing", "StoreContract"),
}

# Where a sync and an async spelling of one thing may stand side by side: the drivers of the
# turn, the faces of the bot, and what talks to the outside.
TWINS_ALLOWED = (
    "stores", "runner", "performing", "bot", "api", "testing", "store_contract", "web", "wechat",
    "platform", "rehearsal",
)  # fmt: skip

_LAYER = {
    room: floor for floor, line in enumerate(FLOORS.strip().splitlines()) for room in line.split()
}


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, whether it is a package, and its syntax tree."""

    name: str
    package: bool
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room it belongs to, or its own name where FLOORS has none."""
        return room_of(self.name)


@dataclass(frozen=True)
class Import:
    """One imported thing: `from source import name`, or `import source` (name is None)."""

    source: str
    name: str | None
    line: int

    @property
    def top(self) -> str:
        """The first part: the package that is looked for."""
        return self.source.partition(".")[0]


def parse(source: str, name: str, *, package: bool = False) -> Module:
    """A module from its text."""
    return Module(name, package, ast.parse(source))


def modules(root: Path) -> Iterator[Module]:
    """Every module below `root`, in the order of their paths."""
    for path in sorted(root.rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        yield parse(path.read_text("utf-8"), name, package=package)


def room_of(module: str) -> str:
    """`wechat_dialog.wire.xml` is in `wire`; `stores.redis_lua` is in `stores.redis`."""
    top, _, inner = module.partition(".")
    if top == "wechat":
        return "wechat"
    if not inner:
        return "__init__"
    fits = [room for room in _LAYER if _within(inner, room)]
    return max(fits, key=len, default=inner)


def _within(inner: str, room: str) -> bool:
    # `stores.redis` is also the home of `stores.redis_lua`, and of `stores.redis.lua`.
    exact = inner == room or inner.startswith(room + ".")
    return exact or ("." in room and inner.startswith(room + "_"))


def imports(module: Module) -> Iterator[Import]:
    """All imports that happen at run time, lazy ones included, those for the type checker not."""
    package = module.name.split(".") if module.package else module.name.split(".")[:-1]
    pending: list[ast.AST] = [module.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(source, alias.name, node.lineno) for alias in node.names)
        pending += ast.iter_child_nodes(node)


def climbs(module: Module, known: frozenset[str]) -> Iterator[str]:
    """Arrows point up the list only.

    Args:
        module: The one that imports.
        known: Names of all modules, to tell `from . import wire` from a plain name.
    """
    if module.room not in _LAYER:
        yield f"{module.name} has no floor: give it one in tests/architecture.py"
        return
    for found in imports(module):
        whole = f"{found.source}.{found.name}"
        target = whole if whole in known else found.source
        if target.partition(".")[0] not in {"wechat_dialog", "wechat"} or target == module.name:
            continue
        room = room_of(target)
        if room == module.room or _LAYER.get(room, sys.maxsize) < _LAYER[module.room]:
            continue
        yield f"{module.name}:{found.line} imports {target}, which is not above {module.room}"


def impurities(module: Module) -> Iterator[str]:
    """A pure room reads no clock, opens nothing, draws no chance and starts no thread."""
    if module.room not in PURE:
        return
    for found in imports(module):
        permits = {(module.room, found.source, name) for name in (found.name, "*")}
        if found.top in IMPURE and not permits & ALLOWED:
            yield f"{module.name}:{found.line} imports {found.source}; hand it in instead"
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called.endswith(("datetime.now", "datetime.utcnow", "datetime.today", "date.today")):
            yield f"{module.name}:{node.lineno} reads a clock: {called}()"
        elif called in {"open", "input", "print"}:
            yield f"{module.name}:{node.lineno} does I/O: {called}()"


def strangers(module: Module) -> Iterator[str]:
    """A package from elsewhere is imported only in the room that exists for it."""
    inner = module.name.partition(".")[2]
    for found in imports(module):
        if found.top in sys.stdlib_module_names or found.top in {"wechat_dialog", "wechat"}:
            continue
        rooms = DRIVERS.get(found.top)
        if rooms is None:
            yield f"{module.name}:{found.line} imports {found.top}, which DRIVERS does not know"
        elif rooms and not any(_within(inner, room) for room in rooms):
            yield f"{module.name}:{found.line} imports {found.top}; its rooms: {', '.join(rooms)}"


def twins(module: Module) -> Iterator[str]:
    """One body of code serves sync and async: no function is written twice."""
    if any(_within(module.room, room) for room in TWINS_ALLOWED):
        return
    nodes = list(ast.walk(module.tree))
    plain = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("__"):
            name = node.name
            spellings = {name, name.removesuffix("_async"), name.removeprefix("async_")}
            spellings |= {name.removeprefix("a"), name.removeprefix("_a"), "_" + name}
            if both := spellings & plain:
                yield f"{module.name}:{node.lineno} {name} is a twin of {min(both)}"


def homes(module: Module) -> Iterator[str]:
    """Every public name has one home.

    `__all__` is a literal list of names that exist. A module lists what it defines itself; only a
    package's `__init__` hands on names, and only those of its own package. `from x import *` would
    give names homes that nobody chose. The 2017 faces in `wechat` hand on by profession.
    """
    for found in imports(module):
        if found.name == "*":
            yield f"{module.name}:{found.line} imports everything from {found.source}"
    listed = _listed(module.tree)
    if listed is None or module.room == "wechat":
        return
    defined = _defined(module.tree)
    origin = {
        alias.asname or alias.name: imported.level > 0
        or (imported.module or "").startswith(module.name)
        for imported in ast.walk(module.tree)
        if isinstance(imported, ast.ImportFrom)
        for alias in imported.names
    }
    for name in sorted(listed):
        if name in defined or (module.room, name) in HANDED_ON:
            continue
        if not module.package:
            yield f"{module.name} lists {name} in __all__ but does not define it"
        elif not origin.get(name, False):
            yield f"{module.name} lists {name} in __all__, which is not of this package"
    if len(listed) != len(set(listed)):
        yield f"{module.name} lists a name twice in __all__"


def _listed(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    return names


def vague(module: Module) -> Iterator[str]:
    """A file is named for what it knows."""
    if {"utils", "util", "helpers", "helper", "common", "misc"} & set(module.name.split(".")):
        yield f"{module.name} is named for nothing it knows"
