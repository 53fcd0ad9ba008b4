"""Transcripts: a talk written down as text, played against a bot and compared.

    用户：点单
    公众号：请选择茶：
    1. 珍珠奶茶

What the user says is sent; [图片] is a picture, [语音 text] a voice message and what was recognised
of it, [位置 label] a place, [点 key] a tap of the menu button of that key, [扫码 scene] a scan,
[关注] a new follower, [事件 name Field=value …] any event, and a line （过了 70 秒） lets time
pass. A line （信号 paid match=A1 {"fen": 990}） sends a signal, and 推送： stands before what was
pushed to the user since the line above.
Everything else must be what the bot answers, to the letter.
"""

from __future__ import annotations

import json
import re
from difflib import ndiff

from wechat_dialog.testing import Talk

_SIGNAL = re.compile(r"（信号 (\S+)(?: match=(\S+))?(?: (\{.*\}|\[.*\]|\S+))?）")
_PAUSE = re.compile(r"（过了 (\d+) 秒）")
_DONE = re.compile(r"\[(点|扫码|语音|位置) (.+)\]")
_EVENT = re.compile(r"\[事件 (\S+)((?: \w+=\S+)*)\]")


def play(talk: Talk, transcript: str) -> None:
    """Play a transcript, with another process at every turn.

    Raises:
        AssertionError: The bot answers something else; shows what.
    """
    blocks: list[str] = []
    for line in transcript.strip().splitlines():
        begins = line.startswith(("用户：", "公众号：", "推送："))
        if begins or _PAUSE.fullmatch(line) or _SIGNAL.fullmatch(line):
            blocks.append(line)
        else:
            blocks[-1] += f"\n{line}"
    seen: list[str] = []
    for block in blocks:
        told = len(talk.pushed)
        if pause := _PAUSE.fullmatch(block):
            talk.advance(float(pause[1]))
            seen.append(block)
        elif signal := _SIGNAL.fullmatch(block):
            name, match, data = signal.groups()
            talk.signal(name, json.loads(data or "null"), match=match or "")
            seen.append(block)
        elif block.startswith("用户："):
            seen += [block, f"公众号：{_send(talk, block.removeprefix('用户：')) or '（无回复）'}"]
            told = 0
        else:
            continue
        seen += [f"推送：{said}" for said in talk.pushed[told:]]
        talk.restart()
    if seen != blocks:
        wanted, got = "\n".join(blocks).splitlines(), "\n".join(seen).splitlines()
        raise AssertionError("the transcript differs\n" + "\n".join(ndiff(wanted, got)))


def _send(talk: Talk, said: str) -> str:
    if said == "[图片]":
        return talk.image()
    if said == "[关注]":
        return talk.event("subscribe")
    if done := _DONE.fullmatch(said):
        how, what = done[1], done[2]
        if how == "语音":
            return talk.voice(what)
        if how == "位置":
            return talk.location(31.2, 121.5, what)
        return talk.event("CLICK" if how == "点" else "SCAN", what)
    if event := _EVENT.fullmatch(said):
        return talk.event(event[1], **dict(pair.split("=", 1) for pair in event[2].split()))
    return talk(said)
