"""What the server processes of these tests serve.

Environment: `STORE`, a URL. `GATE`, a folder: the dialog 慢 counts its runs there, one line of
`runs` each, and waits for the file `open`. `PATIENT`, if the platform waits as long as it takes.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.full_path.accumulator import make_bot
from tests.full_path.people import PATIENT
from wechat_dialog import Chat, Window

bot = make_bot(os.environ["STORE"], window=PATIENT if "PATIENT" in os.environ else Window())
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
