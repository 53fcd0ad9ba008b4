"""The rules of the architecture, as functions that return complaints about a module's source.

A rule takes a module's name and its parsed source, imports nothing of the project, and yields a
sentence for each fault. `test_architecture.py` applies them to the tree, and to
small bad examples that each rule must catch. The table in docs/architecture.md is made from
`WINGS`: `python -m tests.architecture` prints it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True)
class Wing:
    """A part of the house.

    Attributes:
        what: What it is, for the table.
        knows: The wings it may import from, besides itself.
    """

    what: str
    knows: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VALUES = "messages replies parsers"
CORE = "core.wire core.store core.dialog core.replay core.turn"

# From the ground up. A wing knows only wings above its own line. A module belongs to the longest
# name that fits.
WINGS: Mapping[str, Wing] = {
    "errors": Wing("every error, by who can act"),
    "forks": Wing("what a process must not take over from its parent"),
    "messages": Wing("what users send; values", _words("errors")),
    "formats": Wing("a model's Markdown as a text of this platform; values", _words("errors")),
    "replies": Wing(
        "what bots answer: kinds, links, splitting, packing; values", _words("formats")
    ),
    "parsers": Wing("what people type in Chinese, turned into values"),
    "core": Wing(
        "what everybody shares: the log without secrets, whether an exception is an author's bug, "
        "whether a client has hung up, whether a value is a number of seconds",
        _words("errors"),
    ),
    "core.wire": Wing(
        "bytes to messages and replies to bytes: signatures, AES, XML, JSON",
        _words("errors messages replies core"),
    ),
    "core.store": Wing(
        "the contract of stores: values, protocol, and the rules as functions on one entry",
        _words("errors"),
    ),
    "core.dialog": Wing(
        "what an author writes with: chat, questions, steps, menus, forms, routes",
        _words(f"errors core {VALUES}"),
    ),
    "core.pages": Wing(
        "the answer page: what is written on it, how it is found, what its reader sees",
        _words("errors formats core.store core.dialog"),
    ),
    "core.replay": Wing(
        "a dialog driven from its records; what changed code does to them; strict mode",
        _words("errors messages replies core core.dialog"),
    ),
    "core.turn": Wing(
        "one message's transaction, as a generator of operations",
        _words(
            "errors forks messages replies core core.wire core.store core.dialog core.pages "
            "core.replay"
        ),
    ),
    "stores": Wing("where conversations and claims live", _words("errors forks core core.store")),
    "runtime": Wing(
        "who performs a turn's operations: threads, event loops, the heartbeat, live dialogs",
        _words("errors forks messages replies core core.store core.dialog core.pages core.turn"),
    ),
    "operation": Wing(
        "what is made of reports of turns: metrics for Prometheus, traces for OpenTelemetry",
        _words("core.turn"),
    ),
    "web": Wing("doors in: WSGI, ASGI, Flask, Django, FastAPI", _words("errors core")),
    "api": Wing(
        "calls out: access tokens, customer messages, media", _words("errors replies core")
    ),
    "platform": Wing(
        "WeChat on the desk: emulator, simulator, probe", _words("errors core core.wire")
    ),
    "bot_outside": Wing(
        "what reaches a bot without a message: signals, beginnings, what falls due",
        _words("core core.dialog core.replay core.turn runtime"),
    ),
    "bot_settings": Wing("a bot's settings, checked", _words("errors core core.dialog")),
    "bot_resources": Wing(
        "what a bot opens when it is first asked for, and gives back when it is closed",
        _words("errors forks core core.wire core.pages stores runtime api bot_outside"),
    ),
    "bot": Wing(
        "one account put together; start reading here",
        _words(
            "errors forks messages replies core core.wire core.dialog core.replay core.turn "
            "runtime web bot_settings bot_resources"
        ),
    ),
    # The names of the public face; each is imported when it is asked for.
    "__init__": Wing("the public names", _words("errors core.dialog core.turn bot")),
    "operators": Wing(
        "stored conversations listed, shown, resumed, exported, checked",
        _words("errors messages replies core core.store core.dialog core.replay core.turn bot"),
    ),
    "testing": Wing(
        "an author's own tests: `Talk`, the store contract, the pytest plugin",
        _words(
            "errors messages replies core core.wire core.store core.pages core.replay core.turn "
            "stores runtime platform bot_outside bot"
        ),
    ),
    "wechat": Wing(
        "the 2017 interface",
        _words(f"errors messages replies core {CORE} stores bot"),
    ),
    "cli": Wing(
        "the `wechat-dialog` command, one file a subcommand",
        _words(
            "errors replies parsers core core.wire stores runtime web platform bot __init__ "
            "operators wechat"
        ),
    ),
    "__main__": Wing(
        "the command's entry point; says what to install if its packages are missing", _words("cli")
    ),
}

# A wing whose modules stand on each other, from the ground up: each knows only those before it.
FLOORS: Mapping[str, tuple[str, ...]] = {
    "core.turn": (
        "limits", "window", "forgotten", "given_parts", "operations", "pending", "mail", "beside",
        "waking", "held", "document", "turn_report", "results", "notes", "outcome",
        "outcomes_in_hand", "staleness", "settings", "saying", "page_link", "push", "shelf",
        "waiting_text", "running_turn", "listening", "draft", "work", "aside", "step_parts",
        "step_records", "parking", "requested", "leaving", "conversation", "stack",
        "other_releases", "asking",
        "beginning", "ending", "answering", "events", "dispatch", "cut_off", "resuming", "job",
        "reviewing", "page", "committing", "firing", "reaching", "firing_turn", "fast_path",
        "transaction", "outside", "operator",
    ),
}  # fmt: skip

# Nothing in these has I/O, a clock, a thread, chance or a driver: time and chance are handed in.
PURE = _words(f"core core.pages {CORE} {VALUES} formats")

IMPURE = _words("""
    asyncio concurrent ftplib http multiprocessing os queue random sched secrets select selectors
    signal socket socketserver sqlite3 ssl subprocess threading time urllib uuid
