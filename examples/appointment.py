"""An appointment: a service, a day, an hour that is still free; 返回 takes back the last answer."""

from datetime import date, datetime, timedelta

from wechat_dialog import Bot, Chat, Dialog, parsers

bot = Bot(token="wechat-dialog", timeout=900)

SERVICES = {"剪发": 1, "染发": 3, "护理": 2}
HOURS = range(10, 20)
TAKEN: dict[str, str] = {}


def free(day: str, length: int) -> list[int]:
    """Return the hours at which so many are free in a row."""
    return [
        hour for hour in HOURS if hour + length <= HOURS.stop
        and not any(f"{day} {hour + more}" in TAKEN for more in range(length))
    ]  # fmt: skip


def book(day: str, hour: int, length: int, phone: str) -> bool:
    """Take the hours; False if somebody was faster."""
    if hour not in free(day, length):
        return False
    TAKEN.update({f"{day} {hour + more}": phone for more in range(length)})
    return True


def open_day(chat: Chat) -> Dialog[date]:
    today = chat.now().date()
    while True:
        day = yield from chat.ask("哪一天？比如：明天、下周五", date)
        if today <= day <= today + timedelta(days=30):
            return day
        chat.say("只能约三十天以内的日子。")


@bot.text("预约")
def appointment(chat: Chat) -> Dialog[str]:
    length = yield from chat.choose("做什么？", SERVICES)
    day = yield from open_day(chat)
    phone = yield from chat.ask("您的手机号？", parsers.phone)
    while True:
        hours = yield from chat.step(free, day.isoformat(), length)
        if not hours:
            return f"{day.month}月{day.day}日已经约满了。"
        times = [(f"{hour}:00", hour) for hour in hours]
        hour = yield from chat.choose(f"{day.month}月{day.day}日几点？", times)
        if (yield from chat.step(book, day.isoformat(), hour, length, phone)):
            moment = datetime(day.year, day.month, day.day, hour, tzinfo=chat.now().tzinfo)
            return f"约好了：{moment:%Y-%m-%d %H:%M}，请提前五分钟到。"
        chat.say("刚刚被人约走了，请换一个时间。")
