"""WeRoBot as an application for `benchmarks.http`, as its documentation serves it."""

from __future__ import annotations

import os
from typing import Any

from bottle import Bottle  # type: ignore[import-untyped]
from werobot.contrib.bottle import make_view

from benchmarks.turns import werobot_robot

__all__ = ["wsgi"]

wsgi: Any = Bottle()
wsgi.route("/", ["GET", "POST"], make_view(werobot_robot(os.environ["BENCH_STORE"])))
