"""A quiz of three questions in a new order for everybody, with a score and the best one so far."""

from typing import Any

from wechat_dialog import Bot, Chat, Dialog, TooManyAttempts

bot = Bot(token="wechat-dialog", timeout=300)

QUESTIONS = [
    ("中国最长的河是哪一条？", "长江", ["黄河", "珠江"]),
    ("水在海平面上多少度沸腾？", "100 度", ["90 度", "110 度"]),
    ("《红楼梦》是谁写的？", "曹雪芹", ["吴承恩", "施耐庵"]),
    ("一年有几个节气？", "24 个", ["12 个", "36 个"]),
]


def question(chat: Chat, number: int) -> Dialog[bool]:
    text, right, wrong = QUESTIONS[number]
    options = [right, *wrong]
    chat.random.shuffle(options)
    try:
        said = yield from chat.choose(text, options, attempts=2)
    except TooManyAttempts:
        chat.say("这题先跳过。")
        return False
    chat.say("答对了！" if said == right else f"不对，是{right}。")
    return said == right


@bot.text("答题")
def quiz(chat: Chat) -> Dialog[Any]:
    chat.say("一共三题。")
    score = 0
    for number in chat.random.sample(range(len(QUESTIONS)), 3):
        score += yield from question(chat, number)
    best = max(score, chat.data.get("best", 0))
    chat.data["best"] = best
    if (yield from chat.confirm(f"得分 {score}/3，最好成绩 {best}。再来一次？", default=False)):
        return chat.continue_as(quiz)
    return "下次再来！"


@bot.text("成绩", anytime=True)
def best_score(chat: Chat) -> str:
    return f"最好成绩：{chat.data.get('best', 0)}/3"
