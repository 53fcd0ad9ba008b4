"""The simulator before servers that are not ours: wechatpy on Flask, WeRoBot, and a liar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.platform.pages import page_of
from tests.platform.servers import wsgi
from tests.platform.test_other_libraries import APP_ID, KEY, of_wechatpy, of_werobot
from wechat_dialog.platform.display import FAULT

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_a_flask_server_with_wechatpy_is_talked_to(tmp_path: Path, mode: Any) -> None:
    settings = ["--token", "secret", "--app-id", APP_ID, "--aes-key", KEY, "--mode", mode]
    with wsgi(of_wechatpy(mode)) as url, page_of(tmp_path, "simulate", url, *settings) as page:
        assert page.say("你好 <&>") == "听到：你好 <&>"
        assert page.state["bot"]["managed"] is False
        assert page.conversation() is None
        page.do("unfollow", user=page.user)
        page.do("follow", user=page.user)
        page.until(lambda: page.state["messages"][page.user][-1]["kind"] == "news")
        assert page.state["messages"][page.user][-1]["articles"][0]["title"] == "欢迎"
        # It is no process of ours, so nothing can be done to it.
        assert page.ask("advance", seconds=1).status_code == 409
        assert page.ask("kill").status_code == 409
        assert page.ask("restart").status_code == 409


def test_a_werobot_server_is_talked_to(tmp_path: Path) -> None:
    with wsgi(of_werobot()) as url, page_of(tmp_path, "simulate", url, "--token", "secret") as page:
        assert page.say("你好") == "听到：你好"


def test_a_server_that_answers_nonsense_shows_the_fault_and_why(tmp_path: Path) -> None:
    def nonsense(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [b'{"text": "hi"}']

    with wsgi(nonsense) as url, page_of(tmp_path, "simulate", url) as page:
        assert page.say("你好") == FAULT
        bubble = page.state["messages"][page.user][-1]
        assert (bubble["kind"], bubble["from"]) == ("fault", "system")
        assert "protocol reference 5.3" in bubble["why"]
        (request,) = page.state["requests"][page.user]
        assert request["answer"] == '{"text": "hi"}'
        assert request["problem"] == bubble["why"]
