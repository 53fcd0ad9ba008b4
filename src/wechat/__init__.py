"""The 2017 interface, thin faces over `wechat_dialog`: see `wechat.bot`."""
