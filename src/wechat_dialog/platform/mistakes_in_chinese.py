"""What an author did wrong in a dialog, and what the library logs of it, in Chinese.

The errors are raised and logged in English, since programs and log files get them, too. A developer
at a desk (`chat`, `simulate`), and an operator who looks at a parked conversation, reads them here.
The templates are as in `refusals.py`.
"""

from __future__ import annotations

__all__ = ["GENERAL", "MISTAKES"]

ERRORS = {
    # Limits, dead workers, secrets, foreign calls.
    "the turn took longer than longest_turn={0} s and was given up in {1}; give what it calls a "
    "time limit of its own, then resume the conversation":
        "这一轮超过了 longest_turn={0} 秒，在{1}里被放弃；给它调用的东西设一个时限，再接上这个对话",
    "a turn that a timer or a signal begins may take {0} s, and this one was given up in {1}; hand "
    "out what takes long in a step, and report its end by another signal; then resume the "
    "conversation":
        "定时或信号引起的一轮最多 {0} 秒，这一轮在{1}里被放弃；太久的事在步骤里交出去，做完再用信号"
        "报告；然后接上这个对话",
    "{0} processes in a row died in this turn; look for what ends them (memory, a crash of native "
    "code, os._exit), then resume the conversation":
        "连续 {0} 个进程死在这一轮里；找出是什么结束了它们（内存、原生代码崩溃、os._exit），"
        "再接上这个对话",
    "the conversation of dialog {0} reached {1} records; let it hand over to itself with `return "
    "chat.continue_as(…)`":
        "对话 {0} 到了 {1} 条记录；让它用 `return chat.continue_as(…)` 交给自己",
    "{0} answers in a row did not fit; catch TooManyAttempts to say more than an apology":
        "连续 {0} 个回答不合适；捕获 TooManyAttempts，就能说得比一句抱歉多",
    "{0} conversations of this user wait for a time or a signal already: end what is over with "
    "chat.stop(key), or give them keys, so that the same replaces":
        "这个用户已经有 {0} 个对话在等时间或信号：过去了的用 chat.stop(key) 结束，或者给它们 key，"
        "同样的就会替换",
    "a secret answer is known in its own turn only: hand it to a step before the next question, or "
    "ask for it again":
        "机密的回答只在它那一轮里有：在下一个问题之前交给步骤，或者再问一次",
    # What is done with a secret answer, or with a value that an export left out.
    "is compared": "被比较",
    "is looked up": "被用来查表",
    "decides": "决定往哪里走",
    "is searched": "被搜索",
    "is counted": "被数长度",
    "is counted with": "被用来计数",
    "is computed with": "被用来计算",
    "is looped over": "被遍历",
    "is taken apart": "被拆开",
    "is encoded": "被编码",
    "is written into a text": "被写进文字",
    "is written into a text that is not said": "被写进没有说出来的文字",
    "is written down": "被存下来",
    "is entered": "被用在 with 里",
    "is awaited": "被等",
    "is told by its type": "被按类型分辨",
    "is quoted in a question": "被写进问题",
    "is given to one of several steps": "被交给几个步骤中的一个",
    "is there, and the dialog raises {0}": "在那里，对话抛出 {0}",
    "is asked for its {0}": "被取 {0}",
    "a secret answer {0}: a dialog never sees it, since a replay does not know it; hand it to a "
    "step, and let its parser check it":
        "机密的回答{0}：对话看不到它，因为重放时不知道它；把它交给步骤，由解析器检查",
    "step {0} took longer than its {1} s": "步骤 {0} 超过了它的 {1} 秒",
    "{0} at {1} is never waited for, and does nothing: write `yield from` before it, in a "
    "coroutine `await`":
        "{1} 的 {0} 没有人等，什么也没做：在它前面写 `yield from`，在协程里写 `await`",
    "dialog {0} awaits {1} at {2}; a dialog may await only what its chat offers: put this into a "
    "step, `await chat.step(fn, …)`":
        "对话 {0} 在 {2} 等 {1}；对话只能等 chat 给的东西：把它放进步骤，`await chat.step(fn, …)`",
    "dialog {0} calls input at {1}, which reads from the terminal of the server: ask its user with "
    "`chat.ask(…)`":
        "对话 {0} 在 {1} 调用了 input，那是读服务器的终端：用 `chat.ask(…)` 问用户",
    "dialog {0} calls {1} at {2}, and would again at every replay, while its user waits: put this "
    "into a step, `chat.step(fn, …)`":
        "对话 {0} 在 {2} 调用了 {1}，每次重放都会再调用，用户就等着：把它放进步骤，"
        "`chat.step(fn, …)`",
    "a redacted value {0} after record {1}": "第 {1} 条记录以后，隐去的值{0}",
    # Replayed otherwise, and effects in the wrong place.
    "dialog {0} depends on the order of a set, and each process has its own order: {1}; with that "
    "in another order, {2}: write sorted({3}), or keep it as a list or a tuple":
        "对话 {0} 取决于集合的顺序，而每个进程的顺序都不同：{1}；换一个顺序，{2}：写 sorted({3})，"
        "或者改用列表、元组",
    "dialog {0} depends on the order of the set at {1}, and each process has its own order: write "
    "sorted(…), or keep it as a list or a tuple":
        "对话 {0} 取决于 {1} 那个集合的顺序，而每个进程的顺序都不同：写 sorted(…)，"
        "或者改用列表、元组",
    "dialog {0} goes another way when it is replayed, at record {1} ({2}): it depends on a clock, "
    "chance, a global or the order of a set: use chat.now(), chat.random or a step, and sort what "
    "has no order":
        "对话 {0} 重放时走了另一条路，在第 {1} 条记录（{2}）：它取决于时钟、随机数、全局变量或集合"
        "的顺序：用 chat.now()、chat.random 或步骤，没有顺序的先排序",
    "dialog {0} goes another way when it is replayed: {1}; it depends on a clock, chance, a global "
    "or the order of a set: use chat.now(), chat.random or a step, and sort what has no order":
        "对话 {0} 重放时走了另一条路：{1}；它取决于时钟、随机数、全局变量或集合的顺序：用 "
        "chat.now()、chat.random 或步骤，没有顺序的先排序",
    "at record {0} first {1}, then it ends ({2})": "第 {0} 条记录先是{1}，后来结束了（{2}）",
    "at record {0} first {1}, then it ends": "第 {0} 条记录先是{1}，后来结束了",
    "at record {0} first {1}, then {2} ({3})": "第 {0} 条记录先是{1}，后来是{2}（{3}）",
    "at record {0} first {1}, then {2}": "第 {0} 条记录先是{1}，后来是{2}",
    "the way by {0}": "走到 {0}",
    "its end": "结束",
    "the words {0}": "说 {0}",
    "no words": "什么也不说",
    "the reply {0}": "回复 {0}",
    "no request": "没有请求",
    "chat.start of {0} with {1} with key {2}": "chat.start（{0}，{1}，key={2}）",
    "chat.start of {0} with {1}": "chat.start（{0}，{1}）",
    "chat.remind with key {0}": "chat.remind（key={0}）",
    "chat.stop with key {0}": "chat.stop（key={0}）",
    "ask with key {0}": "ask（key={0}）",
    "ask in secret with key {0}": "保密的 ask（key={0}）",
    "choose with key {0}": "choose（key={0}）",
    "confirm with key {0}": "confirm（key={0}）",
    "form with key {0}": "form（key={0}）",
    "dialog {0}: step {1} ({2}) changes what it is handed, and a replay, which does not run it, "
    "has that as it was: hand it a copy, or return what it makes of it":
        "对话 {0}：步骤 {1}（{2}）改动了交给它的东西，而重放不执行步骤，看到的还是原来的："
        "交给它一份"
        "副本，或者让它返回改好的",
    "nothing came until {0}": "到 {0} 也没有来",
    "nothing came": "没有来",
    # What is said, and the end of a dialog.
    "what dialog {0} ({1}) returned: {2}": "对话 {0}（{1}）返回的：{2}",
    "a dialog answered {0}: {1}": "回答是 {0}：{1}",
    "it was never waited for; write {0} before it": "没有等它；在它前面写 {0}",
    "answer a str, a reply of wechat_dialog.replies ({0}), or None for no reply":
        "要写成 str、wechat_dialog.replies 里的一种回复（{0}），或者 None（不回复）",
    "dialog {0} is an async generator; use await chat.ask(…)":
        "对话 {0} 是异步生成器；写 await chat.ask(…)",
    "a dialog answered a {0} with media_id {1}, which is the id of an upload, not an address; News "
    "shows a picture from the web":
        "{0} 的 media_id 写成了网址 {1}：它应该是上传得到的编号；网上的图片用 News",
    "a dialog answered a {0} with {1}": "回复 {0} 不对：{1}",
    "News needs at least one article: return None for no reply":
        "News 至少要有一篇文章；不回复就返回 None",
    "Markdown of {0}: it takes a str": "Markdown 里是 {0}：要一个 str",
    "chat.data: what is remembered must be JSON data: {0}": "chat.data：记住的必须是 JSON 数据："
    "{0}",
    "continue_as: the state is not JSON data ({0})": "continue_as：状态不是 JSON 数据（{0}）",
    "continue_as: {0} is not a dialog of the bot; name it with @bot.dialog":
        "continue_as：{0} 不是这个机器人的对话；用 @bot.dialog 登记它",
    "continue_as: {0} never stops handing over": "continue_as：{0} 没完没了地交给下一个",
    "no dialog {0} is registered any more": "已经没有 {0} 这个对话了",
    # Questions.
    "choose: the prompt is a text, not {0}; chat.say the rest":
        "choose：问题要是文字，不是 {0}；别的用 chat.say 说",
    "choose: options are a list of labels or of (label, value) pairs, a mapping from label to "
    "value, or an Enum class, not {0}":
        "choose：选项要是文字的列表、(文字, 值) 的列表、从文字到值的映射，或者枚举类，不是 {0}",
    "choose: an option is a label or a pair (label, value), not {0}":
        "choose：一个选项要是文字，或者 (文字, 值)，不是 {0}",
    "choose: a label is a text, not {0}": "choose：选项要是文字，不是 {0}",
    "choose: no options; a menu needs at least one": "choose：没有选项；至少要有一个",
    "choose: the label {0} is blank or over {1} characters":
        "choose：选项 {0} 是空白，或者超过 {1} 个字",
    "choose: two options read the same to a user: {0} and {1}":
        "choose：有两个选项在用户看来一样：{0} 和 {1}",
    "confirm: the prompt is a text, not {0}; chat.say the rest":
        "confirm：问题要是文字，不是 {0}；别的用 chat.say 说",
    "confirm: two different labels are wanted, not {0} and {1}":
        "confirm：两个回答要不一样，不能是 {0} 和 {1}",
    "form: a dataclass or a msgspec.Struct is wanted, not {0}":
        "form：要一个 dataclass 或 msgspec.Struct，不是 {0}",
    "form: an annotation of {0} cannot be read ({1}); define what it names at module level":
        "form：{0} 有个类型注解读不了（{1}）；它用到的名字要定义在模块最外层",
    "form: {0} has no field {1}": "form：{0} 没有字段 {1}",
    "form: {0}.{1} is not asked and has no default": "form：{0}.{1} 不问，也没有默认值",
    "form: {0}.{1} is no secret: {2}": "form：{0}.{1} 不能保密：{2}",
    "it is not asked": "它不问用户",
    "whether a field was skipped cannot be kept from anybody; give it no default":
        "有没有跳过是瞒不住的；不要给默认值",
    "only a text can be one": "只有文字能保密",
    "form: {0}.{1}: there is no question for {2}; say how its answer is read, Annotated[…, "
    "Field(parse=…)], or that it is not asked, Field(ask=None)":
        "form：{0}.{1}：不知道怎么问 {2}；写明怎么读回答：Annotated[…, Field(parse=…)]，"
        "或者不问：Field(ask=None)",
    "hint={0}: a text, or a function of what was said": "hint={0}：要文字，或者一个函数，"
    "参数是用户说的话",
    "timeout={0}: seconds above 0, or None for the bot's own":
        "timeout={0}：大于 0 的秒数；None 是用机器人的",
    "timeout={0}: seconds above 0, or None for the dialog's own":
        "timeout={0}：大于 0 的秒数；None 是用对话自己的",
    "attempts={0}: a whole number, 1 or more, or None for no limit":
        "attempts={0}：1 以上的整数；None 是没有上限",
    "timeout={0} together with within=: timeout= forgets the conversation silently, within= raises "
    "NoAnswer; give one of them":
        "timeout={0} 和 within= 同时写了：timeout= 悄悄忘掉对话，within= 抛出 NoAnswer；只写一个",
    "secret=True: a picture or an event is no secret; only a text can be":
        "secret=True：图片和事件不能保密，只有文字能",
    "key={0}: half a character, which no journal can hold": "key={0}：半个字符，日志里存不下",
    "no parser for {0}: use str, int, float, Decimal, bool, date, time, datetime, an Enum, a "
    "compiled pattern, Literal, X | None, or a function of the text that raises ValueError":
        "不知道怎样读 {0}：可以用 str、int、float、Decimal、bool、date、time、datetime、Enum、"
        "编译好的正则表达式、Literal、X | None，或者一个接受文字、抛出 ValueError 的函数",
    "{0} cannot read an answer: a parser is called with the text, or with the text and the "
    "moment it arrived":
        "{0} 不能用来读回答：解析函数的参数是文字，或者文字和它到达的时刻",
    "future=True goes with date and datetime, not {0}":
        "future=True 只用于 date 和 datetime，不用于 {0}",
    "parsers.count: a measure word is a text that is not empty: {0}":
        "parsers.count：量词要是文字，不能是空的：{0}",
    "Texts: {0}={1}: a text is wanted": "Texts：{0}={1}：要文字",
    "Texts: {0}={1}: {2}; its places: {3}": "Texts：{0}={1}：{2}；里面可以写 {3}",
    # Steps.
    "chat.step: a function is wanted, not {0}; hand over the function and its arguments, "
    "chat.step(fetch, city), and not what it returned":
        "chat.step：要一个函数，不是 {0}；把函数和参数分开写：chat.step(fetch, city)，不要先调用它",
    "chat.gather: {0} is no step; what chat.step(…) returned is wanted, not waited for yet":
        "chat.gather：{0} 不是步骤；要 chat.step(…) 返回的，先不要等它",
    "chat.step: {0} is {1}: declare `steps: {2}`": "chat.step：{0} 是{1}：参数写成 `steps: {2}`",
    "a coroutine function": "协程函数",
    "a plain function": "普通函数",
    "step: backoff returned {0}: seconds, 0 or more": "step：backoff 返回了 {0}：要秒数，0 以上",
    "step: retries and backoff must not be negative, timeout must be above 0":
        "step：retries 和 backoff 不能是负数，timeout 要大于 0",
    "step {0} returned {1}, which cannot be written down ({2}); return JSON data, a dataclass or a "
    "msgspec.Struct":
        "步骤 {0} 返回的 {1} 存不下来（{2}）；返回 JSON 数据、dataclass 或 msgspec.Struct",
    "step {0} {1}, which JSON gives back as {2}: {3}":
        "步骤 {0} {1}，从 JSON 读回来会变成 {2}：{3}",
    "returned {0} of something": "返回的 {0} 里有东西",
    "returned {0}": "返回了 {0}",
    "annotate it `-> {0}`": "写上返回类型 `-> {0}`",
    "annotate its return with a dataclass or TypedDict that says so":
        "返回类型写成说明它的 dataclass 或 TypedDict",
    "{0}: a name comes first, then the function: {1}('search', search)":
        "{0}：先写名称，再写函数：{1}('search', search)",
    "{0}({1}, …): a function is wanted, not {2}; hand over the function and its arguments, and not "
    "what it returned":
        "{0}({1}, …)：要一个函数，不是 {2}；把函数和参数分开写，不要先调用它",
    "steps.run({0}, …): {1} is a coroutine function; make the step one too, whose first parameter "
    "is `steps: AsyncSteps`":
        "steps.run({0}, …)：{1} 是协程函数；步骤也要写成协程函数，第一个参数是 `steps: AsyncSteps`",
    "steps.say: a text is wanted, or replies.Markdown(text), not {0}":
        "steps.say：要文字，或者 replies.Markdown(文字)，不是 {0}",
    "step {0} has ended; wait in it for whatever it has begun":
        "步骤 {0} 已经结束了；它开始的事，都要在它里面等完",
    "a step has {0} parts at most": "一个步骤最多有 {0} 个环节",
    "what its parts return is more than {0} KB; return less of it":
        "它的环节返回的超过 {0} KB；少返回一些",
    "a step says {0} paragraphs and {1} KB at most": "一个步骤最多说 {0} 段、{1} KB",
    # Times, signals, other conversations.
    "nothing to wait for": "没有要等的",
    "{0} cannot be raced; give it chat.ask(…), choose, confirm, wait_for or "
    "sleep, not waited for yet":
        "{0} 不能放进来；要 chat.ask(…)、choose、confirm、wait_for 或 sleep，"
        "先不要等它",
    "branches {0} and {1} are questions; one message cannot answer two: ask one "
    "of them, or both in one question":
        "第 {0} 项和第 {1} 项都是问题；一条消息回答不了两个：只问一个，或者合成一个",
    "timeout= in a race; race with chat.sleep(…) instead":
        "里面写了 timeout=；改成和 chat.sleep(…) 一起竞赛",
    "{0} is no type of data that msgspec can read ({1})":
        "msgspec 读不了 {0} 这种类型的数据（{1}）",
    "nothing in JSON is one": "JSON 里没有这种东西",
    "{0} cannot be written down ({1}); give JSON data, a dataclass or a msgspec.Struct":
        "{0} 存不下来（{1}）；要 JSON 数据、dataclass 或 msgspec.Struct",
    "chat.start: {0} is not a dialog of the bot; name it with @bot.dialog":
        "chat.start：{0} 不是这个机器人的对话；用 @bot.dialog 登记它",
    "{0} is not a dialog of the bot; name it with @bot.dialog":
        "{0} 不是这个机器人的对话；用 @bot.dialog 登记它",
    "a dialog of the bot is wanted, not {0}": "要这个机器人的一个对话，不是 {0}",
    "the state is no JSON data: {0}": "状态不是 JSON 数据：{0}",
    "{0} is no JSON data": "{0} 不是 JSON 数据",
    "JSON has no {0}": "JSON 里没有 {0}",
    "the key is empty, so it names nothing": "key 是空的，什么也没有指明",
    "nothing to say": "没有要说的",
    "a {0} is a text, not {1}": "{0} 要是文字，不是 {1}",
    "{0}: a {1} of at most {2} characters is wanted, and no half ones":
        "{0}：{1} 最多 {2} 个字符，不能有半个字符",
    "a signal has a name": "信号要有名称",
    "{0} is no time: {1}": "{0} 不是时间：{1}",
    "seconds, a timedelta, or a datetime with a time zone":
        "要秒数、timedelta，或者带时区的 datetime",
    "{0} seconds: a year at most": "{0} 秒：最多一年",
    "{0} has no time zone: chat.now() has one; or when.replace(tzinfo=…)":
        "{0} 没有时区：用 chat.now()，它有；或者 when.replace(tzinfo=…)",
    "{0}: a year ahead at most": "{0}：最多提前一年",
    # The platform's API.
    "the platform could not be reached: {0}": "连不上微信的接口：{0}",
    "the platform answered {0}: {1} (protocol reference 7)": "微信的接口返回 {0}：{1}（协议 7）",
}  # fmt: skip
"""Messages of errors: those a conversation is parked with, and those that end a turn."""

