"""What the server processes of these tests serve.

Environment: `STORE`, a URL. `GATE`, a folder: the dialog 慢 counts its runs there, one line of
`runs` each, and waits for the file `open`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.full_path.accumulator import make_bot
from wechat_dialog import Chat

bot = make_bot(os.environ["STORE"])
application = bot.wsgi


def wait_at_the_gate() -> str:
    gate = Path(os.environ["GATE"])
    with (gate / "runs").open("a") as runs:
        runs.write(f"{os.getpid()}\n")
    while not (gate / "open").exists():
        time.sleep(0.01)
    return "好了"


@bot.text("慢")
@bot.click("slow")
async def slow(chat: Chat) -> str:
    return await chat.step(wait_at_the_gate)
