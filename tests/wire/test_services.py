"""Events of devices, Wi-Fi, products, invoices, gift cards: other libraries' users bring them."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog import Bot, Chat, messages
from wechat_dialog.testing import Talk

DEVICE = {"DeviceType": "gh_1", "DeviceID": "d1", "OpenID": "o1"}
IS_DEVICE = {"device_type": "gh_1", "device_id": "d1", "open_id": "o1"}
SAYS = {**DEVICE, "SessionID": "9", "Content": "aGk="}
IS_SAYING = {**IS_DEVICE, "session_id": "9", "content": "aGk="}
PRODUCT = {"KeyStandard": "ean13", "KeyStr": "6954767461373"}
IS_PRODUCT = {"key_standard": "ean13", "key_str": "6954767461373", "ext_info": ""}
TITLE = {
    "title": "公司", "phone": "1", "tax_no": "2", "addr": "3", "bank_type": "4", "bank_no": "5",
    "attach": "6", "title_type": "InvoiceUserTitleBusinessType",
}  # fmt: skip
GIFT = {"PageId": "p", "OrderId": "o"}
IS_GIFT = {"page_id": "p", "order_id": "o"}


@pytest.mark.parametrize(
    ("cls", "name", "fields", "expected"),
    [
        (messages.DeviceText, "device_text", SAYS, IS_SAYING),
        (messages.DeviceBind, "device_bind", SAYS, IS_SAYING),
        (messages.DeviceUnbind, "device_unbind", SAYS, IS_SAYING),
        (
            messages.DeviceSubscribeStatus, "device_subscribe_status",
            {**DEVICE, "OpType": "1"}, {**IS_DEVICE, "op_type": 1},
        ),
        (
            messages.DeviceUnsubscribeStatus, "device_unsubscribe_status",
            {**DEVICE, "OpType": "0"}, {**IS_DEVICE, "op_type": 0},
        ),
        (
            messages.WifiConnected, "WifiConnected",
            {"ConnectTime": "1", "ExpireTime": "0", "VendorId": "v", "PlaceId": "s",
             "DeviceNo": "00:1f"},
            {"connect_time": 1, "expire_time": 0, "vendor_id": "v", "place_id": "s",
             "device_no": "00:1f"},
        ),
        (
            messages.UserScanProduct, "user_scan_product",
            {**PRODUCT, "Country": "中国", "Province": "广东", "City": "揭阳", "Sex": "1",
             "Scene": "2", "ExtInfo": "123"},
            {**IS_PRODUCT, "ext_info": "123", "country": "中国", "province": "广东",
             "city": "揭阳", "sex": 1, "scene": 2},
        ),
        (
            messages.UserScanProductEnterSession, "user_scan_product_enter_session",
            PRODUCT, IS_PRODUCT,
        ),
        (
            messages.UserScanProductAsync, "user_scan_product_async",
            {**PRODUCT, "RegionCode": "440105"}, {**IS_PRODUCT, "region_code": "440105"},
        ),
        (
            messages.UserScanProductVerifyAction, "user_scan_product_verify_action",
            {**PRODUCT, "Result": "verify_not_pass", "ReasonMsg": "图"},
            {**IS_PRODUCT, "result": "verify_not_pass", "reason_msg": "图"},
        ),
        (
            messages.SubscribeScanProduct, "subscribe_scan_product",
            {"EventKey": "keystandard|ean13|6954767461373"}, {},
        ),
        (
            messages.UserAuthorizeInvoice, "user_authorize_invoice",
            {"SuccOrderId": "1", "FailOrderId": "", "AppId": "wx1", "Source": "web"},
            {"succ_order_id": "1", "fail_order_id": "", "app_id": "wx1", "source": "web"},
        ),
        (
            messages.UpdateInvoiceStatus, "update_invoice_status",
            {"Status": "INVOICE_REIMBURSE_INIT", "CardId": "c", "Code": "k"},
            {"status": "INVOICE_REIMBURSE_INIT", "card_id": "c", "code": "k"},
        ),
        (messages.SubmitInvoiceTitle, "submit_invoice_title", TITLE, TITLE),
        (messages.GiftCardPayDone, "giftcard_pay_done", GIFT, IS_GIFT),
        (
            messages.GiftCardSendToFriend, "giftcard_send_to_friend",
            {**GIFT, "IsChatRoom": "true", "IsReturnBack": "true"},
            {**IS_GIFT, "is_chat_room": "true", "is_return_back": "true"},
        ),
        (
            messages.GiftCardUserAccept, "giftcard_user_accept",
            {**GIFT, "IsChatRoom": "true"}, {**IS_GIFT, "is_chat_room": "true"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_event_has_its_fields_and_a_route(
    cls: type[messages.Event], name: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    heard: list[messages.Message] = []
    bot = Bot()

    @bot.event(name)
    def told(chat: Chat) -> str:
        heard.append(chat.message)
        return "好"

    assert Talk(bot, strict=False).event(name, **fields) == "好"
    assert type(heard[0]) is cls
    common = messages.Event.__struct_fields__
    own = {name: getattr(heard[0], name) for name in cls.__struct_fields__ if name not in common}
    assert own == expected


STICKER = "【收到不支持的消息类型，暂无法显示】"


def test_a_bot_that_repeats_what_it_hears_does_not_repeat_the_platforms_sentence() -> None:
    bot = Bot()

    @bot.fallback
    def echo(chat: Chat) -> str:
        return str(getattr(chat.message, "text", "这个看不懂"))

    talk = Talk(bot)
    assert talk("好") == "好"
    assert talk(STICKER) == "这个看不懂"
    assert isinstance(messages.from_fields({
        "MsgType": "text", "FromUserName": "o", "Content": STICKER,
    }), messages.Unsupported)  # fmt: skip
