"""The 2017 interface: `wechat.bot`, `wechat.receive` and `wechat.reply`, thin faces over `wechat_dialog`."""
