"""The platform's HTTP API: the calls that a bot makes on its own (protocol reference 7).

    bot = Bot(token="…", app_id="wx…", app_secret="…")
    yield from chat.step(bot.api.send, chat.user, "处理完成")

`Api` is for threads and `AsyncApi` for event loops. Messages that can be sent besides the replies
of `wechat_dialog.replies` are in `api.customer`. A call raises `errors.ApiError`, or a subclass, if
the platform refuses it, and `errors.Unreachable` if the platform cannot be reached.
"""

from .client import HOST, Api, AsyncApi
from .media import Media

__all__ = ["HOST", "Api", "AsyncApi", "Media"]
