"""What every store promises, as tests: every sentence of `core.store.contract` and
of the values beside it, races included.

A store joins by a subclass with one fixture:

    class TestMine(StoreContract):
        @pytest.fixture
        def store(self):
            return MyStore()

If several clients can work on the same data, a fixture `other` gives a second one. A store with a
clock that can be set overrides `advance`; else the tests wait, ten seconds in all.
"""

from __future__ import annotations

import pytest

# pytest explains failed asserts outside of test modules only in modules that are registered.
for _part in (
    "absent",
    "asking",
    "claims",
    "commits",
    "fast_path",
    "firings",
    "forgetting",
    "index",
    "keeping",
    "leases",
    "looks",
    "pages",
    "parts",
    "mailbox",
    "pending",
    "races",
    "taking",
    "trying",
):
    pytest.register_assert_rewrite(f"wechat_dialog.testing.store_contract.{_part}")

from .absent import Absent  # noqa: E402
from .claims import Claims  # noqa: E402
from .commits import Commits  # noqa: E402
from .fast_path import FastPath  # noqa: E402
from .firings import Firings  # noqa: E402
from .forgetting import Forgetting  # noqa: E402
from .index import Index  # noqa: E402
from .keeping import Keeping  # noqa: E402
from .leases import Leases  # noqa: E402
from .looks import Looks  # noqa: E402
from .mailbox import Mailbox  # noqa: E402
from .pages import Pages  # noqa: E402
from .parts import Parts  # noqa: E402
from .pending import PendingMessages  # noqa: E402
from .races import Races  # noqa: E402
from .taking import Taking  # noqa: E402
from .trying import Trying  # noqa: E402

__all__ = ["StoreContract"]


class StoreContract(
    Absent,
    Claims,
    Commits,
    FastPath,
    Firings,
    Forgetting,
    Index,
    Keeping,
    Leases,
    Looks,
    Mailbox,
    Pages,
    Parts,
    PendingMessages,
    Races,
    Taking,
    Trying,
):
    """What every store promises. Subclass it and override `store`; `other` and `advance` if it
    helps.

    Attributes:
        short: Seconds that tests let pass; make it more where `advance` costs nothing.
    """
