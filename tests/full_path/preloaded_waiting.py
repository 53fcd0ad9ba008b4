"""What a server with `--preload` loads before it forks: a bot whose dialogs wait, and that has
answered by then, so that the parent sweeps. Environment: see `waiting.py`.
"""

from tests.full_path.people import push, signed
from tests.full_path.waiting import bot

bot.answer(push("oParent", Content="嗨"), signed())
application = bot.wsgi
