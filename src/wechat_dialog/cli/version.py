"""What `wechat-dialog --version` prints; apart from the command, which needs typer."""

from __future__ import annotations

__all__ = ["print_version"]


def print_version() -> None:
    """Print the name and the version of the installed package."""
    from importlib.metadata import version  # reads its file with the parser of e-mails

    print(f"wechat-dialog {version('wechat-dialog')}")
