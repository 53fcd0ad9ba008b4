"""2017 dialogs as dialogs of `wechat_dialog`: generators with the protocol of that time.

`ModuleDialog` starts such a generator, sends it what the user wrote together with `is_replay`, and
converts its `('TextMsg', '…')` into replies. To the engine it is a dialog like any other, whose
waits accept any message. `ModuleRoutes` reads a module's `ROUTER`. Both look names up when they are
used, as the module's author expects, so a row that names a missing function breaks only itself.

A dialog of that time may compute its texts from a clock at every replay, so a different text is not
a mismatch as long as the code is the same. If the code has changed, different questions are one:
see `Question`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import GeneratorType
from typing import TYPE_CHECKING, Any, cast

from wechat_dialog import messages, replies
from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.chat_state import ChatState
from wechat_dialog.core.dialog.questions import Reading, Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.routes import Match, Route
from wechat_dialog.core.replay.codes import code_of
from wechat_dialog.core.wire import xml
from wechat_dialog.errors import ConfigurationError, UnexpectedAnswer
from wechat_dialog.replies import Reply

__all__ = ["ModuleDialog", "ModuleRoutes", "UnexpectAnswer", "content_of", "to_reply"]

if TYPE_CHECKING:
    Talk = GeneratorType[Any, Any, Any]


class Question(Wait[str]):
    """A wait of a 2017 dialog, identified by its text, which may differ at every replay."""

    __slots__ = ()

    drifts = True
    formerly = "y=2017"  # older journals compare only the number of answers


class UnexpectAnswer(Exception):
    """Raised by a dialog: the message is not an answer to its question.

    The conversation ends, and the message is taken as the first of a new one. It is an `Exception`,
    as in 2017, so an `except Exception` around the check of an answer has to come before the
    `raise`.

    With a text, `UnexpectAnswer("帮助")`, the new conversation begins as if the user had written
    that.
    """


# Received messages. --------------------------------------------------------------------


def content_of(message: messages.Message) -> str:
    """Return what a dialog is sent for a message: its text, an event's name, or else "default"."""
    if isinstance(message, messages.Text):
        return message.text
    if isinstance(message, messages.Unsupported):
        return message.sentence
    if isinstance(message, messages.Event):
        return message.event
    return "default"


# Replies. ------------------------------------------------------------------------------


def to_reply(value: object) -> Reply | None:
    """Convert what a dialog yielded or returned.

    Args:
        value: A pair of a type's name (`TextMsg`, `NewsMsg`, `ImageMsg`) and its content; None for
            no reply.

    Returns:
        The reply; None for no reply.

    Raises:
        TypeError: It is something else; the message quotes no content.
    """
    if value is None:
        return None
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"a {type(value).__name__}; a pair is wanted: ('TextMsg', '…')")
    pair = cast("tuple[object, ...]", value)
    if len(pair) != 2:
        raise TypeError(f"{len(pair)} values; a pair is wanted: ('TextMsg', '…')")
    name, content = pair
    make = _MAKERS.get(name) if isinstance(name, str) else None
    if make is None:
        shown = repr(name)[:40] if isinstance(name, str) else f"a {type(name).__name__}"
        raise TypeError(f"{shown} as a type; one of {', '.join(_MAKERS)} is wanted")
    return make(content)


def _written(content: object, what: str) -> str:
    """Return a content as text; what is not a text, such as a number, is converted by `str`."""
    if content is None or isinstance(content, (bytes, bytearray)):
        raise TypeError(f"{type(content).__name__} as {what}; a text is wanted")
    return xml.clean(str(content))


def _text(content: object) -> Reply:
    return replies.Text(_written(content, "the content of a TextMsg"))


def _image(content: object) -> Reply:
    return replies.Image(_written(content, "the media id of an ImageMsg"))


