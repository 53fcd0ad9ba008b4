"""The names of a user's keys in Redis.

All keys of a user have one hash tag, so that a cluster keeps them together: with the default format
`{wechat-dialog:<user>}:h`. `lua/entry.lua` describes their contents. An answer page has a tag of
its own, `{wechat-dialog:page:<id>}:w` (`lua/page.lua`), since its readers do not know the user. So
has each shard of the index, `{wechat-dialog:due:<shard>}:z:<account>` (`lua/index_due.lua`).
"""

from __future__ import annotations

from zlib import crc32

from wechat_dialog.errors import ConfigurationError

__all__ = ["Keys"]

USER = "%(user)s"


class Keys:
    """Makes and parses the names of keys.

    Args:
        prefix: First part of every key.
        key_format: Content of the hash tag, with `%(user)s` in it once; None: `<prefix>:%(user)s`.

    Raises:
        ConfigurationError: The format has not exactly one `%(user)s`.
    """

    def __init__(self, prefix: str, key_format: str | None) -> None:
        tag = f"{prefix}:{USER}" if key_format is None else key_format
        if tag.count(USER) != 1:
            raise ConfigurationError(f"key_format={tag!r} must contain {USER} once")
        before, _, after = tag.partition(USER)
        # Redis takes as tag what is between the first { and the next }: a } inside it would end it
        # early, or, as its first character, leave no tag at all.
        self._pages = "{" + _escaped(prefix) + ":page"
        self._due = "{" + _escaped(prefix) + ":due"
        self._tries = "{" + _escaped(prefix) + ":try"
        self._before = "{" + _escaped(before)
        self._after = _escaped(after) + "}:"

    def of(self, user: str) -> str:
        """Return the prefix of all keys of `user`."""
        if not user:
            raise ValueError("a user's key must not be empty")
        if "}" in user or "%" in user:
            user = _escaped(user)
        return f"{self._before}{user}{self._after}"

    def of_page(self, id: str) -> str:
        """Return the prefix of all keys of a page."""
        return f"{self._pages}:{_escaped(id)}}}:"

    @property
    def page_secret(self) -> str:
        """The key of the secret from which page ids are computed."""
        return f"{self._pages}}}:s"

    def index(self, shard: int, account: str) -> str:
        """The key of a shard of an account's index."""
        return f"{self._due}:{shard}}}:z:{account}"

    def shard(self, user: str, shards: int) -> int:
        """Return the shard of an index that has a user."""
        return crc32(user.encode()) % shards

    def account(self, name: str) -> str:
        """The key of the account that is noted under a name."""
        return f"{self._due}}}:n:{name}"

    @property
    def walk(self) -> str:
        """The key that says which process walks through all keys."""
        return f"{self._due}}}:w"

    def tried(self, slot: int) -> str:
        """A key that does not exist, in one of several slots."""
        return f"{self._tries}:{slot}}}:x"

    @property
    def timed(self) -> str:
        """The glob of keys by which users are found for whom something may become due."""
        return f"{_literally(self._before)}*{_literally(self._after)}[tm]"

    def pattern(self, prefix: str) -> str:
        """Return the glob of all keys of users that start with `prefix`."""
        return _literally(self._before + _escaped(prefix)) + "*"

    def replies(self, user: str) -> str:
        """Return the glob of the keys of all replies that are remembered for `user`."""
        return _literally(self.of(user) + "a:") + "*"

    def read(self, key: bytes) -> tuple[str, str] | None:
        """Return (user, kind of key) for a key of this store; None for other keys."""
        text = key.decode("utf-8", "replace")
        tag, separator, kind = text.partition(self._after)
        if not separator or not tag.startswith(self._before):
            return None
        return tag[len(self._before) :].replace("%7D", "}").replace("%25", "%"), kind


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("}", "%7D")


def _literally(text: str) -> str:
    """Return a glob that matches only this text."""
    return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in text)
