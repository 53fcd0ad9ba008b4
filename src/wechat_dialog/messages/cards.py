"""The events of cards and coupons (protocol reference 4).

Numbers are text where the platform does not document their unit.
"""

from __future__ import annotations

from .base import Event, register


class CardEvent(Event, frozen=True, kw_only=True):
    """Base of the card events.

    Attributes:
        card_id: The kind of card.
        user_card_code: The user's own card; "" in events about a kind of card.
    """

    card_id: str = ""
    user_card_code: str = ""


@register(event="card_pass_check")
class CardPassCheck(CardEvent, frozen=True, kw_only=True):
    """A kind of card was approved."""


@register(event="card_not_pass_check")
class CardNotPassCheck(CardEvent, frozen=True, kw_only=True):
    """A kind of card was refused, for `refuse_reason`."""

    refuse_reason: str = ""


@register(event="user_get_card")
class UserGetCard(CardEvent, frozen=True, kw_only=True):
    """A user received a card.

    Attributes:
        is_give_by_friend: 1 if it came from a friend, `friend_user_name`; else 0.
        is_restore_member_card: 1 if the user had deleted the card before; else 0.
    """

    is_give_by_friend: int = 0
    friend_user_name: str = ""
    old_user_card_code: str = ""
    outer_id: str = ""
    outer_str: str = ""
    is_restore_member_card: int = 0
    is_recommend_by_friend: int = 0
    union_id: str = ""


@register(event="user_gifting_card")
class UserGiftingCard(CardEvent, frozen=True, kw_only=True):
    """A user gave a card to `friend_user_name`, or to a group (`is_chat_room` 1)."""

    friend_user_name: str = ""
    is_return_back: int = 0
    is_chat_room: int = 0


@register(event="user_del_card")
class UserDelCard(CardEvent, frozen=True, kw_only=True):
    """A user deleted a card."""


@register(event="user_consume_card")
class UserConsumeCard(CardEvent, frozen=True, kw_only=True):
    """A card was redeemed."""

    consume_source: str = ""
    location_name: str = ""
    staff_open_id: str = ""
    verify_code: str = ""
    remark_amount: str = ""
    outer_str: str = ""


@register(event="user_pay_from_pay_cell")
class UserPayFromPayCell(CardEvent, frozen=True, kw_only=True):
    """A user paid with a card; the fees are in cents (分)."""

    trans_id: str = ""
    location_id: str = ""
    fee: str = ""
    original_fee: str = ""


@register(event="user_view_card")
class UserViewCard(CardEvent, frozen=True, kw_only=True):
    """A user looked at a membership card."""

    outer_str: str = ""


@register(event="user_enter_session_from_card")
class UserEnterSessionFromCard(CardEvent, frozen=True, kw_only=True):
    """A user came to the chat from a card."""


@register(event="update_member_card")
class UpdateMemberCard(CardEvent, frozen=True, kw_only=True):
    """Points or balance of a membership card changed, by the amounts given."""

    modify_bonus: str = ""
    modify_balance: str = ""


@register(event="card_sku_remind")
class CardSkuRemind(CardEvent, frozen=True, kw_only=True):
    """A kind of card is running out."""

    detail: str = ""


@register(event="card_pay_order")
class CardPayOrder(CardEvent, frozen=True, kw_only=True):
    """The account's balance for cards changed; the order's fields are in `raw`."""


@register(event="submit_membercard_user_info")
class SubmitMemberCardUserInfo(CardEvent, frozen=True, kw_only=True):
    """A user filled in the form of a membership card."""
