"""Where a bot's answer pages are, and the ids by which they are found.

An id is 128 bits of an HMAC: of the user and the message, under a secret that all processes have
from the store. So every process knows the page of a message; nobody else can guess one, and an id
names nobody. The store knows a page by another HMAC, of the id and of the bot: a link that belongs
to another account of the same store leads nowhere here, and is not even looked for.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Generator
from urllib.parse import urlsplit

from wechat_dialog.core.store.pages import PageSecret
from wechat_dialog.errors import ConfigurationError

__all__ = ["KEPT", "Pages"]

KEPT = 86400.0
"""Seconds that a page is kept after it was last written to."""

BITS = 128
_ID = re.compile(r"[0-9a-f]{32}")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class Pages:
    """A bot's answer pages.

    Attributes:
        url: What their addresses begin with, without a slash at the end.
    """

    def __init__(self, url: str, bot: Callable[[], str], chance: Callable[[int], bytes]) -> None:
        """Find pages below an address.

        Args:
            url: The address that a reader's browser is given.
            bot: Gives what tells the bot from others on the same store, and stays.
            chance: Gives so many random bytes.

        Raises:
            ConfigurationError: The address cannot be one of pages; the sentence says why.
        """
        self.url = _checked(url)
        self._segment = self.url.rpartition("/")[2]
        self._bot = bot
        self._chance = chance
        self._secret = b""

    def begin_anew(self) -> None:
        """Forget the secret: the store is another."""
        self._secret = b""

    def anew(self) -> Pages:
        """Return the same pages on another store."""
        return Pages(self.url, self._bot, self._chance)

    # Ids ------------------------------------------------------------------------------------------

    def secret(self) -> Generator[PageSecret, bytes, bytes]:
        """Ask for the secret, if this process has not done so yet."""
        if not self._secret:
            self._secret = yield PageSecret(self._chance(32))
        return self._secret

    def id_of(self, account: str, user: str, key: str) -> Generator[PageSecret, bytes, str]:
        """Return the id of the page of a message.

        Args:
            account: The account's id.
            user: The user's OpenID.
            key: The message's key.
        """
        secret = yield from self.secret()
        return _digest(secret, "page", self._bot(), account, user, key)

    def stored(self, id: str) -> Generator[PageSecret, bytes, str]:
        """Return what the store knows a page by."""
        secret = yield from self.secret()
        return _digest(secret, "stored", self._bot(), id)

    # Addresses ------------------------------------------------------------------------------------

    def address(self, id: str) -> str:
        """Return a page's address."""
        return f"{self.url}/{id}"

    def id_in(self, path: str) -> str:
        """Return the id in the path of a request; "" if it is no page's.

        Only the last two segments are looked at: a proxy or a framework may have taken off what
        stands before them.
        """
        before, _, id = path.rpartition("/")
        if not _ID.fullmatch(id) or before.rpartition("/")[2] != self._segment:
            return ""
        return id

    @property
    def path(self) -> str:
        """The path of their address."""
        return urlsplit(self.url).path


def _digest(secret: bytes, *parts: str) -> str:
    message = b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)
    return hmac.digest(secret, message, "sha256")[: BITS // 8].hex()


def _checked(url: str) -> str:
    """Return an address without the slash at its end.

    Raises:
        ConfigurationError: No pages can be there.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(f"pages={url!r} is no address: {error}") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(host))
    if not (secure and host and port != 0):
        raise ConfigurationError(
            f"pages={url!r}: an address https://host/path is wanted (http:// on this machine only)"
        )
    path = parts.path.rstrip("/")
    if not path or parts.query or parts.fragment or parts.username or parts.password:
        raise ConfigurationError(
            f"pages={url!r}: a path of its own is wanted, such as https://{host}/wx/p, and nothing "
            "behind it"
        )
    if re.search(r"""[\s"'<>\\^`{|}\x00-\x1f\x7f-\uffff]|//""", path + host):
        raise ConfigurationError(f"pages={url!r}: its host and path must be plain ASCII")
    return url.rstrip("/")
