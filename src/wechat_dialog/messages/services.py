"""The events of what stands beside an account: devices, Wi-Fi in shops, scanned products, invoices,
gift cards.

Their pages have left the platform's manual; names and fields are those that several libraries of
other hands agree on. A field nobody is sure of stands in `raw` alone.
"""

from __future__ import annotations

from msgspec import field

from .base import Event, register

# Devices. ------------------------------------------------------------------------------


class DeviceEvent(Event, frozen=True, kw_only=True):
    """Base of the device events.

    Attributes:
        device_type: The account's original id, as makers of devices know it.
        device_id: The one device.
        open_id: Whose it is; usually `user`.
    """

    device_type: str = ""
    device_id: str = field(name="DeviceID", default="")
    open_id: str = field(name="OpenID", default="")


class _DeviceSays(DeviceEvent, frozen=True, kw_only=True):
    session_id: str = field(name="SessionID", default="")
    content: str = ""


@register(event="device_text")
class DeviceText(_DeviceSays, frozen=True, kw_only=True):
    """A device sent something; `content` is Base64."""


@register(event="device_bind")
class DeviceBind(_DeviceSays, frozen=True, kw_only=True):
    """A user made a device theirs."""


@register(event="device_unbind")
class DeviceUnbind(_DeviceSays, frozen=True, kw_only=True):
    """A user gave a device up."""


@register(event="device_subscribe_status")
class DeviceSubscribeStatus(DeviceEvent, frozen=True, kw_only=True):
    """A user wants to be told of a Wi-Fi device's status."""

    op_type: int = 0


@register(event="device_unsubscribe_status")
class DeviceUnsubscribeStatus(DeviceEvent, frozen=True, kw_only=True):
    """And no longer."""

    op_type: int = 0


# Wi-Fi. --------------------------------------------------------------------------------


@register(event="wificonnected")
class WifiConnected(Event, frozen=True, kw_only=True):
    """A user is in a shop's Wi-Fi; the event `WifiConnected`.

    Attributes:
        connect_time: When, in seconds since 1970.
        expire_time: A field kept by the platform.
        vendor_id: Likewise.
        place_id: The shop.
        device_no: BSSID of the access point.
    """

    connect_time: int = 0
    expire_time: int = 0
    vendor_id: str = ""
    place_id: str = ""
    device_no: str = ""


# Scanned products. ---------------------------------------------------------------------


class ScannedProduct(Event, frozen=True, kw_only=True):
    """Base of the events of a product whose bar code or QR code was scanned.

    Attributes:
        key_standard: Kind of the code: "ean13", "qrcode", ….
        key_str: The code.
        ext_info: What the account wrote into its QR code; "" if nothing.
    """

    key_standard: str = ""
    key_str: str = ""
    ext_info: str = ""


@register(event="user_scan_product")
class UserScanProduct(ScannedProduct, frozen=True, kw_only=True):
    """A user opened a product's page.

    Attributes:
        country: Where, as far as the user tells; likewise `province`, `city`.
        sex: 1 a man, 2 a woman, 0 not told.
        scene: How the page was opened, a number of the platform's.
    """

    country: str = ""
    province: str = ""
    city: str = ""
    sex: int = 0
    scene: int = 0


@register(event="user_scan_product_enter_session")
class UserScanProductEnterSession(ScannedProduct, frozen=True, kw_only=True):
    """A user came to the chat from a product's page."""


@register(event="user_scan_product_async")
class UserScanProductAsync(ScannedProduct, frozen=True, kw_only=True):
    """Where a product was scanned, some time after.

    Attributes:
        region_code: A code of the platform's for the region.
    """

    region_code: str = ""


@register(event="user_scan_product_verify_action")
class UserScanProductVerifyAction(ScannedProduct, frozen=True, kw_only=True):
    """A product's page was approved or refused, for `reason_msg`."""

    result: str = ""
    reason_msg: str = ""


@register(event="subscribe_scan_product")
class SubscribeScanProduct(Event, frozen=True, kw_only=True):
    """Somebody follows the account from a product's page; `event_key` says which: scene, kind of
    code and code, with `|` between them.
    """


# Invoices. -----------------------------------------------------------------------------


@register(event="user_authorize_invoice")
class UserAuthorizeInvoice(Event, frozen=True, kw_only=True):
    """A user let an invoice be made out, or that failed.

    Attributes:
        succ_order_id: The order, if it went well; else "".
        fail_order_id: The order, if it failed; else "".
        app_id: Of the account that is told.
        source: "web" from a page in WeChat, "app" from an app.
    """

    succ_order_id: str = ""
    fail_order_id: str = ""
    app_id: str = ""
    source: str = ""


@register(event="update_invoice_status")
class UpdateInvoiceStatus(Event, frozen=True, kw_only=True):
    """An invoice's status has changed.

    Attributes:
        status: A word of the platform's.
        card_id: The kind of invoice.
        code: The one invoice.
    """

    status: str = ""
    card_id: str = ""
    code: str = ""


@register(event="submit_invoice_title")
class SubmitInvoiceTitle(Event, frozen=True, kw_only=True):
    """A user said to whom an invoice is to be made out. Its fields have small letters."""

    title: str = field(name="title", default="")
    phone: str = field(name="phone", default="")
    tax_no: str = field(name="tax_no", default="")
    addr: str = field(name="addr", default="")
    bank_type: str = field(name="bank_type", default="")
    bank_no: str = field(name="bank_no", default="")
    attach: str = field(name="attach", default="")
    title_type: str = field(name="title_type", default="")


# Gift cards. ---------------------------------------------------------------------------


class GiftCardEvent(Event, frozen=True, kw_only=True):
    """Base of the gift card events.

    Attributes:
        page_id: The shelf it was bought from.
        order_id: The order.
    """

    page_id: str = ""
    order_id: str = ""


@register(event="giftcard_pay_done")
class GiftCardPayDone(GiftCardEvent, frozen=True, kw_only=True):
    """A user paid for a gift card."""


@register(event="giftcard_send_to_friend")
class GiftCardSendToFriend(GiftCardEvent, frozen=True, kw_only=True):
    """A user gave a gift card away.

    Attributes:
        is_chat_room: "true" if to a group.
        is_return_back: "true" if it came back, since nobody took it.
    """

    is_chat_room: str = ""
    is_return_back: str = ""


@register(event="giftcard_user_accept")
class GiftCardUserAccept(GiftCardEvent, frozen=True, kw_only=True):
    """A user took a gift card.

    Attributes:
        is_chat_room: "true" if out of a group.
    """

    is_chat_room: str = ""
