"""Parses the URL of a Redis store: one server, a cluster, or sentinels that know the server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from wechat_dialog.core.secrecy import Secret
from wechat_dialog.errors import ConfigurationError

__all__ = ["Address"]

_PORTS = {"cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL.

    Attributes:
        kind: "server", "cluster" or "sentinel".
        url: The rest, for redis-py: user, password, database and options, and for `kind` "server"
            the host. Secret, and in no `repr`.
        nodes: (host, port) of nodes of the cluster, or of the sentinels; empty for a server.
        service: Name of the service that the sentinels watch; empty if there are none.
    """

    kind: str
    url: str = field(repr=False)
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse `url`.

        Raises:
            ConfigurationError: It has none of the forms of `stores.open_store`. The text does not
                quote the URL, which may contain a password, and neither does anything attached to
                the error.
        """
        url = Secret(url)
        try:
            return cls._parse(url)
        except ConfigurationError as error:
            # Raised outside the handler: frames of the original error contain parts of the URL.
            refusal = error.with_traceback(None)
        raise refusal

    @classmethod
    def _parse(cls, url: str) -> Address:
        parts = _split(url)
        scheme, _, kind = parts.scheme.partition("+")
        if not kind and scheme in ("redis", "rediss", "unix"):
            return cls("server", Secret(url))
        if kind not in _PORTS or scheme not in ("redis", "rediss"):
            raise ConfigurationError(f"{parts.scheme}:// is no Redis store")
        user, at, hosts = parts.netloc.rpartition("@")
        nodes = tuple(
            _node(number, host, _PORTS[kind]) for number, host in enumerate(hosts.split(","), 1)
        )
        path = [unquote(part) for part in parts.path.split("/")[1:]]
        service, database = "", "0"
        if kind == "sentinel":
            if not (1 <= len(path) <= 2 and path[0]):
                raise ConfigurationError(
                    f"{parts.scheme}:// needs the watched service's name: "
                    "redis+sentinel://host:port[,host:port]/service/db"
                )
            service, database = path[0], (path[1] if len(path) > 1 else "") or "0"
        elif any(part not in ("", "0") for part in path):
            raise ConfigurationError(f"{parts.scheme}:// takes no database: a cluster has only 0")
        if not database.isdigit():
            raise ConfigurationError(f"{parts.scheme}://: the database is a number")
        query = f"?{parts.query}" if parts.query else ""
        rest = f"{scheme}://{user}{at}localhost/{database}{query}"
        return cls(kind, Secret(rest), nodes, service)


def _split(url: str) -> SplitResult:
    """Split a URL.

    An unescaped `/`, `#` or `?` in a password would end the host part of the URL, and the beginning
    of the password would be taken for the host's name, or its port.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # its text may quote the URL
        raise ConfigurationError(f"the store's URL cannot be read; {_ESCAPES}") from None
    # No user, password or host has an "@" behind the first of these characters.
    cut_off = "@" not in parts.netloc and bool(parts.netloc)
    in_path = "@" in parts.path and (cut_off or parts.scheme != "unix")
    in_query = any(
        "@" in option for option in parts.query.split("&") if not _MAY_HAVE_AT.match(option)
    )
    if "#" in url or in_path or in_query:
        raise ConfigurationError(f"the password in the store's URL ends too early: {_ESCAPES}")
    try:
        # A cluster or sentinels have several.
        _ = parts.port if "," not in parts.netloc else None
    except ValueError:
        raise ConfigurationError(
            f"the port in the store's URL is no number from 0 to 65535; {_ESCAPES}"
        ) from None
    return parts


_ESCAPES = "in a password / is written %2F, # is %23, ? is %3F, % is %25"
_MAY_HAVE_AT = re.compile("(username|password|sentinel_username|sentinel_password|client_name)=")


def _node(number: int, text: str, port: int) -> tuple[str, int]:
    """Return host and port of `host`, `host:port` or `[IPv6]:port`."""
    try:
        parts = urlsplit(f"//{text}")
        host, explicit = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(
            f"host number {number} of the store's URL is no host:port"
        ) from None
    if not host:
        raise ConfigurationError("a host is missing: redis+cluster://host:port[,host:port]")
    return host, explicit or port
