"""`wechat-dialog send …` and `probe …`: to speak to a server as the platform does, from a shell."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from wechat_dialog.errors import ConfigurationError, Refused
from wechat_dialog.platform import probe_report
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.checklist import CHECKLIST
from wechat_dialog.platform.dump import lines
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.probe import planned
from wechat_dialog.platform.probe import probe as probing
from wechat_dialog.platform.probing import Prober
from wechat_dialog.platform.pushing import Request
from wechat_dialog.wire import xml

__all__ = [
    "GH_ID",
    "SOMEBODY",
    "AesKey",
    "AppId",
    "GhId",
    "HowEncrypted",
    "Token",
    "User",
    "account_of",
    "probe",
    "send",
]

Url = Annotated[str, typer.Argument(metavar="URL", help="the URL of a server")]
Token = Annotated[str, typer.Option(metavar="TOKEN", help="the account's token, as in its console")]
AppId = Annotated[str, typer.Option(metavar="ID", help="its AppID; for compatible and safe mode")]
AesKey = Annotated[
    str, typer.Option(metavar="KEY", help="its EncodingAESKey; for compatible and safe mode")
]
HowEncrypted = Annotated[
    str, typer.Option("--mode", metavar="MODE", help="plain, compatible or safe")
]
GhId = Annotated[str, typer.Option("--account", metavar="GH_ID", help="its original id")]
User = Annotated[str, typer.Option(metavar="OPENID", help="who sends")]

SOMEBODY = "oTerminal000000000000000000"
GH_ID = "gh_0123456789ab"

said = Console(highlight=False, markup=False, soft_wrap=True)
told = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def account_of(token: str, app_id: str, aes_key: str, mode: str, id: str = GH_ID) -> Account:
    """Return the account that a command's options describe.

    Raises:
        ConfigurationError: There is no such account.
    """
    return Account(token, id=id, app_id=app_id, aes_key=aes_key, mode=cast("Mode", mode))


def _url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{url!r} is no URL; write http://127.0.0.1:8000/")
    return url


# One message. --------------------------------------------------------------------------


def send(
    url: Url,
    text: Annotated[str, typer.Option(metavar="TEXT", help="a text")] = "",
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
        "text": text, "image": image, "voice": voice, "video": video, "location": location,
        "link": link, "click": click, "scan": scan, "event": event, "xml": raw,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value}
    if len(given) != 1:
        names = ", ".join(f"--{name}" for name in options)
        raise ConfigurationError(f"say what to send, by one of {names}")
    ((kind, value),) = given.items()
    sender = account_of(token, app_id, aes_key, mode, account)
    plain: bytes | None = None
    message: dict[str, Any] = {}
    if kind == "xml":
        plain, message = _read(value)
        sender = replace(sender, id=message["ToUserName"])
    failed = False
    with Platform(sender, _url(url), requests=1 if repeat > 1 else 3) as platform:
        if show:
            platform.heard = partial(_show, platform)
        message = message or _message(platform, user, kind, value, key)
        for _ in range(repeat):
            shown = platform.deliver(message, plain=plain)
            if shown.text:
                said.print(shown.text)
            if shown.fault:
                told.print(f"wechat-dialog: {shown.fault}")
                failed = True
    if failed:
        raise typer.Exit(1)


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
    what = request.status or request.problem
    sent, received = (request.body, request.message), (request.answer, request.reply)
    for line in lines("POST", platform.address(request.query), sent, what, received):
        told.print(line)


# The checklist. ------------------------------------------------------------------------


def probe(
    url: Url,
    token: Token = "",
    app_id: AppId = "",
    aes_key: AesKey = "",
    previous_aes_key: Annotated[
        str, typer.Option(metavar="KEY", help="the key before, if the server knows it (case 13)")
    ] = "",
    mode: HowEncrypted = "plain",
    account: GhId = GH_ID,
    user: Annotated[
        str, typer.Option(metavar="OPENID", help="who sends; a new one for every run if not given")
    ] = "",
    say: Annotated[str, typer.Option(metavar="TEXT", help="a text the server answers")] = "你好",
    slow: Annotated[
        str, typer.Option(metavar="TEXT", help="one that it answers after 5 s (34, 35)")
    ] = "",
    raising: Annotated[
        str, typer.Option(metavar="TEXT", help="one at which its handler fails (39)")
    ] = "",
    only: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=1, max=len(CHECKLIST), help="this case; may be repeated"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs: JSON on stdout")] = False,
) -> None:
    """Ask a server the conformance checklist: what it does right and wrong, seen from outside.

    It may be written in any language. A case is passed, failed (with the rule and the bytes) or
    skipped (with the reason why it cannot be seen). Exit status 1 if a case failed.
    """
    prober = Prober(
        account_of(token, app_id, aes_key, mode, account),
        _url(url),
        user or f"oProbe{secrets.token_hex(11)}",
        say,
        slow,
        raising,
        previous_aes_key,
    )
    told.print(
        f"wechat-dialog: at most {planned(prober, only or ())} requests to {url} as "
        f"{prober.user}, who follows and unfollows; texts like {say!r}"
    )
    with prober:
        results = list(probing(prober, only or ()))
    if as_json:
        said.print(json.dumps(probe_report.as_data(results, url, prober.user), ensure_ascii=False))
    else:
        probe_report.show(results, Console(highlight=False, markup=False))
    if probe_report.counts(results)["failed"]:
        raise typer.Exit(1)
