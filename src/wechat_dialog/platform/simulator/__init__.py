"""A simulated WeChat to talk to a bot with: on a web page, or in the terminal."""
