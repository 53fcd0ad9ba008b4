"""Whether the client of a WSGI request is still connected. WSGI has no way to ask for that, but
some servers put the connection into the environ.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

__all__ = ["asks_for_client"]

_SOCKETS = "gunicorn.socket", "werkzeug.socket"
_CLOSED = getattr(select, "POLLRDHUP", 0)
"""Has Linux tell when the other side has closed its half of the connection; other systems do so
without being asked. Reading would tell, too, but not under TLS.
"""


def asks_for_client(environ: Mapping[str, Any]) -> Callable[[], bool] | None:
    """Return a function that tells whether a request's client has disconnected; None if its server
    offers no way to find out.
    """
    if "waitress.client_disconnected" in environ:
        return environ["waitress.client_disconnected"]  # type: ignore[no-any-return]
    for name in _SOCKETS:
        if name in environ and hasattr(select, "poll"):
            return partial(_is_closed, environ[name])
    return None


def _is_closed(connection: Any) -> bool:
    asking = select.poll()
    try:
        asking.register(connection, _CLOSED)
        return bool(asking.poll(0))
    except (OSError, ValueError):  # the server has closed it
        return True
