"""`module:bot`: from what is typed in a terminal to the bot it names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from wechat_dialog.errors import ConfigurationError

__all__ = ["load"]


def load(name: str) -> Any:
    """Return the bot of `module:attribute`, or of a module alone: its `bot`, or a 2017 dialog
    module.

    A module is looked for in the working directory first. A file's path will do as well.

    Raises:
        ConfigurationError: There is none; the sentence says where it was looked for.
    """
    where, _, attribute = name.partition(":")
    if where.endswith(".py"):
        path = Path(where)
        sys.path.insert(0, str(path.resolve().parent))
        where = path.stem
    elif "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(where)
    except ModuleNotFoundError as error:
        # One that the module itself lacks is its author's affair, and wants the traceback.
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(f"no module {where!r} here ({Path.cwd()}) or installed") from error
    if not attribute and not hasattr(module, "bot") and hasattr(module, "ROUTER"):
        return _of_2017(module)
    found: Any = module
    for part in (attribute or "bot").split("."):
        found = getattr(found, part, None)
    if isinstance(found, ModuleType) and hasattr(found, "ROUTER"):
        return _of_2017(found)
    if found is None or not hasattr(found, "answer_async"):
        raise ConfigurationError(
            f"{attribute or 'bot'!r} of module {where!r} is no bot; write module:name"
        )
    return found


def _of_2017(module: ModuleType) -> Any:
    from wechat.bot import ModuleBot

    return ModuleBot(module)