""")

# What a pure module may have of an impure one: name by name, with the reason.
ALLOWED = {
    # Seeded by the conversation's id: the same at every replay.
    ("core.dialog.chat_state", "random", "Random"),
    # Asks which function handles a signal, to tell whose exception it raised; sets none.
    ("core.blame", "signal", "getsignal"),
    ("core.blame", "signal", "valid_signals"),
    # A registry that threads share; nobody waits in it.
    ("core.turn.outcomes_in_hand", "threading", "Lock"),
    # Reads a query string; opens nothing.
    ("core.wire.codec", "urllib.parse", "*"),
    ("core.pages.address", "urllib.parse", "urlsplit"),
}

# A package from elsewhere is imported in its own places only; () is everywhere.
DRIVERS: Mapping[str, tuple[str, ...]] = {
    "msgspec": (),
    "cryptography": ("core.wire.crypto",),
    "markdown_it": ("formats",),
    "redis": ("stores.redis",),
    "hiredis": ("stores.redis",),
    "httpx": ("api", "platform"),
    "flask": ("web.flask",),
    "django": ("web.django",),
    "fastapi": ("web.fastapi",),
    "starlette": ("platform",),
    "uvicorn": ("cli",),
    "watchfiles": ("platform",),
    "typer": ("cli", "platform"),
    "rich": ("cli", "platform"),
    "pytest": ("testing",),
    "prometheus_client": ("operation.prometheus",),
    "opentelemetry": ("operation.opentelemetry",),
}

# A name whose home is one module and whose source another, and why.
HANDED_ON = {
    # Authors of stores import the contract's names from `stores`.
    *(
        ("stores", name)
        for name in _words("""
        NOTHING Answered Aside AsyncStore Claim Claimed Commit Committed Conflict Deferred Due Dues
        Have Mail Parked Pending Post Posted Running Shown Store Stored Unclaimed Wake Write
    """)
    ),
    # An author's program may use `testing` without pytest, which the contract's source imports.
    ("testing.talk", "StoreContract"),
    # Each is imported when it is asked for.
    *(("testing", name) for name in _words("Seen StoreContract Talk")),
}

# Where a sync and an async spelling of one thing may stand side by side: the drivers of the
# turn, the faces of the bot, and what talks to the outside.
TWINS_ALLOWED = (
    "stores", "runtime", "bot_outside", "bot_resources", "bot", "api", "testing", "web", "wechat",
    "platform", "core.store", "core.dialog.steps", "core.dialog.step_parts",
)  # fmt: skip

_LAYER = {name: floor for floor, name in enumerate(WINGS)}


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, whether it is a package, and its syntax tree."""

    name: str
    package: bool
    tree: ast.Module

    @property
    def inner(self) -> str:
        """Its name within `wechat_dialog`; other packages have their own."""
        top, _, inner = self.name.partition(".")
        return inner if top == "wechat_dialog" and inner else top if top == "wechat" else "__init__"

    @property
    def wing(self) -> str:
        """The wing it belongs to, or its own name if WINGS does not have it."""
        return wing_of(self.name)


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


