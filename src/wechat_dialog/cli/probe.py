"""`wechat-dialog probe`: the conformance checklist against a server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Annotated

import typer

from wechat_dialog.cli.account_options import (
    GH_ID,
    AesKey,
    AppId,
    GhId,
    HowEncrypted,
    Token,
    Url,
    account_of,
    diagnostics,
    output,
    url_of,
)
from wechat_dialog.platform.language import tr
from wechat_dialog.platform.probe import report
from wechat_dialog.platform.probe.checklist import CHECKLIST
from wechat_dialog.platform.probe.probe import planned
from wechat_dialog.platform.probe.probe import probe as probing
from wechat_dialog.platform.probe.prober import Prober
from wechat_dialog.platform.safe_console import SafeConsole

__all__ = ["probe"]


# The checklist. ------------------------------------------------------------------------


def probe(
    url: Url,
    token: Token = "",
    app_id: AppId = "",
    aes_key: AesKey = "",
    previous_aes_key: Annotated[
        str, typer.Option(metavar="KEY", help="the previous key, if the server knows it (case 13)")
    ] = "",
    mode: HowEncrypted = "plain",
    account: GhId = GH_ID,
    user: Annotated[
        str, typer.Option(metavar="OPENID", help="who sends; a new one for every run if not given")
    ] = "",
    say: Annotated[str, typer.Option(metavar="TEXT", help="a text the server answers")] = "你好",
    slow: Annotated[
        str, typer.Option(metavar="TEXT", help="a text that it answers after 5 s (34, 35)")
    ] = "",
    raising: Annotated[
        str, typer.Option(metavar="TEXT", help="a text at which its handler fails (39)")
    ] = "",
    only: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=1, max=len(CHECKLIST), help="this case; may be repeated"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs: JSON on stdout")] = False,
) -> None:
    """Ask a server the conformance checklist: what it does right and wrong, seen from outside.

    It may be written in any language. A case is passed, failed (with the rule and the bytes) or
    skipped (with the reason why it cannot be seen). Exit status 1 if a case failed.
    """
    prober = Prober(
        account_of(token, app_id, aes_key, mode, account),
        url_of(url),
        user or f"oProbe{secrets.token_hex(11)}",
        say,
        slow,
        raising,
        previous_aes_key,
    )
    if not _passes(prober, only or (), url, as_json=as_json):
        raise typer.Exit(1)


def _passes(prober: Prober, only: Sequence[int], url: str, *, as_json: bool) -> bool:
    """Run the cases and print their results; return whether none failed."""
    plan = tr(
        "最多 {0} 个请求，发给 {1}，用户是 {2}，会关注又取消关注；发的文字像 {3}",
        planned(prober, only), url, prober.user, repr(prober.say),
    )  # fmt: skip
    diagnostics.print(f"wechat-dialog: {plan}")
    with prober:
        results = list(probing(prober, only))
    if as_json:
        output.print(json.dumps(report.as_data(results, url, prober.user), ensure_ascii=False))
    else:
        report.show(results, SafeConsole(soft_wrap=False))
    return not report.counts(results)["failed"]
