"""What a developer does on the page, in a real Chromium, with a real bot behind it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.platform.pages import simulating
from tests.simulator.chromium import Desk
from tests.simulator.conftest import BOT, Opener, Starter

pytestmark = pytest.mark.browser


def accumulate(desk: Desk, *answers: str) -> None:
    """Say the first words of the accumulator, each after what it answers."""
    desk.say("累加器")
    desk.shows("要加几个数")
    for number, answer in enumerate(answers, 1):
        desk.say(answer)
        desk.shows(answer, f"第 {number} 个数是")


def test_a_whole_conversation_with_its_requests_and_its_journal(desk: Desk) -> None:
    accumulate(desk, "两个", "三")
    panel = desk.tab("conversation")
    expect(desk.waiting).to_have_text("第 2 个数是？（已有 3）")
    expect(desk.journal).to_have_text(["累加器", "两个", "三"])
    expect(panel.locator(".expiry .left")).to_contain_text(re.compile(r"秒|1:00"))
    panel.locator(".record-head").nth(1).click()
    expect(panel.locator(".record").nth(1).locator("pre")).to_contain_text("两个")
    desk.say("4")
    desk.shows("一共是 7。")
    expect(panel.locator(".nothing")).to_be_visible()
    requests = desk.tab("requests")
    expect(requests.locator(".group .says")).to_have_text(["4", "三", "两个", "累加器"])
    requests.locator(".request-head").first.click()
    detail = requests.locator(".request-body")
    expect(detail.locator(".values th").first).to_have_text("signature")
    expect(detail.locator("pre").first).to_contain_text("<Content><![CDATA[4]]></Content>")
    expect(detail.locator("pre").last).to_contain_text("一共是 7。")


def test_a_line_of_a_menu_is_tapped(desk: Desk) -> None:
    desk.say("点餐")
    desk.shows("今天吃什么")
    desk.page.get_by_role("button", name="炒饭", exact=True).click()
    desk.shows("炒饭", "几份？")
    desk.say("2")
    desk.shows("好的，2 份炒饭。")


def test_a_button_of_the_account_s_menu_is_pressed(desk: Desk) -> None:
    desk.page.get_by_role("button", name="换成菜单").click()
    bar = desk.page.get_by_role("group", name="公众号菜单")
    bar.get_by_role("button").first.click()
    if (entry := desk.page.get_by_role("menuitem").first).is_visible():
        entry.click()
    desk.shows("今天有饺子。")


def test_a_slow_answer_shows_its_retries(desk: Desk, shop: Path) -> None:
    desk.say("慢")
    expect(desk.page.get_by_role("heading", name="对方正在输入…")).to_be_visible()
    requests = desk.tab("requests")
    expect(requests.locator(".number")).to_have_text(["1/3", "2/3"])
    expect(requests.locator(".problem").first).to_contain_text("2 秒内没有回答")
    expect(requests.locator(".request.open progress")).to_be_visible()
    (shop / "go").touch()
    desk.shows("慢", "炖好了")
    marks = desk.said.nth(0).locator(".copy")
    expect(marks.first).to_have_class("copy bad")
    expect(marks.last).to_have_class("copy good")
    expect(desk.page.locator(".chat-title")).to_contain_text("shop:bot")


def test_a_repeated_message_gets_the_same_answer(desk: Desk) -> None:
    accumulate(desk, "两个")
    desk.tab("conversation")
    expect(desk.journal).to_have_count(2)
    desk.page.get_by_role("button", name="重发").click()
    desk.shows("两个", "第 1 个数是", "第 1 个数是")
    expect(desk.said.nth(2).locator(".copies")).to_contain_text("共 2 次请求")
    expect(desk.journal).to_have_text(["累加器", "两个"])
    expect(desk.waiting).to_have_text("第 1 个数是？（已有 0）")


def test_two_messages_at_once_are_answered_one_after_the_other(desk: Desk) -> None:
    accumulate(desk, "3")
    desk.page.get_by_role("button", name="同时发两条").click()
    form = desk.page.get_by_role("dialog")
    form.get_by_label("第一条").fill("10")
    form.get_by_label("第二条").fill("20")
    form.get_by_role("button", name="同时发送").click()
    expect(form).to_have_count(0)
    desk.tab("conversation")
    expect(desk.waiting).to_have_text("第 3 个数是？（已有 30）")
    desk.say("12")
    desk.shows("12", "一共是 42。")


def test_going_back_and_on_from_there(desk: Desk) -> None:
    accumulate(desk, "两个", "三")
    desk.tab("conversation")
    second = desk.said.nth(2)
    expect(second).to_contain_text("两个")
    second.hover()
    second.get_by_role("button", name="从这里重来").click()
    expect(desk.said).to_have_count(2)
    expect(desk.journal).to_have_text(["累加器"])
    expect(desk.field).to_have_value("两个")  # to be said anew, or otherwise
    desk.say("1")
    desk.shows("1", "第 1 个数是")
    desk.say("42")
    desk.shows("42", "一共是 42。")


def test_time_passes_and_the_conversation_expires(desk: Desk) -> None:
    accumulate(desk)
    desk.tab("conversation")
    expect(desk.waiting).to_be_visible()
    before = desk.page.locator(".status-bar span").first.text_content()
    desk.page.get_by_role("button", name="过 1 小时").click()
    expect(desk.page.locator(".clock-chip")).to_contain_text("+1 小时")
    expect(desk.page.locator(".status-bar span").first).not_to_have_text(before or "")
    expect(desk.waiting).to_have_count(0)
    desk.say("2")
    desk.shows("2", "发送「累加器」试试。")


def test_a_killed_bot_goes_on_where_it_was(desk: Desk) -> None:
    accumulate(desk, "两个")
    panel = desk.tab("bot")
    first = panel.locator("dd").first
    pid = first.text_content() or ""
    assert pid.isdigit()
    panel.get_by_role("button", name="杀掉").click()
    expect(first).to_have_text("—")
    expect(desk.page.locator(".bot-chip")).to_contain_text("已停止")
    panel.get_by_role("button", name="启动").click()
    expect(desk.page.locator(".bot-chip")).to_contain_text("运行中")
    expect(first).not_to_have_text(pid)
    desk.say("3")
    desk.shows("3", "第 2 个数是？（已有 3）")


def test_two_users_at_once_each_have_their_own(desk: Desk) -> None:
    other = str(desk.ask("new_user", name="另一位")["id"])
    accumulate(desk, "两个")
    desk.page.locator(f"[data-user='{other}']").click()
    expect(desk.said).to_have_count(0)
    accumulate(desk, "3")
    desk.ask("text", user=desk.user, content="5")
    first = desk.page.locator(f"[data-user='{desk.user}']")
    expect(first.locator(".badge")).to_have_text("1")
    expect(first).to_contain_text("第 2 个数是？（已有 5）")
    expect(desk.said).to_have_count(4)
    first.click()
    desk.shows("5", "第 2 个数是？（已有 5）")
    expect(first.locator(".badge")).to_have_count(0)


def test_another_window_shows_the_same(desk: Desk) -> None:
    desk.field.fill("只在这里的草稿")
    with desk.page.context.expect_page() as opened:
        desk.page.evaluate("open(location.href)")
    other = Desk(opened.value, desk.url, desk.user)
    desk.say("累加器")
    other.shows("累加器", "要加几个数")
    other.say("1")
    desk.shows("1", "第 1 个数是")
    expect(other.page.locator(".group")).to_have_count(2)
    assert other.complaints == []


def test_all_that_is_no_text_can_be_sent(desk: Desk) -> None:
    page = desk.page

    def send(name: str) -> None:
        page.get_by_role("button", name="更多", exact=True).click()
        page.locator(f"[data-send={name}]").click()

    def submit(button: str = "发送") -> None:
        page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()

    send("place")
    page.get_by_role("button", name="东方明珠").click()
    submit()
    desk.shows("东方明珠", "收到位置 东方明珠")
    send("samples")
    page.get_by_role("button", name="面条").click()
    desk.shows("", "收到 Image")
    picture = desk.said.nth(2).locator("img")
    expect(picture).to_have_js_property("complete", True)
    expect(picture).to_have_js_property("naturalWidth", 480)
    send("scan")
    submit("扫一扫")
    desk.shows("", "春天的二维码")
    send("voice")
    page.get_by_label("识别出的文字").fill("明天下午")
    submit()
    desk.shows("明天下午", "听到 明天下午")
    send("link")
    submit()
    desk.shows("一篇好文章", "收到 Link")
    send("event")
    page.get_by_label("EventKey").fill("today")
    submit()
    desk.shows("", "今天有饺子。")


def test_a_picture_from_a_file_is_sent(desk: Desk, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(bytes.fromhex(_PNG))
    desk.page.get_by_role("button", name="更多", exact=True).click()
    desk.page.locator("input[type=file]").set_input_files(picture)
    desk.shows("", "收到 Image")
    desk.said.first.get_by_role("button", name="放大图片").click()
    expect(desk.page.get_by_role("dialog").locator("img")).to_be_visible()


_PNG = (
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c"
    "63d83c2f0000037a01a6a8b3b9720000000049454e44ae426082"
)


def test_a_user_unfollows_and_follows_again(desk: Desk) -> None:
    desk.page.get_by_role("button", name="资料").click()
    desk.page.get_by_role("dialog").get_by_role("button", name="取消关注").click()
    expect(desk.field).to_be_hidden()
    desk.page.get_by_role("button", name="关注", exact=True).click()
    expect(desk.field).to_be_visible()
    expect(desk.said.last).to_contain_text("欢迎关注")
    expect(desk.said.last.get_by_role("img", name="微笑")).to_be_visible()


def test_what_one_reply_does_not_take_is_seen_to_be_held(desk: Desk) -> None:
    desk.say("很多")
    desk.shows("头很多的话。")
    held = desk.tab("conversation").locator(".held li")
    expect(held).to_contain_text("尾")
    desk.page.get_by_role("button", name="继续", exact=True).click()
    expect(desk.said.last).to_contain_text("尾")
    expect(held).to_have_count(0)


def test_a_dialog_that_breaks_is_parked_with_its_traceback(desk: Desk) -> None:
    desk.say("出错")
    desk.shows("哪里？")
    desk.say("这里")
    desk.shows("抱歉", "ZeroDivisionError: 不该除以零")
    panel = desk.tab("conversation")
    parked = panel.locator(".parked")
    expect(parked).to_contain_text("不该除以零")
    parked.locator("summary").click()
    expect(parked.locator("pre")).to_contain_text("shop.py")


def test_a_change_of_the_file_that_diverges_is_shown(
    starter: Starter, opener: Opener, tmp_path: Path
) -> None:
    source = BOT.read_text("utf-8")
    bot = tmp_path / "shop.py"
    bot.write_text(source, "utf-8")
    desk = opener(starter(tmp_path, "simulate", "shop:bot"))
    accumulate(desk, "两个", "三")
    desk.tab("conversation")
    expect(desk.journal).to_have_count(3)
    bot.write_text(source.replace("要加几个数？", "一共几个数？"), "utf-8")
    found = desk.page.locator("#panel-conversation .divergence")
    expect(found.locator(".was")).to_contain_text("两个")
    expect(found.locator(".is")).to_contain_text("一共几个数？")
    expect(found).to_contain_text("shop.py")
    expect(desk.page.locator(".record.lost")).not_to_have_count(0)
    expect(desk.tab("bot").locator(".reload.bad")).to_be_visible()
    bot.write_text(source.replace("一共是", "加起来是"), "utf-8")  # this fits again
    expect(desk.page.locator(".reload.good")).to_be_visible()
    desk.say("4")
    desk.shows("4", "加起来是 7。")
    bot.write_text(source + "\n)", "utf-8")
    expect(desk.page.locator(".reload.bad pre")).to_contain_text("SyntaxError")
    expect(desk.page.locator(".bot-chip .dot")).to_have_class("dot crashed")


def test_what_strict_mode_refuses_is_pointed_at(desk: Desk) -> None:
    """Its user gets the apology, and no conversation is parked: the chat and the log say why."""
    desk.say("忘")
    desk.shows("忘", "抱歉", "这条消息没有算数")
    expect(desk.said.last).to_contain_text("chat.ask(…) 没有人等")
    expect(desk.said.last).to_contain_text("改好代码并保存，再发一次")
    assert desk.barriers() == []
    expect(desk.page.locator("#tab-bot")).to_have_class(re.compile(r"\bfresh\b"))
    panel = desk.tab("bot")
    expect(panel).to_contain_text("chat.ask(…) at")
    expect(panel).to_contain_text("shop.py:")
    expect(desk.page.locator("#tab-bot")).not_to_have_class(re.compile(r"\bfresh\b"))


def test_a_simulator_that_comes_back_is_found_again(
    browser: Browser, tmp_path: Path, shop: Path
) -> None:
    (tmp_path / "shop.py").write_text(BOT.read_text("utf-8"), "utf-8")
    with simulating(tmp_path, "simulate", "shop:bot") as (_, url):
        desk = Desk(browser.new_context(locale="zh-CN").new_page(), url)
        desk.open()
        desk.say("累加器")
        desk.shows("要加几个数")
    chip = desk.page.locator(".bot-chip")
    expect(chip).to_contain_text("正在重连")
    port = url.rpartition(":")[2]
    with simulating(shop, "simulate", "shop:bot", port=port):
        expect(chip).to_contain_text("运行中")
        expect(desk.said).to_have_count(0)  # it is another: its state replaces all
        expect(desk.page.locator(".person")).not_to_have_count(0)
    desk.page.context.close()
