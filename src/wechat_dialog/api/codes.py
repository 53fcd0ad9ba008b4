"""The class of error for each error code of the platform."""

from __future__ import annotations

from wechat_dialog.errors import (
    ApiError,
    Busy,
    NoFollower,
    NotGranted,
    OutOfWindow,
    QuotaUsedUp,
    WrongCredentials,
)

__all__ = ["api_error"]


def api_error(code: int, message: str, *, fetching: bool = False) -> ApiError:
    """Return the error for one of the platform's codes.

    Args:
        code: Its `errcode`.
        message: Its `errmsg`.
        fetching: Whether the call was for a token: some codes have another meaning there.
    """
    if fetching and code == 40001:
        return WrongCredentials(code, message)
    return _API_ERRORS.get(code, ApiError)(code, message)


_API_ERRORS: dict[int, type[ApiError]] = {
    **dict.fromkeys((40013, 40125, 40164, 40243, 41002, 41004), WrongCredentials),
    **dict.fromkeys((48001, 40200), NotGranted),
    45015: OutOfWindow,
    45047: QuotaUsedUp,
    **dict.fromkeys((40003, 43004, 48002), NoFollower),
    **dict.fromkeys((-1, 45009, 45011), Busy),
}
