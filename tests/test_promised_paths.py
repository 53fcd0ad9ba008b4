"""The import paths that users have in their programs. None of them is removed in a minor version.
More may be added. If a module moves within the package, its name here stays.
"""

from __future__ import annotations

import importlib

import pytest

PROMISED = {
    "wechat_dialog": """
        Bot Cancelled Chat Dialog Dialogs Field NoAnswer Outgoing Refused ReplayMismatch
        SignalMisfit StoreError Texts
        TimedOut TooManyAttempts TurnReport UnexpectedAnswer Window errors formats messages
        replies step
    """,
    "wechat_dialog.errors": """
        ApiError BadMessage BadSignature Busy Cancelled CannotTell ClaimLost ConfigurationError
        DecryptionFailed DialogError EncryptedRefused ForeignAwait JournalFull NewerJournal
        NoFollower NotGranted NotRepeatable OutOfWindow PlaintextRefused QuotaUsedUp Refused
        ReplayMismatch Signal Stale StepFailed StoreError TimedOut TooLarge TooManyAttempts TooSlow
        UnexpectedAnswer Unreachable WorkerDied WrongCredentials
    """,
    "wechat_dialog.messages": """
        Click Event File Image Link Location LocationReport Message MiniProgramPage Scan ShortVideo
        Subscribe Text Unknown Unsubscribe Unsupported Video View Voice from_fields register
    """,
    "wechat_dialog.formats": "wechat_text",
    "wechat_dialog.replies": "Article Image Markdown Music News Reply Text Transfer Video Voice",
    "wechat_dialog.parsers": """
        Parser amount count email id_number match_choice match_choices phone yes_no
    """,
    "wechat_dialog.testing": "Seen StoreContract Talk",
    "wechat_dialog.operation.prometheus": "Metrics",
    "wechat_dialog.operation.opentelemetry": "Traces",
    "wechat_dialog.operators": "Conversations NotFound",
    # The contract's names, for authors of stores.
    "wechat_dialog.stores": """
        NOTHING Answered Aside AsyncStore Claim Claimed Commit Committed Conflict Deferred Due Dues
        Have Mail Parked Pending Post Posted Running Shown Store Stored Unclaimed Wake Write
        open_store
    """,
    "wechat_dialog.stores.memory": "MemoryStore",
    "wechat_dialog.stores.sqlite": "SQLiteStore",
    "wechat_dialog.stores.redis": "AsyncRedisStore RedisStore",
    "wechat_dialog.web.flask": "view",
    "wechat_dialog.web.django": "async_view view",
    "wechat_dialog.web.fastapi": "router",
    "wechat_dialog.platform.emulator": "AsyncPlatform Platform",
    "wechat_dialog.platform.account": "Account",
    "wechat_dialog.api": "Api AsyncApi Media",
    "wechat.bot": "UnexpectAnswer answer",
    "wechat.receive": "EventMsg ImageMsg LinkMsg Msg TextMsg parse_xml",
    "wechat.reply": "ImageMsg Msg NewsMsg TextMsg",
}


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PROMISED.items() for name in names.split()],
)
def test_a_promised_name_can_be_imported(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_every_name_that_a_module_lists_can_be_imported() -> None:
    for module in PROMISED:
        loaded = importlib.import_module(module)
        missing = [name for name in getattr(loaded, "__all__", ()) if not hasattr(loaded, name)]
        assert not missing, (module, missing)
