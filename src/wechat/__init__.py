"""The 2017 interface: thin adapters over `wechat_dialog`, see `wechat.bot`."""
