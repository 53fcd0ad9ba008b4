"""The events of people: following, scanning, menus, places (protocol reference 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from msgspec import field

from .base import Event, register
from .kinds import Finite

# Following and scanning. ---------------------------------------------------------------


@register(event="subscribe")
class Subscribe(Event, frozen=True, kw_only=True):
    """Somebody follows the account, perhaps by a parametric QR code.

    Attributes:
        ticket: The QR code's ticket; "" if there was no code.
    """

    ticket: str = ""

    @property
    def scene(self) -> str | None:
        """The QR code's scene: `event_key` without its prefix `qrscene_`; None if there was no
        code.
        """
        return self.event_key.removeprefix("qrscene_") or None


@register(event="unsubscribe")
class Unsubscribe(Event, frozen=True, kw_only=True):
    """A user unfollowed the account; no reply reaches them."""


@register(event="scan")
class Scan(Event, frozen=True, kw_only=True):
    """A follower scanned a parametric QR code.

    Attributes:
        ticket: The QR code's ticket.
    """

    ticket: str = ""

    @property
    def scene(self) -> str | None:
        """The scene, which is the whole `event_key`; None if that is empty."""
        return self.event_key or None


@register(event="location")
class LocationReport(Event, frozen=True, kw_only=True):
    """Where the user is, on entering the chat or every 5 s; the event `LOCATION`.

    Attributes:
        latitude: Degrees.
        longitude: Degrees.
        precision: Metres.
    """

    latitude: Finite = 0.0
    longitude: Finite = 0.0
    precision: Finite = 0.0


# The menu. -----------------------------------------------------------------------------


@register(event="click")
class Click(Event, frozen=True, kw_only=True):
    """A menu button was tapped; its key is `event_key`."""


class _Opened(Event, frozen=True, kw_only=True):
    # The documentation's text spells the tag `MenuID`, its examples `MenuId`.
    aliases: ClassVar[Mapping[str, str]] = {"MenuID": "MenuId"}

    menu_id: str = ""


@register(event="view")
class View(_Opened, frozen=True, kw_only=True):
    """A menu button opened a page, whose URL is `event_key`.

    Attributes:
        menu_id: The menu's id, for accounts with several menus; "" if the platform does not give
            it.
    """


@register(event="view_miniprogram")
class ViewMiniProgram(_Opened, frozen=True, kw_only=True):
    """A menu button opened a mini program, whose page is `event_key`.

    Attributes:
        menu_id: See `View`.
    """


class ScanCodeInfo(msgspec.Struct, frozen=True, rename="pascal"):
    """What was scanned.

    Attributes:
        scan_type: "qrcode" or "barcode".
        scan_result: The code's content.
    """

    scan_type: str = ""
    scan_result: str = ""


@register(event="scancode_push")
class ScanCodePush(Event, frozen=True, kw_only=True):
    """A menu button scanned a code and showed its content."""

    scan_code_info: ScanCodeInfo = ScanCodeInfo()


@register(event="scancode_waitmsg")
class ScanCodeWaitMsg(Event, frozen=True, kw_only=True):
    """A menu button scanned a code, and the user was shown that the account will answer."""

    scan_code_info: ScanCodeInfo = ScanCodeInfo()


class _Picture(msgspec.Struct, frozen=True, rename="pascal"):
    pic_md5_sum: str = ""


class _Pictures(msgspec.Struct, frozen=True, rename="pascal"):
    # One `PicList` with several `item`, or several `PicList`; in JSON perhaps without `item`.
    item: list[_Picture] = field(name="item", default_factory=list[_Picture])
    pic_md5_sum: str = ""


class SendPicsInfo(msgspec.Struct, frozen=True, rename="pascal"):
    """Which pictures were sent.

    Attributes:
        count: Their number, as the platform gives it; 0 if it does not.
        pic_list: The list in the platform's nesting; `pic_md5_sums` is easier to read.
    """

    count: int = 0
    pic_list: list[_Pictures] = field(default_factory=list[_Pictures])

    @property
    def pic_md5_sums(self) -> list[str]:
        """MD5 of each picture, hexadecimal, in order; the pictures follow as `Image` messages."""
        sums: list[str] = []
        for pictures in self.pic_list:
            sums.append(pictures.pic_md5_sum)
            sums.extend(picture.pic_md5_sum for picture in pictures.item)
        return [md5 for md5 in sums if md5]


class _PicturesSent(Event, frozen=True, kw_only=True):
    send_pics_info: SendPicsInfo = SendPicsInfo()


@register(event="pic_sysphoto")
class PicSysPhoto(_PicturesSent, frozen=True, kw_only=True):
    """A menu button took a photo."""


@register(event="pic_photo_or_album")
class PicPhotoOrAlbum(_PicturesSent, frozen=True, kw_only=True):
    """A menu button took a photo or chose some from the album."""


@register(event="pic_weixin")
class PicWeixin(_PicturesSent, frozen=True, kw_only=True):
    """A menu button chose pictures from WeChat's album."""


class SendLocationInfo(msgspec.Struct, frozen=True, rename="pascal"):
    """The place that was picked.

    Attributes:
        location_x: Latitude in degrees.
        location_y: Longitude in degrees.
        scale: Zoom of the map.
        label: Address.
        poiname: Name of the place; may be "".
    """

    location_x: Finite = field(name="Location_X", default=0.0)
    location_y: Finite = field(name="Location_Y", default=0.0)
    scale: int = 0
    label: str = ""
    poiname: str = ""


@register(event="location_select")
class LocationSelect(Event, frozen=True, kw_only=True):
    """A menu button picked a place; a `Location` message follows."""

    send_location_info: SendLocationInfo = SendLocationInfo()
