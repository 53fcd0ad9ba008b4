"""What every store promises, as tests: every sentence of `stores.base`, races included.

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

# The asserts of a plain module say nothing about the values they compare.
for _part in ("asking", "claims", "commits", "fast_path", "keeping", "looks", "races"):
    pytest.register_assert_rewrite(f"wechat_dialog.store_contract.{_part}")

from wechat_dialog.store_contract.claims import Claims  # noqa: E402
from wechat_dialog.store_contract.commits import Commits  # noqa: E402
from wechat_dialog.store_contract.fast_path import FastPath  # noqa: E402
from wechat_dialog.store_contract.keeping import Keeping  # noqa: E402
from wechat_dialog.store_contract.looks import Looks  # noqa: E402
from wechat_dialog.store_contract.races import Races  # noqa: E402

__all__ = ["StoreContract"]


class StoreContract(Claims, Commits, FastPath, Keeping, Looks, Races):
    """What every store promises. Subclass it and override `store`, and what else helps.

    Attributes:
        short: Seconds that tests let pass; make it more where `advance` costs nothing.
    """
