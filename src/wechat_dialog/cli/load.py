"""Loads the bot that a command's argument names: `module:bot`."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from wechat_dialog.core.blame import authors, places, told
from wechat_dialog.errors import ConfigurationError, DialogError

from .source_finder import find_sources, is_installed

__all__ = ["in_four_lines", "load"]


def load(name: str) -> Any:
    """Return the bot of `module:attribute`, or of a module alone: its `bot`, or a 2017 dialog
    module.

    A module is looked for in the working directory first. A file's path is accepted, too. Modules
    that are not installed are compiled from their source, even if there is bytecode.

    Raises:
        ConfigurationError: There is no such bot: the message says where it was looked for. Or its
            module cannot be imported: the message names the line.
    """
    where, _, attribute = name.partition(":")
    if not where:
        raise ConfigurationError(f"{name!r} names no module; write bot:bot, or bot.py")
    if where.endswith(".py") or "/" in where or os.sep in where:
        path = Path(where if where.endswith(".py") else f"{where}.py")
        sys.path.insert(0, str(path.resolve().parent))
        where = path.stem
    elif "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    find_sources()
    try:
        module = importlib.import_module(where)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{where}.".startswith(f"{error.name}."):
            why = f"no module {where!r} here ({Path.cwd()}) or installed"
        else:
            why = f"{name} cannot be loaded{_in_one_line(error)}\n{in_four_lines(error)}"
        raise ConfigurationError(why) from error
    if not attribute and not hasattr(module, "bot") and hasattr(module, "ROUTER"):
        return _of_2017(module)
    target: Any = module
    for part in (attribute or "bot").split("."):
        target = getattr(target, part, None)
    if isinstance(target, ModuleType) and hasattr(target, "ROUTER"):
        return _of_2017(target)
    if target is None or not hasattr(target, "answer_async"):
        bots = [
            name
            for name, value in vars(module).items()
            if hasattr(value, "answer_async") and not isinstance(value, type)
        ]
        way = f"{where}:{bots[0]}" if bots else "module:name"
        raise ConfigurationError(
            f"{attribute or 'bot'!r} of module {where!r} is no bot; write {way}"
        )
    return target


def in_four_lines(error: BaseException, translated: Callable[[str], str] = str) -> str:
    """Return a short traceback: the innermost line of the application's own code, and the error.

    Args:
        error: The error.
        translated: Returns its message in the reader's language; by default as it is.
    """
    way, passed = traceback.extract_tb(error.__traceback__), places(error)
    at = authors(passed)
    is_shown = at >= 0 and passed[at].is_own and not isinstance(error, SyntaxError)
    lines = traceback.format_list([way[at]]) if is_shown else []
    message = told(error)
    only = "".join(traceback.format_exception_only(error))
    return "".join([*lines, only.replace(message, translated(message), 1)]).rstrip()


def _in_one_line(error: BaseException) -> str:
    """Return where the author's own code is wrong, and how; ":" if no line of theirs is."""
    place = ""
    if isinstance(error, SyntaxError):
        if error.filename and not is_installed(error.filename):
            place = f"{_shown(error.filename)}:{error.lineno}"
    else:
        passed = places(error)
        at = authors(passed)
        if at >= 0 and passed[at].is_own:
            place = f"{_shown(passed[at].file)}:{passed[at].line}"
    if not place:
        return ":"
    only = "".join(traceback.format_exception_only(error)).rstrip().splitlines()[-1]
    return f", see {place}: {told(error) if isinstance(error, DialogError) else only}"


def _shown(file: str) -> str:
    """Return a file's path as from here, or its name if it is elsewhere."""
    path, folder = Path(os.path.realpath(file)), Path.cwd()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _of_2017(module: ModuleType) -> Any:
    try:
        from wechat.bot import ModuleBot
    except ImportError as error:
        if error.path is None:
            raise
        # The project of 2017 has a package of this name, and the application's folder comes first.
        folder = Path(error.path).parent
        raise ConfigurationError(
            f"{folder} hides this library's own package of that name: remove the folder of 2017"
        ) from error
    return ModuleBot(module)
