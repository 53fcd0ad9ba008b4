"""The events: what happened without a message of the user (protocol reference 4)."""

from __future__ import annotations

from wechat_dialog.messages.base import Event, register
from wechat_dialog.messages.kinds import Finite

# Following and scanning. ----------------------------------------------------------------------------------------


@register(event="subscribe")
class Subscribe(Event, frozen=True, kw_only=True):
    """Somebody follows the account, perhaps by a parametric QR code.

    Attributes:
        ticket: Of the QR code; "" without one.
    """

    ticket: str = ""

    @property
    def scene(self) -> str | None:
        """The QR code's scene value: `event_key` without exactly one `qrscene_`; None if there was no QR code."""
        return self.event_key.removeprefix("qrscene_") or None


@register(event="unsubscribe")
class Unsubscribe(Event, frozen=True, kw_only=True):
    """Somebody left; no reply can reach him."""


@register(event="scan")
class Scan(Event, frozen=True, kw_only=True):
    """A follower scanned a parametric QR code.

    Attributes:
        ticket: Of the QR code.
    """

    ticket: str = ""

    @property
    def scene(self) -> str | None:
        """The scene value, which is the whole `event_key`; None if that is empty."""
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


@register(event="click")
class Click(Event, frozen=True, kw_only=True):
    """A menu button was tapped; its key is `event_key`."""
