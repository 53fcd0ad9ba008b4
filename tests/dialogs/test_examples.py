"""The bots in `examples/`, by their transcripts."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

from tests.dialogs.transcripts import play
from wechat_dialog import Bot, step
from wechat_dialog.testing import Talk

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("ordering", "quiz", "guestbook", "appointment", "payment", "reminder")


def load(name: str) -> ModuleType:
    """Import an example afresh."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_bot_of_under_60_lines(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()) < 60
    bot = load(name).bot
    assert isinstance(bot, Bot)
    bot.check()


ORDER = """
用户：点单
公众号：请选择茶：
1. 珍珠奶茶
2. 满杯水果茶
3. 四季春
用户：奶茶
公众号：请填写杯数：
默认（1）
用户：两
公众号：请选择甜度：
1. 全糖
2. 半糖
3. 无糖
4. 默认（半糖）
用户：返回
公众号：请填写杯数：
默认（1）
用户：3
公众号：请选择甜度：
1. 全糖
2. 半糖
3. 无糖
4. 默认（半糖）
用户：无糖
公众号：请填写备注：
跳过
用户：跳过
公众号：请核对：
1. 茶：珍珠奶茶　修改茶
2. 杯数：3　修改杯数
3. 甜度：无糖　修改甜度
4. 备注：（无）　修改备注
确认　取消
用户：修改杯数
公众号：请填写杯数：
默认（1）
用户：2
公众号：请核对：
1. 茶：珍珠奶茶　修改茶
2. 杯数：2　修改杯数
3. 甜度：无糖　修改甜度
4. 备注：（无）　修改备注
确认　取消
用户：确认
公众号：一共 32 元，现在支付吗？
是　否
用户：好的
公众号：付好了！在哪儿取？
1. 人民广场店
2. 静安寺店
"""


def test_ordering_takes_an_order_its_payment_and_a_place() -> None:
    talk = Talk(load("ordering").bot)
    talk.fake("pay", "T0042")
    play(
        talk,
        f"""{ORDER}用户：静安寺
公众号：静安寺店，2 杯珍珠奶茶（无糖）。取餐号 T0042。
""",
    )


def test_ordering_gives_the_money_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = load("ordering")
    talk = Talk(shop.bot)
    refunded: list[str] = []
    monkeypatch.setattr(shop, "refund", step(refunded.append, name="refund"))
    talk.fake("pay", "T0042")
    talk.crashes("refund", "after")
    play(talk, f"{ORDER}用户：取消\n公众号：已取消，32 元已退回。\n")
    assert refunded == ["T0042"]


def test_ordering_pays_once_though_the_worker_dies_behind_the_payment() -> None:
    talk = Talk(load("ordering").bot)
    talk.crashes("pay", "after")
    before, _, _ = ORDER.rpartition("用户：好的")
    play(talk, before)
    assert talk("好的").startswith("付好了！")
    assert [getattr(record, "name", "") for record in talk.journal].count("pay") == 1


def test_a_quiz_counts_right_answers_and_keeps_the_best_score() -> None:
    quiz = load("quiz")
    right = {text: answer for text, answer, _ in quiz.QUESTIONS}
    talk = Talk(quiz.bot)
    seen = talk("答题")
    assert seen.startswith("一共三题。\n")
    for number in range(3):
        text = next(text for text in right if text in seen)
        talk.restart()
        seen = talk(right[text] if number else next(o for o in seen.taps if o != right[text]))
        assert seen.startswith("答对了！" if number else f"不对，是{right[text]}。")
    assert "得分 2/3，最好成绩 2。再来一次？\n否（默认）　是" in seen
    assert talk("成绩") == "最好成绩：2/3\n得分 2/3，最好成绩 2。再来一次？\n否（默认）　是"
    seen = talk("好")
    assert seen.startswith("一共三题。\n")
    assert talk("不知道").startswith("请从列出的选项里选一个。")
    assert talk("不知道").startswith("这题先跳过。")
    talk("取消")
    assert talk("成绩") == "最好成绩：2/3"


