"""The events of the account: agents, withdrawn data, verification (protocol reference 4)."""

from __future__ import annotations

from msgspec import field

from .base import Event, register

# Human agents. -------------------------------------------------------------------------


@register(event="kf_create_session")
class KfCreateSession(Event, frozen=True, kw_only=True):
    """An agent (`kf_account`, `name@account`) takes over the conversation with the user."""

    kf_account: str = ""


@register(event="kf_close_session")
class KfCloseSession(Event, frozen=True, kw_only=True):
    """An agent (`kf_account`, `name@account`) has ended the conversation with the user."""

    kf_account: str = ""


@register(event="kf_switch_session")
class KfSwitchSession(Event, frozen=True, kw_only=True):
    """One agent hands over to another."""

    from_kf_account: str = ""
    to_kf_account: str = ""


# Data that people withdraw. ------------------------------------------------------------


class _AboutUser(Event, frozen=True, kw_only=True):
    open_id: str = field(name="OpenID", default="")
    union_id: str = field(name="UnionID", default="")
    app_id: str = field(name="AppID", default="")
    revoke_info: str = ""


@register(event="user_info_modified")
class UserInfoModified(_AboutUser, frozen=True, kw_only=True):
    """The platform removed data of a user that broke its rules.

    Attributes:
        open_id: OpenID of the user concerned; `user` is an account of the platform in this event.
        union_id: The user's UnionID; "" if the platform does not give it.
        app_id: The AppID of the account.
        revoke_info: Numbers of the data concerned, as text.
    """


@register(event="user_authorization_revoke")
class UserAuthorizationRevoke(_AboutUser, frozen=True, kw_only=True):
    """A user withdrew permissions that they had given a web page.

    Attributes:
        open_id: OpenID of the user concerned; `user` is an account of the platform in this event.
        union_id: The user's UnionID; "" if the platform does not give it.
        app_id: The AppID of the account.
        revoke_info: 201 address, 202 invoice, 203 card, 204 microphone, 205 nickname and avatar,
            206 location, 207 chosen pictures or videos; as text.
    """


@register(event="user_authorization_cancellation")
class UserAuthorizationCancellation(_AboutUser, frozen=True, kw_only=True):
    """A user closed their WeChat account.

    Attributes:
        open_id: OpenID of the user concerned; `user` is an account of the platform in this event.
        union_id: The user's UnionID; "" if the platform does not give it.
        app_id: The AppID of the account.
        revoke_info: Usually "".
    """


# Verification. -------------------------------------------------------------------------


class _Verified(Event, frozen=True, kw_only=True):
    expired_time: int = 0


@register(event="qualification_verify_success")
class QualificationVerifySuccess(_Verified, frozen=True, kw_only=True):
    """Qualification verified, until `expired_time` (seconds since 1970)."""


@register(event="naming_verify_success")
class NamingVerifySuccess(_Verified, frozen=True, kw_only=True):
    """Name verified, until `expired_time` (seconds since 1970)."""


@register(event="annual_renew")
class AnnualRenew(_Verified, frozen=True, kw_only=True):
    """Verification must be renewed before `expired_time` (seconds since 1970)."""


@register(event="verify_expired")
class VerifyExpired(_Verified, frozen=True, kw_only=True):
    """Verification has ended, at `expired_time` (seconds since 1970)."""


class _NotVerified(Event, frozen=True, kw_only=True):
    fail_time: int = 0
    fail_reason: str = ""


@register(event="qualification_verify_fail")
class QualificationVerifyFail(_NotVerified, frozen=True, kw_only=True):
    """Qualification refused at `fail_time` (seconds since 1970) for `fail_reason`."""


@register(event="naming_verify_fail")
class NamingVerifyFail(_NotVerified, frozen=True, kw_only=True):
    """Name refused at `fail_time` (seconds since 1970) for `fail_reason`."""
