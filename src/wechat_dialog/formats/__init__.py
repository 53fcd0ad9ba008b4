"""What a language model writes, as a reader of this platform should see it."""

from .convert import wechat_text

__all__ = ["wechat_text"]
