"""WeChat on the desk: a page and a terminal to talk to a bot with."""