def _news(content: object) -> Reply:
    wrong = "a NewsMsg is a list of dicts with title, description, url and, if wanted, pic_url"
    kind = type(content).__name__
    if isinstance(content, (str, bytes, Mapping)) or not isinstance(content, Iterable):
        raise TypeError(f"a {kind} as its content; {wrong}")
    articles: list[replies.Article] = []
    for item in cast("Iterable[object]", content):
        if not isinstance(item, Mapping):
            raise TypeError(f"a {type(item).__name__} among its articles; {wrong}")
        fields = cast("Mapping[str, object]", item)
        for name in ("title", "description", "url"):
            if name not in fields:
                raise TypeError(f"an article without {name!r}; {wrong}")
        articles.append(
            replies.Article(
                title=_written(fields["title"], "a title"),
                description=_written(fields["description"], "a description"),
                pic_url=_written(fields.get("pic_url") or "", "a pic_url"),
                url=_written(fields["url"], "a url"),
            )
        )
    if not articles:
        raise TypeError(f"no article; {wrong}")
    return replies.News(articles)


_MAKERS: Mapping[str, Callable[[object], Reply]] = {
    "TextMsg": _text,
    "NewsMsg": _news,
    "ImageMsg": _image,
}


# A dialog. -----------------------------------------------------------------------------


class ModuleDialog:
    """A dialog function of a 2017 module, with the interface of the engine's dialogs."""

    def __init__(self, module: Any, name: str) -> None:
        """Nothing is looked up yet.

        Args:
            module: The module, or anything with the function as an attribute.
            name: The function's name.
        """
        self._module = module
        self._name = name

    @property
    def __wrapped__(self) -> object:
        """The author's function, for the fingerprint of its code; None if there is none."""
        return getattr(self._module, self._name, None)

    def __call__(self, chat: Chat) -> Generator[Wait[str], str, Reply | None]:
        """Carry the author's generator through one conversation.

        Raises:
            UnexpectedAnswer: It raised `UnexpectAnswer`.
            ConfigurationError: There is no such function.
            TypeError: It does not begin or answer as such a dialog does; the sentence says where.
        """
        talk = self._start(chat.user, content_of(chat.message))
        place = _place(talk)
        try:
            answer = self._hear_first(talk, content_of(chat.message), chat)
            while True:
                place = _place(talk)
                prompt = self._read(answer, "yields", place)
                content = yield Question(chat, "y", prompt, _ANYTHING)
                answer = talk.send((content, chat.replaying))
        except StopIteration as end:
            return self._read(end.value, "returns", place)
        except UnexpectAnswer as signal:
            raise UnexpectedAnswer(said=str(signal)) from signal
        finally:
            talk.close()

    def _start(self, user: str, content: str) -> Talk:
        function = getattr(self._module, self._name, None)
        if not callable(function):
            raise ConfigurationError(
                f"there is no function {self._name!r} in {_name(self._module)}: write it, or "
                "correct the row of ROUTER that names it"
            )
        # The second of two parameters is the message that began the conversation.
        talk = function(user, content) if _takes_two(function) else function(user)
        if inspect.isgenerator(talk):
            return talk
        if inspect.iscoroutine(talk):
            talk.close()  # else it warns, when freed, that it was never awaited
        raise TypeError(
            f"{self._name!r} of {_name(self._module)} is no generator function: it has no `yield`"
        )

    def _hear_first(self, talk: Talk, content: str, chat: Chat) -> object:
        """Start the generator and send it the first message twice: once to each `yield None`.

        Returns:
            Its answer to that message.
        """
        message: object = None
        for _ in range(2):
            answer = talk.send(message)
            if answer is not None:
                raise TypeError(
                    f"dialog {self._name!r} at {_place(talk)} answers before it has heard the "
                    "message; begin with `yield None` and `msg_content, is_replay = yield None`"
                )
            message = (content, chat.replaying)
        return talk.send(message)

    def _read(self, value: object, does: str, place: str) -> Reply | None:
        try:
            return to_reply(value)
        except TypeError as error:
            raise TypeError(f"dialog {self._name!r} {does} at {place} {error}") from None