LOGGED = {
    "user {0}: dialog {1} broke at record {2} and is parked as {3}: {4}":
        "用户 {0}：对话 {1} 在第 {2} 条记录出错，搁置为 {3}：{4}",
    "user {0}: dialog {1} broke while it was ended: {2}": "用户 {0}：对话 {1} 在结束时出错：{2}",
    "user {0}: what dialog {1} left in chat.data cannot be kept: {2}":
        "用户 {0}：对话 {1} 放进 chat.data 的存不下来：{2}",
    "user {0}: ended without its clean-up: {1}": "用户 {0}：结束了，没有做清理：{1}",
    "user {0}: a {1} could not be answered: {2}": "用户 {0}：一条 {1} 消息没能回答：{2}",
    "user {0}: the reviewer failed; what it has not passed is not sent: {1}":
        "用户 {0}：review 函数出错；它没有放行的不发：{1}",
    "user {0}: a message that was read {1} s ago may have been answered since, and is not handled: "
    "was this process stopped?":
        "用户 {0}：{1} 秒前读到的一条消息，可能早已回答过，不处理了；这个进程停顿过吗？",
    "user {0}: every dialog handed {1} back, so there is no reply":
        "用户 {0}：所有对话都不收 {1}，所以没有回复",
    "user {0}: {1} parked conversations are dropped for a new one ({2}): {3}":
        "用户 {0}：为了新搁置的（{2}），丢掉了 {1} 段搁置的对话：{3}",
    "user {0}: {1} parts of answers ({2} bytes) that were never fetched are dropped: {3}":
        "用户 {0}：一直没有取走的 {1} 段回答（{2} 字节）丢掉了：{3}",
    "user {0}: {1} parts that were said in the background are dropped: at most {2}, and {3} bytes, "
    "wait for a user's next message":
        "用户 {0}：后台说的 {1} 段话丢掉了：最多有 {2} 段、{3} 字节等用户的下一条消息",
    "user {0}: dialog {1} does something else than its journal has at record {2} ({3}); "
    "policy: {4}":
        "用户 {0}：对话 {1} 从第 {2} 条记录起和日志不一样了（{3}）；处理方式：{4}",
    "user {0}: dialog {1} raised UnexpectedAnswer in a turn that no message began; it ends":
        "用户 {0}：对话 {1} 在没有消息的一轮里抛出 UnexpectedAnswer；它结束了",
    "user {0}: the conversation of {1} has {2} records, and {3} are the limit; "
    "use chat.continue_as":
        "用户 {0}：对话 {1} 已有 {2} 条记录，上限是 {3}；用 chat.continue_as",
    "dialog {0} went on asking at {1} while it was put away, and was dropped there: an `except:` "
    "without a class catches what is to end it; catch `Exception`":
        "对话 {0} 要收起来时还在 {1} 接着问，就在那里丢掉了：不写类名的 `except:` "
        "会拦住让它结束的东西；"
        "写 `except Exception:`",
    "dialog {0} asks in other words at every replay (record {1}, {2}): its prompt has a time or "
    "other data in it; give the question a key=, so that a change of the code can be distinguished "
    "from that":
        "对话 {0} 每次重放问的话都不一样（第 {1} 条记录，{2}）：问题里有时间或别的数据；给问题写上 "
        "key=，才分得清是不是代码改了",
    "dialog {0} blocks between two questions: what takes long, or does something, belongs in a "
    "step; this process claims its turns from now on, which costs them a round trip":
        "对话 {0} 在两个问题之间停住了：慢的、要做什么事的，放进步骤；"
        "从现在起这个进程先占用再执行，"
        "每一轮多一次往返",
    "user {0}: code between two questions has kept a request for longer than the platform waits; "
    "what takes long belongs in a step. Each turn of this process has a thread of its own from now "
    "on, so that its request can leave":
        "用户 {0}：两个问题之间的代码让请求等得比平台肯等的还久；慢的放进步骤。"
        "从现在起这个进程的每一轮"
        "各用一个线程，请求才能先离开",
    "step {0} was run again, and did not come to {1} of its parts ({2}): what differs from run to "
    "run, a clock, chance, belongs into a part of its own":
        "步骤 {0} 又执行了一次，没有走到它的 {1} 个环节（{2}）：每次不同的东西（时钟、"
        "随机数）要单独放进"
        "一个环节",
    "{0} was given up and still runs: {1} threads of {2} have such code, {3} are replaced":
        "{0}被放弃了，还在运行：{2} 有 {1} 个线程里是这样的代码，最多补 {3} 个",
    "user {0}: {1}, which was given up, has ended after all": "用户 {0}：被放弃的{1}总算结束了",
    "chat.data: what is stored as {0} no longer fits {1}, and is left out: {2}":
        "chat.data：存着的 {0} 和 {1} 不再相符，没有用它：{2}",
}  # fmt: skip
"""Lines of the log that tell a developer something about their own code."""

