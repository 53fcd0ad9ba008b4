"""The account's custom menu, as the menu API describes it, and what a tap on a button pushes.

Protocol reference 4 (events) and 7.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from wechat_dialog.errors import ConfigurationError

__all__ = ["Button", "from_keys", "read", "tapped"]

TOP, BELOW = 3, 5
"""Buttons in the bar, and in the sub-menu of one."""

DEMO_MD5 = "5a75aaca956d97be686719218f275c6b"


class Button(msgspec.Struct, frozen=True):
    """A button: it does something, or opens a sub-menu.

    Attributes:
        name: Its label.
        type: "click", "view", "scancode_push", "scancode_waitmsg", "pic_sysphoto",
            "pic_photo_or_album", "pic_weixin", "location_select", "miniprogram"; "" if it opens a
            sub-menu.
        key: Its `EventKey`; the page of a mini program.
        url: The address that "view" opens.
        sub: The buttons of its sub-menu.
    """

    name: str
    type: str = ""
    key: str = ""
    url: str = ""
    sub: tuple[Button, ...] = ()


def read(menu: object) -> tuple[Button, ...]:
    """Read a menu in the format of `menu/create`: `{"button": […]}`.

    Raises:
        ConfigurationError: The menu is invalid; the message says what is wrong.
    """
    rows = cast("Mapping[str, Any]", menu).get("button") if isinstance(menu, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError('a menu is {"button": […]} with a button at least')
    return _row(cast("list[object]", rows), TOP)


def _row(rows: list[object], limit: int) -> tuple[Button, ...]:
    if len(rows) > limit:
        raise ConfigurationError(f"{len(rows)} buttons in one row, {limit} are the limit")
    return tuple(_button(row, limit) for row in rows)


def _button(row: object, limit: int) -> Button:
    fields = cast("dict[str, Any]", row if isinstance(row, dict) else {})
    name = str(fields.get("name", ""))
    if not name:
        raise ConfigurationError("a button has no name")
    below = fields.get("sub_button")
    if isinstance(below, list) and below:
        if limit == BELOW:
            raise ConfigurationError(f"button {name!r} opens a sub-menu in a sub-menu")
        return Button(name, sub=_row(cast("list[object]", below), BELOW))
    kind = str(fields.get("type", ""))
    if not kind:
        raise ConfigurationError(f"button {name!r} has no type and no sub_button")
    key = str(fields.get("key") or fields.get("pagepath") or "")
    return Button(name, kind, key, str(fields.get("url", "")))


def from_keys(keys: Iterable[str]) -> tuple[Button, ...]:
    """Return a menu with a button for each key that a bot has a route for; the first 15 of them."""
    buttons = [Button(key, "click", key) for key in dict.fromkeys(keys)]
    if len(buttons) <= TOP:
        return tuple(buttons)
    rows = [buttons[start : start + BELOW] for start in range(0, TOP * BELOW, BELOW)]
    return tuple(
        Button(f"菜单{number}", sub=tuple(row)) for number, row in enumerate(rows, 1) if row
    )


def tapped(button: Button) -> list[tuple[str, dict[str, Any]]]:
    """Return what a tap pushes: `MsgType` and fields of each message, in order; none for a button
    that opens a sub-menu.
    """
    kind = button.type
    if kind == "click":
        return [("event", {"Event": "CLICK", "EventKey": button.key})]
    if kind == "view":
        return [("event", {"Event": "VIEW", "EventKey": button.url, "MenuId": "420000001"})]
    if kind == "miniprogram":
        fields = {"Event": "view_miniprogram", "EventKey": button.key, "MenuId": "420000001"}
        return [("event", fields)]
    event = {"Event": kind, "EventKey": button.key}
    if kind.startswith("scancode_"):
        scanned = {"ScanType": "qrcode", "ScanResult": "https://example.com/scanned"}
        return [("event", {**event, "ScanCodeInfo": scanned})]
    if kind.startswith("pic_"):
        pictures = {"Count": 1, "PicList": {"item": [{"PicMd5Sum": DEMO_MD5}]}}
        return [("event", {**event, "SendPicsInfo": pictures}), ("image", {})]
    if kind == "location_select":
        place = {"Location_X": "23.134521", "Location_Y": "113.358803", "Scale": "15"}
        chosen = {**place, "Label": "广州市海珠区", "Poiname": ""}
        return [
            ("event", {**event, "SendLocationInfo": chosen}),
            ("location", {**place, "Label": chosen["Label"]}),
        ]
    return [] if not kind else [("event", event)]
