"""For an author's own tests: `Talk`, which plays a user and the platform, and the store contract.

`talk` (with `talk_times`) is the kit; `world` and `background` perform a bot's turns on a clock of
the test; `seen` and `seen_page` are what a user sees. `plugin` is the pytest plugin.

Names are imported lazily: the pytest plugin is part of this package and is loaded by every test run
on a machine where the library is installed, and the contract imports pytest, which a program in
production need not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .seen import Seen
    from .store_contract import StoreContract
    from .talk import Talk

__all__ = ["Seen", "StoreContract", "Talk"]


def __getattr__(name: str) -> Any:
    if name == "StoreContract":
        from .store_contract import StoreContract

        return StoreContract
    if name == "Seen":
        from .seen import Seen

        return Seen
    if name == "Talk":
        from .talk import Talk

        return Talk
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
