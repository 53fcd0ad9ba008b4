"""Health checks of load balancers: `GET /healthz` and `GET /readyz` of the bot's own applications.

`/healthz`: this process answers requests. The store is not asked. `/readyz`: it would take a
message now; 503 if not. The reason in the body is only what anybody may read; the log has the rest.
"""

from __future__ import annotations

from typing import Final

from wechat_dialog.errors import Closing, ConfigurationError, NoThread

from .handling import Answers, Served

__all__ = ["HEALTHY", "READY", "health_check_in", "serve_health_check", "serve_health_check_async"]

HEALTHY: Final = "/healthz"
READY: Final = "/readyz"

_HEADERS = {"Cache-Control": "no-store"}


def health_check_in(method: str, path: str, root: str, query: str) -> str:
    """Return which health check a request is: `HEALTHY` or `READY`; "": it is another request.

    A signed request is the platform's, whatever its path.

    Args:
        method: The HTTP method.
        path: The request's path, with or without `root` before it.
        root: The path at which the application is mounted.
        query: The raw query string.
    """
    if method not in ("GET", "HEAD") or "signature=" in query:
        return ""
    for check in (HEALTHY, READY):
        if path in (check, root + check):
            return check
    return ""


def serve_health_check(bot: Answers, method: str, check: str) -> Served:
    """Answer a health check that `health_check_in` has returned."""
    error: Exception | None = None
    if check == READY:
        try:
            bot.check_ready()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the process is not ready
            error = failure
    return _served(method, error)


async def serve_health_check_async(bot: Answers, method: str, check: str) -> Served:
    """Answer a health check on an event loop; see `serve_health_check`."""
    error: Exception | None = None
    if check == READY:
        try:
            await bot.check_ready_async()
        except Exception as failure:  # noqa: BLE001 - see `serve_health_check`
            error = failure
    return _served(method, error)


def _served(method: str, error: Exception | None) -> Served:
    status, text = (200, "ok") if error is None else (503, _reason(error))
    body = f"{text}\n".encode() if method == "GET" else b""
    return Served(status, body, headers=_HEADERS)


def _reason(error: Exception) -> str:
    """Return what anybody may read of an error: its own text may name a path or an address."""
    if isinstance(error, NoThread):
        return "not ready: the system has no thread left"
    if isinstance(error, Closing):
        return "not ready: stopping"
    if isinstance(error, ConfigurationError):
        return "not ready: a setting of the bot cannot work"
    return "not ready: the store takes no messages; the log says why"
