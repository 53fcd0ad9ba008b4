"""What the URL of a Redis store says: one server, a cluster, or sentinels that know the server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from wechat_dialog.errors import ConfigurationError

__all__ = ["Address"]

_PORTS = {"cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart.

    Attributes:
        kind: "server", "cluster" or "sentinel".
        url: What remains for redis-py: user, password, database and options, and with `kind`
            "server" the host too. Secret.
        nodes: (host, port) of nodes of the cluster, or of the sentinels; empty for a server.
        service: Name of the service that the sentinels watch; empty if there are none.
    """

    kind: str
    url: str
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Take `url` apart.

        Raises:
            ConfigurationError: It is none of the forms of `stores.open_store`. The sentence does
                not quote the URL, which may contain a password.
        """
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        if not kind and scheme in ("redis", "rediss", "unix"):
            return cls("server", url)
        if kind not in _PORTS or scheme not in ("redis", "rediss"):
            raise ConfigurationError(f"{parts.scheme}:// is no Redis store")
        user, at, hosts = parts.netloc.rpartition("@")
        nodes = tuple(_node(host, _PORTS[kind]) for host in hosts.split(","))
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
        return cls(kind, rest, nodes, service)


def _node(text: str, port: int) -> tuple[str, int]:
    """Return host and port of `host`, `host:port` or `[IPv6]:port`."""
    try:
        parts = urlsplit(f"//{text}")
        host, given = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no host:port") from error
    if not host:
        raise ConfigurationError("a host is missing: redis+cluster://host:port[,host:port]")
    return host, given or port
