"""The `wechat-dialog` command, one file a subcommand."""
