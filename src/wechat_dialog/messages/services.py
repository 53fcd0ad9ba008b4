"""The events of services beside the account: devices, Wi-Fi in shops, scanned products, invoices,
gift cards.

The platform has removed their pages from its manual; names and fields are those on which several
independent libraries agree. A field that is uncertain is in `raw` only.
"""

from __future__ import annotations

from msgspec import field

from .base import Event, register

# Devices. ------------------------------------------------------------------------------


class DeviceEvent(Event, frozen=True, kw_only=True):
    """Base of the device events.

    Attributes:
        device_type: The account's original id, under the name that device makers use.
        device_id: Id of the device.
        open_id: OpenID of its owner; usually equal to `user`.
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
    """A user bound a device to themselves."""


@register(event="device_unbind")
class DeviceUnbind(_DeviceSays, frozen=True, kw_only=True):
    """A user unbound a device."""


@register(event="device_subscribe_status")
class DeviceSubscribeStatus(DeviceEvent, frozen=True, kw_only=True):
    """A user wants to be told of a Wi-Fi device's status."""

    op_type: int = 0


@register(event="device_unsubscribe_status")
class DeviceUnsubscribeStatus(DeviceEvent, frozen=True, kw_only=True):
    """A user no longer wants to be told of a Wi-Fi device's status."""

    op_type: int = 0


# Wi-Fi. --------------------------------------------------------------------------------


@register(event="wificonnected")
class WifiConnected(Event, frozen=True, kw_only=True):
    """A user is in a shop's Wi-Fi; the event `WifiConnected`.

    Attributes:
        connect_time: When, in seconds since 1970.
        expire_time: Reserved by the platform.
        vendor_id: Reserved by the platform.
        place_id: Id of the shop.
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
        country: The user's country, as far as they tell it; likewise `province`, `city`.
        sex: 1 male, 2 female, 0 unknown.
        scene: How the page was opened, as the platform's number.
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
    """The region in which a product was scanned; sent some time after the scan.

    Attributes:
        region_code: The platform's code of the region.
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
    """A user authorised an invoice, or the attempt failed.

    Attributes:
        succ_order_id: Id of the order, if it succeeded; else "".
        fail_order_id: Id of the order, if it failed; else "".
        app_id: AppID of the account that gets the event.
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
        status: The platform's word for it.
        card_id: The kind of invoice.
        code: The code of this invoice.
    """

    status: str = ""
    card_id: str = ""
    code: str = ""


@register(event="submit_invoice_title")
class SubmitInvoiceTitle(Event, frozen=True, kw_only=True):
    """A user submitted the name and tax data for an invoice. The field names are lower-case."""

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
        page_id: Id of the page on which it was bought.
        order_id: Id of the order.
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
        is_chat_room: "true" if it was given to a group.
        is_return_back: "true" if it came back because nobody accepted it.
    """

    is_chat_room: str = ""
    is_return_back: str = ""


@register(event="giftcard_user_accept")
class GiftCardUserAccept(GiftCardEvent, frozen=True, kw_only=True):
    """A user accepted a gift card.

    Attributes:
        is_chat_room: "true" if it had been given to a group.
    """

    is_chat_room: str = ""