def _takes_two(function: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin function without a signature
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [one for one in parameters if one.kind in places and one.default is one.empty]
    return len(required) == 2


def _read_message(chat: ChatState, message: messages.Message) -> str:  # noqa: ARG001
    return content_of(message)


def _read_text(chat: ChatState, text: str) -> str:  # noqa: ARG001
    return text


_ANYTHING = Reading(_read_message, _read_text, messages.Event)


def _place(talk: Talk) -> str:
    """Return the `file:line` at which a generator is suspended; before its start, its first
    line.
    """
    line = talk.gi_frame.f_lineno if talk.gi_frame else talk.gi_code.co_firstlineno
    return f"{talk.gi_code.co_filename}:{line}"


def _name(module: Any) -> str:
    return str(getattr(module, "__name__", type(module).__name__))


# A module. -----------------------------------------------------------------------------


class ModuleRoutes:
    """The `ROUTER` of a 2017 module, read at every message."""

    def __init__(self, module: Any) -> None:
        """Nothing is looked up yet.

        Args:
            module: The module, or anything with its names as attributes.
        """
        self._module = module
        self._dialogs: dict[str, RegisteredDialog] = {}

    def check(self) -> None:
        """Refuse an invalid `ROUTER`, and take the fingerprints of its dialogs.

        A fingerprint covers what a dialog can reach before any dialog has run: 2017 dialogs may
        change their module's globals.

        A missing function and a row after `.*` are not errors here.

        Raises:
            ConfigurationError: `ROUTER` is missing, or a row is not a pair of a regular expression
                and a function's name.
        """
        name, router = _name(self._module), getattr(self._module, "ROUTER", None)
        if not isinstance(router, Mapping):
            raise ConfigurationError(
                f"{name} is no dialog module: it needs ROUTER = {{'text': [(regex, name)], …}}"
            )
        for kind, rows in cast("Mapping[str, Iterable[object]]", router).items():
            for row in rows:
                try:
                    pattern, function = cast("tuple[str, str]", row)
                    re.compile(pattern)
                except (TypeError, ValueError, re.error) as error:
                    raise ConfigurationError(
                        f"ROUTER[{kind!r}] of {name}: {row!r} is no (regex, function name): {error}"
                    ) from error
                if not isinstance(cast("object", function), str):
                    raise ConfigurationError(
                        f"ROUTER[{kind!r}] of {name}: {row!r} needs the function's name, a text"
                    )
                dialog = self.find(function, "")
                if dialog is not None:
                    code_of(dialog)

    def missing(self) -> list[str]:
        """Return the names of functions that `ROUTER` names and the module does not have, each
        once.
        """
        names = [name for rows in self._module.ROUTER.values() for _, name in rows]
        return [name for name in dict.fromkeys(names) if self.find(name, "") is None]

    def matches(self, message: messages.Message, *, anytime: bool = False) -> Iterator[Match]:
        """Yield the rows for the message's type whose regex matches its content, in order; no 2017
        row is `anytime`.
        """
        if anytime:
            return
        content = content_of(message)
        kind = str(message.raw.get("MsgType") or message.kind)
        for pattern, name in self._module.ROUTER.get(kind, ()):
            if re.match(pattern, content):
                yield Match(Route(kind, (pattern,), self._dialog(name)), {})

    def find(self, name: str, version: str) -> RegisteredDialog | None:  # noqa: ARG002 - there are no versions
        """Return the dialog of the function of this name; None if there is no such function."""
        return self._dialog(name) if callable(getattr(self._module, name, None)) else None

    def newest(self, name: str) -> RegisteredDialog | None:
        """See `find`."""
        return self.find(name, "")

    def named(self, fn: Callable[..., Any]) -> RegisteredDialog | None:  # noqa: ARG002
        """Return None: a 2017 dialog cannot hand over to another."""
        return None

    def _dialog(self, name: str) -> RegisteredDialog:
        known = self._dialogs.get(name)
        if known is None:
            # Not pure: it may write and send between its waits, so its turns always take a claim.
            dialog = RegisteredDialog(name, ModuleDialog(self._module, name), pure=False)
            known = self._dialogs.setdefault(name, dialog)
        return known
