"""What the stores say is wrong with a file, a server or an address, in Chinese.

The templates are as in `refusals.py`.
"""

from __future__ import annotations

__all__ = ["STORES"]

STORES = {
    "store={0} is no store: use {1}": "store={0} 不是存储：可以写 {1}",
    "SQLite store {0}: {1}: check that its folder exists and may be written to":
        "SQLite 存储 {0}：{1}；看看它的目录在不在，能不能写",
    "SQLite store {0}: its tables are of format {1}, this version of wechat-dialog knows format "
    "{2}: upgrade wechat-dialog, or give another path":
        "SQLite 存储 {0}：里面的表是第 {1} 版格式，这个 wechat-dialog 认得第 {2} 版：升级 "
        "wechat-dialog，或者换一个路径",
    "SQLite store {0}: other threads have kept it busy for {1} s":
        "SQLite 存储 {0}：别的线程占用了它 {1} 秒",
    "SQLite store {0}: {1}": "SQLite 存储 {0}：{1}",
    "the file was emptied; if another one is being copied into it, it is used once it is complete; "
    "to begin with an empty store, delete the file":
        "文件被清空了；如果正在往里复制另一个，复制完就会用它；想从头开始，就删掉这个文件",
    "the file was deleted, moved or replaced while it was in use: stop the bot before you do that; "
    "from now on the file that is there now is used":
        "正在用的时候，文件被删掉、移走或换掉了：先停机器人再这样做；从现在起用那里现有的文件",
    "the disk is full: make room; nothing of this turn was written":
        "磁盘满了：腾出空间；这一轮什么也没有写",
    "the disk is full: make room": "磁盘满了：腾出空间",
    "its file system is mounted read-only": "它所在的文件系统是只读挂载的",
    "another process keeps it locked: look for one that holds a transaction open":
        "另一个进程锁住了它：找一找谁的事务一直没有结束",
    "it may not be written to: check owner and mode of the file, of -wal and -shm beside it, and "
    "of their folder":
        "不能写：看看这个文件、旁边的 -wal 和 -shm，以及目录的所有者和权限",
    "it is not an SQLite database: give another path, or move that file away":
        "它不是 SQLite 数据库：换一个路径，或者把那个文件移走",
    "it is damaged: move it away (`sqlite3 FILE .recover` may save its rows)":
        "它坏了：把它移走（`sqlite3 文件 .recover` 也许能救出数据）",
    "it cannot be opened: check that its folder exists and may be written to":
        "打不开：看看它的目录在不在，能不能写",
    "the disk failed: check the system's log; the turn may not have been written":
        "磁盘出错了：看看系统日志；这一轮可能没有写进去",
    "a Redis store needs redis-py: pip install 'wechat-dialog[redis]'":
        "Redis 存储需要 redis-py：pip install 'wechat-dialog[redis]'",
    "{0}; until it is there, users get no answer but an apology":
        "{0}；在它可用之前，用户只会得到一句抱歉",
    "{0}:// is no Redis store": "{0}:// 不是 Redis 存储",
    "{0}:// needs the watched service's name: redis+sentinel://host:port[,host:port]/service/db":
        "{0}:// 要写被监视的服务名：redis+sentinel://host:port[,host:port]/service/db",
    "{0}:// takes no database: a cluster has only 0": "{0}:// 后面不写数据库：集群只有 0",
    "{0}://: the database is a number": "{0}://：数据库是一个数字",
    "the store's URL cannot be read; {0}": "存储的 URL 看不懂；{0}",
    "the password in the store's URL ends too early: {0}": "存储的 URL 里，密码断在了半路：{0}",
    "in a password / is written %2F, # is %23, ? is %3F, % is %25":
        "密码里的 / 写成 %2F，# 写成 %23，? 写成 %3F，% 写成 %25",
    "the port in the store's URL is no number from 0 to 65535; {0}":
        "存储的 URL 里，端口不是 0 到 65535 的数字；{0}",
    "host number {0} of the store's URL is no host:port":
        "存储的 URL 里，第 {0} 个主机不是 host:port",
    "a host is missing: redis+cluster://host:port[,host:port]":
        "少了主机：redis+cluster://host:port[,host:port]",
    "the URL of the Redis store: wait= is a number of replicas":
        "Redis 存储的 URL：wait= 是副本的个数",
    "the URL of the Redis store: wait= does not go with a cluster; set its min-replicas-to-write":
        "Redis 存储的 URL：集群不能用 wait=；请设置它的 min-replicas-to-write",
    "the URL of the Redis store: {0}": "Redis 存储的 URL：{0}",
    "Redis evicted records of a journal: give it enough memory, maxmemory-policy noeviction":
        "Redis 丢掉了日志里的记录：给它足够的内存，设成 maxmemory-policy noeviction",
    "Redis store: {0} (docs/redis.md)": "Redis 存储：{0}（见 docs/zh/redis.md）",
    "Redis store: it has no memory left: raise maxmemory (with maxmemory-policy noeviction) ({0})":
        "Redis 存储：它没有内存了：加大 maxmemory，同时设成 maxmemory-policy noeviction（{0}）",
    "Redis store: too few replicas follow it (min-replicas-to-write) and so it takes no writes "
    "({0})":
        "Redis 存储：跟着它的副本太少（min-replicas-to-write），所以不接受写入（{0}）",
    "Redis store: it refuses us: check user and password of the store's URL ({0})":
        "Redis 存储：它不让我们进：看看存储的 URL 里的用户名和密码（{0}）",
    "Redis store: it does not answer: check that it runs and can be reached ({0})":
        "Redis 存储：它不回答：看看它在不在运行，能不能连上（{0}）",
    "Redis store: {0} ({1})": "Redis 存储：{0}（{1}）",
    "Redis store: {0}": "Redis 存储：{0}",
    "it refuses the command: {0}": "它拒绝了命令：{0}",
    "it cannot save to its disk and so takes no writes: see its log":
        "它存不进磁盘，所以不接受写入：看它的日志",
    "it is busy with a script that takes long, none of ours: see its SLOWLOG":
        "它在忙一个很慢的脚本，不是我们的：看它的 SLOWLOG",
    "it is a replica: give the master's URL, or the sentinels'":
        "它是副本：写主节点的 URL，或者哨兵的",
    "it has just started and still loads its data": "它刚启动，还在读数据",
    "its cluster is down: some keys have no master": "它的集群停了：有些键没有主节点",
    "its user may not do all that is needed: see docs/redis.md":
        "这个用户的权限不够：见 docs/zh/redis.md",
    "it does not know a command that is needed: look for rename-command in its configuration, or "
    "for a proxy before it":
        "它不认识一个要用的命令：看看它的配置里有没有 rename-command，前面有没有代理",
    "it is no cluster: begin the URL of the store with redis:// or rediss://":
        "它不是集群：存储的 URL 以 redis:// 或 rediss:// 开头",
    "appendonly is no: a crash of Redis loses what was written since its last snapshot, and steps "
    "that had ended run again; set appendonly yes":
        "appendonly 是 no：Redis 崩溃会丢掉上次快照以后写的，已经完成的步骤会再执行；设成 "
        "appendonly yes",
    "appendfsync is no: a machine that goes down loses what its system had not written yet, half a "
    "minute or more; set appendfsync everysec":
        "appendfsync 是 no：机器断电会丢掉系统还没写到磁盘的，半分钟或者更多；设成 appendfsync "
        "everysec",
    "maxmemory-policy is {0}: where memory is short, Redis drops claims and remembered replies, "
    "and a repeated message is taken for a new answer; set maxmemory-policy noeviction":
        "maxmemory-policy 是 {0}：内存不够时 Redis 会丢掉占用标记和记住的回复，重发的消息会被当成"
        "新的回答；设成 maxmemory-policy noeviction",
    "min-replicas-to-write is 0, with {0} replica(s): a master that is cut off from them goes on "
    "taking writes, and a failover loses them; set min-replicas-to-write 1":
        "min-replicas-to-write 是 0，有 {0} 个副本：和副本断开的主节点还会接受写入，故障转移时"
        "就丢了；设成 min-replicas-to-write 1",
}  # fmt: skip
"""English templates and their translations; of two that match, the first is used."""
