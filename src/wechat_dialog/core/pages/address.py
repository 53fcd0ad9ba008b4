"""The URLs of a bot's answer pages, and the ids of pages.

An id is 128 bits of an HMAC of the user and the message, under a secret that all processes get from
the store. So every process knows the id of a message's page, nobody else can guess one, and an id
does not reveal a user. The store knows a page by another HMAC, of the id and of the bot, so a link
of another account on the same store is not found here.
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
"""Seconds for which a page is kept after it was last written to."""

BITS = 128
_ID = re.compile(r"[0-9a-f]{32}")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class Pages:
    """A bot's answer pages.

    Attributes:
        url: Prefix of their URLs, without a slash at the end.
    """

    def __init__(self, url: str, bot: Callable[[], str], chance: Callable[[int], bytes]) -> None:
        """Create the pages below a URL.

        Args:
            url: The URL as seen by a reader's browser.
            bot: Returns what distinguishes the bot from others on the same store; it never changes.
            chance: Returns the requested number of random bytes.

        Raises:
            ConfigurationError: The URL is unsuitable; the text says why.
        """
        self.url = _checked(url)
        self._segment = self.url.rpartition("/")[2]
        self._bot = bot
        self._chance = chance
        self._secret = b""

    def begin_anew(self) -> None:
        """Forget the secret: the store has been replaced."""
        self._secret = b""

    def anew(self) -> Pages:
        """Return the same pages on another store."""
        return Pages(self.url, self._bot, self._chance)

    # Ids ------------------------------------------------------------------------------------------

    def _ask(self) -> Generator[PageSecret, bytes, bytes]:
        """Ask the store for the secret. A store that has lost it gets back the one known here."""
        self._secret = secret = yield PageSecret(self._secret or self._chance(32))
        return secret

    def ids_of(
        self, account: str, user: str, key: str
    ) -> Generator[PageSecret, bytes, tuple[str, str]]:
        """Return the id of the page of a message, and the store's id of it.

        The store is asked for the secret each time: it may have lost it, and another process have
        given it a new one. No other process would find a page with the one from before.

        Args:
            account: The account's id.
            user: The user's OpenID.
            key: The message's key.
        """
        secret = yield from self._ask()
        id = _digest(secret, "page", self._bot(), account, user, key)
        return id, self._stored(secret, id)

    def stored(self, id: str) -> Generator[PageSecret, bytes, str]:
        """Return the store's id of a page."""
        return self._stored(self._secret or (yield from self._ask()), id)

    def stored_anew(self, id: str) -> Generator[PageSecret, bytes, str]:
        """Return the store's id of a page that was not found; "" if it is still the same."""
        known = self._secret
        secret = yield from self._ask()
        return "" if secret == known else self._stored(secret, id)

    def _stored(self, secret: bytes, id: str) -> str:
        return _digest(secret, "stored", self._bot(), id)

    # Addresses ------------------------------------------------------------------------------------

    def address(self, id: str) -> str:
        """Return a page's URL."""
        return f"{self.url}/{id}"

    def id_in(self, path: str) -> str:
        """Return the id in the path of a request; "" if the path is not that of a page.

        Only the last two segments are compared: a proxy or a framework may have removed what comes
        before them.
        """
        before, _, id = path.rpartition("/")
        if not _ID.fullmatch(id) or before.rpartition("/")[2] != self._segment:
            return ""
        return id

    @property
    def path(self) -> str:
        """The path of their URL."""
        return urlsplit(self.url).path


def _digest(secret: bytes, *parts: str) -> str:
    message = b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)
    return hmac.digest(secret, message, "sha256")[: BITS // 8].hex()


def _checked(url: str) -> str:
    """Return a URL without the slash at its end.

    Raises:
        ConfigurationError: It is unsuitable for pages.
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
