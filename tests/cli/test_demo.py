"""`wechat-dialog demo` where somebody sits; for a pipe see `test_chat`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pexpect
import psutil

from tests.cli.command import COMMAND, PATIENCE, environment
from tests.platform.pages import page_of


def test_the_example_bot_is_on_a_page_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with page_of(tmp_path, "demo") as page:
        assert page.say("累加器") == "要加几个数？"
        assert page.say("2") == "第 1 个数是？（已有 0）"
        page.say("3")
        assert page.say("4") == "一共是 7。"
        assert [button["name"] for button in page.state["menu"]] == ["点餐", "挂号", "天气"]
        assert page.state["bot"]["name"] == "示例公众号"
        page.do("menu", user=page.user, index=[0])
        page.until(lambda: "今天吃什么" in page.shown()[-1][1])
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_prints_its_address_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    # No screen: the page cannot be opened, and the address is what there is.
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    kept = {k: v for k, v in environment().items() if k not in screens}
    demo: Any = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "demo", "--port", "0"],
        cwd=str(tmp_path),
        env=kept,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    try:
        demo.expect(r"http://127\.0\.0\.1:(\d+)/")
        port = demo.match[1]
        demo.expect(rf"ssh -L {port}:127\.0\.0\.1:{port} \S+@\S+, and open http://127")
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.sendintr()
        demo.expect(pexpect.EOF)
        assert "Traceback" not in str(demo.before)
        demo.close()
        assert demo.exitstatus == 0
        assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
    finally:
        demo.close(force=True)