def wing_of(module: str) -> str:
    """`wechat_dialog.core.wire.xml` is in `core.wire`."""
    top, _, inner = module.partition(".")
    if top == "wechat":
        return "wechat"
    if not inner:
        return "__init__"
    fits = [wing for wing in WINGS if _within(inner, wing)]
    return max(fits, key=len, default=inner)


def _within(inner: str, place: str) -> bool:
    return inner == place or inner.startswith(place + ".")


def imports(module: Module, *, annotations: bool = False) -> Iterator[Import]:
    """All imports that happen at run time, lazy ones included; with `annotations` also those that
    are for the type checker alone.
    """
    package = module.name.split(".") if module.package else module.name.split(".")[:-1]
    pending: list[ast.AST] = [module.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += [*node.orelse, *(node.body if annotations else ())]
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(source, alias.name, node.lineno) for alias in node.names)
        pending += ast.iter_child_nodes(node)


def targets(
    module: Module, known: frozenset[str], *, annotations: bool = False
) -> Iterator[tuple[Import, str]]:
    """The modules of ours that a module imports.

    Args:
        module: The one that imports.
        known: Names of all modules, to tell `from . import wire` from a plain name.
        annotations: See `imports`.
    """
    for found in imports(module, annotations=annotations):
        whole = f"{found.source}.{found.name}"
        target = whole if whole in known else found.source
        if target.partition(".")[0] in {"wechat_dialog", "wechat"} and target != module.name:
            yield found, target


def climbs(module: Module, known: frozenset[str]) -> Iterator[str]:
    """A wing imports only from wings that it knows; for `known` see `targets`."""
    if module.wing not in WINGS:
        yield f"{module.name} is in no wing: give it one in tests/architecture.py"
        return
    for found, target in targets(module, known):
        wing = wing_of(target)
        if wing != module.wing and wing not in WINGS[module.wing].knows:
            yield f"{module.name}:{found.line} imports {target}, which {module.wing} must not know"


def unused(modules: Iterable[Module], known: frozenset[str]) -> Iterator[str]:
    """Every import that the table allows exists; for `known` see `targets`."""
    knows: dict[str, set[str]] = {wing: set() for wing in WINGS}
    for module in modules:
        knows[module.wing].update(wing_of(target) for _, target in targets(module, known))
    for wing, there in knows.items():
        for name in sorted(WINGS[wing].knows - there):
            yield f"{wing} may know {name}, and imports nothing of it: take it out of WINGS"


def upward(module: Module, known: frozenset[str]) -> Iterator[str]:
    """A module of a wing with floors imports only from floors below; for `known` see `targets`."""
    floors = FLOORS.get(module.wing)
    if floors is None or module.inner == module.wing:
        return
    prefix = f"wechat_dialog.{module.wing}."
    own = module.name.removeprefix(prefix)
    if own not in floors:
        yield f"{module.name} is on no floor: give it one in tests/architecture.py"
        return
    below = floors[: floors.index(own)]
    for found, target in targets(module, known):
        if target.startswith(prefix) and target.removeprefix(prefix) not in below:
            yield f"{module.name}:{found.line} imports {target}, which stands above it"


