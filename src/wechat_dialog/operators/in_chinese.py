"""What operators read of stored conversations, in Chinese."""

from __future__ import annotations

__all__ = ["STATES", "TRANSCRIPT", "state_in_chinese"]

WAITS = "waits for "


def state_in_chinese(state: str) -> str:
    """Return a conversation's state; see `Summary.state`."""
    if state.startswith(WAITS):
        return f"等信号 {state.removeprefix(WAITS)}"
    return STATES.get(state, state)


STATES = {
    "waiting": "等回答",
    "interrupted": "被插入",
    "unfinished": "没走完",
    "parked": "搁置",
    "unreadable": "读不了",
    "asleep": "等时间",
    "waits to ask": "待提问",
    "waits to begin": "待开始",
}

TRANSCRIPT = {
    " version {0}": " 版本 {0}",
    "user {0}, begun {1}": "用户 {0}，{1} 开始",
    "begun without a message": "没有消息，自己开始",
    "asked ": "问 ",
    "(or {0})": "（或者 {0}）",
    "(the code at hand goes on otherwise: {0})": "（现在的代码接下去不一样：{0}）",
    " (branch {0})": "（分支 {0}）",
    "waits for signal {0}{1}{2}": "等信号 {0}{1}{2}",
    "waits until {0}{1}": "等到 {0}{1}",
    "not heard yet: {0}": "还没有处理：{0}",
    "said {0}{1}": "说 {0}{1}",
    "step {0} → {1}": "步骤 {0} → {1}",
    "step {0} raised {1}: {2}": "步骤 {0} 抛出 {1}：{2}",
    "part {0} → {1}": "环节 {0} → {1}",
    "part {0} raised {1}: {2}": "环节 {0} 抛出 {1}：{2}",
    "a part of a step that was told a secret": "环节（所在步骤得知了机密，不显示）",
    "taken back to record {0} ({1})": "撤回到第 {0} 条记录（{1}）",
    "limit over, due {0}{1}": "时限到了，定在 {0}{1}",
    "time over, due {0}{1}": "时间到了，定在 {0}{1}",
    "signal {0} → {1}{2}{3}": "信号 {0} → {1}{2}{3}",
    " (does not fit: {0})": "（不合适：{0}）",
}
"""The lines of a transcript, by their English ones."""