def test_a_guestbook_takes_words_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = load("guestbook")
    monkeypatch.setattr(book, "BOOK", tmp_path / "book.jsonl")
    talk = Talk(book.bot)
    talk.crashes("keep", "in")
    play(
        talk,
        """
用户：看留言
公众号：还没有人留言。
用户：留言
公众号：写点什么吧：
用户：风景真好
公众号：发张照片，或说“好了”：
用户：[图片]
公众号：发张照片，或说“好了”：
用户：哈哈
公众号：只收照片哦。
发张照片，或说“好了”：
用户：[图片]
公众号：发张照片，或说“好了”：
用户：好了
公众号：谢谢！您是第 1 位，收到 2 张照片。
用户：看留言
公众号：· 风景真好
""",
    )


def test_an_appointment_finds_a_free_hour_and_takes_answers_back() -> None:
    book = load("appointment")
    book.TAKEN["2023-11-16 10"] = "somebody"
    play(
        Talk(book.bot),
        """
用户：预约
公众号：做什么？
1. 剪发
2. 染发
3. 护理
用户：剪发
公众号：哪一天？比如：明天、下周五
用户：明年春节
公众号：农历的日子还看不懂，请回复公历日期，例如 10月1日。
哪一天？比如：明天、下周五
用户：明年5月1日
公众号：只能约三十天以内的日子。
哪一天？比如：明天、下周五
用户：返回
公众号：哪一天？比如：明天、下周五
用户：返回
公众号：做什么？
1. 剪发
2. 染发
3. 护理
用户：染发
公众号：哪一天？比如：明天、下周五
用户：明天
公众号：您的手机号？
用户：13900139000
公众号：11月16日几点？
1. 11:00
2. 12:00
3. 13:00
4. 14:00
5. 15:00
6. 16:00
7. 17:00
用户：返回
公众号：已经不能再返回了。
11月16日几点？
1. 11:00
2. 12:00
3. 13:00
4. 14:00
5. 15:00
6. 16:00
7. 17:00
用户：晚上九点
公众号：请从列出的选项里选一个。
11月16日几点？
1. 11:00
2. 12:00
3. 13:00
4. 14:00
5. 15:00
6. 16:00
7. 17:00
用户：下午两点
公众号：约好了：2023-11-16 14:00，请提前五分钟到。
""",
    )
    assert book.TAKEN["2023-11-16 16"] == "13900139000"


def test_an_appointment_that_somebody_else_was_faster_with_offers_other_hours() -> None:
    book = load("appointment")
    talk = Talk(book.bot)
    for text in ("预约", "剪发", "明天", "13900139000"):
        talk(text)
    book.TAKEN["2023-11-16 10"] = "somebody"
    assert talk("10:00").startswith("刚刚被人约走了，请换一个时间。\n11月16日几点？\n1. 11:00")


class Merchant:
    """WeChat Pay, as wechatpayv3 shows it: what was ordered, and what it says of a callback."""

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.paid: set[str] = set()
        self.closed: set[str] = set()
        self.down = False

    def pay(self, *, out_trade_no: str, attach: str, **_: object) -> tuple[int, str]:
        self.orders[out_trade_no] = attach
        return 200, ""

    def close(self, no: str) -> tuple[int, str]:
        if self.down:
            return 500, '{"code": "SYSTEM_ERROR"}'
        if no in self.paid | self.closed:
            return 400, '{"code": "ORDERPAID or ORDER_CLOSED"}'
        self.closed.add(no)
        return 204, ""

    def query(self, *, out_trade_no: str) -> tuple[int, str]:
        paid, closed = out_trade_no in self.paid, out_trade_no in self.closed
        state = "SUCCESS" if paid else "CLOSED" if closed else "NOTPAY"
        return 200, json.dumps({"trade_state": state})

    def callback(self, headers: Mapping[str, str], body: bytes) -> object:
        return json.loads(body) if headers.get("Wechatpay-Signature") == "ours" else None


