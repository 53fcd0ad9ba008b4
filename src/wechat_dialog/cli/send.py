"""`wechat-dialog send …` and `probe …`: speak to a server as the platform does, from a shell."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from wechat_dialog.cli.account_options import (
    GH_ID,
    SOMEBODY,
    AesKey,
    AppId,
    GhId,
    HowEncrypted,
    Token,
    Url,
    User,
    account_of,
    diagnostics,
    output,
    url_of,
)
from wechat_dialog.core.wire import xml
from wechat_dialog.errors import ConfigurationError, Refused
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.display import tappable
from wechat_dialog.platform.dump import lines
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.language import reason, tr
from wechat_dialog.platform.protocol import Request

__all__ = ["send"]


# One message. --------------------------------------------------------------------------


def send(
    url: Url,
    said: Annotated[str, typer.Argument(metavar="TEXT", help="a text")] = "",
    *,
    text: Annotated[str, typer.Option(metavar="TEXT", help="a text, also as TEXT")] = "",
    image: Annotated[str, typer.Option(metavar="URL", help="a picture")] = "",
    voice: Annotated[str, typer.Option(metavar="MEDIA_ID", help="a recording")] = "",
    video: Annotated[str, typer.Option(metavar="MEDIA_ID", help="a film")] = "",
    location: Annotated[
        str, typer.Option(metavar="LAT,LON", help="a place: 23.13,113.35, or 23.13,113.35,广州")
    ] = "",
    link: Annotated[str, typer.Option(metavar="URL", help="a shared article")] = "",
    click: Annotated[str, typer.Option(metavar="KEY", help="a tap on a menu's button")] = "",
    scan: Annotated[str, typer.Option(metavar="SCENE", help="a scan of a QR code")] = "",
    event: Annotated[str, typer.Option(metavar="NAME", help="any event: subscribe, …")] = "",
    key: Annotated[str, typer.Option(metavar="KEY", help="that event's EventKey")] = "",
    raw: Annotated[
        str, typer.Option("--xml", metavar="FILE", help="XML as it stands; - is standard input")
    ] = "",
    repeat: Annotated[
        int, typer.Option(min=1, max=100, help="the same message so often, as the platform does")
    ] = 1,
    show: Annotated[bool, typer.Option("--show", help="requests and answers, on stderr")] = False,
    token: Token = "",
    app_id: AppId = "",
    aes_key: AesKey = "",
    mode: HowEncrypted = "plain",
    account: GhId = GH_ID,
    user: User = SOMEBODY,
) -> None:
    """Send one signed message to a server and print what its sender sees.

    Exit status 1 if that is the fault notice, which is explained on stderr.
    """
    options = {
        "TEXT": said, "text": text, "image": image, "voice": voice, "video": video,
        "location": location, "link": link, "click": click, "scan": scan, "event": event,
        "xml": raw,
    }  # fmt: skip
    kind, value = _the_one(options)
    sender = account_of(token, app_id, aes_key, mode, account)
    if not _goes_well(sender, url_of(url), user, kind, value, key, repeat, show=show):
        raise typer.Exit(1)


def _the_one(options: dict[str, str]) -> tuple[str, str]:
    """Return what kind of message to send, and its value, of the one option that says so.

    Raises:
        ConfigurationError: There is none, or there are several.
    """
    chosen = {name: value for name, value in options.items() if value}
    if len(chosen) != 1:
        names = ", ".join(name if name == "TEXT" else f"--{name}" for name in options)
        raise ConfigurationError(f"say what to send, by one of {names}")
    ((kind, value),) = chosen.items()
    return kind.lower(), value


def _goes_well(
    sender: Account, url: str, user: str, kind: str, value: str, key: str, repeat: int, *,
    show: bool,
) -> bool:  # fmt: skip
    """Send a message, and print what its sender sees; returns whether they see no fault notice."""
    plain: bytes | None = None
    message: dict[str, Any] = {}
    if kind == "xml":
        plain, message = _read(value)
        sender = replace(sender, id=message["ToUserName"])
    well = True
    with Platform(sender, url, requests=1 if repeat > 1 else 3) as platform:
        if show:
            platform.heard = partial(_show, platform)
        message = message or _message(platform, user, kind, value, key)
        for _ in range(repeat):
            shown = platform.deliver(message, plain=plain)
            if shown.text:
                output.print(shown.text)
            if taps := tappable(shown, hidden=True):
                diagnostics.print(tr("可点：") + "  ".join(taps))
            if shown.fault:
                diagnostics.print(f"wechat-dialog: {reason(shown.fault)}")
                well = False
    return well


def _read(name: str) -> tuple[bytes, dict[str, Any]]:
    """Return a message's XML, and its fields."""
    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    where = "standard input" if name == "-" else name
    try:
        fields = xml.parse(body)
    except Refused as error:
        raise ConfigurationError(f"{where} is no message: {error}") from error
    for needed in ("ToUserName", "FromUserName", "MsgType"):
        if not isinstance(fields.get(needed), str):
            raise ConfigurationError(f"{where} is no message: it has no {needed}")
    return body, fields


def _message(platform: Platform, user: str, kind: str, value: str, key: str) -> dict[str, Any]:
    events = {
        "click": {"Event": "CLICK", "EventKey": value},
        "scan": {"Event": "SCAN", "EventKey": value, "Ticket": "ticket_demo"},
        "event": {"Event": value, "EventKey": key},
    }
    if kind in events:
        return platform.message(user, "event", **events[kind])
    if kind == "location":
        return platform.message(user, kind, **_place(value))
    fields = {
        "text": {"Content": value},
        "image": {"PicUrl": value, "MediaId": "media_demo_1"},
        "voice": {"MediaId": value, "Format": "amr", "Recognition": ""},
        "video": {"MediaId": value, "ThumbMediaId": "thumb_demo_1"},
        "link": {"Title": value, "Description": "", "Url": value},
    }
    return platform.message(user, kind, **fields[kind])


def _place(value: str) -> dict[str, str]:
    latitude, _, rest = value.partition(",")
    longitude, _, label = rest.partition(",")
    try:
        x, y = float(latitude), float(longitude)
    except ValueError:
        x = y = float("nan")
    if not (-90 <= x <= 90 and -180 <= y <= 180):
        raise ConfigurationError(f"{value!r} is no place: latitude and longitude, 23.13,113.35")
    return {"Location_X": str(x), "Location_Y": str(y), "Scale": "16", "Label": label}


def _show(platform: Platform, request: Request) -> None:
    status = request.status or request.problem
    sent, received = (request.body, request.message), (request.answer, request.reply)
    for line in lines("POST", platform.address(request.query), sent, status, received):
        diagnostics.print(line)
