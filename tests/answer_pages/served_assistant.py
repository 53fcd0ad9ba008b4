"""examples/assistant.py as a server's module, for processes that a test kills.

Environment, beside the example's own: `STORE`, a URL. `PATIENT`: the platform is.
"""

from __future__ import annotations

import dataclasses
import os

from tests.answer_pages.model import SOON
from tests.dialogs.test_examples import load
from tests.full_path.people import PATIENT

bot = load("assistant").bot
bot.window = PATIENT if "PATIENT" in os.environ else SOON
bot.settings = dataclasses.replace(bot.settings, lease=0.5)
bot.simulate(store=os.environ["STORE"])
application = bot.wsgi
