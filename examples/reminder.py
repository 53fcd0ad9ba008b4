"""A reminder, and an appointment that asks the evening before whether it still stands."""

from datetime import datetime, time, timedelta

from wechat_dialog import Bot, Chat, Dialog, NoAnswer

bot = Bot(token="wechat-dialog", timeout=600)


@bot.text("提醒我")
def remind(chat: Chat) -> Dialog[str]:
    what = yield from chat.ask("提醒您什么？")
    when = yield from chat.ask("什么时候？比如：明天早上八点", datetime, future=True)
    chat.remind(when, f"⏰ {what}", key=what)
    return f"好，{when:%m月%d日 %H:%M}提醒您：{what}。说“别提醒了”可以取消。"


@bot.text("别提醒了")
def forget(chat: Chat) -> Dialog[str]:
    what = yield from chat.ask("不用提醒什么了？")
    chat.stop(what)
    return f"好，不提醒“{what}”了。"


@bot.text("预约")
def book(chat: Chat) -> Dialog[str]:
    when = yield from chat.ask("什么时候来？比如：后天下午三点", datetime, future=True)
    chat.start(confirm, {"when": when.isoformat()}, key="visit")
    return f"约好了：{when:%m月%d日 %H:%M}。前一天晚上八点我再问您一声。"


@bot.dialog
def confirm(chat: Chat, when: str) -> Dialog[str]:
    """Begin beside whatever its user does, and live on when that ends."""
    visit = datetime.fromisoformat(when)
    evening = datetime.combine(visit.date() - timedelta(days=1), time(20), visit.tzinfo)
    yield from chat.sleep(evening)
    try:
        comes = yield from chat.confirm(f"明天 {visit:%H:%M} 还来吗？", within=visit)
    except NoAnswer:
        return "没等到您的回答，这次预约取消了。"
    return "好，到时候见！" if comes else "好，已经取消了。"