TESTS = {
    "Talk: a Bot is wanted, not module; write `from bot import bot`":
        "Talk：要一个 Bot，不是模块；写 `from bot import bot`",
    "Talk: a Bot is wanted, not {0}": "Talk：要一个 Bot，不是 {0}",
    "talk.{0}: a step's name or its function is wanted, not {1}":
        "talk.{0}：要步骤的名称或者它的函数，不是 {1}",
    "talk.{0}: {1} are a number, not {2} ({3})": "talk.{0}：{1} 要是数，不是 {2}（{3}）",
    "talk.{0}: {1} is no number of {2}; write 0 or more": "talk.{0}：{2} 不能是 {1}；写 0 以上的数",
    "talk.{0}: raises={1}: an exception is wanted, ValueError(…)":
        "talk.{0}：raises={1}：要一个异常，ValueError(…)",
    'when is "before", "in" or "after"': 'when 要写 "before"、"in" 或 "after"',
    "no tappable {0}; there is none": "没有可以点的 {0}；能点的：没有",
    "no tappable {0}; there is {1}": "没有可以点的 {0}；能点的：{1}",
    "nothing was sent yet": "还没有发过消息",
    "talk.{0}({1}): the bot has no step of that name; did you mean {2}?":
        "talk.{0}({1})：机器人没有叫这个名字的步骤；是不是 {2}？",
    "{0}: talk.{1}: {2}; in the whole talk ran: {3}": "{0}：talk.{1}：{2}；这次测试里执行过：{3}",
    "no step of that name ran, and the bot's code shows none":
        "没有执行过叫这个名字的步骤，机器人的代码里也没有",
    "no worker died, since no step of that name ran after that":
        "没有进程中断，因为在那之后没有执行过叫这个名字的步骤",
    "this step would never end: it has no timeout=, and its bot no longest_turn=":
        "这个步骤永远不会结束：它没有 timeout=，机器人也没有 longest_turn=",
    "{0}: something is due again and again: a dialog waits for times that are over already, or "
    "starts itself":
        "{0}：总有事到点：有个对话在等已经过去的时间，或者一再开始它自己",
}  # fmt: skip
"""What is wrong with a test of a bot, by `wechat_dialog.testing`."""

MISTAKES = {**LOGGED, **ERRORS, **TESTS}

GENERAL = {
    "dialog {0} at {1}: {2}": "{1} 的对话 {0}：{2}",
    "dialog {0}: {1}": "对话 {0}：{1}",
}
"""These fit other sentences, too, and so are tried last."""
