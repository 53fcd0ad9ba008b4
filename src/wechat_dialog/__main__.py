"""The command: `wechat-dialog`, and `python -m wechat_dialog`.

It needs packages that a bot does not; who lacks them is told what to install.
"""

from __future__ import annotations

import sys

__all__ = ["main"]

EXTRA = frozenset(
    {"anyio", "click", "httpx", "rich", "starlette", "typer", "uvicorn", "watchfiles"}
)


def main() -> None:
    """Run the command; its exit status is the process's."""
    if sys.argv[1:] == ["--version"]:
        # Other words beside it may be wrong, which is for typer to say.
        from wechat_dialog.cli.version import print_version

        print_version()
        return
    try:
        from wechat_dialog.cli.main import command_line
        from wechat_dialog.cli.main import main as run

        command = command_line(sys.argv[1:])
    except ModuleNotFoundError as error:
        lacking = (error.name or "").partition(".")[0]
        if lacking not in EXTRA:
            raise
        sys.stderr.write(
            f"wechat-dialog: the command needs {lacking}, which is not installed: "
            "pip install 'wechat-dialog[cli]'\n"
        )
        sys.exit(2)
    run(command)


if __name__ == "__main__":
    main()