def circles(modules: Iterable[Module], known: frozenset[str]) -> Iterator[str]:
    """No two modules import each other, by whatever way: lazily, or for an annotation."""
    arrows = {
        module.name: {target for _, target in targets(module, known, annotations=True)}
        for module in modules
    }
    # A package's `__init__` hands on what its modules define: who imports the package's name from
    # within would close a circle, so the arrow counts as any other.
    order = TopologicalSorter(arrows)
    try:
        order.prepare()
    except CycleError as error:
        yield " imports ".join(reversed(error.args[1]))


def impurities(module: Module) -> Iterator[str]:
    """A pure module reads no clock, opens nothing, uses no random numbers and starts no thread."""
    if module.wing not in PURE:
        return
    for found in imports(module):
        permits = {(module.inner, found.source, name) for name in (found.name, "*")}
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
    """A third-party package is imported only in the module that exists for it."""
    for found in imports(module):
        if found.top in sys.stdlib_module_names or found.top in {"wechat_dialog", "wechat"}:
            continue
        places = DRIVERS.get(found.top)
        if places is None:
            yield f"{module.name}:{found.line} imports {found.top}, which DRIVERS does not know"
        elif places and not any(_within(module.inner, place) for place in places):
            yield f"{module.name}:{found.line} imports {found.top}; its places: {', '.join(places)}"


def twins(module: Module) -> Iterator[str]:
    """One body of code serves sync and async: no function exists in two versions."""
    if any(_within(module.inner, place) for place in TWINS_ALLOWED):
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
    give names homes that nobody chose. The modules of the 2017 interface in `wechat` export names
    of others on purpose.
    """
    for found in imports(module):
        if found.name == "*":
            yield f"{module.name}:{found.line} imports everything from {found.source}"
    listed = _listed(module.tree)
    if listed is None or module.wing == "wechat":
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
        if name in defined or (module.inner, name) in HANDED_ON:
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


LONGEST_FILE, LONGEST_FUNCTION, MOST_METHODS = 400, 50, 25

# What is longer, and why.
LONG: Mapping[str, str] = {
    "errors": "one tree of small classes on one page; journals name its classes by module",
    "bot:__init__": "an argument a line, and what each means: one list for who puts a bot together",
    "core.wire.xml:_expat": "the handlers of one parser share its state",
}


def overgrown(module: Module) -> Iterator[str]:
    """A file has one idea, a function fits a screen, a class guards one thing."""
    for name, complaint in _too_long(module):
        if name not in LONG:
            yield complaint


def needless(modules: Iterable[Module]) -> Iterator[str]:
    """A file or function that is allowed to be long is long."""
    long = {name for module in modules for name, _ in _too_long(module)}
    for name in sorted(LONG.keys() - long):
        yield f"{name} is not too long: take it out of LONG"


def _too_long(module: Module) -> Iterator[tuple[str, str]]:
    """Yield the name, and the complaint."""
    lines = max((node.end_lineno or 0 for node in module.tree.body), default=0)
    if lines > LONGEST_FILE:
        yield module.inner, f"{module.name} has {lines} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            what, long = f"{size} lines", size > LONGEST_FUNCTION
        elif isinstance(node, ast.ClassDef):
            methods = sum(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) for n in node.body)
            what, long = f"{methods} methods", methods > MOST_METHODS
        else:
            continue
        if long:
            name = f"{module.inner}:{node.name}"
            yield name, f"{module.name}:{node.lineno} {node.name} has {what}"


def table() -> str:
    """The wings as a table in Markdown, for docs/architecture.md."""
    lines = ["| wing | what it is | knows |", "|---|---|---|"]
    for name, wing in WINGS.items():
        knows = " ".join(f"`{other}`" for other in WINGS if other in wing.knows) or "–"
        lines.append(f"| `{name.replace('.', '/')}` | {wing.what} | {knows.replace('.', '/')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
