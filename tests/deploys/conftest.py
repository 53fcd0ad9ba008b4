from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploys.town import Town
from tests.deploys.town import town as open_town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A bot whose source can be changed under its conversations."""
    with open_town(tmp_path) as made:
        yield made