@dataclass
class Shop:
    """The payment's example with a merchant, and a user."""

    module: ModuleType
    merchant: Merchant
    talk: Talk

    def told(self, no: str, signature: str = "ours") -> int:
        """Call back, as WeChat Pay does until it hears of success."""
        if signature == "ours":
            self.merchant.paid.add(no)
        done = {
            "attach": self.merchant.orders[no], "out_trade_no": no, "amount": {"total": 9900},
            "transaction_id": f"T{no}",
        }  # fmt: skip
        body = {"event_type": "TRANSACTION.SUCCESS", "resource": done}
        headers = {"Wechatpay-Signature": signature}
        answer = self.module.app.test_client().post("/paid", json=body, headers=headers)
        status: int = answer.status_code
        return status

    def orders(self) -> str:
        """Order a ticket; returns its number."""
        seen = self.talk("买票")
        (no,) = self.merchant.orders
        assert seen == f"座位保留 15 分钟，请付 99 元：https://example.com/pay/{no}"
        return no


PAID = "收到 99.00 元，座位是您的了。"


@pytest.fixture
def shop() -> Shop:
    module = load("payment")
    merchant = vars(module)["pay"] = Merchant()
    return Shop(module, merchant, Talk(module.bot))


def test_a_payment_that_is_told_three_times_counts_once(shop: Shop) -> None:
    no = shop.orders()
    assert [shop.told(no) for _ in range(3)] == [200, 200, 200]
    shop.talk.restart()
    assert shop.talk("在吗") == PAID
    assert shop.talk("在吗") == ""


def test_a_payment_that_nobody_signed_is_none(shop: Shop) -> None:
    no = shop.orders()
    assert shop.told(no, "a stranger's") == 400
    shop.talk.advance(900)
    assert shop.talk("在吗") == "超时未付，座位已放回。"


def test_a_payment_at_the_last_moment_counts(shop: Shop) -> None:
    no = shop.orders()
    shop.merchant.paid.add(no)  # and not told yet
    shop.talk.advance(900)
    assert shop.talk("在吗") == ""
    assert shop.told(no) == 200
    assert shop.talk("在吗") == PAID


@pytest.mark.parametrize("at", ["in", "after"])
def test_an_order_is_closed_though_its_worker_dies_while_it_does_so(
    shop: Shop, at: Literal["in", "after"]
) -> None:
    no = shop.orders()
    shop.talk.crashes("close_order", at)
    shop.talk.advance(930)
    assert shop.talk("在吗") == "超时未付，座位已放回。"
    assert shop.merchant.closed == {no}, "so nobody can pay it any more"


def test_an_order_that_cannot_be_closed_keeps_its_seat_until_an_operator_looks(shop: Shop) -> None:
    no = shop.orders()
    shop.merchant.down = True
    with pytest.raises(KeyError, match="NOTPAY"):
        shop.talk.advance(930)
    assert shop.talk.parked == 1
    assert shop.told(no) == 200


def test_a_payment_whose_worker_dies_is_told_again(shop: Shop) -> None:
    shop.talk.crashes("place_order")
    shop.talk("买票")
    (no,) = shop.merchant.orders
    assert shop.told(no) == 200
    assert PAID in shop.talk("在吗")


def test_a_reminder_comes_when_it_is_time_and_can_be_taken_back() -> None:
    play(
        Talk(load("reminder").bot),
        """
用户：提醒我
公众号：提醒您什么？
用户：吃药
公众号：什么时候？比如：明天早上八点
用户：明天早上八点
公众号：好，11月16日 08:00提醒您：吃药。说“别提醒了”可以取消。
（过了 93600 秒）
用户：在吗
公众号：⏰ 吃药
用户：提醒我
公众号：提醒您什么？
用户：浇花
公众号：什么时候？比如：明天早上八点
用户：明天早上八点
公众号：好，11月17日 08:00提醒您：浇花。说“别提醒了”可以取消。
用户：别提醒了
公众号：不用提醒什么了？
用户：浇花
公众号：好，不提醒“浇花”了。
（过了 93600 秒）
用户：在吗
公众号：（无回复）
""",
    )


def test_an_appointment_is_asked_about_the_evening_before() -> None:
    play(
        Talk(load("reminder").bot),
        """
用户：预约
公众号：什么时候来？比如：后天下午三点
用户：后天下午三点
公众号：约好了：11月17日 15:00。前一天晚上八点我再问您一声。
（过了 180000 秒）
用户：你好
公众号：明天 15:00 还来吗？
是　否
用户：是
公众号：好，到时候见！
""",
    )
