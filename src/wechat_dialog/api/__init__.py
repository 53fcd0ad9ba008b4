"""The active side: what a bot asks of the platform (protocol reference 7).

    bot = Bot(token="…", app_id="wx…", app_secret="…")
    yield from chat.step(bot.api.send, chat.user, "处理完成")

`Api` is for threads and `AsyncApi` for event loops. What can be sent beside the replies of
`wechat_dialog.replies` is in `api.customer`; errors are `errors.ApiError` and its like.
"""

from .client import HOST, Api, AsyncApi
from .media import Media

__all__ = ["HOST", "Api", "AsyncApi", "Media"]
