"""A simulated WeChat to talk to a bot with: on a web page, or in the terminal.

`simulator` connects a `desk`, the users of an account (with `user_screens` and `feed`), and a bot
(`bot_process`). `web` serves the page and carries out its `commands`; `terminal` is the chat in a
terminal. `active_side` is the platform's API, with `tokens`, `quotas`, `customer` messages, `media`
and the menu (`buttons`).
"""
